"""`make bench`: contacts a second end to end, warm and cold, beside the pass-through floor of the engines; and latency.

Starts the whole system in a throw-away folder, with a name server and a provider on this machine, and does, one after
the other: the floor; `cold`, people at domains that nobody has asked about; `warm`, other people at the same domains;
and a steady rate. The table has the CPU microseconds per contact of every process in `warm`, and of Postgres what it
does for each service.

    make bench            EVENTS=20000 RATE=300 SECONDS=60 WORKERS=dedup=2 make bench
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from rich.console import Console
from rich.table import Table

from tests.bench.costs import cpu_seconds, memory_mib
from tests.bench.floor import measure
from tests.bench.known import employees, knowing
from tests.bench.pacing import latencies
from tests.support.system import System, running

EVENTS: Final = int(os.environ.get("EVENTS", "20000"))
"""Records of the cold phase, and as many of the warm one."""

RATE: Final = float(os.environ.get("RATE", "300"))
"""Records a second while latency is measured; 0 leaves that out."""

SECONDS: Final = float(os.environ.get("SECONDS", "60"))
"""How long they are sent: 18,000 latencies at 300 a second, 180 of them above the 99th percentile."""

FLOOR_EVENTS: Final = 40_000
ARRAY: Final = 100
SENDERS: Final = 6
DUPLICATES: Final = 0.2
SETTLE_S: Final = 900
PROGRESS_S: Final = 5.0
LOOK_S: Final = 1.0
"""How often the books are asked for while much is waiting: each answer costs every part some of its time (asked four
times a second, ingest spent a sixth of its own on it)."""

NEAR: Final = 500
"""With fewer waiting, the end is near, and looked for four times as often: its time is the figure."""

LARGEST: Final = 3
"""Costs that are named: what to look at first."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Contacts a second until all were clean; how many seconds until the last late answer was said; µs by process."""

    rate: float
    learned_s: float
    costs: dict[str, float]


@dataclass(frozen=True, slots=True)
class Found:
    """What is printed."""

    floor: float
    cold: Phase
    warm: Phase
    memory: dict[str, float]
    steady: Sequence[float]
    books: dict[str, Any]


