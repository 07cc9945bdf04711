"""How soon everything works again after a kill -9: of each service, of Kafka and of Postgres, one at a time.

`python -m tests.bench.recovery [--kills 3] [--rate 50]` starts the whole system in a throw-away folder, lets records
arrive all the time, kills one process after the other, and takes the seconds from the kill until a record that was
accepted after it is on `contacts.clean` (its receipt says so, at most five seconds late). The system is idle again
before the next kill. At the end the books must be right; exit 1 where they are not, or where anything took too long.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

import aiohttp
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.bench.people import people
from tests.support.system import BACK_S, System, running

VICTIMS: Final = ("ingest", "dedup", "validate", "enrich", "rules", "backup", "kafka", "postgres")

ARRAY: Final = 10
"""Records of one request."""

WARM_UP: Final = 1_000
"""Records before the first kill: offsets, caches and tables are those of a system at work."""

LOOK_EVERY_S: Final = 0.1
PATIENCE_S: Final = 180.0
"""Beyond that it counts as never."""


def main() -> int:
    """Kill, wait, print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.recovery", description="Seconds after each kill -9.")
    parser.add_argument("--kills", type=int, default=3, help="kills of each process (3)")
    parser.add_argument("--rate", type=float, default=50.0, help="records that arrive in a second meanwhile (50)")
    wish = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kontaktwerk-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        found, books = asyncio.run(run(folder / "data", wish.kills, wish.rate))
    show(found, books)
    slowest = max(max(took) for took in found.values())
    return 0 if slowest <= BACK_S and books["waiting"] == 0 and books["in_contacts"] == books["accepted"] else 1


async def run(data: Path, kills: int, rate: float) -> tuple[dict[str, list[float]], Mapping[str, Any]]:
    """Seconds of each kill by process, and the books at the end."""
    found: dict[str, list[float]] = {victim: [] for victim in VICTIMS}
    arriving = endless()
    accepted = 0
    async with running(data) as system:
        for _ in range(WARM_UP // 100):
            accepted += await sent(system, [next(arriving) for _ in range(100)])
        await system.settled(accepted, seconds=PATIENCE_S)
        with Progress(console=Console(stderr=True)) as progress:
            task = progress.add_task("killing", total=kills * len(VICTIMS))
            for _ in range(kills):
                for victim in VICTIMS:
                    took, more = await after(system, victim, arriving, rate)
                    found[victim].append(took)
                    accepted += more
                    await system.settled(accepted, seconds=PATIENCE_S)
                    progress.advance(task)
        books = await system.settled(accepted, seconds=PATIENCE_S)
    return found, books


def endless() -> Iterator[dict[str, Any]]:
    """People without end, each of `crm`."""
    seed = 0
    while True:
        for number, person in enumerate(people(1_000, duplicates=0.2, seed=seed)):
            yield {**person, "source": "crm", "source_record_id": f"{seed}-{number}"}
        seed += 1


async def sent(system: System, records: Sequence[dict[str, Any]]) -> int:
    """Post patiently; how many there were."""
    await system.post_until_accepted(records, seconds=PATIENCE_S)
    return len(records)


async def after(system: System, victim: str, arriving: Iterator[dict[str, Any]], rate: float) -> tuple[float, int]:
    """Kill one process: the seconds until what was accepted afterwards is clean, and how many were sent meanwhile."""
    system.kill(victim)
    killed = time.monotonic()
    enough = asyncio.Event()
    first: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    arrive = asyncio.create_task(_arrive(system, arriving, rate, first, enough))
    event_id = await first
    took = 0.0
    while took < PATIENCE_S and not await _clean(system, event_id):
        await asyncio.sleep(LOOK_EVERY_S)
        took = time.monotonic() - killed
    enough.set()
    return took, await arrive


async def _arrive(
    system: System, arriving: Iterator[dict[str, Any]], rate: float, first: asyncio.Future[str], enough: asyncio.Event
) -> int:
    """Send at a rate until that is enough; how many were sent. `first` becomes the first event that was accepted."""
    accepted = 0
    while not enough.is_set():
        array = [next(arriving) for _ in range(ARRAY)]
        receipts = (await system.post_until_accepted(array, seconds=PATIENCE_S))["receipts"]
        accepted += len(array)
        if not first.done():
            first.set_result(receipts[0]["event_id"])
        await asyncio.sleep(ARRAY / rate)
    return accepted


async def _clean(system: System, event_id: str) -> bool:
    try:
        status, receipt = await system.call("GET", f"/v1/receipts/{event_id}", "reader")
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return False
    return status == 200 and receipt["state"] == "clean"


def show(found: Mapping[str, Sequence[float]], books: Mapping[str, Any]) -> None:
    """The table, ready to be copied."""
    table = Table(title="seconds from kill -9 until a record accepted afterwards is clean")
    table.add_column("killed")
    for heading in ("kills", "p50", "max"):
        table.add_column(heading, justify="right")
    for victim, took in found.items():
        table.add_row(victim, str(len(took)), f"{median(took):.1f}", f"{max(took):.1f}")
    console = Console(width=80)
    console.print(table)
    console.print(
        f"accepted {books['accepted']:,} = in contacts {books['in_contacts']:,} + waiting {books['waiting']:,}"
    )


if __name__ == "__main__":
    sys.exit(main())
