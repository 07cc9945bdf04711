"""The present of every contact, read from `contacts.clean` alone, as a subscriber who starts today would."""

import asyncio
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition, errors

from shared.commands.kafka import settings_of
from shared.commands.running import Failed, Running
from shared.runtime.broker.kafka_client import connection
from shared.runtime.settings import Settings
from shared.topology import CLEAN

SILENCE_S: Final = 20.0
"""No message for so long although some must come: Kafka is away."""


async def contacts(running: Running) -> dict[str, dict[str, Any]]:
    """Each contact that is there, by id: the last message of its key, unless that is a tombstone."""
    return {key: msgspec.json.decode(value) for key, value in (await last_values(running)).items() if value is not None}


async def last_values(running: Running) -> dict[str, bytes | None]:
    """The last value of every key up to the present end of the topic; None for a tombstone."""
    topic = Settings().topic_prefix + CLEAN.name
    consumer = AIOKafkaConsumer(
        topic,
        **connection(settings_of(running)),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        group_id=None,
    )
    try:
        await consumer.start()
        return await _read(consumer, topic)
    except (errors.KafkaError, OSError, TimeoutError) as error:
        raise Failed(f"{topic} cannot be read ({type(error).__name__})") from None
    finally:
        await consumer.stop()


async def _read(consumer: Any, topic: str) -> dict[str, bytes | None]:
    places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    ends: dict[Any, int] = {place: end for place, end in (await consumer.end_offsets(places)).items() if end}
    found: dict[str, bytes | None] = {}
    async with asyncio.timeout(None) as limit:
        while ends:
            limit.reschedule(asyncio.get_running_loop().time() + SILENCE_S)
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    found[record.key.decode()] = record.value
            for place in [place for place, end in ends.items() if await consumer.position(place) >= end]:
                del ends[place]
    return found
