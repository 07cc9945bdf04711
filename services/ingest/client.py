"""The other services, as the door sees them: each owns its paths, and the one address hands requests on to it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from itertools import count
from typing import Any, Final

import aiohttp
import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from yarl import URL

from services.ingest.core.books import NEVER_COUNTED, Books, Count, Worker, books_of, stage_of
from services.ingest.store import Shelf
from shared.domain.errors import Transient
from shared.runtime.broker import Admin, Backlog, Message, TopicPartition
from shared.runtime.clock import Clock
from shared.runtime.http import read_body, unavailable
from shared.runtime.scheduler import Line
from shared.topology import RECEIVED, SERVICES, step_of

BODY_BYTES_MAX: Final = 2 * 1024 * 1024
"""Requests to other owners are decisions and searches, at most a megabyte; held so that another worker may try."""

CONNECT_TIMEOUT_S: Final = 2.0
"""On one machine or in one cluster a living process accepts within milliseconds."""

STATUS_TIMEOUT_S: Final = 3.0
"""A process that cannot say how it does within this time counts as one that cannot be measured."""

STATUS_FRESH_S: Final = 0.5
"""Whoever waits for the end of something asks twice a second; ten who wait shall not cost ten times as much."""

CHUNK_BYTES: Final = 64 * 1024
"""An answer of a page goes through in one piece, an export of a day in many."""

_HOP: Final = frozenset(
    (
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
"""Headers of one hop (RFC 9110, section 7.6.1); the length is set anew."""

_DECODER: Final = msgspec.json.Decoder(Worker)


def owners_of(setting: str) -> dict[str, tuple[str, ...]]:
    """Where each service answers, from `dedup=http://a:1 http://b:2;rules=http://c:3`. Raises ValueError."""
    owners: dict[str, tuple[str, ...]] = {}
    for part in filter(None, (one.strip() for one in setting.split(";"))):
        service, equals, urls = part.partition("=")
        if not equals or not urls.split():
            raise ValueError(f"KONTAKTWERK_OWNERS: `{service}` names no address")
        owners[service.strip()] = tuple(url.rstrip("/") for url in urls.split())
    return owners


class Owners:
    """The processes behind the door. `open` before use; one session for all requests."""

    def __init__(self, owners: Mapping[str, tuple[str, ...]], silence_s: float) -> None:
        self._owners = dict(owners)
        self._silence_s = silence_s
        self._session: aiohttp.ClientSession | None = None
        self._turns = count()

    async def open(self) -> None:
        """Make the session."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=self._silence_s)
        self._session = aiohttp.ClientSession(timeout=timeout, auto_decompress=False)

    async def close(self) -> None:
        """Let all connections go."""
        if self._session is not None:
            await self._session.close()

    async def forward(self, request: Request, service: str) -> Response:
        """The owner's answer, streamed; the next worker is asked when one does not accept, none left: 503."""
        urls = self._urls(service)
        body = await read_body(request, BODY_BYTES_MAX)
        query = request.scope["query_string"].decode("latin-1")
        path = request.scope["raw_path"].decode("latin-1").partition("?")[0] + (f"?{query}" if query else "")
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _HOP]
        for url in urls:
            answer = await self._asked(request.method, url + path, headers, body)
            if answer is not None:
                return _streamed(answer)
        raise unavailable(f"The service behind this path ({service}) does not answer at the moment.")

    async def ask(self, service: str, path: str, body: bytes, headers: list[tuple[str, str]]) -> bytes | None:
        """The body of an owner's answer to a question by POST; None where it does not answer 200."""
        for url in self._urls(service):
            if (answer := await self._asked("POST", url + path, headers, body)) is not None:
                with suppress(aiohttp.ClientError):
                    async with answer:
                        return await answer.read() if answer.status == 200 else None
        return None

    async def statuses(self, service: str, own_url: str) -> list[Worker | None]:
        """What each process of a service says about itself; None for one that says nothing.

        `own_url` is where this process answers, for when nobody told the addresses of its like. A name, as in compose,
        may stand for any number of processes.
        """
        named = self._owners.get(service, (own_url,) if service == "ingest" else ())
        urls = [url for found in await asyncio.gather(*map(_behind, named)) for url in found]
        return list(await asyncio.gather(*(self._status(url) for url in urls)))

    async def document(self, service: str) -> dict[str, Any] | None:
        """The OpenAPI document of a service, None while it is away."""
        for url in self._urls(service):
            found = await self._json(f"{url}/openapi.json")
            if found is not None:
                document: dict[str, Any] = msgspec.json.decode(found)
                return document
        return None

    def _urls(self, service: str) -> list[str]:
        """The workers of a service, each request beginning with another one."""
        urls = self._owners.get(service, ())
        first = next(self._turns) % len(urls) if urls else 0
        return [*urls[first:], *urls[:first]]

    async def _asked(
        self, method: str, url: str, headers: list[tuple[str, str]], body: bytes
    ) -> aiohttp.ClientResponse | None:
        assert self._session is not None, "opened before the first request"
        try:
            return await self._session.request(
                method, URL(url, encoded=True), headers=headers, data=body or None, allow_redirects=False
            )
        except aiohttp.ClientConnectorError:
            return None
        except (aiohttp.ClientError, TimeoutError):
            if method in ("GET", "HEAD"):
                return None
            raise unavailable("The service behind this path broke off; ask what became of the request.") from None

    async def _status(self, url: str) -> Worker | None:
        found = await self._json(f"{url}/internal/status")
        try:
            return None if found is None else _DECODER.decode(found)
        except msgspec.MsgspecError:
            return None

    async def _json(self, url: str) -> bytes | None:
        assert self._session is not None, "opened before the first request"
        try:
            async with asyncio.timeout(STATUS_TIMEOUT_S), self._session.get(url) as answer:
                return await answer.read() if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError):
            return None


