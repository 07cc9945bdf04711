"""The one address: every path reaches its owner, the document is whole, and what is away is said."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from services.ingest.client import Log, Owners, owners_of
from services.ingest.core.books import Row
from services.ingest.store import Shelf
from shared.runtime.access import Role
from shared.runtime.clock import ManualClock
from shared.runtime.database import Database
from shared.runtime.settings import Settings
from shared.topology import SERVICES
from tests.integration.ingest.house import House, closed, opened


@dataclass
class Owner:
    """A service behind the door, on a real port."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    status: dict[str, Any] = field(default_factory=lambda: {"rate": 2.5, "pending": {"outbox": 3}, "last_error": None})

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Remember what was asked."""
        if request.path == "/internal/status":
            return web.json_response(self.status)
        if request.path == "/openapi.json":
            return web.json_response({"paths": {"/v1/contacts": {"get": {}}, "/livez": {}}})
        body = await request.text()
        self.asked.append({"method": request.method, "path": str(request.rel_url), "body": body, **request.headers})
        if request.path.endswith("/slowly"):
            stream = web.StreamResponse()
            await stream.prepare(request)
            for part in (b"one ", b"two"):
                await stream.write(part)
                await asyncio.sleep(0.05)
            return stream
        return web.json_response({"owner": "rules"}, status=299, headers={"X-Their-Own": "kept"})


@pytest.fixture
async def owner() -> AsyncIterator[Owner]:
    """One owner, listening."""
    owner = Owner()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", owner.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    owner.url = f"http://{host}:{port}"
    yield owner
    await runner.cleanup()


@pytest.fixture
async def front(tables: Database, owner: Owner) -> AsyncIterator[House]:
    """A door that knows two workers of rules, one of them dead, and of all others the same living process."""
    dead = "http://127.0.0.1:1"
    others = ";".join(f"{service}={owner.url}" for service in SERVICES if service not in ("rules", "validate"))
    house = await opened(tables, Settings(owners=f"rules={dead} {owner.url};validate={dead};{others}"))
    yield house
    await closed(house)


async def test_a_path_of_another_owner_reaches_it_unchanged_whichever_worker_is_dead(
    front: House, owner: Owner
) -> None:
    for _ in range(4):
        async with front.client() as client:
            answer = await client.put(
                "/v1/contacts/a%20b%2Fc?x=1&x=%2B",
                content=b"{}",
                headers={"traceparent": "00-1-2-01"},
            )
        assert (answer.status_code, answer.json(), answer.headers["X-Their-Own"]) == (299, {"owner": "rules"}, "kept")
    assert len(owner.asked) == 4
    asked = owner.asked[-1]
    assert (asked["method"], asked["path"], asked["body"]) == ("PUT", "/v1/contacts/a%20b%2Fc?x=1&x=%2B", "{}")
    assert asked["Authorization"] == f"Bearer {front.tokens[Role.SENDER]}"
    assert asked["traceparent"] == "00-1-2-01"
    assert (await front.get("/v1/contacts/slowly")).text == "one two"


async def test_an_owner_that_is_away_is_said_to_be(front: House) -> None:
    answer = await front.get("/v1/quality")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_word_that_nobody_owns_is_not_found(front: House) -> None:
    assert (await front.get("/v1/campaigns")).status_code == 404
    assert (await front.get("/contacts")).status_code == 404


async def test_the_document_of_the_one_address_holds_the_paths_of_all_owners(front: House) -> None:
    document = (await front.get("/openapi.json", role=None)).json()
    assert {"/v1/records", "/v1/receipts/{event_id}", "/hooks/{source}", "/v1/contacts"} <= set(document["paths"])
    assert not [path for path in document["paths"] if path.startswith(("/livez", "/internal"))]
    assert document["components"]["securitySchemes"]
    assert (await front.get("/docs", role=None)).status_code == 200


async def test_status_adds_backlog_and_what_lies_in_tables_and_names_what_could_not_be_measured(
    front: House, owner: Owner
) -> None:
    for number in range(3):
        await front.post("/v1/records", {"source": "crm", "source_record_id": str(number), "email": "a@example.de"})
    await front.follow()
    status = (await front.get("/v1/status")).json()
    assert list(status["stages"]) == list(SERVICES)
    assert status["stages"]["dedup"]["lag"] == 3 + 3
    assert status["stages"]["dedup"]["oldest_s"] > 0
    assert status["stages"]["enrich"] == {
        "lag": 3, "rate": 2.5, "oldest_s": 0.0, "dead_letters": 0, "last_error": None
    }  # fmt: skip
    assert status["stages"]["validate"]["lag"] is None
    assert status["unmeasured"] == ["validate"]
    assert status["books"]["accepted"] == status["books"]["waiting"] == 3
    assert status["jobs"] == []


async def test_what_was_accepted_a_moment_ago_waits_however_dear_counting_is(front: House) -> None:
    """Whoever sends, and then asks until nothing waits, must hear neither a status nor a count of the time before."""
    clock = ManualClock(datetime.now(UTC))
    owners, log = Owners({}, 1.0), Log(front.world.admin, clock, "http://127.0.0.1:1")
    await owners.open()

    class Dear(Shelf):
        async def books(self) -> list[Row]:
            clock.advance(60)
            return await super().books()

    async def books() -> tuple[int, int]:
        found = (await log.status(owners, Dear(front.world.database)))["books"]
        return found.accepted, found.waiting

    assert await books() == (0, 0)
    await front.post("/v1/records", {"source": "crm", "source_record_id": "1", "email": "a@example.de"})
    assert await books() == (1, 1)
    await front.follow()
    assert await books() == (1, 1)
    await owners.close()


async def test_sources_show_what_each_has_sent(front: House) -> None:
    said = {"source": "crm", "source_record_id": "1", "email": "a@example.de"}
    for one in (said, said, said | {"city": "Kiel"}):
        await front.post("/v1/records", one)
    await front.service.chores[0].run()
    items = {item["source"]: item for item in (await front.get("/v1/sources")).json()["items"]}
    crm = items["crm"]
    assert (crm["trust"], crm["accepted"], crm["new"], crm["updated"], crm["duplicates"]) == (80, 2, 1, 1, 1)
    assert items["webform"]["accepted"] == 0


def test_an_owner_without_an_address_is_refused_at_the_start() -> None:
    assert owners_of("a=http://x/ http://y;b=http://z") == {"a": ("http://x", "http://y"), "b": ("http://z",)}
    for bad in ("a", "a=", "a= ;b=http://z"):
        with pytest.raises(ValueError, match="names no address"):
            owners_of(bad)
