"""Goal: the verbs of `sync` say what a pull brought, when the next one is, and no by exit code.

Method: the real front door behind a real port, a SQLite table as the source.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import uvicorn

from shared.commands import sync
from shared.commands.running import Failed, Running
from shared.runtime.access import Role
from tests.integration.ingest.house import House
from tests.integration.ingest.test_pulls import ROWS, Lite, connect, customers, work


@pytest.fixture
async def lite(tmp_path: Path) -> Lite:
    """A table of customers."""
    return await customers(tmp_path)


@pytest.fixture
async def running(house: House) -> AsyncIterator[Running]:
    """The house at an address, with its chores going on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(house.app, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        working = asyncio.create_task(_works(house))
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        yield Running(None, {"KONTAKTWERK_URL": address, "KONTAKTWERK_TOKEN": house.tokens[Role.OPERATOR]})
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        server.should_exit = True
        await serving


async def _works(house: House) -> None:
    while True:
        await work(house)
        await asyncio.sleep(0.05)


async def test_a_pull_is_waited_for_and_told(house: House, running: Running, lite: Lite) -> None:
    connect(house, lite, schedule="0 3 * * *")
    run = await sync.now(running, "billing", whole=False, deletions=False)
    assert sync.line_of(run).endswith(f"done: {ROWS} new, 0 updated, 0 same, 0 refused, 0 deleted")
    assert [one["id"] for one in await sync.runs(running, "billing")] == [run["id"]]
    assert await sync.runs(running, "crm") == []


async def test_what_would_delete_too_much_fails_and_says_how_many(house: House, running: Running, lite: Lite) -> None:
    connect(house, lite)
    await sync.now(running, "billing", whole=False, deletions=False)
    await lite.run("DELETE FROM customers")
    with pytest.raises(Failed, match=f"{ROWS} records are no longer there"):
        await sync.now(running, "billing", whole=False, deletions=False)
    run = await sync.now(running, "billing", whole=False, deletions=True)
    assert run["deleted"] == ROWS


async def test_a_table_that_cannot_be_read_and_a_source_that_is_none_fail(
    house: House, running: Running, lite: Lite, tmp_path: Path
) -> None:
    connect(house, lite, url=f"sqlite:///{tmp_path / 'elsewhere.db'}")
    with pytest.raises(Failed, match="OperationalError"):
        await sync.now(running, "billing", whole=False, deletions=False)
    with pytest.raises(Failed, match="404"):
        await sync.now(running, "crm", whole=False, deletions=False)
