"""Latency at a steady rate: from the moment a record was to be sent until its contact is on `contacts.clean`.

Records leave when their time has come, whether those before were answered or not, and each is measured from its planned
time: a system that stands still for a second makes all records of that second late, and all of them are counted.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.topology import CLEAN
from tests.support.system import System

ARRAY: Final = 10
"""Records of one request: 30 requests a second at 300."""

LATE_S: Final = 120.0
"""Who has not come out so long after the last record was sent is counted as lost."""


class _Light(msgspec.Struct):
    """Of a clean contact only its records."""

    records: tuple[dict[str, Any], ...]


class Watch:
    """When each record was first seen on `contacts.clean`, by its source's id."""

    def __init__(self) -> None:
        self.seen: dict[str, float] = {}
        self._decoder = msgspec.json.Decoder(_Light)

    async def follow(self, consumer: AIOKafkaConsumer) -> None:
        """Read on, until cancelled."""
        async for message in consumer:
            now = time.monotonic()
            if message.value is not None:
                for record in self._decoder.decode(message.value).records:
                    self.seen.setdefault(record["source_record_id"], now)


@contextlib.asynccontextmanager
async def watching(bootstrap_servers: str) -> AsyncGenerator[Watch]:
    """A watch that sees what comes from now on."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, group_id=None, enable_auto_commit=False)
    await consumer.start()
    cluster = await consumer._client.fetch_all_metadata()  # pyright: ignore[reportPrivateUsage]
    partitions = [TopicPartition(CLEAN.name, number) for number in cluster.partitions_for_topic(CLEAN.name) or ()]
    assert partitions, "the topic is there before anything runs"
    consumer.assign(partitions)
    await consumer.seek_to_end(*partitions)
    for partition in partitions:
        await consumer.position(partition)
    watch = Watch()
    following = asyncio.create_task(watch.follow(consumer))
    yield watch
    following.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await following
    await consumer.stop()


async def latencies(system: System, records: Sequence[dict[str, Any]], rate: float) -> list[float]:
    """Seconds of each record, in order of size; infinite for those that never came. Sends at this many a second."""
    planned: dict[str, float] = {}
    sending: list[asyncio.Task[Any]] = []
    async with watching(system.endpoints()["kafka"]) as watch:
        started = time.monotonic()
        for place in range(0, len(records), ARRAY):
            array, at = records[place : place + ARRAY], started + place / rate
            planned |= dict.fromkeys((record["source_record_id"] for record in array), at)
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            sending.append(asyncio.create_task(system.post_until_accepted(array)))
        await asyncio.gather(*sending)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LATE_S):
                while not planned.keys() <= watch.seen.keys():  # noqa: ASYNC110 (the watch tells nobody)
                    await asyncio.sleep(0.1)
    return sorted(watch.seen.get(one, float("inf")) - at for one, at in planned.items())
