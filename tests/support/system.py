"""The whole system as a user starts it, for tests and benches: `up` in a folder of its own, spoken to from outside."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

START_S: Final = 300
"""A first start formats Kafka and Postgres on a machine that may be busy with other tests."""

CALM_S: Final = 2.0
"""Two looks so far apart that agree: nothing was on its way between two counters."""

STOP_S: Final = 60

BACK_S: Final = 30.0
"""Whatever is killed has a successor by then (contract section 1)."""


@dataclass(slots=True)
class System:
    """A running system; every call reads `endpoints.json` anew, as processes come and go."""

    data: Path
    process: subprocess.Popen[bytes]
    session: aiohttp.ClientSession
    places: dict[str, int] = field(default_factory=dict[str, int])
    """How many processes a service had when one of them was killed."""

    def endpoints(self) -> dict[str, Any]:
        """What the supervisor says of itself right now."""
        endpoints: dict[str, Any] = json.loads((self.data / "endpoints.json").read_text())
        return endpoints

    async def call(self, method: str, path: str, role: str = "operator", **options: Any) -> tuple[int, Any]:
        """One request with the token of a role: status and decoded body."""
        endpoints = self.endpoints()
        headers = {"Authorization": f"Bearer {endpoints['tokens'][role]}", **options.pop("headers", {})}
        async with self.session.request(method, endpoints["http"] + path, headers=headers, **options) as response:
            body = await response.read()
            return response.status, json.loads(body) if body else None

    async def post_until_accepted(self, records: Sequence[Any], seconds: float = 60) -> Any:
        """Post an array as a patient sender does: again after 503, a reset or a refused connection."""
        until = time.monotonic() + seconds
        while True:
            try:
                status, body = await self.call("POST", "/v1/records", "sender", json=list(records))
            except (aiohttp.ClientError, OSError):
                status, body = 0, None
            if status == 202:
                return body
            assert status in (0, 429, 502, 503), f"{status}: {body}"
            assert time.monotonic() < until, "the front door stayed closed"
            await asyncio.sleep(0.2)

    async def settled(self, accepted: int, seconds: float = 120) -> dict[str, Any]:
        """Wait until every accepted event has come to its end and no stage lags; the books then."""
        until = time.monotonic() + seconds
        status: Any = None
        calm: Any = None
        while time.monotonic() < until:
            try:
                code, status = await self.call("GET", "/v1/status", "reader")
            except (aiohttp.ClientError, OSError, FileNotFoundError):
                code = 0
            before, calm = calm, status["books"] if code == 200 and _calm(status, accepted) else None
            if calm is not None and calm == before:
                books: dict[str, Any] = calm
                return books
            await asyncio.sleep(CALM_S if calm is not None else 0.3)
        raise AssertionError(f"not settled after {seconds} s: {status}")

    def kill(self, name: str, number: int = 0) -> int:
        """Kill one process with -9 by its name in endpoints.json; its pid."""
        pid = self.endpoints()["pids"][name]
        chosen: int = pid[number] if isinstance(pid, list) else pid
        self.places[name] = max(len(pid), self.places.get(name, 1)) if isinstance(pid, list) else 1
        os.kill(chosen, signal.SIGKILL)
        return chosen

    async def replaced(self, name: str, killed: int) -> None:
        """Wait until another process has the place of the one that was killed: at most 30 seconds, as promised."""
        until = time.monotonic() + BACK_S
        while time.monotonic() < until:
            try:
                pids = self.endpoints()["pids"].get(name)
            except FileNotFoundError:
                pids = None
            living = pids if isinstance(pids, list) else [pids] if pids else []
            if killed not in living and len(living) >= self.places.get(name, 1):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{name} did not come back within {BACK_S:.0f} s")


def _calm(status: Any, accepted: int) -> bool:
    """Everything done, and known to be: a lag that could not be measured is none of 0."""
    books = status["books"]
    if status["unmeasured"]:
        return False
    idle = all(stage["lag"] == 0 for stage in status["stages"].values())
    return bool(idle and books["accepted"] >= accepted and books["waiting"] == 0)


@asynccontextmanager
async def running(
    data: Path, workers: str | None = None, settings: dict[str, str] | None = None
) -> AsyncGenerator[System, None]:
    """`up` in this folder until the block ends; at the end it must stop by itself and exit 0."""
    process = launched(data, workers, settings or {})
    try:
        await ready(data, process)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            yield System(data, process, session)
    finally:
        process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(process.wait, STOP_S)
    assert code == 0, f"up exited with {code}: {(data / 'up.log').read_text()[-2000:]}"


def launched(data: Path, workers: str | None, settings: dict[str, str]) -> subprocess.Popen[bytes]:
    """`up` in this folder, which is not ready yet."""
    command = [sys.executable, "-m", "services", "up", "--data", str(data), "--port", "0"]
    command += ["--workers", workers] if workers else []
    data.mkdir(parents=True, exist_ok=True)
    with (data / "up.log").open("wb") as log:
        return subprocess.Popen(
            command, env=os.environ | settings, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


async def ready(data: Path, process: subprocess.Popen[bytes]) -> None:
    """Return once everything is; AssertionError with the end of its log if it ends or takes too long."""
    until = time.monotonic() + START_S
    while not (data / "endpoints.json").exists():
        assert process.poll() is None, (data / "up.log").read_text()[-2000:]
        assert time.monotonic() < until, f"not ready: {(data / 'up.log').read_text()[-2000:]}"
        await asyncio.sleep(0.1)
