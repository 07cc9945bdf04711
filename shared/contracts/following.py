"""Following: what happens, as server-sent events, for those who do not read Kafka.

Each event bears as its id the place behind it in every partition, so whoever comes again with `Last-Event-ID` goes on
exactly there, at any process. Every client reads for itself: one that is slow holds up nobody, and is let go.
"""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.domain.errors import Transient
from shared.runtime.broker import Message, Reader
from shared.runtime.clock import Clock
from shared.topology import Type

HEARTBEAT_S: Final = 15.0
"""Proxies close what is silent for a minute, often half of it."""

LOOK_S: Final = 1.0
"""How soon a client that went is noticed."""

SLOW_S: Final = 10.0
"""A client that takes nothing for so long is let go; it comes again and misses nothing."""

MESSAGES_MAX: Final = 100
"""Events written at once: some tens of kilobytes, what a connection buffers anyway."""

PLACE_CHARACTERS_MAX: Final = 4_096
"""A Last-Event-ID has some characters for each partition."""

BEGINNING: Final = "0"
"""The Last-Event-ID of a client that has seen nothing and wants everything that is kept."""

_WIRE: Final = {type_.wire: type_.value for type_ in Type}


class Unknown(ValueError):
    """A Last-Event-ID that is none of ours."""


def place_of(text: str) -> dict[int, int]:
    """The offsets that an id of an event stands for, by partition; 0 for all that is kept. Raises Unknown for any other
    text.
    """
    if text == BEGINNING:
        return {}
    if len(text) > PLACE_CHARACTERS_MAX:
        raise Unknown
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        offsets = msgspec.json.decode(packed, type=list[int])
    except (ValueError, RecursionError):
        raise Unknown from None
    if not all(0 <= one < 2**63 for one in offsets):
        raise Unknown
    return dict(enumerate(offsets))


def id_of(place: Mapping[int, int]) -> str:
    """The id that stands for these offsets, one for each partition from 0 on."""
    offsets = [place[partition] for partition in range(len(place))]
    return base64.urlsafe_b64encode(msgspec.json.encode(offsets)).decode().rstrip("=")


class Wanted(msgspec.Struct, frozen=True):
    """Which events a client wants: of these types (all where none is named), about this contact (all without one)."""

    types: frozenset[str] = frozenset()
    contact_id: str | None = None

    def admits(self, message: Message, type_: str) -> bool:
        """True for an event that is wanted."""
        about = self.contact_id is None or message.key == self.contact_id.encode()
        return about and (not self.types or type_ in self.types)


def written(messages: Sequence[Message], place: dict[int, int], wanted: Wanted) -> bytes:
    """These messages as server-sent events; moves `place` behind them."""
    lines: list[str] = []
    for message in messages:
        place[message.partition] = message.offset + 1
        headers = {name: value.decode("utf-8", "replace") for name, value in message.headers}
        type_ = _WIRE.get(headers.get("ce_type", ""))
        if type_ is None or message.value is None or not wanted.admits(message, type_):
            continue
        said = {"id": headers.get("ce_id"), "type": headers["ce_type"], "time": headers.get("ce_time")}
        data = msgspec.json.encode(said | {"data": msgspec.Raw(message.value)}).decode()
        lines.append(f"id: {id_of(place)}\nevent: {type_}\ndata: {data}\n\n")
    return "".join(lines).encode()


class Clients:
    """How many are followed at a time."""

    def __init__(self, clients_max: int) -> None:
        self._left = clients_max

    def enter(self) -> bool:
        """Take a place; False where none is left."""
        self._left -= 1
        if self._left < 0:
            self._left += 1
            return False
        return True

    def leave(self) -> None:
        """Give it back."""
        self._left += 1


class Stream(Response):
    """The answer that goes on until the client goes, reads too slowly, or the log is away."""

    media_type = "text/event-stream"

    def __init__(self, reader: Reader, place: dict[int, int], wanted: Wanted, clients: Clients, clock: Clock) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._reader = reader
        self._place = place
        self._wanted = wanted
        self._clients = clients
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Stream."""
        gone = asyncio.create_task(_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await self._write(send, _silence(self._place))
            await self._follow(send, gone)
            if not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            return  # too slow: the server cuts a connection whose answer is not whole
        finally:
            gone.cancel()
            self._clients.leave()
            await self._reader.stop()

    async def _follow(self, send: Send, gone: asyncio.Task[None]) -> None:
        spoken_at = self._clock.monotonic()
        while not gone.done():
            try:
                messages = await self._reader.take(MESSAGES_MAX, LOOK_S)
            except Transient:
                return  # the client comes again, with the last id it saw
            body = written(messages, self._place, self._wanted)
            if not body and self._clock.monotonic() - spoken_at >= HEARTBEAT_S:
                body = _silence(self._place)
            if body:
                await self._write(send, body)
                spoken_at = self._clock.monotonic()

    async def _write(self, send: Send, body: bytes) -> None:
        async with asyncio.timeout(SLOW_S):
            await send({"type": "http.response.body", "body": body, "more_body": True})


def _silence(place: Mapping[int, int]) -> bytes:
    """A sign of life: an id without data is remembered by the client, and tells its program nothing."""
    return f"id: {id_of(place)}\n\n".encode()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
