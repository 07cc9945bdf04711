"""A rolling restart under load: every process of every service is asked to end, one after the other, as a release does.

`python -m tests.bench.rolling [--rate 30] [--calm 20]` starts the whole system in a throw-away folder, two processes of
each service, and sends records at a steady rate, each in a request of its own, first in calm and then while the twelve
processes are restarted in turn. The table sets both stretches side by side: what senders waited for their 202, and how
long a record took to `contacts.clean`, each from its planned time. Exit 1 when a record is lost or done twice, or a
sender sees a broken connection.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from deploy.local.plan import SERVICES
from tests.bench.away import Found, Sent, found, sending
from tests.bench.pacing import LATE_S, watching
from tests.support.system import System, running

PROCESSES: Final = 2
"""Of each service: while one ends, the other goes on."""

SETTLE_S: Final = 5.0
"""Between a successor's start and the next restart: a release waits until a process is ready."""

WARM_UP_S: Final = 5.0
"""Of sending before the calm stretch counts: connections, caches and plans are those of a system at work."""

LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Run:
    """What there is to tell. `clean` are the seconds to `contacts.clean` with the planned second of each; `rolling_s`
    is when the first process was asked to end.
    """

    sent: Sent
    end: Found
    clean: Sequence[tuple[float, float]]
    rolling_s: float
    ended_s: float


def main() -> int:
    """Restart everything, print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.rolling", description="A rolling restart under load.")
    parser.add_argument("--rate", type=float, default=30.0, help="records a second (30)")
    parser.add_argument("--calm", type=float, default=20.0, help="seconds before the first restart (20)")
    wish = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kontaktwerk-rolling-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        run = asyncio.run(measured(folder / "data", wish.rate, wish.calm))
    show(run, wish.rate)
    accepted = len(set(run.sent.accepted))
    return 1 if run.end.lost or run.sent.broken or run.end.ended != accepted else 0


async def measured(data: Path, rate: float, calm_s: float) -> Run:
    """One run."""
    workers = ",".join(f"{service}={PROCESSES}" for service in SERVICES)
    async with running(data, workers, {"KONTAKTWERK_VALIDATE_DNS": "off"}) as system:
        sent, times = Sent(), list[float]()
        async with watching(system.endpoints()["kafka"]) as watch:
            started = time.monotonic()
            await sending(system, rate, rolled(system, calm_s, times), sent)
            numbers = range(len(sent.accepted))
            with suppress(TimeoutError):
                async with asyncio.timeout(LATE_S):
                    while any(f"away-{one}" not in watch.seen for one in numbers):  # noqa: ASYNC110 (it tells nobody)
                        await asyncio.sleep(LOOK_S)
            clean = [
                (number / rate, watch.seen.get(f"away-{number}", float("inf")) - started - number / rate)
                for number in numbers
            ]
        end = await found(system, system.endpoints()["kafka"], sent)
    return Run(sent, end, clean, times[0] - started, times[-1] - started)


async def rolled(system: System, calm_s: float, times: list[float]) -> None:
    """Wait, then restart every process in turn; when the first was asked to end, and when the last was replaced."""
    await asyncio.sleep(WARM_UP_S + calm_s)
    times.append(time.monotonic())
    for service in SERVICES:
        for number in range(PROCESSES):
            pid = system.endpoints()["pids"][service][number]
            os.kill(pid, signal.SIGTERM)
            await system.replaced(service, pid)
            print(f"  {service}-{number + 1} restarted after {time.monotonic() - times[0]:.0f} s", file=sys.stderr)
            await asyncio.sleep(SETTLE_S)
    times.append(time.monotonic())


def show(run: Run, rate: float) -> None:
    """The figures, ready to be copied."""
    table = Table(title=f"{len(SERVICES) * PROCESSES} processes restarted in turn at {rate:.0f} records a second")
    for heading in ("seconds", "calm", "restarting"):
        table.add_column(heading, justify="left" if heading == "seconds" else "right")
    stretches = ((WARM_UP_S, run.rolling_s), (run.rolling_s, run.ended_s))
    for title, latencies in (("202 after", run.sent.latencies), ("clean after", run.clean)):
        for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
            table.add_row(f"{title}, {name}", *(f"{_at(latencies, share, *one):.2f}" for one in stretches))
    console = Console(width=80)
    console.print(table)
    accepted = len(set(run.sent.accepted))
    console.print(
        f"accepted {accepted:,}; lost {run.end.lost}, done twice {run.end.ended - accepted}, connection errors "
        f"{run.sent.broken.total()}, refused and sent again {run.sent.refused.total()}"
    )


def _at(latencies: Sequence[tuple[float, float]], share: float, first_s: float, end_s: float) -> float:
    among = sorted(latency for planned, latency in latencies if first_s <= planned < end_s)
    return among[min(len(among) - 1, int(share * len(among)))]


if __name__ == "__main__":
    sys.exit(main())
