"""Goal: whoever is scaled behind one name, as in compose, is asked and counted, every process of it."""

import socket
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from aiohttp import web

from services.ingest.client import Owners

NAME: Final = "dedup.example"
ADDRESSES: Final = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
LOOK_UP: Final = socket.getaddrinfo


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """The port on which three processes say their rates: 1, 2 and 3."""
    runners: list[web.AppRunner] = []
    port = 0
    for rate, address in enumerate(ADDRESSES, 1):
        app = web.Application()
        app.router.add_get("/internal/status", _saying(float(rate)))
        runner = web.AppRunner(app)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, address, port).start()
        port = runner.addresses[0][1]
    yield port
    for runner in runners:
        await runner.cleanup()


def _saying(rate: float) -> Any:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"rate": rate})

    return answer


async def test_every_process_behind_a_name_is_asked(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(host: Any, service: Any, *rest: Any, **more: Any) -> Any:
        if host != NAME:
            return LOOK_UP(host, service, *rest, **more)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, service)) for address in ADDRESSES]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    owners = Owners({"dedup": (f"http://{NAME}:{port}",)}, 5)
    await owners.open()
    said = await owners.statuses("dedup", "")
    await owners.close()
    assert sorted(one.rate for one in said if one is not None) == [1.0, 2.0, 3.0]


async def test_a_name_that_nobody_knows_is_one_process_that_says_nothing() -> None:
    owners = Owners({"dedup": ("http://nowhere.invalid:8080",)}, 5)
    await owners.open()
    assert await owners.statuses("dedup", "") == [None]
    await owners.close()
