"""Runs `up` as a process of its own, with the stand-in for the services, and asks what becomes of it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from deploy.local.folder import free_port
from deploy.local.processes import strays

ROOT = Path(__file__).resolve().parents[3]
STANDIN = Path(__file__).with_name("standin.py")

PATIENCE_S = 150.0
"""A start takes 8 s on two idle cores; tests run where other things run too."""

PROGRAM = """
import asyncio, json, sys
from pathlib import Path
from deploy.local.errors import CannotRunError
from deploy.local.plan import Plan
from deploy.local.screen import Screen
from deploy.local.supervisor import up
from tests.integration.local.running import admit_nobody

data, port, workers, standin = sys.argv[1:]
plan = Plan(Path(data), int(port), json.loads(workers), (sys.executable, standin), admit_nobody)
try:
    code = asyncio.run(up(plan, Screen()))
except CannotRunError as error:
    sys.exit(f"refused: {error}")
sys.exit(code)
"""


async def admit_nobody(database: str, tokens: Mapping[str, str]) -> None:
    """The stand-in asks nobody for a token."""


@dataclass
class Up:
    """A running `up`."""

    data: Path
    port: int
    process: subprocess.Popen[str]
    launched_at: float = field(default_factory=time.time)

    def endpoints(self) -> dict[str, Any]:
        """The content of endpoints.json; raises FileNotFoundError while there is none."""
        content: dict[str, Any] = json.loads((self.data / "endpoints.json").read_text(encoding="utf-8"))
        return content

    def pids(self) -> dict[str, Any]:
        pids: dict[str, Any] = self.endpoints()["pids"]
        return pids

    def until_ready(self) -> None:
        until(lambda: self._is_ready() or self.process.poll() is not None)
        assert self.process.poll() is None, self.said()

    def _is_ready(self) -> bool:
        """Whether there is a file that is not the one of a killed predecessor."""
        try:
            return (self.data / "endpoints.json").stat().st_mtime > self.launched_at
        except FileNotFoundError:
            return False

    def said(self) -> str:
        """Everything it wrote on stderr; waits for its end."""
        return self.process.communicate(timeout=PATIENCE_S)[1]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def left(self) -> list[psutil.Process]:
        """Living processes of this folder."""
        return strays(self.data.resolve(), [self.data.resolve() / "postgres"])


def launch(data: Path, journal: Path, workers: Mapping[str, int] | None = None, port: int = 0, **env: str) -> Up:
    """Start `up` without waiting for it."""
    port = port or free_port()
    arguments: Sequence[str] = [str(data), str(port), json.dumps(workers or {}), str(STANDIN)]
    inherited = {
        key: value for key, value in os.environ.items() if key not in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL")
    }
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**inherited, "PYTHONPATH": str(ROOT), "STANDIN_JOURNAL": str(journal), **env},
    )
    return Up(data, port, process)


@contextlib.contextmanager
def running(data: Path, journal: Path, workers: Mapping[str, int] | None = None, **env: str) -> Generator[Up]:
    """A ready `up`, ended at the end whatever happened."""
    up = launch(data, journal, workers, 0, **env)
    try:
        up.until_ready()
        yield up
    finally:
        if up.process.poll() is None:
            up.process.terminate()
        up.process.wait(PATIENCE_S)
        for process in up.left():
            process.kill()


def until(condition: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
    """Wait for something that will come true."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Whether this process lives; one that is dead but not yet buried does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def who_answers(url: str) -> dict[str, Any]:
    """What the stand-in at this address says of itself."""
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        said: dict[str, Any] = json.loads(answer.read())
    return said
