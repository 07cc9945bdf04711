"""Does anything grow: memory, tasks, connections, file handles of every process under a steady load.

Records of new persons arrive at a steady rate. Every few seconds each process is looked at; after the first stretch, in
which caches fill, a line is laid through the means of ten equal stretches. Its slope has a confidence interval of 95 %
(Student, eight degrees of freedom): means of stretches, since one look hardly differs from the look before it.

    python -m tests.bench.flat --minutes 30 --rate 40
"""

import argparse
import asyncio
import json
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Final, NamedTuple

import psutil

from shared.topology import SERVICES
from tests.bench.away import Sent, sending
from tests.support.system import System, running

LOOK_EVERY_S: Final = 2.0
"""Thirty looks a minute cost each process a scrape."""

WARM: Final = 0.25
"""The share of the run in which caches, pools and heaps fill; it is not judged."""

STRETCHES: Final = 10
STUDENT: Final = 2.306
"""Of eight degrees of freedom: ten stretches less the two figures of a line; half of 95 % on either side."""

GROWTH_MB_H: Final = 10.0
"""What is certainly steeper grows: a process of 100 MB would reach a gigabyte within four days."""

COUNT_GROWTH: Final = 4
"""A pool opens a connection more when it is needed; what leaks does so with every batch."""

TASKS: Final = re.compile(r"^kontaktwerk_tasks\{[^}]*\} (\S+)$", re.MULTILINE)


class Look(NamedTuple):
    """One process at one moment; tasks are those of its event loop, None for an engine."""

    at_s: float
    megabytes: float
    handles: int
    connections: int
    tasks: int | None


class Slope(NamedTuple):
    """Per hour, and half the width of its interval of 95 %."""

    per_hour: float
    give_or_take: float

    @property
    def certainly(self) -> float:
        """The least it is."""
        return self.per_hour - self.give_or_take


def slope(points: Sequence[tuple[float, float]]) -> Slope:
    """The slope of a line through the means of STRETCHES equal parts of these (seconds, value), in order of time."""
    size = len(points) // STRETCHES
    assert size > 0, f"{len(points)} looks are too few"
    parts = [points[number * size : (number + 1) * size] for number in range(STRETCHES)]
    hours = [fmean(at for at, _ in part) / 3600 for part in parts]
    values = [fmean(value for _, value in part) for part in parts]
    middle, mean = fmean(hours), fmean(values)
    spread = sum((hour - middle) ** 2 for hour in hours)
    steep = sum((hour - middle) * (value - mean) for hour, value in zip(hours, values, strict=True)) / spread
    left = sum((value - mean - steep * (hour - middle)) ** 2 for hour, value in zip(hours, values, strict=True))
    return Slope(steep, STUDENT * (left / (STRETCHES - 2) / spread) ** 0.5)


def grown(counts: Sequence[int]) -> float:
    """How much more there usually is in the last fifth than in the first."""
    fifth = max(1, len(counts) // 5)
    return median(counts[-fifth:]) - median(counts[:fifth])


async def watched(system: System, until: asyncio.Task[None]) -> dict[str, list[Look]]:
    """What every process looked like, until the other thing has ended."""
    looks: dict[str, list[Look]] = defaultdict(list)
    ports = json.loads((system.data / "run" / "ports.json").read_text())
    began, minute = time.monotonic(), 0
    while not until.done():
        for name, found in system.endpoints()["pids"].items():
            pids = found if isinstance(found, list) else [found]
            for number, pid in enumerate(pids, 1):
                label = f"{name}-{number}" if name in SERVICES else name
                tasks = await _tasks(system, ports[label]) if name in SERVICES else None
                looks[label].append(_look(psutil.Process(pid), time.monotonic() - began, tasks))
        if (passed := int(time.monotonic() - began) // 60) > minute:
            minute = passed
            ours = sum(seen[-1].megabytes for seen in looks.values())
            print(f"  {minute} minutes, {ours:,.0f} MB in all", file=sys.stderr)
        await asyncio.sleep(LOOK_EVERY_S)
    await until
    return looks


async def _tasks(system: System, port: int) -> int:
    async with system.session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        found = TASKS.search(await answer.text())
    assert found is not None, "every process tells its tasks"
    return int(float(found[1]))


def _look(process: psutil.Process, at_s: float, tasks: int | None) -> Look:
    with process.oneshot():
        megabytes = process.memory_info().rss / 1e6
        return Look(at_s, megabytes, process.num_fds(), len(process.net_connections("inet")), tasks)


def told(looks: dict[str, list[Look]]) -> list[str]:
    """Print the table; the processes of ours that grow. Engines fill caches of a fixed size: they are shown only."""
    grow: list[str] = []
    print("process        MB first    last   MB an hour (95 %)      tasks  connections  handles")
    for name, seen in sorted(looks.items()):
        calm = seen[int(len(seen) * WARM) :]
        steep = slope([(one.at_s, one.megabytes) for one in calm])
        tasks = [one.tasks for one in calm if one.tasks is not None]
        counts = {
            "tasks": grown(tasks) if tasks else 0.0,
            "connections": grown([one.connections for one in calm]),
            "handles": grown([one.handles for one in calm]),
        }
        print(
            f"{name:<14} {calm[0].megabytes:>8.1f} {calm[-1].megabytes:>7.1f}   {steep.per_hour:>+7.1f} ± "
            f"{steep.give_or_take:<7.1f} {counts['tasks']:>+9.0f} {counts['connections']:>+12.0f} "
            f"{counts['handles']:>+8.0f}"
        )
        if name.rpartition("-")[0] in SERVICES:
            grow += [f"{name}: memory"] if steep.certainly > GROWTH_MB_H else []
            grow += [f"{name}: {what}" for what, more in counts.items() if more > COUNT_GROWTH]
    return grow


async def measured(folder: Path, minutes: float, rate: float) -> dict[str, list[Look]]:
    """One run: what every process looked like."""
    async with running(folder / "data", None, {"KONTAKTWERK_VALIDATE_DNS": "off"}) as system:
        sent = Sent()
        load = asyncio.create_task(sending(system, rate, asyncio.sleep(minutes * 60), sent))
        looks = await watched(system, load)
    print(f"{len(sent.accepted):,} records in {minutes:g} minutes, {sent.refused.total()} refused")
    return looks


def main() -> int:
    """Read the wishes, run, and print the table; 1 where something of ours grows."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.flat",
        description="Whether anything grows under a steady load.",
        epilog="Example: python -m tests.bench.flat --minutes 30 --rate 40",
    )
    parser.add_argument("--minutes", type=float, default=30, help="of load")
    parser.add_argument("--rate", type=float, default=40, help="records a second")
    wished = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kontaktwerk-flat-") as name:
        Path(name).chmod(0o755)
        grow = told(asyncio.run(measured(Path(name), wished.minutes, wished.rate)))
    print("flat" if not grow else f"GROWS: {', '.join(grow)}")
    return 1 if grow else 0


if __name__ == "__main__":
    sys.exit(main())
