"""The HTTP server of a process: uvicorn in our event loop, on sockets that we bind, under signals that we handle."""

import asyncio
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Final, cast

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from shared.runtime.http import problem_response, unavailable

GRACE_S: Final = 5
"""Requests under way may end; a long-lived one is cut, since its caller must be able to come back anyway."""

BACKLOG: Final = 1_024
"""Connections that may wait while the process is busy with a batch."""


LEAVE_S: Final = 2.0
"""Before it closes, a process that ends answers this long with `Connection: close`: senders go by themselves, and none
writes into a connection that is being closed. Whoever sends 25 requests a second over fifty connections in turn has
used each by then."""

KEEP_ALIVE_S: Final = 75
"""Longer than clients keep theirs (aiohttp 15 s, nginx 60 s): who sends must be the one who closes, since a request
that meets a close is lost without an answer."""

HEAD_S: Final = 10.0
"""A request's head is one packet; who takes longer to send it holds a place that others need."""

BODY_S: Final = 10.0
"""As for a head: a small body comes with it."""

BODY_BYTES_PER_S: Final = 16 * 1024
"""A body may take a second more for so much of it that has come: 8 MiB over the slowest line of today."""

LIST_BYTES: Final = 8 * 1024 * 1024
"""The most that any path takes; what is declared larger is refused unread, what declares nothing may have so much."""

BODIES_BYTES_MAX: Final = 256 * 1024 * 1024
"""Large bodies held at the same moment: thirty lists of full size; read and decoded they take four times as much."""

SMALL_BYTES: Final = 16 * 1024
"""A body of this size lies in buffers of the network however soon we answer."""

HEARD_OUT_BYTES: Final = 64 * 1024 * 1024
"""Eight times what the largest list may have."""

HEARD_OUT_S: Final = 10.0
"""What is refused is read and thrown away so far and so long; whoever still writes then loses the answer."""


class _Server(uvicorn.Server):
    """Leaves signals to the process: the loop drains first, and then the server."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Take none."""
        yield


class _Protocol(HttpToolsProtocol):
    """Cuts off who does not come to the point, and lets go who should ask another process."""

    _cut: asyncio.TimerHandle | None = None
    leaving = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._hurry()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._hurry()

    def on_headers_complete(self) -> None:
        self._calm()
        super().on_headers_complete()
        if self.leaving:
            self.leave()

    def connection_lost(self, exc: Exception | None) -> None:
        self._calm()
        super().connection_lost(exc)

    def leave(self) -> None:
        """Close after the next answer."""
        self.leaving = True
        if self._answers():
            self.cycle.keep_alive = False

    def _answers(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    def _hurry(self) -> None:
        self._calm()
        self._cut = self.loop.call_later(HEAD_S, self._too_late)

    def _calm(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None

    def _too_late(self) -> None:
        if not self._answers():
            self.transport.close()


class Server:
    """One app on one socket."""

    def __init__(self, app: ASGIApp, listening: socket.socket) -> None:
        config = uvicorn.Config(
            heard_out(app), interface="asgi3", lifespan="off", log_config=None, access_log=False, ws="none",
            http=_Protocol, server_header=False, timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=GRACE_S,
        )  # fmt: skip
        self._server = _Server(config)
        self._socket = listening
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port it answers on."""
        return int(self._socket.getsockname()[1])

    async def start(self) -> None:
        """Begin to answer."""
        self._task = asyncio.create_task(self._server.serve([self._socket]))
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 (uvicorn only sets a flag)
            await asyncio.sleep(0.01)
        if self._task.done():
            self._task.result()

    async def stop(self) -> None:
        """Stop taking connections, let senders go and requests under way end, and close."""
        if self._server.started:
            for listening in self._server.servers:
                listening.close()
            await self._left()
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.wait([self._task], timeout=GRACE_S + 1)
            self._task.cancel()
        self._socket.close()

    async def _left(self) -> None:
        """Tell everybody to go, and wait a moment for it."""
        until = time.monotonic() + LEAVE_S
        while (connected := self._server.server_state.connections) and time.monotonic() < until:
            for one in list(connected):
                cast("_Protocol", one).leave()
            await asyncio.sleep(LEAVE_S / 20)


def heard_out(app: ASGIApp) -> ASGIApp:
    """The same app, which answers a large body only when all of it has come, and waits for no body for ever.

    A server that answers and closes while the caller still writes makes the caller's network throw the answer away
    (RFC 9112, section 9.6): a refusal, such as 413, would then look like a broken connection.
    """
    held = 0

    async def hearing(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal held
        size = _body_bytes(scope) if scope["type"] == "http" else 0
        if not size:
            await app(scope, receive, send)
            return
        body = _Body(receive, send, large=size > SMALL_BYTES)
        holds = min(size, LIST_BYTES) if size > SMALL_BYTES else 0
        inner = app if held + holds <= BODIES_BYTES_MAX else problem_response(unavailable("Too many large bodies."))
        held += holds
        try:
            await inner(scope, body.receiving, body.sending)
        finally:
            held -= holds

    return hearing


class _Body:
    """The body of one request on its way in."""

    def __init__(self, receive: Receive, send: Send, *, large: bool) -> None:
        self._receive = receive
        self._send = send
        self._hears_out = large
        self._more = True
        self._late = False
        self._heard = 0
        self._began = time.monotonic()

    async def receiving(self) -> Message:
        """The next part of it; a client that is too slow has gone."""
        if not self._more:
            return await self._receive()
        spent = time.monotonic() - self._began
        try:
            async with asyncio.timeout(max(0.0, BODY_S + self._heard / BODY_BYTES_PER_S - spent)):
                message = await self._receive()
        except TimeoutError:
            self._more, self._late = False, True
            return {"type": "http.disconnect"}
        self._heard += len(message.get("body", b""))
        self._more = message["type"] == "http.request" and message.get("more_body", False)
        return message

    async def sending(self, message: Message) -> None:
        """An answer, once the rest is heard; who was too slow is let go with it."""
        if message["type"] == "http.response.start":
            if self._more and self._hears_out:
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARD_OUT_S):
                        await self._rest()
            if self._late:
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
        await self._send(message)

    async def _rest(self) -> None:
        while self._more and self._heard < HEARD_OUT_BYTES:
            await self.receiving()


def _body_bytes(scope: Scope) -> int:
    """How long the body says that it is; one that comes in chunks may have the most that is taken."""
    headers = dict(scope["headers"])
    declared = headers.get(b"content-length", b"")
    return LIST_BYTES if b"transfer-encoding" in headers else int(declared) if declared.isdigit() else 0


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens here. Raises OSError, such as for a port that is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    listening.listen(BACKLOG)
    return listening


def inherited(descriptor: int) -> socket.socket:
    """A listening socket that whoever started us holds open; nobody is reset when we die."""
    return socket.socket(fileno=descriptor)
