"""Poison among good records: `python -m tests.bench.poison [--poison 1000 --records 50000 --rate 300]`.

The whole system in a throw-away folder. Good records come at a steady rate, each measured from when it was to be sent
until its contact is on `contacts.clean`; between them bad ones of ten kinds, half through the front door and half on
the log. Then every letter is mended as a person would, and sent again. Exits 1 unless each bad one became one letter
with the right reason, every good record came out, every mended one arrived once, and the books add up.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from shared.runtime.broker import Draft
from shared.runtime.broker.kafka import KafkaBroker
from shared.runtime.settings import KafkaSettings
from tests.bench.pacing import latencies
from tests.support.poison import HOOK, expected, kind_of, mail, number_in
from tests.support.system import System, running

SETTLE_S: Final = 900
AT_ONCE: Final = 8
"""Letters mended at the same time."""

LOST_S: Final = float("inf")

JSON: Final = {"Content-Type": "application/json"}


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.poison")
    parser.add_argument("--poison", type=int, default=1_000)
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--rate", type=float, default=300.0, help="Good records a second.")
    return parser.parse_args(words)


async def bad_ones(system: System, count: int, rate: float) -> None:
    """Send so many bad ones, at this many a second."""
    broker = KafkaBroker(KafkaSettings(bootstrap_servers=system.endpoints()["kafka"]), "", "kontaktwerk.")
    producer = broker.producer()
    await producer.start()
    started = time.monotonic()
    for number in range(count):
        await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
        made = kind_of(number).made(number)
        if isinstance(made, Draft):
            await producer.send([made])
        else:
            status, body = await system.call("POST", HOOK, "sender", data=made, headers=JSON)
            assert status == 202, (kind_of(number).name, status, body)
    await producer.stop()


async def letters(system: System) -> list[Any]:
    """All open letters."""
    found: list[Any] = []
    path = "/v1/dead-letters?limit=500"
    cursor: str | None = ""
    while cursor is not None:
        _, page = await system.call("GET", path + (f"&cursor={cursor}" if cursor else ""))
        found += page["items"]
        cursor = page["next"]
    return found


async def mended(system: System, found: Sequence[Any]) -> list[str]:
    """Mend every letter, and say which could not be, or bore another reason than its kind has."""
    wrong: list[str] = []
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(letter: Any) -> None:
        async with turns:
            path = f"/v1/dead-letters/{letter['id']}"
            number = number_in((await system.call("GET", f"{path}?reveal=true"))[1])
            kind = kind_of(number)
            if (letter["stage"], letter["reason"]) != (kind.stage, kind.reason):
                wrong.append(f"{kind.name}: {letter['stage']} {letter['reason']}")
            status, body = await system.call("POST", f"{path}/fixes", json=kind.fix(number))
            if status != 200:
                wrong.append(f"{kind.name}: {status} {body}")

    await asyncio.gather(*map(one, found))
    return wrong


async def arrived_once(system: System, count: int) -> int:
    """How many of the mended ones are one contact with one record."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> bool:
        async with turns:
            _, found = await system.call("POST", "/v1/contact-searches", json={"email": mail(number)})
            return [item["records_total"] for item in found["items"]] == [1]

    return sum(await asyncio.gather(*map(one, range(count))))


async def measure(system: System, asked: argparse.Namespace) -> dict[str, tuple[str, bool]]:
    """What was found, each with whether it is as it must be."""
    good = [{"source": "crm", "source_record_id": f"good-{n}", "email": f"good{n}@example.com"}
            for n in range(asked.records)]  # fmt: skip
    lateness, _ = await asyncio.gather(
        latencies(system, good, asked.rate), bad_ones(system, asked.poison, asked.rate * asked.poison / asked.records)
    )
    before = await system.settled(asked.records, SETTLE_S)
    _, page = await system.call("GET", "/v1/dead-letters")
    groups = {(one["stage"], one["reason"]): one["letters"] for one in page["groups"]}
    wrong = await mended(system, await letters(system))
    total = asked.records + asked.poison
    after = await system.settled(total, SETTLE_S)
    once = await arrived_once(system, asked.poison)
    place = int(0.99 * (len(lateness) - 1))
    return {
        "letters": (f"{sum(groups.values())} of {asked.poison}", sum(groups.values()) == asked.poison),
        "with another reason": (str(len(wrong)), groups == expected(asked.poison) and not wrong),
        "good that arrived": (f"{before['in_contacts']} of {asked.records}", before["in_contacts"] == asked.records),
        "good: p50, p99, latest": (
            f"{lateness[len(lateness) // 2]:.2f}, {lateness[place]:.2f}, {lateness[-1]:.2f} s", lateness[-1] < LOST_S
        ),
        "mended that arrived once": (f"{once} of {asked.poison}", once == asked.poison),
        "accepted, in contacts": (
            f"{after['accepted']}, {after['in_contacts']}", after["accepted"] == after["in_contacts"] == total
        ),
        "still set aside": (str(after["dead_letters"] or 0), not after["dead_letters"]),
    }  # fmt: skip


async def run(asked: argparse.Namespace) -> int:
    """Start a system, measure, print; 1 where anything is not as it must be."""
    with tempfile.TemporaryDirectory(prefix="kontaktwerk-poison-") as folder:
        async with running(Path(folder) / "data") as system:
            found = await measure(system, asked)
    table = Table("", "found", "", title=f"{asked.poison} of ten kinds among {asked.records}, {asked.rate:g}/s")
    for name, (figure, right) in found.items():
        table.add_row(name, figure, "" if right else "WRONG")
    Console().print(table)
    return 0 if all(right for _, right in found.values()) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(run(arguments(sys.argv[1:]))))
