"""Looking at the system from outside once it is at rest: whole topics, the tables, the API."""

from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any, Final

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.topology import CLEAN, DEAD_LETTERS, EVENTS, RECEIVED
from tests.chaos.house import House
from tests.chaos.oracle import Said, Seen
from tests.chaos.relations import orphans
from tests.chaos.rubbish import MARK, TYPES, letter_of

PAGE: Final = 500


async def look(house: House, books: dict[str, Any]) -> Seen:
    """All there is to see."""
    kafka = house.engines.kafka.direct
    received: set[str] = set()
    expected: Counter[tuple[str, str, int, int, str]] = Counter()
    for topic in TYPES:
        async for said in messages(kafka, topic.name):
            if MARK in said.headers:
                stage, reason = letter_of(topic.name, said.headers[MARK])
                expected[stage, topic.name, said.partition, said.offset, reason] += 1
            elif topic is RECEIVED:
                received.add(said.headers["ce_id"])
    connection = await asyncpg.connect(house.engines.postgres.database_url)
    try:
        lie = await connection.fetch('SELECT topic, "partition", "offset" FROM ingest.dead_letter')
        receipts = await connection.fetch("SELECT event_id::text, state, reason FROM ingest.receipt")
        timeline = await connection.fetch("SELECT record_id::text, count(*) FROM rules.timeline GROUP BY 1")
        hanging = await orphans(connection)
    finally:
        await connection.close()
    return Seen(
        received=frozenset(received),
        clean=[said async for said in messages(kafka, CLEAN.name)],
        events=[said async for said in messages(kafka, EVENTS.name)],
        letters=await _letters(kafka, {(row[0], row[1], row[2]) for row in lie}),
        expected_letters=expected,
        receipts={row[0]: (row[1], row[2]) for row in receipts},
        table=await _contacts(house),
        interactions={row[0]: row[1] for row in timeline},
        orphans=hanging,
        books=books,
    )


async def _letters(kafka: str, indexed: set[tuple[str, int, int]]) -> Counter[tuple[str, str, int, int, str]]:
    """What the letters in the index are about: where the message lay that was set aside, by whom and why."""
    found: Counter[tuple[str, str, int, int, str]] = Counter()
    for topic in DEAD_LETTERS.values():
        async for said in messages(kafka, topic.name):
            if (said.topic, said.partition, said.offset) in indexed:
                about = {name: said.headers[f"dead-letter-{name}"] for name in ("topic", "partition", "offset")}
                stage, reason = said.headers["dead-letter-stage"], said.headers["dead-letter-reason"]
                found[stage, about["topic"], int(about["partition"]), int(about["offset"]), reason] += 1
    return found


async def _contacts(house: House) -> dict[str, dict[str, Any]]:
    """Every contact as the API tells it."""
    found: dict[str, dict[str, Any]] = {}
    cursor: str | None = None
    while True:
        path = f"/v1/contacts?limit={PAGE}" + (f"&cursor={cursor}" if cursor else "")
        status, page = await house.system.call("GET", path, "reader")
        assert status == 200, f"/v1/contacts answered {status}"
        found |= {one["contact_id"]: one for one in page["items"]}
        cursor = page["next"]
        if cursor is None:
            return found


async def messages(bootstrap_servers: str, topic: str) -> AsyncGenerator[Said]:
    """Every message of a topic, from its start to its present end."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap_servers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        group_id=None,
    )
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        ends: dict[Any, int] = {place: end for place, end in (await consumer.end_offsets(places)).items() if end}
        while ends:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers}
                    key = (record.key or b"").decode("utf-8", "replace")
                    yield Said(topic, record.partition, record.offset, key, record.value, headers)
            for place in [place for place, end in ends.items() if await consumer.position(place) >= end]:
                del ends[place]
    finally:
        await consumer.stop()
