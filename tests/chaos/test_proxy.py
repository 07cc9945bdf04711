"""The proxy passes everything on in order, later when asked to, and cuts when asked to."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from deploy.local.folder import LOOPBACK, free_port
from tests.chaos.proxy import Proxy

PIECES = [f"piece {number};".encode() for number in range(200)]


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """Before a server that says again what it hears."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while heard := await reader.read(1024):
            writer.write(heard)
        writer.close()

    server = await asyncio.start_server(echo, LOOPBACK, 0)
    made = Proxy(free_port(), server.sockets[0].getsockname()[1])
    await made.start()
    yield made
    await made.stop()
    server.close()


async def test_everything_comes_through_in_order_also_while_the_delay_changes(proxy: Proxy) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, proxy.port)
    for number, piece in enumerate(PIECES):
        proxy.delay_s = 0.01 if number % 50 < 25 else 0.0
        writer.write(piece)
        await writer.drain()
    expected = b"".join(PIECES)
    assert await reader.readexactly(len(expected)) == expected
    writer.close()


async def test_what_was_said_before_the_end_comes_through_the_delay(proxy: Proxy) -> None:
    proxy.delay_s = 0.05
    reader, writer = await asyncio.open_connection(LOOPBACK, proxy.port)
    writer.write(b"the last words")
    writer.write_eof()
    assert await reader.read() == b"the last words"
    writer.close()


async def test_a_cut_ends_both_ends_and_new_connections_work(proxy: Proxy) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, proxy.port)
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    assert proxy.cut() == 1
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    again, other = await asyncio.open_connection(LOOPBACK, proxy.port)
    other.write(b"again")
    assert await again.readexactly(5) == b"again"
    other.close()


async def test_where_nobody_listens_the_caller_is_told_so() -> None:
    nowhere = Proxy(free_port(), free_port())
    await nowhere.start()
    try:
        reader, writer = await asyncio.open_connection(LOOPBACK, nowhere.port)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
    finally:
        await nowhere.stop()
