"""The house under test: `up` on proxied engines, which may be killed and started anew with other numbers of workers."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp

from deploy.local.plan import ROOT, ours
from tests.chaos.engines import Engines
from tests.support.system import STOP_S, System, launched, ready

SERVICES: Final = ("ingest", "dedup", "validate", "enrich", "rules", "backup")
WORKERS: Final[Mapping[str, int]] = dict.fromkeys(SERVICES, 2)
"""Two processes per stage: what one must not do behind the other's back needs another."""


@dataclass(slots=True)
class House:
    """The running system, its engines, and members of ours that no supervisor knows."""

    engines: Engines
    data: Path
    settings: Mapping[str, str]
    system: System
    guests: dict[str, list[subprocess.Popen[bytes]]] = field(default_factory=dict[str, list[subprocess.Popen[bytes]]])

    def pids(self, service: str) -> list[int]:
        """The living processes of a service that `up` keeps."""
        with suppress(FileNotFoundError):
            found: list[int] = self.system.endpoints()["pids"].get(service, [])
            return found
        return []

    async def restart_up(self, workers: Mapping[str, int]) -> None:
        """Kill `up` with -9 and start it again with these workers; it ends what the killed one left behind."""
        self.system.process.kill()
        await asyncio.to_thread(self.system.process.wait)
        (self.data / "endpoints.json").unlink(missing_ok=True)
        self.system.process = launched(self.data, said(workers), dict(self.settings))
        await ready(self.data, self.system.process)

    def invite(self, service: str, count: int) -> None:
        """More members of a stage, each a process as a container would run it, without a stable name."""
        log = self.data / f"guest-{service}.log"
        some = self.guests.setdefault(service, [])
        environment = ours({**os.environ, **self.settings, "KONTAKTWERK_PORT": "0"})
        for _ in range(count):
            with log.open("ab") as output:
                command = [sys.executable, "-P", "-m", "services", "run", service]
                some.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output))

    async def dismiss(self, service: str, count: int, number: signal.Signals = signal.SIGTERM) -> None:
        """Let so many of them go, by asking or by -9."""
        leaving = [self.guests[service].pop() for _ in range(min(count, len(self.guests.get(service, []))))]
        for process in leaving:
            process.send_signal(number)
        for process in leaving:
            await asyncio.to_thread(process.wait, STOP_S)


def said(workers: Mapping[str, int]) -> str:
    """As `up --workers` reads it."""
    return ",".join(f"{service}={count}" for service, count in workers.items())


@asynccontextmanager
async def house(folder: Path, engines: Engines, more: Mapping[str, str]) -> AsyncGenerator[House]:
    """`up` in this folder, on these engines, until the block ends; whatever it leaves is ended with it."""
    settings = {**engines.environment, "KONTAKTWERK_VALIDATE_DNS": "off", **more}
    data = folder / "up"
    process = launched(data, said(WORKERS), settings)
    async with aiohttp.ClientSession() as session:
        built = House(engines, data, settings, System(data, process, session))
        try:
            await ready(data, process)
            yield built
        finally:
            for service, some in built.guests.items():
                await built.dismiss(service, len(some))
            built.system.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(built.system.process.wait, STOP_S)
