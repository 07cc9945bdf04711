"""What Kafka's being away costs: every 202 arrives, none does anything twice, no sender sees a broken connection.

A steady stream of records goes in at the front door, each in a request of its own, on time whether those before were
answered or not; meanwhile Kafka, which is not the supervisor's here, is stopped for a while; or the processes of ingest
are asked to end one after the other. Then everything must come to its end, and the log is read from its start.

    python -m tests.bench.away --rate 300 --seconds 120            Kafka is away for two minutes
    python -m tests.bench.away --rate 300 --restarts 4             two processes of ingest, restarted in turn
"""

import argparse
import asyncio
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
from aiokafka import AIOKafkaConsumer

from deploy.local.folder import DataFolder
from deploy.local.kafka import Kafka
from shared.topology import RECEIVED
from tests.support.system import System, running

CONNECTIONS: Final = 128
"""Of the sender, kept open: enough for the answers that take a second at 300 a second."""

AROUND_S: Final = 5.0
"""Of sending before and after what is measured."""

PATIENCE_S: Final = 120.0
"""For one record to be accepted: what is refused is sent again."""

SETTLED_S: Final = 1_800.0
"""For all to come to their end on a machine that is busy with other things."""


@dataclass(slots=True)
class Sent:
    """What the sender saw: latencies in seconds from a record's planned time, with the second it was planned in."""

    accepted: list[str] = field(default_factory=list[str])
    latencies: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    refused: Counter[int] = field(default_factory=Counter[int])
    broken: Counter[str] = field(default_factory=Counter[str])

    def percentile(self, share: float, first_s: float = 0.0, end_s: float = float("inf")) -> float:
        """The latency below which this share of the records planned within these seconds lies."""
        among = sorted(latency for planned, latency in self.latencies if first_s <= planned < end_s)
        return among[min(len(among) - 1, int(share * len(among)))]


@dataclass(frozen=True, slots=True)
class Found:
    """What is there at the end. `again` were said more than once under one id, `lost` were accepted and are not there;
    `ended` is what the books say became of all.
    """

    lost: int
    again: int
    ended: int


async def sending(system: System, rate: float, until: Awaitable[None], sent: Sent, first: int = 0) -> None:
    """Send so many records a second until the other thing has ended, and all of them until they are accepted.

    `first` is the number of the first record, for who sends again to the same system.
    """
    ended = asyncio.ensure_future(until)
    started, number, under_way = time.monotonic(), 0, set[asyncio.Task[None]]()
    endpoints = system.endpoints()
    headers = {"Authorization": f"Bearer {endpoints['tokens']['sender']}"}
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(endpoints["http"], connector=connector, headers=headers) as session:
        while not ended.done():
            planned = started + number / rate
            await asyncio.sleep(max(0.0, planned - time.monotonic()))
            task = asyncio.create_task(_one(session, first + number, started, planned, sent))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            number += 1
        await asyncio.gather(*under_way)
    await ended


async def _one(session: aiohttp.ClientSession, number: int, started: float, planned: float, sent: Sent) -> None:
    record = {
        "source": "webform",
        "source_record_id": f"away-{number}",
        "given_name": f"Anna{_letters(number)}",
        "family_name": f"Muster{_letters(number * 7_919)}",
        "email": f"anna.{number}@example.org",
        "observed_at": "2026-03-01T10:00:00Z",
    }
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            async with session.post("/v1/records", json=record) as answer:
                if answer.status == 202:
                    (receipt,) = (await answer.json())["receipts"]
                    sent.accepted.append(receipt["event_id"])
                    sent.latencies.append((planned - started, time.monotonic() - planned))
                    return
                sent.refused[answer.status] += 1
        except (aiohttp.ClientError, OSError) as error:
            sent.broken[type(error).__name__] += 1
        await asyncio.sleep(0.5)
    raise AssertionError(f"a record was not accepted within {PATIENCE_S:.0f} s: {sent.refused} {sent.broken}")