def main() -> int:
    """Run the bench; exit 0 when everything that was accepted came to its end."""
    with tempfile.TemporaryDirectory(prefix="kontaktwerk-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        found = asyncio.run(run(folder))
    show(found)
    sent = 2 * EVENTS + len(found.steady)
    return 0 if found.books["waiting"] == 0 and found.books["accepted"] == sent else 1


async def run(folder: Path) -> Found:
    """All phases, one after the other, on one system."""
    async with knowing(folder) as settings, running(folder / "data", os.environ.get("WORKERS"), settings) as system:
        ends = system.endpoints()
        floor = await asyncio.to_thread(measure, ends["kafka"], ends["database"], FLOOR_EVENTS, "bench.floor.")
        cold = await phase(system, "cold", 7, EVENTS)
        warm = await phase(system, "warm", 8, 2 * EVENTS)
        paced = list(employees(round(RATE * SECONDS), DUPLICATES, 9, "paced"))
        steady = await latencies(system, paced, RATE) if paced else []
        books = (await settled(system, 2 * EVENTS + len(paced), learned=True))["books"]
        memory = memory_mib(system.endpoints()["pids"])
    return Found(floor, cold, warm, memory, steady, books)


async def phase(system: System, title: str, seed: int, accepted: int) -> Phase:
    """Send as many as there are for it, as fast as they are taken; `accepted` is what all phases so far have sent."""
    everybody = list(employees(EVENTS, DUPLICATES, seed, title))
    waiting = asyncio.Queue[list[dict[str, Any]]]()
    for start in range(0, len(everybody), ARRAY):
        waiting.put_nowait(everybody[start : start + ARRAY])
    before, started = await cpu_seconds(system.endpoints()), time.monotonic()
    await asyncio.gather(*(_send(system, waiting) for _ in range(SENDERS)))
    print(f"  {title}: all accepted after {time.monotonic() - started:.1f} s", file=sys.stderr)
    await settled(system, accepted, learned=False)
    rate = EVENTS / (time.monotonic() - started)
    await settled(system, accepted, learned=True)
    learned_s = time.monotonic() - started
    after = await cpu_seconds(system.endpoints())
    costs = {name: max(0.0, seconds - before.get(name, 0.0)) * 1e6 / EVENTS for name, seconds in after.items()}
    return Phase(rate, learned_s, costs)


async def _send(system: System, waiting: asyncio.Queue[list[dict[str, Any]]]) -> None:
    while not waiting.empty():
        await system.post_until_accepted(waiting.get_nowait(), seconds=SETTLE_S)


async def settled(system: System, accepted: int, *, learned: bool) -> dict[str, Any]:
    """Wait until nothing accepted waits any more, with `learned` until nothing at all is due; the status then."""
    started = shown = time.monotonic()
    while time.monotonic() - started < SETTLE_S:
        try:
            code, status = await system.call("GET", "/v1/status", "reader")
        except (aiohttp.ClientError, TimeoutError):
            code, status = 0, {}
        books: dict[str, Any] | None = status["books"] if code == 200 and not status["unmeasured"] else None
        due = learned and any(stage["lag"] for stage in status.get("stages", {}).values())
        if books and books["waiting"] == 0 and books["accepted"] >= accepted and not due:
            return dict(status)
        if books and time.monotonic() - shown > PROGRESS_S:
            shown = time.monotonic()
            lags = " ".join(f"{name} {stage['lag']}" for name, stage in status["stages"].items())
            print(f"  {shown - started:5.1f} s  waiting {books['waiting']}  lag: {lags}", file=sys.stderr)
        near = not learned and books is not None and books["waiting"] < NEAR
        await asyncio.sleep(LOOK_S / 4 if near else LOOK_S)
    raise SystemExit(f"not settled after {SETTLE_S} s")


def show(found: Found) -> None:
    """The figures of the README, ready to be copied."""
    table = Table(title=f"{EVENTS} contacts over HTTP in arrays of {ARRAY}, {DUPLICATES:.0%} duplicates")
    table.add_column("process")
    for heading in ("CPU µs per contact, warm", "cold", "memory MiB"):
        table.add_column(heading, justify="right")
    warm, cold = found.warm.costs, found.cold.costs
    by_cost = sorted(warm.items(), key=lambda item: -item[1])
    for name, cost in by_cost:
        memory = found.memory.get(name)
        table.add_row(name, f"{cost:,.0f}", f"{cold.get(name, 0.0):,.0f}", "" if memory is None else f"{memory:,.0f}")
    table.add_row("all", *(f"{sum(one.values()):,.0f}" for one in (warm, cold, found.memory)))
    console = Console(width=96)
    console.print(table)
    largest = ", ".join(f"{name} {cost:,.0f} µs" for name, cost in by_cost[:LARGEST])
    console.print(f"the three largest costs: {largest}")
    console.print(f"end to end, warm  {found.warm.rate:8,.0f} contacts a second   ({found.books['waiting']} waiting)")
    console.print(
        f"end to end, cold  {found.cold.rate:8,.0f} contacts a second   "
        f"(every late answer said after {found.cold.learned_s:,.0f} s)"
    )
    console.print(
        f"pass-through floor{found.floor:8,.0f} contacts a second   (ratio {found.warm.rate / found.floor:.3f})"
    )
    if found.steady:
        p50, p99 = (found.steady[int(len(found.steady) * share)] for share in (0.5, 0.99))
        console.print(
            f"at {RATE:.0f} a second for {SECONDS:.0f} s: p50 {p50:.2f} s, p99 {p99:.2f} s, slowest "
            f"{found.steady[-1]:.2f} s, from the planned time of sending to contacts.clean"
        )


if __name__ == "__main__":
    sys.exit(main())
