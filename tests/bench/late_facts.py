"""Late facts at the size of the promise: 10,000 contacts, answers at random moments, every stage killed ten times.

    python -m tests.bench.late_facts
    python -m tests.bench.late_facts --records 2000 --rounds 3 --seed 5

Exit code 1 when a contact stays unknown, is told something wrong, or is asked about more often than deaths explain.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.support.late_facts import AT_ONCE, late_facts


def main() -> int:
    """Run the experiment and print what is left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=10, help="how often each stage is killed")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kontaktwerk-bench-") as folder:
        Path(folder).chmod(0o755)
        found = asyncio.run(late_facts(Path(folder), wanted.records, wanted.rounds, wanted.seed, show=_show))
    kills = sum(found.kills.values())
    print(f"contacts            {found.contacts:8,}   of {wanted.records:,} sent, seed {wanted.seed}")
    print(f"stay unknown        {found.unknown:8,}")
    print(f"told something wrong{found.wrong:8,}")
    print(f"processes killed    {kills:8,}   each of {len(found.kills)} stages {wanted.rounds} times")
    print(f"questions asked     {found.asked:8,}   about {found.companies:,} companies")
    print(f"seconds             {found.seconds:8,.0f}")
    too_often = found.asked > found.companies + AT_ONCE * found.kills["enrich"]
    return 1 if found.contacts != wanted.records or found.unknown or found.wrong or too_often else 0


def _show(line: str) -> None:
    print(f"  {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
