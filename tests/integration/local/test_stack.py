"""The engines that the fixtures hand out are the real ones."""

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.support.stack import Stack


async def test_postgres_is_ready_and_set_up_for_many_locks(database: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        version: int = await connection.fetchval("select current_setting('server_version_num')::int")
        locks: str = await connection.fetchval("show max_locks_per_transaction")
        upper: str = await connection.fetchval("select upper('straße jörg')")
    finally:
        await connection.close()
    assert version >= 150_000
    assert int(locks) >= 512
    assert "JÖRG" in upper


async def test_what_was_acknowledged_by_kafka_can_be_read_back(stack: Stack, topic_prefix: str) -> None:
    topic = f"{topic_prefix}echo"
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    producer = AIOKafkaProducer(
        bootstrap_servers=stack.bootstrap_servers, enable_idempotence=True, compression_type="zstd"
    )
    await producer.start()
    await producer.send_and_wait(topic, b"hello", partition=0)
    await producer.stop()
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=stack.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    message = await consumer.getone()
    await consumer.stop()
    await admin.delete_topics([topic])
    await admin.close()
    assert message.value == b"hello"
