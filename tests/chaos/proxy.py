"""A small TCP proxy that cuts and delays what goes through it: the network between services and engines."""

import asyncio
import time
from collections import deque
from typing import Final

from deploy.local.folder import LOOPBACK

BUFFERED_BYTES_MAX: Final = 4 * 1024 * 1024
"""What one side may owe the other before its sender is asked to pause: several batches of the largest messages."""


class Proxy:
    """Listens at one port of loopback and passes everything on to another; `delay_s` holds for each piece of data."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self.delay_s = 0.0
        self._target = target
        self._server: asyncio.Server | None = None
        self._sides: set[_Side] = set()

    async def start(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Side(self, None), LOOPBACK, self.port)

    def cut(self) -> int:
        """Break every connection at once, with a reset; how many."""
        sides = list(self._sides)
        for side in sides:
            side.abort()
        return len(sides) // 2

    async def stop(self) -> None:
        """Listen no more and break what is left."""
        if self._server is not None:
            self._server.close()
        self.cut()

    def joined(self, side: "_Side") -> None:
        """One more end."""
        self._sides.add(side)

    def left(self, side: "_Side") -> None:
        """One end less."""
        self._sides.discard(side)

    async def opposite(self, side: "_Side") -> "_Side | None":
        """The end towards the engine; None while nobody listens there."""
        loop = asyncio.get_running_loop()
        try:
            _, opposite = await loop.create_connection(lambda: _Side(self, side), LOOPBACK, self._target)
        except OSError:
            return None
        return opposite


class _Side(asyncio.Protocol):
    """One end of a connection: what comes in leaves at the other end, in order, after the delay."""

    def __init__(self, proxy: Proxy, other: "_Side | None") -> None:
        self._proxy = proxy
        self._other = other
        self._transport: asyncio.Transport | None = None
        self._owed: deque[tuple[float, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._opening: asyncio.Task[None] | None = None
        self._ended = self._heard_all = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody came, or the engine took our call."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(BUFFERED_BYTES_MAX)
        self._proxy.joined(self)
        if self._other is None:
            transport.pause_reading()
            self._opening = asyncio.get_running_loop().create_task(self._open())

    async def _open(self) -> None:
        other = await self._proxy.opposite(self)
        if other is None or self._transport is None or self._transport.is_closing():
            self.abort()
            if other is not None:
                other.abort()
            return
        self._other = other
        self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        if self._other is not None:
            self._other.owe(data, self._proxy.delay_s)

    def eof_received(self) -> bool:
        """The sender has said all: so has the other end, once what it owes is out; it may still be answered."""
        self._heard_all = True
        if self._other is not None:
            self._other.end()
        self._close_if_done()
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (as asyncio calls it)
        """An end that breaks takes the other with it."""
        self._proxy.left(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._other is not None:
            self._other.finish()

    def pause_writing(self) -> None:
        """The reader is slow: so be the sender."""
        if self._other is not None:
            self._other.hold(still=True)

    def resume_writing(self) -> None:
        """The reader has caught up."""
        if self._other is not None:
            self._other.hold(still=False)

    def hold(self, *, still: bool) -> None:
        """Read no more for now, or go on."""
        if self._transport is not None and not self._transport.is_closing():
            (self._transport.pause_reading if still else self._transport.resume_reading)()

    def owe(self, data: bytes, delay_s: float) -> None:
        """Write this after the delay, behind everything that was owed before."""
        if not self._owed and delay_s <= 0:
            self._write(data)
            return
        self._owed.append((time.monotonic() + delay_s, data))
        if self._timer is None:
            self._later()

    def end(self) -> None:
        """Nothing more will be owed."""
        self._ended = True
        self._end_if_paid()

    def finish(self) -> None:
        """Nobody is at the other end any more: close once what is owed is out."""
        self._ended = self._heard_all = True
        self._close_if_done()

    def abort(self) -> None:
        """Break it: what was not yet read is lost."""
        if self._transport is not None:
            self._transport.abort()

    def _later(self) -> None:
        due, _ = self._owed[0]
        self._timer = asyncio.get_running_loop().call_later(max(0.0, due - time.monotonic()), self._pay)

    def _pay(self) -> None:
        self._timer = None
        while self._owed and self._owed[0][0] <= time.monotonic():
            self._write(self._owed.popleft()[1])
        if self._owed:
            self._later()
        else:
            self._end_if_paid()

    def _end_if_paid(self) -> None:
        if self._ended and not self._owed and self._transport is not None and not self._transport.is_closing():
            self._close_if_done()
            if not self._heard_all:
                self._transport.write_eof()

    def _close_if_done(self) -> None:
        if self._heard_all and self._ended and not self._owed and self._transport is not None:
            self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
