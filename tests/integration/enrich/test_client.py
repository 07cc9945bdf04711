"""The way out to providers over real HTTP: what they do wrong is an outcome, and private addresses are refused."""

import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiohttp import web

from services.enrich.client import ANSWER_BYTES_MAX, Client
from services.enrich.core.answers import Ended, Failed, Fault, Found
from shared.runtime.addresses import Private
from tests.integration.enrich.provider import Answers, Playing, down, lying, slow

NOW = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client that may ask on this machine."""
    client = Client(Private.ALLOW)
    yield client
    await client.close()


async def test_a_provider_is_asked_with_its_key_and_answers(server: Playing, client: Client) -> None:
    found = await client.ask(server.provider(), "beispiel.de", NOW)
    assert found == Found({"company.industry": "industry of beispiel.de"})
    assert await client.ask(server.provider(), "nobody.de", NOW) == Found(None)
    assert server.keys == ["Bearer k", "Bearer k"]


async def huge(request: web.Request) -> web.StreamResponse:
    """Never stops talking."""
    response = web.StreamResponse(headers={"content-type": "application/json"})
    await response.prepare(request)
    while True:
        await response.write(b'"' + b"x" * ANSWER_BYTES_MAX)


async def bomb(request: web.Request) -> web.StreamResponse:
    """A small answer that becomes a large one, though nobody asked for compression."""
    return web.Response(
        body=zlib.compress(b" " * 10_000_000),
        headers={"content-encoding": "deflate", "content-type": "application/json"},
    )


async def page(request: web.Request) -> web.StreamResponse:
    """A page for people."""
    return web.Response(text="<html>Wartung</html>", content_type="text/html")


async def elsewhere(request: web.Request) -> web.StreamResponse:
    """Sends us to somebody else."""
    raise web.HTTPFound(f"http://127.0.0.1:{request.url.port}/v1/secret")


async def broken(request: web.Request) -> web.StreamResponse:
    """Hangs up in the middle of an answer."""
    response = web.StreamResponse(headers={"content-type": "application/json", "content-length": "100"})
    await response.prepare(request)
    await response.write(b"{")
    assert request.transport is not None
    request.transport.abort()
    return response


@pytest.mark.parametrize(
    ("answers", "fault"),
    [
        (down, Fault.ITS_FAULT),
        (slow, Fault.TIMEOUT),
        (huge, Fault.TOO_LARGE),
        (bomb, Fault.NOT_JSON),
        (page, Fault.NOT_JSON),
        (elsewhere, Fault.REDIRECT),
        (broken, Fault.UNREACHABLE),
        (lying, Fault.WRONG_CONTENT),
    ],
)
async def test_down_slow_or_lying_is_an_outcome(
    server: Playing, client: Client, answers: Answers, fault: Fault
) -> None:
    server.answers = answers
    ended: Ended = await client.ask(server.provider(timeout="1s"), "beispiel.de", NOW)
    assert isinstance(ended, Failed)
    assert ended.fault is fault
    assert "secret" not in server.asked


async def test_nobody_there_is_an_outcome(server: Playing, client: Client) -> None:
    asked = server.provider()
    server.port = 1
    assert await client.ask(server.provider(), "beispiel.de", NOW) == Failed(Fault.UNREACHABLE)
    assert isinstance(await client.ask(asked, "beispiel.de", NOW), Found)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
async def test_a_private_address_is_refused_by_number_and_by_name(server: Playing, host: str) -> None:
    """Harm: a provider's name that leads into our network makes us its hand there."""
    client = Client(Private.REFUSE)
    assert await client.ask(server.provider(host=host), "beispiel.de", NOW) == Failed(Fault.PRIVATE_ADDRESS)
    assert not server.asked
    await client.close()


async def test_the_same_questions_are_asked_where_private_addresses_are_allowed(
    server: Playing, client: Client
) -> None:
    """The control of the test before: it is the address that was refused, not the question."""
    for host in ("127.0.0.1", "localhost"):
        assert isinstance(await client.ask(server.provider(host=host), "beispiel.de", NOW), Found)
