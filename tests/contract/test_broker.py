"""Goal: one list of promises that both brokers keep, so that what is shown on the one holds on the other.

Method: every test runs on the log in memory and on a real Kafka. A promise only one can keep is marked with its reason.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import cast

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from shared.domain.errors import Transient
from shared.runtime.broker import Broker, Consumer, Draft, Message, Reader, TopicPartition
from shared.runtime.broker.kafka import KafkaBroker
from shared.runtime.broker.memory import MemoryBroker
from shared.runtime.broker.partitions import partition_of
from shared.runtime.settings import KafkaSettings
from shared.topology import CLEAN, MESSAGE_BYTES_MAX, RECEIVED, TOPICS

PARTITIONS = 3
"""Enough to be shared out, few enough that a real broker makes all topics in a second."""


@pytest.fixture(params=["memory", "kafka"])
async def broker(request: pytest.FixtureRequest, topic_prefix: str) -> AsyncIterator[Broker]:
    if request.param == "memory":
        made: Broker = MemoryBroker(seed=7)
    else:
        address = request.getfixturevalue("stack").bootstrap_servers
        made = cast(
            Broker, KafkaBroker(KafkaSettings(bootstrap_servers=address), topic_prefix, topic_prefix + "group.")
        )
    admin = made.admin()
    await admin.ensure_topics(PARTITIONS, 1)
    yield made
    if isinstance(made, KafkaBroker):
        await forget_topics(request.getfixturevalue("stack").bootstrap_servers, topic_prefix)
    await admin.close()


async def forget_topics(address: str, prefix: str) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=address)
    await client.start()
    await client.delete_topics([prefix + topic.name for topic in TOPICS])
    await client.close()


def said(number: int, key: str | None = None) -> Draft:
    return Draft(topic=RECEIVED.name, key=(key or f"key-{number}").encode(), value=f"{number}".encode())


async def send(broker: Broker, drafts: Sequence[Draft]) -> None:
    producer = broker.producer()
    await producer.start()
    await producer.send(drafts)
    await producer.stop()


async def member(broker: Broker, group: str = "readers") -> Consumer:
    consumer = broker.consumer(group, [RECEIVED.name], None)
    await consumer.start()
    return consumer


async def take_all(consumer: Consumer, count: int, seconds: float = 20.0) -> list[Message]:
    """Everything until `count` have come; a real broker needs a moment until the group stands."""
    taken: list[Message] = []
    async with asyncio.timeout(seconds):
        while len(taken) < count:
            taken += await consumer.take(100, 0.2)
    return taken


async def committed(broker: Broker, consumer: Consumer, offsets: Mapping[TopicPartition, int], left: int) -> None:
    """Commit until it is seen: a group that is just being rebalanced takes no commit, and its member goes on."""
    admin = broker.admin()
    async with asyncio.timeout(20):
        while (
            sum(one.messages for one in (await admin.backlog("readers", [RECEIVED.name, CLEAN.name])).values()) > left
        ):
            await consumer.commit(offsets)
    await admin.close()


def after(messages: Sequence[Message]) -> dict[TopicPartition, int]:
    return {message.position: message.offset + 1 for message in messages}


def numbers(messages: Sequence[Message]) -> list[int]:
    return sorted(int(message.value or b"0") for message in messages)


async def test_what_was_sent_comes_back_byte_for_byte(broker: Broker) -> None:
    draft = Draft(
        topic=RECEIVED.name, key=b"\x00k\xff", value=b'{"\xc3\xbc":1}', headers=(("a", b"\x00\xff"), ("b", b""))
    )
    await send(broker, [draft])
    consumer = await member(broker)
    (message,) = await take_all(consumer, 1)
    assert (message.key, message.value, message.headers) == (draft.key, draft.value, draft.headers)
    assert message.topic == RECEIVED.name
    await consumer.stop()


async def test_a_tombstone_comes_back_without_a_value(broker: Broker) -> None:
    await send(broker, [Draft(topic=RECEIVED.name, key=b"gone", value=None)])
    consumer = await member(broker)
    (message,) = await take_all(consumer, 1)
    assert message.value is None
    await consumer.stop()


async def test_the_partition_is_the_default_hash_of_the_key(broker: Broker) -> None:
    await send(broker, [said(number) for number in range(30)])
    consumer = await member(broker)
    for message in await take_all(consumer, 30):
        assert message.partition == partition_of(message.key, PARTITIONS)
    await consumer.stop()


async def test_messages_of_one_key_keep_their_order(broker: Broker) -> None:
    producer = broker.producer()
    await producer.start()
    for start in range(0, 40, 10):
        await producer.send([said(number, "one") for number in range(start, start + 10)])
    await producer.stop()
    consumer = await member(broker)
    assert [int(message.value or b"") for message in await take_all(consumer, 40)] == list(range(40))
    await consumer.stop()


async def test_senders_at_the_same_moment_lose_nothing(broker: Broker) -> None:
    producer = broker.producer()
    await producer.start()
    await asyncio.gather(*(producer.send([said(number), said(number + 100)]) for number in range(100)))
    await producer.stop()
    consumer = await member(broker)
    assert numbers(await take_all(consumer, 200)) == list(range(200))
    await consumer.stop()


async def test_a_take_gives_at_most_what_is_asked_for(broker: Broker) -> None:
    await send(broker, [said(number) for number in range(20)])
    consumer = await member(broker)
    taken: list[Message] = []
    while len(taken) < 20:
        some = await consumer.take(7, 1.0)
        assert len(some) <= 7
        taken += some
    await consumer.stop()


async def test_nothing_to_take_is_an_empty_list_in_time(broker: Broker) -> None:
    consumer = await member(broker)
    await consumer.take(10, 5.0)
    async with asyncio.timeout(3):
        assert await consumer.take(10, 0.1) == []
    await consumer.stop()


async def test_what_was_not_committed_comes_again(broker: Broker) -> None:
    await send(broker, [said(number) for number in range(10)])
    first = await member(broker)
    await take_all(first, 10)
    await first.stop()
    second = await member(broker)
    assert numbers(await take_all(second, 10)) == list(range(10))
    await second.stop()


async def test_what_was_committed_does_not_come_again(broker: Broker) -> None:
    await send(broker, [said(number) for number in range(10)])
    first = await member(broker)
    await committed(broker, first, after(await take_all(first, 10)), 0)
    await first.stop()
    await send(broker, [said(number) for number in range(10, 15)])
    second = await member(broker)
    assert numbers(await take_all(second, 5)) == list(range(10, 15))
    await second.stop()


async def test_after_a_rewind_the_batch_comes_again(broker: Broker) -> None:
    await send(broker, [said(number) for number in range(10)])
    consumer = await member(broker)
    await take_all(consumer, 10)
    await consumer.rewind()
    assert numbers(await take_all(consumer, 10)) == list(range(10))
    await consumer.stop()


async def test_a_rewind_after_a_commit_repeats_only_the_rest(broker: Broker) -> None:
    await send(broker, [said(number, "one") for number in range(10)])
    consumer = await member(broker)
    taken = await take_all(consumer, 10)
    again: list[int] = []
    async with asyncio.timeout(20):
        while again != list(range(4, 10)):  # a group that is being rebalanced takes no commit: all of it comes again
            await consumer.commit({taken[0].position: taken[3].offset + 1})
            await consumer.rewind()
            again = numbers(await take_all(consumer, 6))
    await consumer.stop()


async def test_two_members_share_the_partitions_and_nothing_is_missing(broker: Broker) -> None:
    first = await member(broker)
    await first.take(10, 1.0)
    second = await member(broker)
    async with asyncio.timeout(30):
        while not (first.owned() and second.owned() and len(first.owned()) + len(second.owned()) == PARTITIONS):
            await asyncio.gather(first.take(10, 0.2), second.take(10, 0.2))
    assert not first.owned() & second.owned()
    await send(broker, [said(number) for number in range(60)])
    taken: list[Message] = []
    async with asyncio.timeout(20):
        while len(taken) < 60:
            for some in await asyncio.gather(first.take(50, 0.2), second.take(50, 0.2)):
                taken += some
    assert numbers(taken) == list(range(60))
    await asyncio.gather(first.stop(), second.stop())


async def test_a_commit_of_what_is_owned_no_longer_is_no_error(broker: Broker) -> None:
    await send(broker, [said(number) for number in range(30)])
    first = await member(broker)
    taken = await take_all(first, 30)
    await first.commit({TopicPartition("contacts.clean", 0): 5})
    await first.commit(after(taken))
    await first.stop()


async def test_groups_do_not_know_of_each_other(broker: Broker) -> None:
    await send(broker, [said(number) for number in range(5)])
    for group in ("one", "other"):
        consumer = await member(broker, group)
        await consumer.commit(after(await take_all(consumer, 5)))
        await consumer.stop()


async def test_a_message_over_the_limit_is_refused_before_anything_is_sent(broker: Broker) -> None:
    producer = broker.producer()
    await producer.start()
    large = Draft(topic=RECEIVED.name, key=b"k", value=b"x" * (MESSAGE_BYTES_MAX + 1))
    with pytest.raises(ValueError, match="over the limit"):
        await producer.send([said(1), large])
    await producer.send([said(2)])
    await producer.stop()
    consumer = await member(broker)
    assert numbers(await take_all(consumer, 1)) == [2]
    await consumer.stop()


async def test_messages_of_full_size_go_through_even_when_nothing_compresses(broker: Broker) -> None:
    values = [secrets.token_bytes(MESSAGE_BYTES_MAX) for _ in range(3)]
    await send(
        broker, [Draft(topic=RECEIVED.name, key=b"k", value=value, headers=(("h", b"x" * 4000),)) for value in values]
    )
    consumer = await member(broker)
    assert [message.value for message in await take_all(consumer, 3)] == values
    await consumer.stop()


async def test_the_backlog_of_a_group_that_never_committed_counts_from_the_start(broker: Broker) -> None:
    await send(broker, [said(number, "one") for number in range(4)])
    admin = broker.admin()
    backlog = await admin.backlog("nobody", [RECEIVED.name])
    assert len(backlog) == PARTITIONS
    assert sum(one.messages for one in backlog.values()) == 4
    behind = backlog[TopicPartition(RECEIVED.name, partition_of(b"one", PARTITIONS))]
    assert behind.oldest_ms is not None
    await admin.close()


async def test_the_backlog_shrinks_by_what_is_committed(broker: Broker) -> None:
    await send(broker, [said(number, "one") for number in range(4)])
    consumer = await member(broker)
    taken = await take_all(consumer, 4)
    await committed(broker, consumer, {taken[0].position: taken[2].offset + 1}, 1)
    admin = broker.admin()
    backlog = await admin.backlog("readers", [RECEIVED.name, CLEAN.name])
    assert sum(one.messages for one in backlog.values()) == 1
    await consumer.stop()
    await admin.close()


async def test_one_message_is_read_by_its_position(broker: Broker) -> None:
    await send(broker, [said(number, "one") for number in range(4)])
    partition = partition_of(b"one", PARTITIONS)
    admin = broker.admin()
    found = await admin.read(TopicPartition(RECEIVED.name, partition), 2)
    assert found is not None
    assert (found.value, found.offset, found.topic) == (b"2", 2, RECEIVED.name)
    assert await admin.read(TopicPartition(RECEIVED.name, partition), 4) is None
    assert await admin.read(TopicPartition(RECEIVED.name, 99), 0) is None
    await admin.close()


async def test_topics_are_made_once_and_their_partitions_cannot_change(broker: Broker) -> None:
    admin = broker.admin()
    await admin.ensure_topics(PARTITIONS, 1)
    with pytest.raises(ValueError, match="partitions"):
        await admin.ensure_topics(PARTITIONS + 1, 1)
    backlog = await admin.backlog("nobody", [topic.name for topic in TOPICS])
    assert len(backlog) == PARTITIONS * len(TOPICS)
    await admin.close()


async def test_without_a_broker_everything_is_transient(broker: Broker) -> None:
    if isinstance(broker, MemoryBroker):
        broker.down = True
        away: Broker = broker
    else:
        away = cast(Broker, KafkaBroker(KafkaSettings(bootstrap_servers="127.0.0.1:1")))
    for start in (away.producer().start, away.consumer("readers", [RECEIVED.name], None).start):
        with pytest.raises(Transient):
            await start()
    with pytest.raises(Transient):
        await away.admin().backlog("readers", [RECEIVED.name])
    if isinstance(broker, MemoryBroker):
        broker.down = False


async def test_a_reader_begins_at_the_end_or_where_it_is_told_and_takes_nothing_from_a_group(broker: Broker) -> None:
    await send(broker, [said(number) for number in range(6)])
    reader, again = broker.reader(RECEIVED.name), broker.reader(RECEIVED.name)
    place = await reader.start(None)
    assert (sum(place.values()), len(place)) == (6, PARTITIONS)
    await send(broker, [said(number) for number in range(6, 9)])
    new = await read_all(reader, 3)
    assert {message.value for message in new} == {b"6", b"7", b"8"}
    assert await again.start({0: 10_000, 1: 0}) == {0: await end_of(broker, 0), 1: 0, 2: 0}
    rest = await read_all(again, 9 - await end_of(broker, 0))
    assert {message.partition for message in rest} == {1, 2}
    assert len(await take_all(await member(broker), 9)) == 9
    await reader.stop()
    await again.stop()


async def read_all(reader: Reader, count: int, seconds: float = 20.0) -> list[Message]:
    taken: list[Message] = []
    async with asyncio.timeout(seconds):
        while len(taken) < count:
            taken += await reader.take(100, 0.2)
    return taken


async def end_of(broker: Broker, partition: int) -> int:
    """Where a partition ends."""
    reader = broker.reader(RECEIVED.name)
    place = await reader.start(None)
    await reader.stop()
    return place[partition]
