"""What comes through the front door in a second: arrays of 100, single records, and web hooks with an HMAC.

`python -m tests.bench.front_door [--records 20000] [--requests 8000] [--senders 32]` starts the whole system in a
throw-away folder and stops everything behind the door while it measures, so that one process of ingest, Kafka and
Postgres have the machine to themselves: every answer is a 202 with Kafka's acknowledgement behind it. What the load
generator itself costs stands apart; bodies are written and signed before the clock runs. Then the others go on, and the
books must be right; exit 1 where they are not.
"""

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from rich.console import Console
from rich.table import Table

from deploy.local.plan import ROOT
from shared.commands.proofs import json_body, standard_signed
from tests.bench.costs import cpu_seconds
from tests.bench.people import people
from tests.support.system import System, running

ARRAY: Final = 100
"""What `send` and most integrations post at once."""

BEHIND: Final = ("dedup", "validate", "enrich", "rules", "backup")
"""Services that stand still meanwhile."""

SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SHOP: Final = f"\n  shop: {{connector: standard-webhooks, secrets: [{SECRET}]}}\n"

SETTLE_S: Final = 600.0
WARM_UP: Final = 200
"""Requests before the clock runs: connections, prepared statements and caches."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, ready to be sent."""

    path: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """Records a second, and microseconds of CPU for each of them by process."""

    rate: float
    costs: Mapping[str, float]
    generator: float


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.front_door", description="Speed of the front door.")
    parser.add_argument("--records", type=int, default=20_000, help="records sent in arrays of 100 (20,000)")
    parser.add_argument("--requests", type=int, default=8_000, help="single records, and hooks (8,000 of each)")
    parser.add_argument("--senders", type=int, default=32, help="requests under way at once (32)")
    wish = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kontaktwerk-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        config = folder / "config"
        shutil.copytree(ROOT / "deploy" / "config", config)
        with (config / "sources.yaml").open("a", encoding="utf-8") as stream:
            stream.write(SHOP)
        settings = {"KONTAKTWERK_CONFIG_DIR": str(config)}
        found, right = asyncio.run(run(folder / "data", settings, wish))
    show(found)
    return 0 if right else 1


async def run(data: Path, settings: dict[str, str], wish: argparse.Namespace) -> tuple[dict[str, Found], bool]:
    """All three ways, one after the other; and whether everything that was accepted came to its end."""
    found: dict[str, Found] = {}
    async with running(data, settings=settings) as system:
        still(system, signal.SIGSTOP)
        try:
            arrays = wish.records // ARRAY
            for title, written, each in (
                ("arrays of 100", in_arrays(system, arrays + WARM_UP // ARRAY), ARRAY),
                ("single records", one_by_one(system, wish.requests + WARM_UP), 1),
                ("hooks with HMAC", hooks(wish.requests + WARM_UP), 1),
            ):
                requests, warm = list(written), WARM_UP // each
                await sent(system, requests[:warm], wish.senders)
                found[title] = await measured(system, requests[warm:], each, wish.senders)
                print(f"  {title}: {found[title].rate:,.0f} records a second", file=sys.stderr)
        finally:
            still(system, signal.SIGCONT)
        accepted = arrays * ARRAY + 2 * wish.requests + 3 * WARM_UP
        books = await system.settled(accepted, seconds=SETTLE_S)
    return found, books["accepted"] == accepted and books["in_contacts"] == accepted


def still(system: System, sign: signal.Signals) -> None:
    """Stop the processes behind the door, or let them go on."""
    for service in BEHIND:
        for pid in system.endpoints()["pids"][service]:
            os.kill(pid, sign)


def in_arrays(system: System, count: int) -> Iterator[Request]:
    """Arrays of records, no two of them alike."""
    everybody = people(count * ARRAY, duplicates=0.0, seed=3)
    for number in range(count):
        records = [
            {**next(everybody), "source": "crm", "source_record_id": f"array-{number}-{place}"}
            for place in range(ARRAY)
        ]
        yield Request("/v1/records", msgspec.json.encode(records), _headers(system))


def one_by_one(system: System, count: int) -> Iterator[Request]:
    """Single records."""
    for number, person in enumerate(people(count, duplicates=0.0, seed=4)):
        record = {**person, "source": "webform", "source_record_id": f"single-{number}"}
        yield Request("/v1/records", msgspec.json.encode(record), _headers(system))


def hooks(count: int) -> Iterator[Request]:
    """Deliveries of a shop that signs as Standard Webhooks says."""
    now = datetime.now(UTC)
    for number, person in enumerate(people(count, duplicates=0.0, seed=5)):
        body = json_body({"type": "customer.created", "timestamp": now, "data": {**person, "id": f"shop-{number}"}})
        signed = standard_signed(body, SECRET, "", now)
        yield Request("/hooks/shop", body.body, {"Content-Type": body.content_type, **signed.headers})


async def measured(system: System, requests: Sequence[Request], each: int, senders: int) -> Found:
    """Send all of them: the rate, and what each process spent on a record."""
    before, ours, started = await cpu_seconds(system.endpoints()), time.process_time(), time.monotonic()
    await sent(system, requests, senders)
    seconds, ours = time.monotonic() - started, time.process_time() - ours
    after = await cpu_seconds(system.endpoints())
    records = len(requests) * each
    costs = {name: (spent - before.get(name, 0.0)) * 1e6 / records for name, spent in after.items()}
    return Found(records / seconds, costs, ours * 1e6 / records)


async def sent(system: System, requests: Sequence[Request], senders: int) -> None:
    """Send all, so many at once; anything but 202 ends it."""
    base, waiting = system.endpoints()["http"], iter(requests)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=senders)) as session:

        async def sender() -> None:
            for one in waiting:
                async with session.post(base + one.path, data=one.body, headers=one.headers) as answer:
                    text = await answer.text()
                    assert answer.status == 202, f"{answer.status}: {text[:200]}"

        await asyncio.gather(*(sender() for _ in range(senders)))


def _headers(system: System) -> dict[str, str]:
    token: Any = system.endpoints()["tokens"]["sender"]
    return {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}


def show(found: Mapping[str, Found]) -> None:
    """The table, ready to be copied."""
    table = Table(title="the front door: one process of ingest, each answer behind Kafka's acknowledgement")
    table.add_column("sent as")
    for heading in ("records a second", "ingest µs", "Kafka µs", "Postgres µs", "generator µs"):
        table.add_column(heading, justify="right")
    for title, one in found.items():
        postgres = sum(cost for name, cost in one.costs.items() if name.startswith("postgres"))
        costs = (one.costs["ingest"], one.costs["kafka"], postgres, one.generator)
        table.add_row(title, f"{one.rate:,.0f}", *(f"{cost:,.0f}" for cost in costs))
    Console(width=100).print(table)


if __name__ == "__main__":
    sys.exit(main())
