"""The experiment of revisions: a rule is changed over many contacts while new ones arrive, and carried out behind them.

What is shown: all contacts end under the new rule, the books balance, and how long the new ones take with and without
the job beside them. How long a record takes is the time on its message in Kafka less the time before it was posted.
"""

import asyncio
import contextlib
import math
import shutil
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local.plan import ROOT
from shared.commands import present
from shared.commands.running import Running
from tests.bench.people import people
from tests.support.system import System, running

ARRAY: Final = 100
"""Records of one request while the list is loaded."""

ARRIVES: Final = 5
"""Records of one request while time is taken: as some senders at once would bring them."""

JOB_S: Final = 1_800.0
"""At 200 a second a job over 50,000 takes four minutes; a busy machine may take its time."""

RULE: Final = """
  - name: revised
    when: has(contact.name.family) && contact.name.family != "{unlikely}"
    then: {{category: revised, score: 3}}
"""

Show = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: how many contacts there are and stand under the new rule, the seconds that new records took
    before and beside the job, and the books.
    """

    contacts: int
    revised: int
    before: Sequence[float]
    beside: Sequence[float]
    job: dict[str, Any]
    job_s: float
    books: dict[str, Any]


def percentile(seconds: Sequence[float], share: float) -> float:
    """The time within which this share of records was clean; 0 for none."""
    ranked = sorted(seconds)
    return ranked[min(len(ranked) - 1, math.ceil(share * len(ranked)) - 1)] if ranked else 0.0


async def revising(
    folder: Path, contacts: int, rate: float, seconds: float, seed: int, show: Show = lambda _: None
) -> Outcome:
    """Load `contacts`, take the time of new ones, change rules.yaml, take it again until the job has ended."""
    config = folder / "config"
    shutil.copytree(ROOT / "deploy" / "config", config)
    settings = {"KONTAKTWERK_CONFIG_DIR": str(config), "KONTAKTWERK_VALIDATE_DNS": "off"}
    async with running(folder / "data", settings=settings) as system:
        crowd = [one | {"source": "crm"} for one in people(contacts, duplicates=0.0, seed=seed)]
        for start in range(0, len(crowd), ARRAY):
            await system.post_until_accepted(crowd[start : start + ARRAY])
            show(f"{start + ARRAY:,} of {contacts:,} loaded")
        await system.settled(contacts, seconds=JOB_S)
        async with _listening(system) as ear:
            arrivals = Arrivals(system, ear, rate, seed + 1)
            before = await arrivals.bring(lambda: arrivals.brought_s >= seconds)
            show(f"{len(before):,} new ones before, p99 {percentile(before, 0.99):.2f} s")
            with (config / "rules.yaml").open("a", encoding="utf-8") as file:
                file.write(RULE.format(unlikely="-"))
            changed = time.monotonic()
            watch = asyncio.create_task(_ended(system, show))
            beside = await arrivals.bring(watch.done)
            job, job_s = await watch, time.monotonic() - changed
        books = await system.settled(contacts + arrivals.count, seconds=JOB_S)
        found = list((await present.contacts(Running(system.data))).values())
    return Outcome(
        contacts=len(found),
        revised=sum("revised" in one["categories"] for one in found),
        before=before,
        beside=beside,
        job=job,
        job_s=job_s,
        books=books,
    )


@dataclass(slots=True)
class Arrivals:
    """New people at a steady rate, and how long each takes to become clean."""

    system: System
    ear: "Ear"
    rate: float
    seed: int
    count: int = 0
    brought_s: float = 0.0

    async def bring(self, enough: Callable[[], bool]) -> list[float]:
        """Post until it is enough; the seconds that each took, once all are clean."""
        crowd = people(10_000_000, duplicates=0.0, seed=self.seed)
        self.seed += 1
        posted: dict[str, float] = {}
        started, number = time.monotonic(), 0
        self.brought_s = 0.0
        while not enough():
            some = [next(crowd) | {"source": "webform", "source_record_id": f"{self.seed}-{number + n}"}
                    for n in range(ARRIVES)]  # fmt: skip
            at = time.time()
            receipts = (await self.system.post_until_accepted(some))["receipts"]
            posted |= {receipt["record_id"]: at for receipt in receipts}
            number += ARRIVES
            self.brought_s = time.monotonic() - started
            await asyncio.sleep(max(0.0, number / self.rate - self.brought_s))
        self.count += number
        until = time.monotonic() + JOB_S
        while not posted.keys() <= self.ear.clean_at.keys():
            assert time.monotonic() < until, "some never become clean"
            await asyncio.sleep(0.2)
        return [self.ear.clean_at[record_id] - at for record_id, at in posted.items()]


@dataclass(slots=True)
class Ear:
    """When each record was first in a clean contact, by the time on the message."""

    clean_at: dict[str, float] = field(default_factory=dict[str, float])

    async def listen(self, consumer: AIOKafkaConsumer) -> None:
        """Until it is cancelled."""
        while True:
            taken = await consumer.getmany(timeout_ms=500)
            for message in (message for batch in taken.values() for message in batch):
                if message.value is not None:
                    for record in msgspec.json.decode(message.value)["records"]:
                        self.clean_at.setdefault(record["record_id"], message.timestamp / 1000)


@contextlib.asynccontextmanager
async def _listening(system: System) -> AsyncGenerator[Ear]:
    consumer = AIOKafkaConsumer(bootstrap_servers=system.endpoints()["kafka"], group_id=None, enable_auto_commit=False)
    await consumer.start()
    try:
        cluster = await consumer._client.fetch_all_metadata()  # pyright: ignore[reportPrivateUsage]
        partitions = [
            TopicPartition("contacts.clean", number) for number in cluster.partitions_for_topic("contacts.clean") or ()
        ]
        consumer.assign(partitions)
        await consumer.seek_to_end(*partitions)
        ear = Ear()
        task = asyncio.create_task(ear.listen(consumer))
        yield ear
        task.cancel()
        await asyncio.wait([task])
    finally:
        await consumer.stop()


async def _ended(system: System, show: Show) -> dict[str, Any]:
    """The job of the second revision, once it has ended and all it asked for is said."""
    until = time.monotonic() + JOB_S
    while time.monotonic() < until:
        await asyncio.sleep(1.0)
        code, status = await system.call("GET", "/v1/status", "reader")
        if code != 200 or status["configuration"]["revision"] < 2:
            continue
        job: dict[str, Any] = status["configuration"]["job"]
        show(f"{job['asked']:,} of {job['total'] or 0:,} asked for again")
        if job["ended_at"] is not None:
            return job
    raise AssertionError("the job does not end")
