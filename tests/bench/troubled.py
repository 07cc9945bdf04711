"""What a provider in trouble costs the whole chain: latency and contacts a second, beside a healthy one, in one run.

Run `python -m tests.bench.troubled [--rate 100] [--seconds 10] [--rounds 3]`. One system, as a user starts it, and one
provider that answers, is down, never ends, or lies. The ways take turns, so that noise hits all alike; each turn sends
people at domains that nobody has asked about, at a steady rate, and begins with a breaker that is closed.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg
from rich.console import Console
from rich.table import Table

from deploy.local.plan import ROOT
from tests.bench.pacing import latencies
from tests.bench.people import people
from tests.integration.enrich.provider import Answers, down, lying, playing, slow, well
from tests.support.system import System, running

WAYS: Final[dict[str, Answers]] = {"answers": well, "down": down, "slow": slow, "lies": lying}
PER_DOMAIN: Final = 4
REST_S: Final = 300.0
"""Until what one turn left behind is done, on a busy machine."""

ON_THEIR_WAY: Final = "SELECT count(*) FROM runtime.question WHERE leased_until > now()"

PROVIDERS: Final = """\
providers:
  companies: {{asks: company_domain, url: "http://127.0.0.1:{port}/v1/{{company_domain}}", echo: "$.domain",
              rate: 100/s, timeout: 5s, fills: {{company.industry: "$.industry"}}}}
"""


async def run(folder: Path, rate: float, seconds: float, rounds: int) -> dict[str, tuple[list[float], float]]:
    """By way all latencies in order of size, and contacts a second."""
    late: dict[str, list[float]] = defaultdict(list)
    took: dict[str, float] = defaultdict(float)
    async with playing() as provider:
        config = folder / "config"
        shutil.copytree(ROOT / "deploy" / "config", config)
        (config / "providers.yaml").write_text(PROVIDERS.format(port=provider.port))
        settings = {
            "KONTAKTWERK_CONFIG_DIR": str(config),
            "KONTAKTWERK_ENRICH_PRIVATE_ADDRESSES": "allow",
            "KONTAKTWERK_VALIDATE_DNS": "off",
        }
        async with running(folder / "data", settings=settings) as system:
            sent = 0
            for turn in range(rounds):
                for name, answers in WAYS.items():
                    provider.answers = answers
                    await _closed(system)
                    records = _employees(round(rate * seconds), turn, name)
                    started = time.monotonic()
                    late[name] += await latencies(system, records, rate)
                    took[name] += time.monotonic() - started
                    sent += len(records)
                    await system.settled(sent, seconds=REST_S)
                    print(f"  {turn + 1}/{rounds} {name}: {provider.asked.total()} questions so far", file=sys.stderr)
    return {name: (sorted(some), len(some) / took[name]) for name, some in late.items()}


async def _closed(system: System) -> None:
    """No breaker of the turn before, and no question of it: not even one that still waits for its time-out."""
    connection = await asyncpg.connect(system.endpoints()["database"])
    try:
        async with asyncio.timeout(REST_S):
            while await connection.fetchval(ON_THEIR_WAY):  # noqa: ASYNC110 (nobody tells when the last is back)
                await asyncio.sleep(0.5)
        await connection.execute("DELETE FROM enrich.provider; DELETE FROM runtime.question WHERE service = 'enrich'")
    finally:
        await connection.close()


def _employees(count: int, turn: int, name: str) -> list[dict[str, Any]]:
    seed = turn * len(WAYS) + list(WAYS).index(name)
    found: list[dict[str, Any]] = []
    for number, person in enumerate(people(count, duplicates=0.0, seed=seed)):
        mailbox = person["email"].partition("@")[0]
        mail = f"{mailbox}@werk-{turn}-{name}-{number // PER_DOMAIN}.example"
        found.append({**person, "source": "crm", "source_record_id": f"{turn}-{name}-{number}", "email": mail})
    return found


def main(arguments: Sequence[str]) -> int:
    """Print the table; 0 only if everybody came out."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.troubled")
    parser.add_argument("--rate", type=float, default=100.0, help="records a second")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each turn")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="kontaktwerk-troubled-") as name:
        Path(name).chmod(0o755)
        found = asyncio.run(run(Path(name), asked.rate, asked.seconds, asked.rounds))
    table = Table("provider", "contacts/s", "p50 s", "p99 s", "p99, ratio", title=f"sent at {asked.rate:.0f} a second")
    healthy = _at(found["answers"][0], 0.99)
    for way, (late, rate) in found.items():
        p99 = _at(late, 0.99)
        table.add_row(way, f"{rate:,.0f}", f"{_at(late, 0.5):.2f}", f"{p99:.2f}", f"{p99 / healthy:.2f}")
    Console().print(table)
    return 0 if all(late[-1] < float("inf") for late, _ in found.values()) else 1


def _at(late: Sequence[float], share: float) -> float:
    return late[int(len(late) * share)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
