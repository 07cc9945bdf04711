"""Kafka and Postgres as `up` needs them: embedded, or somebody else's, kept alive in either case as far as we can."""

import asyncio
import time
from collections.abc import Callable
from subprocess import Popen
from typing import Protocol

from deploy.local.child import Lives
from deploy.local.errors import CannotRunError


class Engine(Protocol):
    """What Kafka and Postgres have in common."""

    name: str

    @property
    def process(self) -> Popen[bytes] | None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


class KeptEngine:
    """An embedded engine that is started again when it dies. Starting and stopping happen in a thread."""

    def __init__(self, engine: Engine, say: Callable[[str], None], pause_s_max: float) -> None:
        self.engine = engine
        self._say = say
        self._lives = Lives(pause_s_max)
        self._starting: asyncio.Task[None] | None = None
        self._dead = False

    @property
    def pid(self) -> int | None:
        """Of the living process."""
        process = self.engine.process
        return process.pid if process is not None and process.poll() is None else None

    async def start(self) -> None:
        """Start and return when it is ready. Raises CannotRunError."""
        self._lives.born(time.monotonic())
        self._starting = asyncio.create_task(asyncio.to_thread(self.engine.start))
        await asyncio.shield(self._starting)
        self._starting = None

    def tick(self) -> None:
        """Look after it once: notice its death, start it again when that is due."""
        now = time.monotonic()
        if self._starting is not None:
            self._look_at_start(now)
        elif self._dead:
            if self._lives.due(now):
                self._dead = False
                self._lives.born(now)
                self._starting = asyncio.create_task(asyncio.to_thread(self.engine.start))
        elif self.pid is None:
            process = self.engine.process
            code = process.returncode if process is not None else None
            self._note_death(now, f"{self.engine.name} ended with {code}")

    def _look_at_start(self, now: float) -> None:
        starting = self._starting
        if starting is None or not starting.done():
            return
        self._starting = None
        error = starting.exception()
        match error:
            case None:
                self._say(f"{self.engine.name} is back (pid {self.pid})")
            case CannotRunError() | OSError():  # a full disk gets room again
                self._note_death(now, str(error))
            case _:
                raise error

    def _note_death(self, now: float, what: str) -> None:
        self._dead = True
        pause = self._lives.died(now)
        self._say(f"{what}; starting it again" + (f" in {pause:.1f} s" if pause else ""))

    async def stop(self) -> None:
        """Stop it, also in the middle of a start."""
        starting, self._starting = self._starting, None
        if starting is not None:
            await asyncio.to_thread(self.engine.stop)  # lets the waiting start fail at once
            await asyncio.wait([starting])
            starting.exception()
        await asyncio.to_thread(self.engine.stop)