def _letters(number: int) -> str:
    """Names that nobody takes for each other."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


async def found(system: System, kafka: str, sent: Sent) -> Found:
    """Wait until everything has come to its end, and read the log from its start."""
    accepted = len(set(sent.accepted))
    books = await system.settled(accepted, SETTLED_S)
    assert not books["dropped"], f"nothing here is to be dropped: {books}"
    assert not books["dead_letters"], f"nothing here is to be set aside: {books}"
    said: Counter[str] = Counter()
    consumer = AIOKafkaConsumer(
        RECEIVED.name, bootstrap_servers=kafka, group_id=None, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        for position, end in ends.items():
            while await consumer.position(position) < end:
                for messages in (await consumer.getmany(position, timeout_ms=1_000)).values():
                    said.update(dict(message.headers)["ce_id"].decode() for message in messages)
    finally:
        await consumer.stop()
    return Found(len(set(sent.accepted) - set(said)), said.total() - len(said), books["in_contacts"])


@asynccontextmanager
async def standing(folder: Path, workers: str, settings: dict[str, str]) -> AsyncGenerator[tuple[System, Kafka]]:
    """The whole system, with a Kafka that only we start and stop."""
    of_kafka = DataFolder(folder / "kafka")
    with of_kafka.locked():
        kafka = Kafka(of_kafka)
        await asyncio.to_thread(kafka.start)
        try:
            named = settings | {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers}
            async with running(folder / "data", workers, named) as system:
                yield system, kafka
        finally:
            await asyncio.to_thread(kafka.stop)


async def kafka_away(kafka: Kafka, seconds: float, away: Callable[[], Awaitable[None]] | None = None) -> None:
    """Stop Kafka for so long, between two calm stretches; `away` is done in the middle."""
    await asyncio.sleep(AROUND_S)
    await asyncio.to_thread(kafka.stop)
    await asyncio.sleep(seconds / 2)
    if away is not None:
        await away()
    await asyncio.sleep(seconds / 2)
    await asyncio.to_thread(kafka.start)
    await asyncio.sleep(AROUND_S)


async def restarted(system: System, restarts: int) -> None:
    """Ask the processes of ingest to end, one after the other, each when the one before has its successor."""
    await asyncio.sleep(AROUND_S)
    for _ in range(restarts):
        pid = system.endpoints()["pids"]["ingest"][0]
        os.kill(pid, signal.SIGTERM)
        await system.replaced("ingest", pid)
        await asyncio.sleep(AROUND_S)


async def measured(rate: float, seconds: float, restarts: int) -> None:
    """One run, and its table."""
    with tempfile.TemporaryDirectory(prefix="kontaktwerk-away-") as name:
        settings = {"KONTAKTWERK_VALIDATE_DNS": "off"}
        async with standing(Path(name), "ingest=2", settings) as (system, kafka):
            sent = Sent()
            until = restarted(system, restarts) if restarts else kafka_away(kafka, seconds)
            await sending(system, rate, until, sent)
            ended_at = time.monotonic()
            end = await found(system, kafka.bootstrap_servers, sent)
            took = time.monotonic() - ended_at
    calm = sent.percentile(0.99, 1.0, AROUND_S)
    print(f"records accepted            {len(sent.accepted):>8}")
    print(f"in contacts at the end      {end.ended:>8}   {took:.0f} s after the last was sent")
    print(f"lost                        {end.lost:>8}")
    print(
        f"done twice                  {end.ended - len(set(sent.accepted)):>8}   said again under one id: {end.again}"
    )
    print(f"connection errors           {sent.broken.total():>8}")
    print(f"refused, and sent again     {sent.refused.total():>8}   {dict(sent.refused)}")
    print(f"202 after, p50, p99, max    {sent.percentile(0.5):.3f} s, {sent.percentile(0.99):.3f} s, "
          f"{sent.percentile(1.0):.3f} s; before anything happened p99 {calm:.3f} s")  # fmt: skip
    wrong = end.lost or sent.broken or end.ended != len(set(sent.accepted))
    raise SystemExit(1 if wrong else 0)


def main() -> None:
    """Read the wishes."""
    parser = argparse.ArgumentParser(description="What Kafka's being away, or restarts of ingest, cost.")
    parser.add_argument("--rate", type=float, default=300, help="records a second")
    parser.add_argument("--seconds", type=float, default=120, help="that Kafka is away")
    parser.add_argument("--restarts", type=int, default=0, help="of processes of ingest, with Kafka there")
    wished = parser.parse_args()
    asyncio.run(measured(wished.rate, wished.seconds, wished.restarts))


if __name__ == "__main__":
    main()
