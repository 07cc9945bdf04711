"""Topics of others on a real Kafka: by their own name, from their beginning, handed on and then committed."""

import secrets
from collections.abc import AsyncIterator, Sequence

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition

from shared.domain.errors import Transient
from shared.runtime.broker import Draft, Message
from shared.runtime.broker.kafka import KafkaBroker
from shared.runtime.settings import KafkaSettings
from shared.runtime.theirs import Theirs
from tests.support.stack import Stack


class Table:
    """A topic of somebody else's, and readers of it."""

    def __init__(self, address: str) -> None:
        self.topic = f"shop.{secrets.token_hex(6)}"
        self.kafka = KafkaSettings(bootstrap_servers=address)
        self.group = secrets.token_hex(6)
        self.got: list[bytes | None] = []
        self.breaks = 0

    async def take(self, messages: Sequence[Message]) -> None:
        """Note what came, after so many failures."""
        if self.breaks:
            self.breaks -= 1
            raise Transient("away")
        self.got += [one.value for one in messages]

    def reader(self) -> Theirs:
        """One process, of an installation whose own topics have a prefix."""
        return Theirs(KafkaBroker(self.kafka, "ours.", "ours."), self.group, None, self.take)

    async def write(self, *values: bytes) -> None:
        """Others write."""
        producer = KafkaBroker(self.kafka).producer()
        await producer.start()
        await producer.send([Draft(topic=self.topic, key=b"7", value=value) for value in values])
        await producer.stop()

    async def read(self, reader: Theirs, count: int) -> None:
        """Let a process read until so many came."""
        for _ in range(200):
            if len(self.got) >= count:
                break
            await reader.read(frozenset({self.topic}))


@pytest.fixture
async def table(stack: Stack) -> AsyncIterator[Table]:
    """A topic of one partition."""
    table = Table(stack.bootstrap_servers)
    client = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await client.start()
    await client.create_topics([NewTopic(table.topic, 1, 1)])
    yield table
    await client.delete_topics([table.topic])
    await client.close()


async def test_it_is_read_from_its_beginning_and_goes_on_where_it_was(table: Table) -> None:
    await table.write(b"one", b"two")
    first = table.reader()
    await table.read(first, 2)
    await first.close()
    await table.write(b"three")
    second = table.reader()
    await table.read(second, 3)
    await second.close()
    assert table.got == [b"one", b"two", b"three"]


async def test_what_was_not_taken_comes_again(table: Table) -> None:
    table.breaks = 1
    await table.write(b"one")
    reader = table.reader()
    with pytest.raises(Transient):
        await table.read(reader, 1)
    await table.read(reader, 1)
    await reader.close()
    assert table.got == [b"one"]


async def test_messages_that_are_gone_are_not_jumped_over(table: Table, stack: Stack) -> None:
    await table.write(b"one")
    reader = table.reader()
    await table.read(reader, 1)
    await reader.close()
    await table.write(b"two", b"three")
    client = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await client.start()
    await client.delete_records({TopicPartition(table.topic, 0): RecordsToDelete(before_offset=2)})
    await client.close()
    again = table.reader()
    for _ in range(2):
        with pytest.raises(Transient, match="no longer holds"):
            await table.read(again, 2)
    await again.close()
    assert table.got == [b"one"]


async def test_a_topic_that_is_no_longer_read_is_left(table: Table) -> None:
    await table.write(b"one")
    reader = table.reader()
    await table.read(reader, 1)
    await reader.read(frozenset())
    await table.write(b"two")
    await reader.read(frozenset())
    assert table.got == [b"one"]


async def test_a_topic_that_is_not_there_yet_holds_no_other(table: Table) -> None:
    await table.write(b"one")
    reader = table.reader()
    for _ in range(200):
        if table.got:
            break
        await reader.read(frozenset({table.topic, f"{table.topic}.later"}))
    await reader.close()
    assert table.got == [b"one"]
