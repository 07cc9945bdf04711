"""Kafka behind the port, through aiokafka 0.14: what the client does badly is put right here, and only here.

The traps T1 to T11 and what guards each stand in docs/decisions/0002-kafka-client-traps.md. In short: no
deserializers, sizes checked before a message enters a batch, offsets of a new group written down explicitly, a watchdog
for a fetcher that died in silence, and no trust in a client that has failed once for good.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, errors, structs
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from shared.domain.errors import Transient
from shared.runtime.broker import Admin, Consumer, Draft, Message, Producer, Reader, TopicPartition, refuse_oversized
from shared.runtime.broker.kafka_client import (
    START_TIMEOUT_S,
    TOPIC_BYTES_MAX,
    ClientBroken,
    connection,
    message_of,
    stopped,
)
from shared.runtime.broker.kafka_watch import Watch
from shared.runtime.broker.partitions import partition_of
from shared.runtime.rounds import Rounds
from shared.runtime.settings import KafkaSettings

BATCH_BYTES_MAX: Final = 512 * 1024
"""The client has one request in flight for each broker and one batch for each partition in it: small batches would make
the round trip the limit (627 records a second at 20 ms and 16 KiB, measured)."""

SEND_TIMEOUT_S: Final = 20.0
"""Idempotent sends never expire by themselves (T5); after this long the broker counts as away."""

COMMIT_TIMEOUT_S: Final = 20.0
"""As for sends: the client retries for ever inside."""

BARRIER_S: Final = 15.0
"""How long a rebalance waits for the batch in hand: a batch takes well under a second unless the world is away."""

REBALANCE_GRACE_S: Final = 5.0
"""How much longer than asked a take may wait while the group is being rebalanced."""

FETCH_BYTES_MIN: Final = 256 * 1024
"""A fetch is answered when so much is there, or its member's patience is over. Answered at the first byte, every stage
works in tiny batches and the broker spends twice the time on them (`make bench`: 3,300 µs a contact became 1,600); five
stages add a quarter of a second to a lone contact, and nothing to a stream."""

FETCH_BYTES_MAX: Final = 1024 * 1024
"""For each partition in a fetch: a few hundred contacts, or two messages of full size."""


class OffsetsLost(Exception):
    """What the group had not read is gone from the log: retention has passed it, or the topic was made anew.

    Nobody jumps over it silently: it is for an operator to say from where the group goes on (Kafka's own tool
    `kafka-consumer-groups --reset-offsets`), and what to do about what it missed (`refresh --all`, backup's archive).
    """


class KafkaBroker:
    """Makes the ends of the log on a real Kafka; names get the prefix here and lose it here."""

    def __init__(self, kafka: KafkaSettings, topic_prefix: str = "", group_prefix: str = "") -> None:
        self._kafka = kafka
        self._topic_prefix = topic_prefix
        self._group_prefix = group_prefix

    def consumer(
        self, group: str, topics: Sequence[str], instance: str | None, patience_ms: int = 100, *, theirs: bool = False
    ) -> Consumer:
        """A member of a group; it is not connected before `start`. Topics that are `theirs` have no prefix of ours."""
        connected = {**connection(self._kafka), "fetch_max_wait_ms": patience_ms}
        prefix = "" if theirs else self._topic_prefix
        return KafkaConsumer(connected, self._group_prefix + group, topics, prefix, instance, awaits_none=theirs)

    def producer(self) -> Producer:
        """A producer; it is not connected before `start`."""
        return KafkaProducer(connection(self._kafka), self._topic_prefix)

    def reader(self, topic: str) -> Reader:
        """A reader of one topic; it is not connected before `start`."""
        from shared.runtime.broker.kafka_reader import KafkaReader  # noqa: PLC0415 (only the door reads by position)

        return KafkaReader(connection(self._kafka), topic, self._topic_prefix)

    def admin(self) -> Admin:
        """The view from outside; it connects when first asked."""
        from shared.runtime.broker.kafka_admin import KafkaAdmin  # noqa: PLC0415 (only few processes look from outside)

        return KafkaAdmin(connection(self._kafka), self._topic_prefix, self._group_prefix)


class KafkaConsumer(ConsumerRebalanceListener):  # type: ignore[misc]  # the client's classes have no types
    """One member of a group."""

    def __init__(
        self,
        connected: Mapping[str, Any],
        group: str,
        topics: Sequence[str],
        prefix: str,
        instance: str | None,
        *,
        awaits_none: bool = False,
    ) -> None:
        self._awaits_none = awaits_none
        self._connected = dict(connected)
        self._group = group
        self._topics = [prefix + topic for topic in topics]
        self._prefix = prefix
        self._instance = instance
        self._consumer: Any = None
        self._hand_empty = asyncio.Event()
        self._hand_empty.set()
        self._watch = Watch()

    async def start(self) -> None:
        """Join the group. Raises Transient while no broker answers (T8: the client gives up at once)."""
        consumer = AIOKafkaConsumer(
            **self._connected,
            group_id=self._group,
            group_instance_id=self._instance,
            client_id="kontaktwerk",
            enable_auto_commit=False,
            auto_offset_reset="none",  # T7: "latest" jumps to the end without a word
            check_crcs=True,
            fetch_min_bytes=FETCH_BYTES_MIN,
            max_partition_fetch_bytes=FETCH_BYTES_MAX,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=2_000,
            rebalance_timeout_ms=60_000,
            max_poll_interval_ms=300_000,
            partition_assignment_strategy=[StickyPartitionAssignor],
        )
        if self._awaits_none:  # by name the client waits for all topics; by pattern it takes those that are there
            consumer.subscribe(pattern=rf"(?:{'|'.join(map(re.escape, self._topics))})\Z", listener=self)
        else:
            consumer.subscribe(self._topics, listener=self)
        self._consumer = consumer
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await consumer.start()
        except (errors.KafkaError, OSError, TimeoutError) as error:
            await self.stop()
            raise Transient(type(error).__name__) from error

    async def take(self, messages_max: int, wait_s: float) -> list[Message]:
        """The next messages. Raises OffsetsLost or ClientBroken: the process must start anew."""
        self._hand_empty.set()
        try:
            async with asyncio.timeout(wait_s + REBALANCE_GRACE_S):
                fetched = await self._consumer.getmany(timeout_ms=int(wait_s * 1000), max_records=messages_max)
        except TimeoutError:
            return []  # still being rebalanced: nothing was taken yet, so nothing is lost
        except errors.NoOffsetForPartitionError:
            with suppress(TimeoutError):  # else the next take meets the same, and tries again
                async with asyncio.timeout(COMMIT_TIMEOUT_S):
                    await self.rewind()  # a partition nobody has read: its start was about to be written down
            return []
        except errors.OffsetOutOfRangeError as error:
            raise OffsetsLost(f"group {self._group}: {_places(error)} no longer holds what was to be read") from None
        except errors.KafkaError as error:
            raise ClientBroken(f"taking messages: {type(error).__name__}") from error
        messages = [message_of(one, self._prefix) for records in fetched.values() for one in records]
        if not messages:
            await self._watch.look(self._consumer)
            return []
        self._hand_empty.clear()
        return messages

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit. Raises Transient when the broker does not answer; what this member lost is left to its new owner."""
        owned = self._consumer.assignment()
        mine = {
            position: offset for (topic, partition), offset in offsets.items()
            if (position := structs.TopicPartition(self._prefix + topic, partition)) in owned
        }  # fmt: skip
        try:
            if mine:
                async with asyncio.timeout(COMMIT_TIMEOUT_S):
                    await self._consumer.commit(mine)
                self._watch.finished(mine)
        except (errors.CommitFailedError, errors.IllegalStateError):
            pass  # rebalanced meanwhile: the batch comes again somewhere and is answered alike
        except TimeoutError as error:
            raise Transient("the broker does not take commits") from error
        self._hand_empty.set()

    async def rewind(self) -> None:
        """Seek every partition owned to what is committed, or to its start where nothing is."""
        await self._begin(self._consumer.assignment())
        self._hand_empty.set()

    def owned(self) -> frozenset[TopicPartition]:
        """The partitions this member owns right now."""
        if self._consumer is None:
            return frozenset()
        return frozenset(TopicPartition(one.topic.removeprefix(self._prefix), one.partition)
                         for one in self._consumer.assignment())  # fmt: skip

    async def stop(self) -> None:
        """Leave the group, within a bounded time."""
        self._hand_empty.set()
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await stopped(consumer)

    async def on_partitions_revoked(  # pyright: ignore[reportIncompatibleMethodOverride] (either kind is awaited)
        self, revoked: Any
    ) -> None:
        """A barrier: the batch in hand is finished first, so that most rebalances repeat nothing."""
        if revoked:
            try:
                async with asyncio.timeout(BARRIER_S):
                    await self._hand_empty.wait()
            except TimeoutError:
                pass  # it comes again somewhere, and is answered alike

    async def on_partitions_assigned(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, assigned: Any
    ) -> None:
        """Start partitions that nobody has read at their first message, and write that down."""
        self._watch.renew()
        await self._begin(assigned, only_new=True)

    async def _begin(self, partitions: Any, *, only_new: bool = False) -> None:
        consumer = self._consumer
        positions = list(partitions)
        committed = await asyncio.gather(*(consumer.committed(one) for one in positions))
        new = [one for one, offset in zip(positions, committed, strict=True) if offset is None]
        starts: Mapping[Any, int] = await consumer.beginning_offsets(new) if new else {}
        owned = consumer.assignment()
        for position, offset in zip(positions, committed, strict=True):
            if position in owned and (offset is None or not only_new):
                consumer.seek(position, starts[position] if offset is None else offset)
        written = {position: start for position, start in starts.items() if position in owned}
        if written:
            with suppress(errors.CommitFailedError, errors.IllegalStateError):
                await consumer.commit(written)  # rebalanced meanwhile: whoever owns it now writes it down


class KafkaProducer:
    """Sends in rounds: what is handed in while one round is on its way goes with the next, as one batch a partition."""

    def __init__(self, connected: Mapping[str, Any], prefix: str) -> None:
        self._connected = dict(connected)
        self._prefix = prefix
        self._producer: Any = None
        self._partitions: dict[str, int] = {}
        self._rounds: Rounds[Sequence[Draft], None] = Rounds(self._sent)
        self._broken: ClientBroken | None = None

    async def start(self) -> None:
        """Connect. Raises Transient while no broker answers."""
        producer = AIOKafkaProducer(
            **self._connected,
            client_id="kontaktwerk",
            enable_idempotence=True,
            acks="all",
            compression_type="zstd",
            max_batch_size=BATCH_BYTES_MAX,
            max_request_size=TOPIC_BYTES_MAX,
            linger_ms=0,
            request_timeout_ms=int(SEND_TIMEOUT_S * 1000),
        )
        self._producer = producer
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await producer.start()
        except (errors.KafkaError, OSError, TimeoutError) as error:
            await self.stop()
            raise Transient(type(error).__name__) from error

    async def send(self, drafts: Sequence[Draft]) -> None:
        """Send all, as the port promises; messages of one partition arrive in the order they were handed in."""
        for draft in drafts:
            refuse_oversized(draft)
        if not drafts:
            return
        if self._broken is not None:
            raise self._broken
        if self._producer is None:
            raise Transient("the producer is not connected")
        await self._rounds.join(drafts)

    async def stop(self) -> None:
        """Flush and close, within a bounded time."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await stopped(producer)

    async def _sent(self, handed_in: Sequence[Sequence[Draft]]) -> None:
        """Send one round."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self._send([draft for drafts in handed_in for draft in drafts])
        except (TimeoutError, errors.KafkaTimeoutError) as error:
            raise Transient("the broker does not acknowledge") from error
        except (errors.KafkaError, errors.ProducerClosed) as error:
            if self._producer is None:
                raise Transient("the producer was stopped") from error
            self._broken = ClientBroken(f"sending: {type(error).__name__}")  # T3: it would fail for ever
            raise self._broken from error

    async def _send(self, drafts: Sequence[Draft]) -> None:
        by_partition: defaultdict[tuple[str, int], list[Draft]] = defaultdict(list)
        for draft in drafts:
            topic = self._prefix + draft.topic
            partition = draft.partition
            if partition is None:
                partition = partition_of(draft.key, self._partitions.get(topic) or await self._count(topic))
            by_partition[topic, partition].append(draft)
        acknowledged = await asyncio.gather(
            *(self._send_to(topic, partition, some) for (topic, partition), some in by_partition.items())
        )
        await asyncio.gather(*(future for futures in acknowledged for future in futures))

    async def _send_to(self, topic: str, partition: int, drafts: Sequence[Draft]) -> list[asyncio.Future[Any]]:
        """Hand the messages of one partition over in as few batches as they fit in."""
        producer = self._producer
        futures: list[asyncio.Future[Any]] = []
        batch = producer.create_batch()
        for draft in drafts:
            headers = list(draft.headers)
            if batch.append(key=draft.key, value=draft.value, timestamp=None, headers=headers) is None:
                futures.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(key=draft.key, value=draft.value, timestamp=None, headers=headers)
        batch.close()
        futures.append(await producer.send_batch(batch, topic, partition=partition))
        return futures

    async def _count(self, topic: str) -> int:
        partitions = await self._producer.partitions_for(topic)
        self._partitions[topic] = len(partitions)
        return len(partitions)


def _places(error: errors.OffsetOutOfRangeError) -> str:
    lost = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    return ", ".join(f"{one.topic}-{one.partition} before {offset}" for one, offset in lost.items()) or "a partition"
