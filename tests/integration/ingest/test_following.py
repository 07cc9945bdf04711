"""Goal: what happens is followed over HTTP as it happens, and after a break nothing is missed and nothing doubled.

Method: the real server on a real port; events put on the log by hand.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
import msgspec
import pytest
from starlette.types import Message as AsgiMessage

from shared.contracts.following import Clients, Stream, Unknown, Wanted, id_of, place_of
from shared.domain.contact import Cause
from shared.domain.events import Event, Happened
from shared.domain.ids import derived_id
from shared.runtime.access import Role
from shared.runtime.clock import SystemClock
from shared.runtime.server import Server, bound
from shared.topology import EVENTS, Type
from tests.integration.ingest.house import House

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def happens(house: House, type_: Type, name: str, version: int) -> str:
    """Something happens with the contact of this name; the id of the event."""
    contact = derived_id("contact", name)
    data = Happened(contact_id=contact, version=version, at=NOW, cause=Cause(kind="record", id="x"))
    event_id = derived_id(type_, name, str(version))
    event = Event(id=event_id, type=type_, source="/kontaktwerk/rules", time=NOW, subject=contact, data=data)
    await house.say(EVENTS, contact, event)
    return event_id


@dataclass
class Told:
    """A stream as a client reads it."""

    answer: aiohttp.ClientResponse
    last_id: str = ""
    fields: dict[str, str] = field(default_factory=dict[str, str])

    async def next(self) -> dict[str, Any]:
        """The next event, silence left out; its data, and its type beside it."""
        async with asyncio.timeout(20):
            async for raw in self.answer.content:
                line = raw.decode().rstrip("\n")
                if line:
                    name, _, value = line.partition(": ")
                    self.fields[name] = value
                    continue
                said, self.fields = self.fields, {}
                self.last_id = said["id"]
                if "data" in said:
                    return {**msgspec.json.decode(said["data"]), "event": said["event"]}
        raise AssertionError("the stream ended")

    async def opened(self) -> "Told":
        """After the first sign of life: from here on everything is told."""
        async with asyncio.timeout(20):
            self.last_id = (await self.answer.content.readline()).decode().strip().removeprefix("id: ")
            await self.answer.content.readline()
        return self


@pytest.fixture
async def address(house: House) -> AsyncIterator[str]:
    """The house on a real port."""
    server = Server(house.app, bound("127.0.0.1", 0))
    await server.start()
    yield f"http://127.0.0.1:{server.port}"
    await server.stop()


@asynccontextmanager
async def followed(house: House, address: str, query: str = "", last_id: str | None = None) -> AsyncGenerator[Told]:
    """A client that follows."""
    headers = {"Authorization": f"Bearer {house.tokens[Role.READER]}"}
    headers |= {"Last-Event-ID": last_id} if last_id is not None else {}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{address}/v1/events{query}", headers=headers) as answer,
    ):
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
        yield await Told(answer).opened()


async def test_what_happens_is_told_from_now_on_and_after_a_break_from_where_it_ended(
    house: House, address: str
) -> None:
    await happens(house, Type.CONTACT_CREATED, "before", 1)
    async with followed(house, address) as client:
        first = await happens(house, Type.CONTACT_CREATED, "anna", 1)
        told = await client.next()
        assert (told["id"], told["event"], told["data"]["version"]) == (first, "contact.created", 1)
        assert told["type"] == Type.CONTACT_CREATED.wire
        last_id = client.last_id
    missed = [await happens(house, Type.CONTACT_UPDATED, name, 2) for name in ("anna", "bert", "carl")]
    async with followed(house, address, last_id=last_id) as client:
        assert {(await client.next())["id"] for _ in missed} == {*missed}
        last = await happens(house, Type.CONTACT_DELETED, "anna", 3)
        assert (await client.next())["id"] == last


async def test_who_has_seen_nothing_may_begin_at_the_beginning(house: House, address: str) -> None:
    kept = [await happens(house, Type.CONTACT_CREATED, name, 1) for name in ("anna", "bert", "carl")]
    async with followed(house, address, last_id="0") as client:
        assert {(await client.next())["id"] for _ in kept} == {*kept}
        last_id = client.last_id
    assert last_id != "0"
    async with followed(house, address, last_id=last_id) as client:
        last = await happens(house, Type.CONTACT_DELETED, "anna", 2)
        assert (await client.next())["id"] == last


async def test_only_what_is_asked_for_is_told(house: House, address: str) -> None:
    anna = derived_id("contact", "anna")
    query = f"?type=contact.merged&type=contact.split&contact_id={anna}"
    async with followed(house, address, query) as client:
        await happens(house, Type.CONTACT_UPDATED, "anna", 2)
        await happens(house, Type.CONTACT_MERGED, "bert", 2)
        wanted = [
            await happens(house, Type.CONTACT_MERGED, "anna", 3),
            await happens(house, Type.CONTACT_SPLIT, "anna", 4),
        ]
        assert [(await client.next())["id"] for _ in wanted] == wanted


async def test_what_cannot_be_followed_is_said(house: House) -> None:
    assert (await house.get("/v1/events", role=None)).status_code == 401
    assert (await house.get("/v1/events", role=Role.SENDER)).status_code == 403
    assert (await house.get("/v1/events?type=contact.invented")).status_code == 422
    assert (await house.get("/v1/events", headers={"Last-Event-ID": "never"})).status_code == 422
    house.broker.down = True
    assert (await house.get("/v1/events")).status_code == 503


async def test_the_contracts_are_open_to_everybody_and_named_as_messages_name_them(house: House) -> None:
    listed = (await house.get("/v1/schemas", role=None)).json()["items"]
    assert {
        "type": Type.CONTACT_CLEANED.wire,
        "url": "/v1/schemas/contact.cleaned",
        "topics": ["contacts.clean"],
    } in listed
    for one in listed:
        answer = await house.get(one["url"], role=None)
        assert (answer.status_code, answer.json()["title"]) == (200, one["type"])
    assert (await house.get("/v1/schemas/contact.invented", role=None)).status_code == 404
    assert (await house.get("/asyncapi.json", role=None)).json()["asyncapi"] == "3.0.0"


async def test_a_client_that_reads_too_slowly_is_let_go_and_gives_its_place_back(house: House) -> None:
    clients = Clients(1)
    assert clients.enter()
    assert not clients.enter()
    reader = house.broker.reader(EVENTS.name)
    stream = Stream(reader, await reader.start(None), Wanted(), clients, SystemClock())

    async def stuck(message: AsgiMessage) -> None:
        if message["type"] == "http.response.body":
            raise TimeoutError

    async def silent() -> AsgiMessage:
        await asyncio.Event().wait()
        raise AssertionError

    await stream({"type": "http"}, silent, stuck)
    assert clients.enter()


@pytest.mark.parametrize("text", ["", "x", "W10x", "e30", "WyJhIl0", "Wy0xXQ", "A" * 5000, "W25hbl0"])
def test_an_id_that_is_none_of_ours_is_refused(text: str) -> None:
    with pytest.raises(Unknown):
        place_of(text)


def test_an_id_leads_back_to_its_place() -> None:
    place = {0: 5, 1: 0, 2: 2**40}
    assert place_of(id_of(place)) == place
