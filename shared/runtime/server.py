"""The HTTP server of a process: uvicorn in our event loop, on sockets that we bind, under signals that we handle."""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

GRACE_S: Final = 5
"""Requests under way may end; a long-lived one is cut, since its caller must be able to come back anyway."""

BACKLOG: Final = 1_024
"""Connections that may wait while the process is busy with a batch."""


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


class Server:
    """One app on one socket."""

    def __init__(self, app: ASGIApp, listening: socket.socket) -> None:
        config = uvicorn.Config(
            heard_out(app), interface="asgi3", lifespan="off", log_config=None, access_log=False, ws="none",
            server_header=False, timeout_graceful_shutdown=GRACE_S,
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
        """Stop taking connections, let requests under way end, and close."""
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.wait([self._task], timeout=GRACE_S + 1)
            self._task.cancel()
        self._socket.close()


def heard_out(app: ASGIApp) -> ASGIApp:
    """The same app, which answers a large body only when all of it has come.

    A server that answers and closes while the caller still writes makes the caller's network throw the answer away
    (RFC 9112, section 9.6): a refusal, such as 413, would then look like a broken connection.
    """

    async def hearing(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_large(scope):
            await app(scope, receive, send)
            return
        more = True

        async def receiving() -> Message:
            nonlocal more
            message = await receive()
            more = message["type"] == "http.request" and message.get("more_body", False)
            return message

        async def sending(message: Message) -> None:
            if more and message["type"] == "http.response.start":
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARD_OUT_S):
                        await rest()
            await send(message)

        async def rest() -> None:
            heard = 0
            while more and heard < HEARD_OUT_BYTES:
                heard += len((await receiving()).get("body", b""))

        await app(scope, receiving, sending)

    return hearing


def _is_large(scope: Scope) -> bool:
    """True for a body that may not have come whole: a declared size, or none at all (chunks)."""
    headers = dict(scope["headers"])
    declared = headers.get(b"content-length", b"")
    return b"transfer-encoding" in headers or (declared.isdigit() and int(declared) > SMALL_BYTES)


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
