"""Goal: the traps of the Kafka client (docs/decisions/0002-kafka-client-traps.md) stay guarded.

Method: on a real Kafka where a broker can be brought to it; else with a stand-in for the client, which does what the
real one was seen to do.
"""

# pyright: reportPrivateUsage=false
# Stand-ins take the place of a client that is otherwise made inside.

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import errors, structs
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.admin.records_to_delete import RecordsToDelete

from shared.domain.errors import Transient
from shared.runtime.broker import Draft, TopicPartition, kafka_client, kafka_watch
from shared.runtime.broker import kafka as ours
from shared.runtime.broker.kafka import KafkaBroker, KafkaConsumer, KafkaProducer, OffsetsLost
from shared.runtime.broker.kafka_client import ClientBroken
from shared.runtime.settings import KafkaSettings
from shared.topology import RECEIVED
from tests.contract.test_broker import forget_topics, said, take_all
from tests.support.stack import Stack


@pytest.fixture
async def broker(stack: Stack, topic_prefix: str) -> AsyncIterator[KafkaBroker]:
    made = KafkaBroker(KafkaSettings(bootstrap_servers=stack.bootstrap_servers), topic_prefix, topic_prefix)
    admin = made.admin()
    await admin.ensure_topics(1, 1)
    yield made
    await forget_topics(stack.bootstrap_servers, topic_prefix)
    await admin.close()


@pytest.fixture
async def operator(stack: Stack) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await client.start()
    yield client
    await client.close()


