"""Goal: what the vendors' proofs promise, and the answers after which they give up for good, hold for every connector.

Method: the real front door with its tables; each vendor's delivery is made and proved by the simulator, which shares no
code with the door. What a vendor does not prove is said in SIGNED and TIMED_S, so that a new one must say it, too.
"""

import base64
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import httpx
import msgspec
import pytest

from services.ingest.connectors.known import CONNECTORS
from shared.commands.proofs import Body, in_path, json_body
from shared.commands.vendors import VENDORS, Vendor
from shared.commands.vendors_people import Person, people
from shared.domain.configuration import Source
from shared.runtime.broker.memory import MemoryBroker
from shared.runtime.database import Database
from tests.integration.ingest.house import House, closed, furnished, world_of

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW_SECRET = "whsec_" + base64.b64encode(b"the secret that replaces").decode()
WRONG = "whsec_" + base64.b64encode(b"the secret of no source.").decode()

SIGNED = frozenset({"typeform", "tally", "calendly", "hubspot", "standard-webhooks", "stripe"})
"""Who signs the body; everybody else shows a secret, and a changed byte is not to be seen."""

TIMED_S = {"calendly": 180, "hubspot": 300, "standard-webhooks": 300, "stripe": 300}
"""Who signs the time, and how old it may be."""

THIN = frozenset({"pretix", "eventbrite", "cleverreach"})
"""Whose hooks only point to an API: what is noted for good is what to ask for."""

SLACK_S = 60
"""A slow machine may need so long between signing and reading."""

LARGE = 600_000
"""More than a body may have."""


def _record(person: Person) -> Iterator[Body]:
    yield json_body({"source_record_id": str(person.number), "family_name": person.family, "email": person.email})


SENDERS = {**VENDORS, "generic": Vendor(_record, in_path)}


class Sender:
    """One vendor and its source."""

    def __init__(self, house: House, name: str) -> None:
        self.house = house
        self.name = name
        self.open()
        bodies = [body for person in people(2, "run") for body in SENDERS[name].bodies(person)]
        self.body, self.other = bodies[0], bodies[-1]

    def open(self, hooks: Literal["open", "paused", "gone"] = "open", limit: str | None = None) -> None:
        """Let the source be in this state."""
        said = {"connector": self.name, "secrets": (SECRET, NEW_SECRET), "key": SECRET, "hooks": hooks, "limit": limit}
        sources = {self.name: msgspec.convert(said, Source)}
        self.house.world.configuration = msgspec.structs.replace(self.house.world.configuration, sources=sources)

    async def post(
        self, body: Body, secret: str = SECRET, age_s: float = 0, sent: bytes | None = None, source: str | None = None
    ) -> httpx.Response:
        """Send this body, proved with this secret so long ago; `sent` is what comes instead of what was signed."""
        at = datetime.now(UTC) - timedelta(seconds=age_s)
        signed = SENDERS[self.name].sign(body, secret, f"http://door/hooks/{self.name}", at)
        headers = {"content-type": body.content_type, **signed.headers}
        path = f"/hooks/{source or self.name}{signed.path}"
        async with self.house.client(role=None) as client:
            return await client.post(path, content=body.body if sent is None else sent, headers=headers)

    async def kept(self) -> tuple[int, int, int]:
        """How much there is for good: events, what was set aside, and what is to be fetched."""
        (row,) = await self.house.world.database.fetch("SELECT count(*) AS n FROM ingest.fetch")
        return len(self.house.received()), len(self.house.letters()), int(row["n"])


def broken(body: Body) -> bytes:
    """The body as nobody can read it."""
    return b"\xff\xfe=\xff" if "urlencoded" in body.content_type else body.body[:-6]


def test_every_connector_stands_here() -> None:
    assert set(SENDERS) == set(CONNECTORS) - {"debezium"}, "which is read, and nobody posts"
    assert set(TIMED_S) < SIGNED < set(SENDERS)
    assert {name for name, one in CONNECTORS.items() if one.api is not None} == THIN | {"hubspot"}