async def _behind(url: str) -> list[str]:
    """One URL for each address that a name stands for, of one family; a name that nobody knows stays as it is."""
    named = URL(url)
    try:
        async with asyncio.timeout(STATUS_TIMEOUT_S):
            found = await asyncio.get_running_loop().getaddrinfo(named.host, named.port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError):
        return [url]
    family = found[0][0]
    return sorted({str(named.with_host(str(address[0]))) for kind, _, _, _, address in found if kind == family})


def _streamed(answer: aiohttp.ClientResponse) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        try:
            async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                yield chunk
        finally:
            answer.release()

    response = StreamingResponse(chunks(), answer.status)
    length = answer.headers.get("content-length")
    kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP]
    kept += [("content-length", length)] if length is not None else []
    response.raw_headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in kept]
    return response


class Log:
    """The log from outside: single letters, and how far every stage is behind."""

    def __init__(self, admin: Admin, clock: Clock, own_url: str) -> None:
        self._admin = admin
        self._clock = clock
        self._own_url = own_url
        self._one_at_a_time = asyncio.Lock()
        self._seen: tuple[float, dict[str, Any]] = (float("-inf"), {})
        self._count = NEVER_COUNTED

    async def letter(self, topic: str, partition: int, offset: int) -> Message | None:
        """The message at this place, None when the topic keeps it no longer."""
        return await self._admin.read(TopicPartition(topic, partition), offset)

    async def close(self) -> None:
        """Let the connections go, where the log has any."""
        close = getattr(self._admin, "close", None)
        if close is not None:
            await close()

    async def status(self, owners: "Owners", shelf: Shelf) -> dict[str, Any]:
        """The stages, the books and the timed work, as contract section 1 has them; while something waits, at most
        STATUS_FRESH_S old.

        `unmeasured` names what could not be looked at: then nobody may take the rest for the whole.
        """
        async with self._one_at_a_time:
            measured_at, status = self._seen
            books: Books | None = status.get("books")
            done = books is None or books.waiting == 0  # whoever has just sent must not hear of before
            if done or self._clock.monotonic() - measured_at > STATUS_FRESH_S:
                status = await self._measured(owners, shelf)
                self._seen = (self._clock.monotonic(), status)
            return status

    async def _measured(self, owners: "Owners", shelf: Shelf) -> dict[str, Any]:
        """Stages along the path first and the books last, so that what moves on meanwhile is not counted as lost."""
        asked = asyncio.gather(*(owners.statuses(service, self._own_url) for service in SERVICES))
        behind = [await self._backlog(service) for service in SERVICES]
        workers = await asked
        books: Books | None
        try:
            letters: Mapping[str, int] | None = await shelf.open_letters()
            jobs: list[Line] = await shelf.jobs()
            configuration = await shelf.configuration()
            books = await self._counted(shelf, behind[SERVICES.index("ingest")] or {})
        except Transient:
            letters, jobs, books, configuration = None, [], None, None
        now_ms = int(self._clock.now().timestamp() * 1000)
        stages = {
            service: stage_of(
                None if backlog is None else sum(one.messages for one in backlog.values()),
                min(
                    (one.oldest_ms for one in (backlog or {}).values() if one.messages and one.oldest_ms is not None),
                    default=None,
                ),
                said,
                None if letters is None else letters.get(service, 0),
                now_ms,
            )
            for service, backlog, said in zip(SERVICES, behind, workers, strict=True)
        }
        unmeasured = [name for name, stage in stages.items() if stage.lag is None or stage.dead_letters is None]
        return {
            "stages": stages,
            "books": books,
            "jobs": [line._asdict() for line in jobs],
            "configuration": configuration,
            "unmeasured": unmeasured + ([] if books is not None else ["books"]),
        }

    async def _counted(self, shelf: Shelf, behind: Mapping[TopicPartition, Backlog]) -> Books:
        """The books, from the tables; the last count again while it may be told."""
        end = sum(one.end for position, one in behind.items() if position.topic == RECEIVED.name)
        started = self._clock.monotonic()
        if not self._count.holds(started, end):
            books = books_of(await shelf.books())
            self._count = Count.made(started, self._clock.monotonic(), end, books)
        return self._count.books

    async def _backlog(self, service: str) -> Mapping[TopicPartition, Backlog] | None:
        topics = [topic.name for topic in step_of(service).consumes]
        try:
            return await self._admin.backlog(service, topics)
        except Transient:
            return None
