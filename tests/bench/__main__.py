"""`make bench`: contacts a second end to end, beside the pass-through floor of the same engines in the same run.

Starts the whole system in a throw-away folder, sends arrays of 100 over HTTP (one in five a duplicate), waits until
every accepted event has reached its end, and prints the CPU microseconds per contact of every process.

    make bench            EVENTS=20000 WORKERS=dedup=1 make bench
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import aiohttp
import psutil
from rich.console import Console
from rich.table import Table

from tests.bench.floor import measure
from tests.bench.people import people

EVENTS: Final = int(os.environ.get("EVENTS", "20000"))
FLOOR_EVENTS: Final = 40_000
ARRAY: Final = 100
SENDERS: Final = 6
DUPLICATES: Final = 0.2
START_S: Final = 120
SETTLE_S: Final = 900
PROGRESS_S: Final = 5.0


def main() -> int:
    """Run the bench; exit 0 when everything that was accepted came to its end."""
    with tempfile.TemporaryDirectory(prefix="kontaktwerk-bench-") as folder:
        data = Path(folder)
        data.chmod(0o755)
        running = start(data)
        try:
            endpoints = wait_for_endpoints(data, running)
            floor = measure(endpoints["kafka"], endpoints["database"], FLOOR_EVENTS, "bench.floor.")
            rate, costs, books = asyncio.run(load(endpoints))
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(60)
    print_table(rate, floor, costs, books)
    return 0 if books["waiting"] == 0 and books["accepted"] == EVENTS else 1


def start(data: Path) -> subprocess.Popen[bytes]:
    """The system as a user starts it, in a folder of its own."""
    command = [sys.executable, "-m", "services", "up", "--data", str(data), "--port", "0"]
    workers = os.environ.get("WORKERS")
    return subprocess.Popen(command + (["--workers", workers] if workers else []))


def wait_for_endpoints(data: Path, running: subprocess.Popen[bytes]) -> dict[str, Any]:
    """endpoints.json, once it is there."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if (data / "endpoints.json").exists():
            endpoints: dict[str, Any] = json.loads((data / "endpoints.json").read_text())
            return endpoints
        if running.poll() is not None:
            raise SystemExit(f"the system ended with {running.returncode} before it was ready")
        time.sleep(0.1)
    raise SystemExit(f"the system was not ready after {START_S} s; look at {data}/logs")


async def load(endpoints: dict[str, Any]) -> tuple[float, dict[str, float], dict[str, Any]]:
    """Send everything, wait until it is clean; contacts a second, CPU µs per contact by process, the books."""
    arrays = list(_arrays())
    before = cpu_seconds(endpoints["pids"])
    started = time.monotonic()
    connector = aiohttp.TCPConnector(limit=SENDERS)
    async with aiohttp.ClientSession(endpoints["http"], connector=connector) as session:
        waiting = asyncio.Queue[list[dict[str, Any]]]()
        for array in arrays:
            waiting.put_nowait(array)
        await asyncio.gather(*(_send(session, endpoints["tokens"]["sender"], waiting) for _ in range(SENDERS)))
        print(f"  all accepted after {time.monotonic() - started:.1f} s", file=sys.stderr)
        books = await settled(session, endpoints["tokens"]["reader"], started)
    seconds = time.monotonic() - started
    after = cpu_seconds(endpoints["pids"])
    costs = {name: (after[name] - before[name]) * 1e6 / EVENTS for name in before}
    return EVENTS / seconds, costs, books


def _arrays() -> list[list[dict[str, Any]]]:
    everybody = [{"source": "crm", **person} for person in people(EVENTS, DUPLICATES, seed=7)]
    return [everybody[start : start + ARRAY] for start in range(0, len(everybody), ARRAY)]


async def _send(session: aiohttp.ClientSession, token: str, waiting: asyncio.Queue[list[dict[str, Any]]]) -> None:
    while not waiting.empty():
        array = waiting.get_nowait()
        while True:
            async with session.post(
                "/v1/records", json=array, headers={"Authorization": f"Bearer {token}"}
            ) as response:
                if response.status == 202:
                    break
                if response.status not in (429, 503):
                    raise SystemExit(f"the front door answered {response.status}: {await response.text()}")
            await asyncio.sleep(0.2)


async def settled(session: aiohttp.ClientSession, token: str, started: float) -> dict[str, Any]:
    """Wait until nothing waits any more; the books then."""
    shown = time.monotonic()
    while time.monotonic() - started < SETTLE_S:
        async with session.get("/v1/status", headers={"Authorization": f"Bearer {token}"}) as response:
            status = await response.json() if response.status == 200 else {}
        books: dict[str, Any] = status.get("books", {})
        if books and books["waiting"] == 0 and books["accepted"] >= EVENTS:
            return books
        if books and time.monotonic() - shown > PROGRESS_S:
            shown = time.monotonic()
            lags = " ".join(f"{name} {stage['lag']}" for name, stage in status["stages"].items())
            print(f"  {shown - started:5.1f} s  waiting {books['waiting']}  lag: {lags}", file=sys.stderr)
        await asyncio.sleep(0.25)
    raise SystemExit(f"not settled after {SETTLE_S} s")


def cpu_seconds(pids: dict[str, Any]) -> dict[str, float]:
    """User and system seconds of every process, Postgres with all its backends."""
    costs: dict[str, float] = {}
    for name, pid in pids.items():
        for one in pid if isinstance(pid, list) else [pid]:
            process = psutil.Process(one)
            family = [process, *process.children(recursive=True)] if name == "postgres" else [process]
            costs[name] = costs.get(name, 0.0) + sum(_cpu(member) for member in family)
    return costs


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    ended = times.children_user + times.children_system
    return float(times.user + times.system + ended)


def print_table(rate: float, floor: float, costs: dict[str, float], books: dict[str, Any]) -> None:
    """The figures of the README, ready to be copied."""
    table = Table(title=f"{EVENTS} contacts over HTTP in arrays of {ARRAY}, {DUPLICATES:.0%} duplicates")
    table.add_column("process")
    table.add_column("CPU µs per contact", justify="right")
    for name, cost in sorted(costs.items(), key=lambda item: -item[1]):
        table.add_row(name, f"{cost:,.0f}")
    table.add_row("all", f"{sum(costs.values()):,.0f}")
    console = Console(width=80)
    console.print(table)
    console.print(f"end to end        {rate:8,.0f} contacts a second   ({books['waiting']} waiting)")
    console.print(f"pass-through floor{floor:8,.0f} contacts a second   (ratio {rate / floor:.3f})")


if __name__ == "__main__":
    sys.exit(main())
