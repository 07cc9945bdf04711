"""`make chaos EVENTS= KILLS= SEED=`: break everything for a while, then count; exit 1 unless all five are 0.

python -m tests.chaos --events 1500 --kills 8 --seed 1
python -m tests.chaos --controls
"""

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.chaos.control import CONTROLS, wish
from tests.chaos.running import Report, Wish, run
from tests.chaos.table import table

SHOWN_EVENTS: Final = 200_000
SHOWN_KILLS: Final = 200
"""What issue and docs speak of."""


def main(arguments: Sequence[str]) -> int:
    """Run it and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--events", type=int, default=SHOWN_EVENTS, help="deliveries in all")
    parser.add_argument("--kills", type=int, default=SHOWN_KILLS, help="faults of every kind")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of load and faults; printed first")
    parser.add_argument("--controls", action="store_true", help="three runs without a guard each: all must fail")
    asked = parser.parse_args(arguments)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # our own clients complain of what we do to Kafka
    if asked.controls:
        return controls()
    print(f"EVENTS={asked.events} KILLS={asked.kills} SEED={asked.seed}", file=sys.stderr)
    report = once(Wish(asked.events, asked.kills, asked.seed))
    Console().print(table(report))
    return 0 if report.holds else 1


def controls() -> int:
    """Run all three; 0 only if each of them fails."""
    reports: dict[str, Report] = {}
    for name in CONTROLS:
        reports[name] = once(wish(name))
        Console().print(table(reports[name]))
    shown = Table("without", *next(iter(reports.values())).verdict.five, "found")
    for name, report in reports.items():
        found = "fails, as it must" if not report.verdict.holds else "holds: shows nothing"
        shown.add_row(CONTROLS[name][0], *(f"{value:,}" for value in report.verdict.five.values()), found)
    Console().print(shown)
    return 1 if any(report.verdict.holds for report in reports.values()) else 0


def once(wish: Wish) -> Report:
    """One run in a folder of its own, which Postgres may enter; kept where something was wrong, for its logs."""
    folder = Path(tempfile.mkdtemp(prefix="kontaktwerk-chaos-"))
    folder.chmod(0o755)
    print(f"in {folder}, which stays if anything is wrong", file=sys.stderr)
    report = asyncio.run(run(folder, wish, lambda line: print(line, file=sys.stderr, flush=True)))
    if report.holds:
        shutil.rmtree(folder)
    return report


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
