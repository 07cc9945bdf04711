"""A change of rules.yaml over many contacts while others arrive: what it costs the new ones, and whether it ends.

    python -m tests.bench.revisions
    python -m tests.bench.revisions --contacts 5000 --rate 50 --seconds 30

Exit code 1 when somebody is not under the new rule, the books do not balance, or the slowest hundredth of the new ones
takes twice as long as before, in the same run.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.support.revising import percentile, revising

RATIO_MAX = 2.0
"""How much longer the slowest hundredth may take beside a job (issue of the first version's second half)."""


def main() -> int:
    """Run the experiment and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=50_000)
    parser.add_argument("--rate", type=float, default=200.0, help="new records a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the new ones are timed before")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kontaktwerk-bench-") as folder:
        Path(folder).chmod(0o755)
        found = asyncio.run(
            revising(Path(folder), wanted.contacts, wanted.rate, wanted.seconds, wanted.seed, show=_show)
        )
    before, beside = percentile(found.before, 0.99), percentile(found.beside, 0.99)
    ratio = beside / before if before else 0.0
    print(f"contacts              {found.contacts:9,}")
    print(f"under the new rule    {found.revised:9,}")
    print(
        f"new ones, before      {len(found.before):9,}   p50 {percentile(found.before, 0.5):.2f} s, p99 {before:.2f} s"
    )
    print(
        f"new ones, beside      {len(found.beside):9,}   p50 {percentile(found.beside, 0.5):.2f} s, p99 {beside:.2f} s"
    )
    print(f"p99, beside / before  {ratio:9.2f}")
    print(f"asked for again       {found.job['asked']:9,}   in {found.job_s:,.0f} s")
    books = found.books
    print(f"books                 {books['accepted']:9,}   accepted, {books['in_contacts']:,} in contacts")
    balanced = books["accepted"] == books["in_contacts"] and books["waiting"] == 0
    return 0 if balanced and found.revised == found.contacts and ratio < RATIO_MAX else 1


def _show(line: str) -> None:
    print(f"  {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
