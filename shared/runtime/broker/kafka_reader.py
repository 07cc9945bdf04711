"""Reading a topic of Kafka by position, in no group: for who follows what happens without taking part in the work."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, errors

from shared.domain.errors import Transient
from shared.runtime.broker import Message
from shared.runtime.broker.kafka_client import START_TIMEOUT_S, message_of, stopped

FETCH_BYTES_MAX: Final = 64 * 1024
"""A reader holds what it has fetched of every partition: twelve of them stay below a megabyte for each reader."""


class KafkaReader:
    """One reader of all partitions of one topic."""

    def __init__(self, connected: Mapping[str, Any], topic: str, prefix: str) -> None:
        self._connected = dict(connected)
        self._topic = prefix + topic
        self._prefix = prefix
        self._consumer: Any = None

    async def start(self, after: Mapping[int, int] | None) -> dict[int, int]:
        """Begin; the next offset of every partition. Raises Transient while the topic cannot be reached."""
        consumer = AIOKafkaConsumer(
            self._topic,  # in no group all its partitions are ours
            **self._connected,
            client_id="kontaktwerk",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            check_crcs=True,
            max_partition_fetch_bytes=FETCH_BYTES_MAX,
        )
        self._consumer = consumer
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await consumer.start()
                return await self._placed(after)
        except (errors.KafkaError, OSError, TimeoutError) as error:
            await self.stop()
            raise Transient(type(error).__name__) from error

    async def _placed(self, after: Mapping[int, int] | None) -> dict[int, int]:
        consumer = self._consumer
        places = sorted(consumer.assignment())
        starts, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        begins = {
            one: ends[one] if after is None else min(max(after.get(one.partition, starts[one]), starts[one]), ends[one])
            for one in places
        }
        for place, offset in begins.items():
            consumer.seek(place, offset)
        return {place.partition: offset for place, offset in begins.items()}

    async def take(self, messages_max: int, wait_s: float) -> list[Message]:
        """The next messages. Raises Transient when the log cannot be read on: start anew from where it ended."""
        try:
            fetched = await self._consumer.getmany(timeout_ms=int(wait_s * 1000), max_records=messages_max)
        except errors.KafkaError as error:
            raise Transient(type(error).__name__) from error
        return [message_of(one, self._prefix) for records in fetched.values() for one in records]

    async def stop(self) -> None:
        """Let the connections go."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await stopped(consumer)
