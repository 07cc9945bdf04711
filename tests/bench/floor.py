"""The pass-through floor: the same way with nothing decided on it, as the measure of what the engines allow.

raw -> four stages, each decoding and encoding a contact of about 1 KB and passing it to the same partition of the next
topic -> one upsert by unnest into Postgres. Its speed in the same run is the denominator of every figure we publish.
"""

import asyncio
import multiprocessing
import time
from typing import Any, Final

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

STAGES: Final = 4
PARTITIONS: Final = 12
BATCH: Final = 500
UPSERT: Final = """
    INSERT INTO bench_floor (id, version, document)
    SELECT * FROM unnest($1::text[], $2::int[], $3::bytea[])
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, document = excluded.document
    WHERE bench_floor.version < excluded.version
"""


def measure(bootstrap_servers: str, database_url: str, contacts: int, prefix: str) -> float:
    """Contacts a second from the first message in to the last row stored."""
    asyncio.run(_prepare(bootstrap_servers, database_url, contacts, prefix))
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(STAGES + 2)
    workers = [
        context.Process(target=_stage, args=(bootstrap_servers, prefix, number, contacts, ready), daemon=True)
        for number in range(STAGES)
    ]
    workers.append(
        context.Process(target=_sink, args=(bootstrap_servers, database_url, prefix, contacts, ready), daemon=True)
    )
    for worker in workers:
        worker.start()
    ready.wait()
    started = time.monotonic()
    for worker in workers:
        worker.join()
    return contacts / (time.monotonic() - started)


async def _prepare(servers: str, database_url: str, contacts: int, prefix: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(f"{prefix}{n}", PARTITIONS, 1) for n in range(STAGES + 1)])
    await admin.close()
    connection = await asyncpg.connect(database_url)
    await connection.execute("DROP TABLE IF EXISTS bench_floor")
    await connection.execute("CREATE TABLE bench_floor (id text PRIMARY KEY, version int, document bytea)")
    await connection.close()
    producer = _producer(servers)
    await producer.start()
    contact = {"contact_id": "", "version": 1, "name": {"given": "x" * 20}, "notes": ["y" * 40] * 20}
    messages = [(n % PARTITIONS, msgspec.json.encode(contact | {"contact_id": f"{n:032d}"})) for n in range(contacts)]
    await _send(producer, f"{prefix}0", messages)
    await producer.stop()


def _producer(servers: str) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=servers, acks="all", enable_idempotence=True, compression_type="zstd", max_batch_size=524_288
    )


async def _send(producer: AIOKafkaProducer, topic: str, messages: list[tuple[int, bytes]]) -> None:
    waiting = []
    for partition in range(PARTITIONS):
        batch = producer.create_batch()
        for place, value in messages:
            if place != partition:
                continue
            if batch.append(key=None, value=value, timestamp=None) is None:
                batch.close()
                waiting.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(key=None, value=value, timestamp=None)
        if batch.record_count():
            batch.close()
            waiting.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*waiting)


async def _consumer(servers: str, topic: str) -> AIOKafkaConsumer:
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False, max_poll_records=BATCH)
    await consumer.start()
    partitions = [TopicPartition(topic, n) for n in range(PARTITIONS)]
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    return consumer


async def _drain(consumer: AIOKafkaConsumer, contacts: int, each: Any) -> None:
    seen = 0
    while seen < contacts:
        taken = await consumer.getmany(timeout_ms=200, max_records=BATCH)
        messages = [(tp.partition, message.value or b"{}") for tp, batch in taken.items() for message in batch]
        if messages:
            await each([(partition, msgspec.json.decode(value)) for partition, value in messages])
            seen += len(messages)
    await consumer.stop()


def _stage(servers: str, prefix: str, number: int, contacts: int, ready: Any) -> None:
    async def work() -> None:
        producer, consumer = _producer(servers), await _consumer(servers, f"{prefix}{number}")
        await producer.start()

        async def pass_on(batch: list[tuple[int, Any]]) -> None:
            messages = [(partition, msgspec.json.encode(value)) for partition, value in batch]
            await _send(producer, f"{prefix}{number + 1}", messages)

        await asyncio.to_thread(ready.wait)
        await _drain(consumer, contacts, pass_on)
        await producer.stop()

    asyncio.run(work())


def _sink(servers: str, database_url: str, prefix: str, contacts: int, ready: Any) -> None:
    async def work() -> None:
        connection, consumer = await asyncpg.connect(database_url), await _consumer(servers, f"{prefix}{STAGES}")

        async def store(batch: list[tuple[int, Any]]) -> None:
            await connection.execute(
                UPSERT,
                [value["contact_id"] for _, value in batch],
                [value["version"] for _, value in batch],
                [msgspec.json.encode(value) for _, value in batch],
            )

        await asyncio.to_thread(ready.wait)
        await _drain(consumer, contacts, store)
        await connection.close()

    asyncio.run(work())
