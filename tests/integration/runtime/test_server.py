"""The HTTP server: whoever sends too much, or sends it to the wrong place, is told so instead of being cut off."""

import asyncio
import http.client
from collections.abc import AsyncIterator

import pytest
from fastapi import APIRouter, Request, Response

from shared.runtime.http import application, read_body
from shared.runtime.server import Server, bound

BODY = b"x" * 10_000_000


def routes() -> APIRouter:
    """One path that takes little, and none besides."""
    router = APIRouter()

    @router.post("/small")
    async def small(request: Request) -> Response:
        return Response(str(len(await read_body(request, 1000))))

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