class Client:
    """Stands in for the library's consumer; `answers` are given one by one, exceptions raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.place = structs.TopicPartition(RECEIVED.name, 0)
        self.sought: list[tuple[Any, int]] = []
        self.fetching: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.end: int | None = 0
        self.at = 0
        self._fetcher = self

    @property
    def error_future(self) -> asyncio.Future[None]:
        return self.fetching

    async def getmany(self, **_: Any) -> Any:
        answer = self.answers.pop(0) if self.answers else {}
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def assignment(self) -> set[Any]:
        return {self.place}

    async def end_offsets(self, _: Any) -> dict[Any, int]:
        if self.end is None:
            raise errors.KafkaConnectionError
        return {self.place: self.end}

    async def position(self, _: Any) -> int:
        return self.at

    async def committed(self, _: Any) -> int | None:
        return 3

    async def beginning_offsets(self, _: Any) -> dict[Any, int]:
        return {}

    def seek(self, position: Any, offset: int) -> None:
        self.sought.append((position, offset))

    async def stop(self) -> None:
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, BaseException):
            raise answer
        if answer is not None:
            await asyncio.sleep(answer)


def over(client: Client) -> KafkaConsumer:
    consumer = KafkaConsumer({}, "group", [RECEIVED.name], "", None)
    consumer._consumer = client
    return consumer


async def test_t1_an_error_while_taking_ends_the_process_since_messages_may_be_gone_with_it() -> None:
    with pytest.raises(ClientBroken, match="CorruptRecord"):
        await over(Client(errors.CorruptRecordException())).take(10, 0.1)


async def test_t1_a_partition_nobody_has_read_makes_all_start_again_at_what_is_committed() -> None:
    client = Client(errors.NoOffsetForPartitionError())
    assert await over(client).take(10, 0.1) == []
    assert client.sought == [(client.place, 3)]


async def test_t2_a_fetcher_that_died_in_silence_is_noticed() -> None:
    client = Client()
    client.fetching.set_result(None)
    with pytest.raises(ClientBroken, match="fetcher has ended"):
        await over(client).take(10, 0.01)


async def test_t2_silence_although_messages_are_there_is_noticed_also_where_reading_never_began(
    broker: KafkaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_watch, "LOOK_EVERY_S", 0.2)
    producer = broker.producer()
    await producer.start()
    consumer = broker.consumer("silent", [RECEIVED.name], None)
    await consumer.start()
    for _ in range(5):
        assert await consumer.take(10, 0.3) == []  # nothing is there: peace is no silence
    assert isinstance(consumer, KafkaConsumer)

    def nothing_to_fetch(_: Any) -> tuple[Any, ...]:
        return [], {}, 0.05, False, []

    monkeypatch.setattr(consumer._consumer._fetcher, "_get_actions_per_node", nothing_to_fetch)
    await asyncio.sleep(0.5)  # the fetch that is on its way comes home
    await producer.send([said(1)])
    with pytest.raises(ClientBroken, match="nothing heard"):
        await take_all(consumer, 1)
    await consumer.stop()
    await producer.stop()


async def test_t2_a_broker_that_does_not_answer_a_look_is_no_broken_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_watch, "LOOK_EVERY_S", 0.0)
    client = Client()
    consumer = over(client)
    for end, at in ((9, 5), (None, 5), (9, 5), (9, 6), (9, 9), (9, 9)):
        client.end, client.at = end, at
        assert await consumer.take(10, 0.01) == []
    client.end = 10
    assert await consumer.take(10, 0.01) == []
    with pytest.raises(ClientBroken, match="nothing heard"):
        await consumer.take(10, 0.01)


async def test_t3_after_one_rejected_batch_the_producer_is_not_used_again(
    broker: KafkaBroker, operator: AIOKafkaAdminClient, topic_prefix: str
) -> None:
    topic = ConfigResource(ConfigResourceType.TOPIC, topic_prefix + RECEIVED.name, {"max.message.bytes": "1000"})
    await operator.alter_configs([topic])
    producer = broker.producer()
    await producer.start()
    large = Draft(topic=RECEIVED.name, key=b"k", value=secrets.token_bytes(5_000))
    async with asyncio.timeout(30):
        while True:  # the broker needs a moment to heed the new setting
            try:
                await producer.send([large])
            except ClientBroken as error:
                assert "MessageSizeTooLarge" in str(error)  # noqa: PT017 (the loop is what is being waited in)
                break
            await asyncio.sleep(0.1)
    with pytest.raises(ClientBroken):
        await producer.send([said(1)])
    await producer.stop()


async def test_t5_a_stop_that_hangs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_client, "STOP_TIMEOUT_S", 0.1)
    started = time.monotonic()
    await over(Client(60)).stop()
    assert time.monotonic() - started < 5


async def test_t6_a_stop_that_raises_cancelled_error_stops_nobody_else() -> None:
    await over(Client(asyncio.CancelledError())).stop()


async def test_t7_what_retention_has_passed_is_never_jumped_over_in_silence(
    broker: KafkaBroker, operator: AIOKafkaAdminClient, topic_prefix: str
) -> None:
    producer = broker.producer()
    await producer.start()
    await producer.send([said(number) for number in range(10)])
    consumer = broker.consumer("late", [RECEIVED.name], None)
    await consumer.start()
    taken = await take_all(consumer, 10)
    await consumer.commit({taken[0].position: 2})
    await consumer.stop()
    place = structs.TopicPartition(topic_prefix + RECEIVED.name, 0)
    await operator.delete_records({place: RecordsToDelete(before_offset=7)})
    late = broker.consumer("late", [RECEIVED.name], None)
    await late.start()
    with pytest.raises(OffsetsLost, match=r"contacts.received-0 before 2 no longer holds"):
        await take_all(late, 1)
    await late.stop()
    await producer.stop()


async def test_t7_a_new_group_writes_its_start_down(broker: KafkaBroker) -> None:
    producer = broker.producer()
    await producer.start()
    consumer = broker.consumer("new", [RECEIVED.name], None)
    await consumer.start()
    assert await consumer.take(10, 1.0) == []
    await consumer.stop()
    await producer.send([said(number) for number in range(3)])
    again = broker.consumer("new", [RECEIVED.name], None)
    await again.start()
    assert len(await take_all(again, 3)) == 3
    await again.stop()
    await producer.stop()


async def test_t10_a_commit_after_a_rebalance_moves_nothing_it_does_not_own(broker: KafkaBroker) -> None:
    producer = broker.producer()
    await producer.start()
    await producer.send([said(number) for number in range(6)])
    consumer = broker.consumer("one", [RECEIVED.name], None)
    await consumer.start()
    await take_all(consumer, 6)
    await consumer.commit({TopicPartition(RECEIVED.name, 5): 1, TopicPartition("contacts.clean", 0): 1})
    backlog = await broker.admin().backlog("one", [RECEIVED.name])
    assert sum(one.messages for one in backlog.values()) == 6
    await consumer.stop()
    await producer.stop()


async def test_t10_what_a_stale_commit_moved_back_is_committed_again_while_nothing_arrives(
    broker: KafkaBroker, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_watch, "LOOK_EVERY_S", 0.2)
    producer = broker.producer()
    await producer.start()
    await producer.send([said(number) for number in range(6)])
    consumer = broker.consumer("two", [RECEIVED.name], None)
    await consumer.start()
    await take_all(consumer, 6)
    await consumer.commit({TopicPartition(RECEIVED.name, 0): 6})
    assert isinstance(consumer, KafkaConsumer)
    await consumer._consumer.commit({structs.TopicPartition(topic_prefix + RECEIVED.name, 0): 5})
    assert sum(one.messages for one in (await broker.admin().backlog("two", [RECEIVED.name])).values()) == 1
    for _ in range(3):
        assert await consumer.take(10, 0.3) == []
    assert sum(one.messages for one in (await broker.admin().backlog("two", [RECEIVED.name])).values()) == 0
    await consumer.stop()
    await producer.stop()


async def test_a_broker_that_does_not_acknowledge_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    class Deaf:
        async def partitions_for(self, _: str) -> set[int]:
            await asyncio.sleep(60)
            return set()

    monkeypatch.setattr(ours, "SEND_TIMEOUT_S", 0.1)
    producer = KafkaProducer({}, "")
    producer._producer = Deaf()
    with pytest.raises(Transient, match="does not acknowledge"):
        await producer.send([said(1)])
