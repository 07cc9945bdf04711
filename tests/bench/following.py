"""Reading `contacts.clean` to its end, as any subscriber would: the last message of each contact."""

from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition


async def present_contacts(bootstrap_servers: str, topic: str = "contacts.clean") -> dict[str, dict[str, Any]]:
    """Every contact that is not gone, by id, as the topic says it last."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest"
    )  # no seek to the beginning: the answer to a first look at the end may come after it, and win
    await consumer.start()
    try:
        numbers = None
        while not numbers:  # what is assigned by itself may come too late
            cluster = await consumer._client.fetch_all_metadata()  # pyright: ignore[reportPrivateUsage]
            numbers = cluster.partitions_for_topic(topic)
        partitions = [TopicPartition(topic, number) for number in numbers]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        contacts: dict[str, dict[str, Any]] = {}
        while any([await consumer.position(one) < ends[one] for one in partitions]):
            taken = await consumer.getmany(timeout_ms=500)
            for message in (message for batch in taken.values() for message in batch):
                key = (message.key or b"").decode()
                if message.value is None:
                    contacts.pop(key, None)
                else:
                    contacts[key] = msgspec.json.decode(message.value)
        return contacts
    finally:
        await consumer.stop()
