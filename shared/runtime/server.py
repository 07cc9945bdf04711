"""The HTTP server of a process: uvicorn in our event loop, on sockets that we bind, under signals that we handle."""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

GRACE_S: Final = 5
"""Requests under way may end; a long-lived one is cut, since its caller must be able to come back anyway."""

BACKLOG: Final = 1_024
"""Connections that may wait while the process is busy with a batch."""


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
            app, interface="asgi3", lifespan="off", log_config=None, access_log=False, ws="none", server_header=False,
            timeout_graceful_shutdown=GRACE_S,
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