@pytest.mark.parametrize("name", SENDERS)
async def test_who_proves_itself_is_heard_and_nobody_else(house: House, name: str) -> None:
    sender = Sender(house, name)
    body = sender.body
    refused = [
        await sender.post(body, WRONG),
        await sender.post(body, SECRET[:-4]),
        *[await sender.post(body, age_s=TIMED_S[name] + 1) for _ in range(name in TIMED_S)],
        *[await sender.post(body, age_s=-TIMED_S[name] - SLACK_S) for _ in range(name in TIMED_S)],
    ]
    for place in (0, len(body.body) // 2, len(body.body) - 1) if name in SIGNED else ():
        changed = bytearray(body.body)
        changed[place] ^= 1
        refused.append(await sender.post(body, sent=bytes(changed)))
    assert {answer.status_code for answer in refused} == {401}
    assert {answer.headers["content-type"] for answer in refused} == {"application/problem+json"}
    assert await sender.kept() == (0, 0, 0)
    patient = TIMED_S.get(name, 24 * 3600 + SLACK_S) - SLACK_S
    assert (await sender.post(body, age_s=patient)).status_code == 202
    kept = await sender.kept()
    assert kept[0] + kept[2] > 0, "on the log, or noted, before the answer"
    again = await sender.post(body)
    assert again.status_code == 202
    assert all(receipt["duplicate"] for receipt in again.json()["receipts"])
    assert await sender.kept() == kept, "a delivery that is played again is no news"
    if name != "form":  # its key is public, and there is one
        assert (await sender.post(body, NEW_SECRET)).status_code == 202
        assert await sender.kept() == kept


@pytest.mark.parametrize("name", SENDERS)
async def test_every_situation_is_answered_as_its_vendor_needs_it(house: House, name: str) -> None:
    sender = Sender(house, name)
    fresh = await sender.post(sender.body)
    assert fresh.status_code == 202
    assert (fresh.json()["receipts"] == []) is (name in THIN)
    assert not any(receipt["duplicate"] for receipt in fresh.json()["receipts"])
    kept = await sender.kept()
    again = await sender.post(sender.body)
    assert (again.status_code, await sender.kept()) == (202, kept)
    house.broker.down = True
    away = await sender.post(sender.other)
    if name in THIN:
        assert away.status_code == 202, "Postgres has noted it"
    else:
        assert (away.status_code, away.headers["retry-after"].isdigit()) == (503, True)
        assert await sender.kept() == kept
    house.broker.down = False
    retried = await sender.post(sender.other)
    assert retried.status_code == 202
    assert not any(receipt["duplicate"] for receipt in retried.json()["receipts"]), "what was refused is not known"
    kept = await sender.kept()
    unreadable = await sender.post(Body(sender.body.content_type, broken(sender.body)))
    assert (unreadable.status_code, await sender.kept()) == (202, (kept[0], kept[1] + 1, kept[2]))
    letter = house.letters()[-1]
    assert letter.value == broken(sender.body)
    assert dict(letter.headers)["dead-letter-reason"] in (b"unreadable", b"not-utf8")
    foreign = await sender.post(Body(sender.body.content_type, b'{"hello": ["world"]}'))
    if "json" in sender.body.content_type:
        assert (foreign.status_code, (await sender.kept())[1]) == (202, kept[1] + 2)
    refused: list[tuple[str, int, Callable[[], Any]]] = [
        ("paused", 503, lambda: sender.open("paused")),
        ("gone", 410, lambda: sender.open("gone")),
    ]
    for situation, status, become in refused:
        become()
        answer = await sender.post(sender.body)
        assert (situation, answer.status_code) == (situation, status)
        assert ("retry-after" in answer.headers) is (status == 503)
        assert (await house.get(f"/hooks/{name}", role=None)).status_code == status
    sender.open()
    assert (await sender.post(sender.body, source="nobody")).status_code == 404
    assert (await sender.post(sender.body, sent=b"x" * LARGE)).status_code == 413
    for method in ("GET", "HEAD"):
        async with house.client(role=None) as client:
            looked = await client.request(method, f"/hooks/{name}")
            assert (looked.status_code, looked.has_redirect_location) == (200, False)
            assert not (await client.post(f"/hooks/{name}/", content=b"")).has_redirect_location
    sender.open(limit="1/h")
    answers = [await sender.post(sender.body) for _ in range(2)]
    assert [one.status_code for one in answers] == [202, 429]
    assert answers[1].headers["retry-after"].isdigit()


@pytest.fixture
async def without_postgres(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """A front door that nobody answers where Postgres should be."""
    monkeypatch.setenv("KONTAKTWERK_INGEST_RECORD_KEY", "a key that is not kept there")
    broker, nowhere = MemoryBroker(), Database("postgresql://nobody@127.0.0.1:1/nothing")
    await broker.admin().ensure_topics(3, 1)
    producer = broker.producer()
    await producer.start()
    world = world_of(broker, producer, nowhere)
    service, app = await furnished(world)
    house = House(world, broker, service, app, {})
    yield house
    await closed(house)
    await nowhere.close()


@pytest.mark.parametrize("name", SENDERS)
async def test_with_postgres_away_all_is_taken_that_needs_no_noting_and_the_rest_is_sent_again(
    without_postgres: House, name: str
) -> None:
    sender = Sender(without_postgres, name)
    assert (await sender.post(sender.body, WRONG)).status_code == 401
    answer = await sender.post(sender.body)
    if name in THIN:
        assert (answer.status_code, answer.headers["retry-after"].isdigit()) == (503, True)
        assert without_postgres.received() == []
    else:
        assert answer.status_code == 202
        assert len(without_postgres.received()) == len(answer.json()["receipts"]) > 0
