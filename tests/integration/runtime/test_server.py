"""The HTTP server: whoever sends too much, or sends it to the wrong place, is told so instead of being cut off."""

import asyncio
import http.client
from collections.abc import AsyncIterator

import aiohttp
import pytest
from fastapi import APIRouter, Request, Response

from shared.runtime import server as ours
from shared.runtime.http import application, read_body
from shared.runtime.server import Server, bound

BODY = b"x" * 10_000_000


def routes() -> APIRouter:
    """One path that takes little, one that takes more, and none besides."""
    router = APIRouter()

    @router.post("/small")
    async def small(request: Request) -> Response:
        return Response(str(len(await read_body(request, 1000))))

    @router.post("/large")
    async def large(request: Request) -> Response:
        return Response(str(len(await read_body(request, 1_000_000))))

    return router


@pytest.fixture
async def port() -> AsyncIterator[int]:
    server = Server(application("test", [routes()]), bound("127.0.0.1", 0))
    await server.start()
    yield server.port
    await server.stop()


def posted(port: int, path: str, body: bytes, *, chunked: bool = False) -> int:
    """The status as a plain client sees it, which writes all of its body first and wants no second request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    said = iter([body[:5_000_000], body[5_000_000:]]) if chunked else body
    connection.request("POST", path, said, {"Connection": "close"}, encode_chunked=chunked)
    return connection.getresponse().status


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("path", "status"), [("/small", 413), ("/nothing", 404)])
async def test_a_large_body_that_is_refused_is_heard_out(port: int, path: str, status: int, chunked: bool) -> None:
    assert await asyncio.to_thread(posted, port, path, BODY, chunked=chunked) == status


async def test_what_is_small_is_answered_as_ever(port: int) -> None:
    assert await asyncio.to_thread(posted, port, "/small", b"x" * 1000) == 200


async def dialogue(port: int, *said: bytes) -> bytes:
    """What the server says to these pieces until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in said:
        writer.write(piece)
        await writer.drain()
    heard = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    return heard


@pytest.mark.parametrize("said", [b"", b"POST /small HT", b"POST /small HTTP/1.1\r\nHost: a\r\n"])
async def test_who_never_ends_a_head_is_let_go(port: int, monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    monkeypatch.setattr(ours, "HEAD_S", 0.2)
    assert await dialogue(port, said) == b""


@pytest.mark.parametrize("length", [100, 100_000])
async def test_who_never_ends_a_body_is_told_so_and_let_go(
    port: int, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    monkeypatch.setattr(ours, "BODY_S", 0.2)
    monkeypatch.setattr(ours, "BODY_BYTES_PER_S", 1_000_000)
    said = b"POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\nx" % length
    heard = await dialogue(port, said)
    assert heard.startswith(b"HTTP/1.1 400 ")
    assert b"broke off" in heard


async def test_large_bodies_together_take_no_more_memory_than_there_is(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ours, "BODIES_BYTES_MAX", 100_000)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\nx")
    answers = [await asyncio.to_thread(posted, port, "/large", b"x" * 90_000) for _ in range(5)]
    assert answers[-1] == 503, "once the first one is known of"
    assert await asyncio.to_thread(posted, port, "/large", b"x" * 5_000) == 200, "small ones find room"
    writer.write(b"x" * 89_999)
    assert (await reader.readline()).split()[1] == b"200"
    writer.close()
    assert await asyncio.to_thread(posted, port, "/large", b"x" * 90_000) == 200


async def test_a_server_that_ends_breaks_no_connection_of_who_sends() -> None:
    """Its like has the same socket: whoever is told to go comes back there, and no request is lost on the way."""
    first = bound("127.0.0.1", 0)
    second = first.dup()
    app = application("test", [routes()])
    leaving, staying = Server(app, first), Server(app, second)
    await leaving.start()
    port, statuses, closed = leaving.port, list[int](), 0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=8)) as session:

        async def send() -> None:
            nonlocal closed
            async with session.post(f"http://127.0.0.1:{port}/small", data=b"x") as answer:
                statuses.append(answer.status)
                closed += answer.headers.get("Connection", "") == "close"

        await asyncio.gather(*(send() for _ in range(50)))
        await staying.start()
        stopping = asyncio.create_task(leaving.stop())
        while not stopping.done():
            await asyncio.gather(*(send() for _ in range(16)))
        await asyncio.gather(*(send() for _ in range(50)))
    assert set(statuses) == {200}
    assert closed > 0, "they were let go by an answer"
    await staying.stop()
