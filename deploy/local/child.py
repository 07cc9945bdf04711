"""One child process that is kept alive: started, watched, started again, stopped."""

import asyncio
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.folder import LOOPBACK
from deploy.local.plan import pause_s
from deploy.local.starting import Running, Starter, ended

CALM_S = 60.0
"""Whoever has lived this long and dies is not "dying repeatedly"."""

DRAIN_TIMEOUT_S = 30.0
"""A service finishes its batch and commits, seconds at most; one that hangs must not keep Ctrl-C waiting for ever."""

PROBE_TIMEOUT_S = 3.0
"""A service that needs longer to say that it is ready is not."""


class Lives:
    """Counts deaths and says when the next start is due; knows nothing of processes."""

    def __init__(self, pause_s_max: float) -> None:
        self.deaths = 0
        self._in_a_row = 0
        self._pause_s_max = pause_s_max
        self._born = 0.0
        self._due = 0.0

    def born(self, now: float) -> None:
        """It has been started."""
        self._born = now

    def died(self, now: float) -> float:
        """It has ended; returns the pause in seconds before the next start."""
        self.deaths += 1
        self._in_a_row = 1 if now - self._born >= CALM_S else self._in_a_row + 1
        pause = pause_s(self._in_a_row, self._pause_s_max)
        self._due = now + pause
        return pause

    def due(self, now: float) -> bool:
        """Whether it may be started (again) now."""
        return now >= self._due


@dataclass(frozen=True)
class Instance:
    """One worker of one service: what to start, with what, and where it answers."""

    service: str
    name: str
    env: Mapping[str, str]
    port: int
    log: Path
    pass_fds: Sequence[int] = ()


class Child:
    """The process of one instance and its lives."""

    def __init__(self, instance: Instance, starter: Starter, pause_s_max: float) -> None:
        self.instance = instance
        self.lives = Lives(pause_s_max)
        self._starter = starter
        self._process: Running | None = None

    @property
    def pid(self) -> int | None:
        """Of the living process."""
        return self._process.pid if self._process is not None else None

    @property
    def started(self) -> bool:
        """Whether it has been started and has not been seen to end."""
        return self._process is not None

    def start(self) -> None:
        """Start it; it is not ready yet."""
        it = self.instance
        self._process = self._starter.start(it.name, ["run", it.service], it.env, it.log, it.pass_fds)
        self.lives.born(time.monotonic())

    def exit_code(self) -> int | None:
        """How it ended, told once; None while it lives or while there is nothing new."""
        if self._process is None:
            return None
        code = self._process.poll()
        if code is not None:
            self._process = None
        return code

    async def ready(self) -> bool:
        """Whether it answers 200 on /readyz."""
        return self._process is not None and await answers_ready(self.instance.port)

    async def drain(self) -> bool:
        """Ask it to finish what it has in hand and go; False if it had to be killed."""
        process, self._process = self._process, None
        if process is None:
            return True
        process.signal(signal.SIGTERM)
        graceful = await ended(process, DRAIN_TIMEOUT_S)
        if not graceful:
            process.signal(signal.SIGKILL)
            await ended(process, DRAIN_TIMEOUT_S)
        return graceful


async def answers_ready(port: int) -> bool:
    """Whether a GET of /readyz on this port of loopback answers 200. Plain sockets: it is asked often."""
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(f"GET /readyz HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nConnection: close\r\n\r\n".encode())
                status = (await reader.readline()).split()
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return False
    return len(status) > 1 and status[1] == b"200"
