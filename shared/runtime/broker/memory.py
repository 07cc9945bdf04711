"""A log in memory behind the port: for unit tests, the crash simulation and the tutorial, never for real contacts.

It keeps the same promises as Kafka (tests/contract/test_broker.py) with the same partitions, and is deterministic:
under one seed, the same calls are answered alike. What it cannot do: outlive its process, retention, compaction.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence

from shared.domain.errors import Transient
from shared.runtime.broker import (
    Admin,
    Backlog,
    Consumer,
    Draft,
    Message,
    Producer,
    Reader,
    TopicPartition,
    refuse_oversized,
)
from shared.runtime.broker.partitions import partition_of
from shared.runtime.clock import Clock, SystemClock
from shared.topology import TOPICS


class MemoryBroker:
    """The log and its groups. `down` makes every call answer as if no broker were there."""

    def __init__(self, seed: int = 0, clock: Clock | None = None) -> None:
        self.down = False
        self.clock = clock or SystemClock()
        self.random = random.Random(seed)  # noqa: S311 (it is meant to be foreseeable)
        self.arrived = asyncio.Event()
        self._logs: dict[TopicPartition, list[Message]] = {}
        self._groups: dict[str, _Group] = {}

    def consumer(
        self,
        group: str,
        topics: Sequence[str],
        instance: str | None,  # noqa: ARG002
        patience_ms: int = 100,  # noqa: ARG002
        *,
        theirs: bool = False,  # noqa: ARG002
    ) -> Consumer:
        """A member of a group; the rest changes nothing here, since nobody waits for the dead, or for more."""
        return MemoryConsumer(self, self.group(group), topics)

    def producer(self) -> Producer:
        """A producer."""
        return MemoryProducer(self)

    def reader(self, topic: str) -> Reader:
        """A reader of one topic."""
        return MemoryReader(self, topic)

    def admin(self) -> Admin:
        """The view from outside."""
        return MemoryAdmin(self)

    def reached(self) -> None:
        """Raises Transient while the broker is down."""
        if self.down:
            raise Transient("no broker answers")

    def group(self, name: str) -> "_Group":
        """The group of this name, made when first asked for."""
        return self._groups.setdefault(name, _Group())

    def partitions(self, topic: str) -> list[TopicPartition]:
        """The partitions of a topic, in order; none when there is no such topic."""
        return sorted(position for position in self._logs if position.topic == topic)

    def log(self, position: TopicPartition) -> list[Message]:
        """What lies in one partition, in order."""
        return self._logs[position]

    def messages(self, topic: str) -> list[Message]:
        """Everything in a topic, partition by partition."""
        return [message for position in self.partitions(topic) for message in self._logs[position]]

    def create(self, topic: str, partitions: int) -> None:
        """Make a topic."""
        for partition in range(partitions):
            self._logs.setdefault(TopicPartition(topic, partition), [])

    def append(self, draft: Draft) -> None:
        """Put one message at the end of its partition. Raises Transient when there is no such topic yet."""
        partitions = len(self.partitions(draft.topic))
        if not partitions:
            raise Transient(f"there is no topic {draft.topic}")
        partition = partition_of(draft.key, partitions) if draft.partition is None else draft.partition
        log = self._logs[TopicPartition(draft.topic, partition)]
        log.append(
            Message(
                topic=draft.topic,
                partition=partition,
                offset=len(log),
                timestamp_ms=int(self.clock.now().timestamp() * 1000),
                key=draft.key,
                value=draft.value,
                headers=draft.headers,
            )
        )
        self.arrived.set()


class _Group:
    """Who is in a group and what it has committed."""

    def __init__(self) -> None:
        self.committed: dict[TopicPartition, int] = {}
        self.members: list[MemoryConsumer] = []

    def rebalance(self, broker: MemoryBroker) -> None:
        """Deal the partitions out anew; everyone starts again at what is committed."""
        topics = sorted({topic for member in self.members for topic in member.topics})
        dealt = [position for topic in topics for position in broker.partitions(topic)]
        for place, member in enumerate(self.members):
            mine = dealt[place :: len(self.members)]
            member.positions = {position: self.committed.get(position, 0) for position in mine}


class MemoryConsumer:
    """One member of a group."""

    def __init__(self, broker: MemoryBroker, group: _Group, topics: Sequence[str]) -> None:
        self.topics = tuple(topics)
        self.positions: dict[TopicPartition, int] = {}
        self._broker = broker
        self._group = group

    async def start(self) -> None:
        """Join the group."""
        self._broker.reached()
        self._group.members.append(self)
        self._group.rebalance(self._broker)

    async def take(self, messages_max: int, wait_s: float) -> list[Message]:
        """The next messages, from the partitions in a drawn order; a broker that is down looks like an empty one."""
        taken = self._taken(messages_max)
        if not taken:
            self._broker.arrived.clear()
            waits = [
                asyncio.ensure_future(self._broker.arrived.wait()),
                asyncio.ensure_future(self._broker.clock.sleep(wait_s)),
            ]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
            taken = self._taken(messages_max)
        return taken

    def _taken(self, messages_max: int) -> list[Message]:
        taken: list[Message] = []
        if self._broker.down:
            return taken
        for position in self._broker.random.sample(sorted(self.positions), len(self.positions)):
            start = self.positions[position]
            some = self._broker.log(position)[start : start + messages_max - len(taken)]
            self.positions[position] = start + len(some)
            taken += some
        return taken

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit what this member still owns."""
        self._broker.reached()
        for position, offset in offsets.items():
            if position in self.positions:
                self._group.committed[position] = offset

    async def rewind(self) -> None:
        """Back to what is committed."""
        self._broker.reached()
        for position in self.positions:
            self.positions[position] = self._group.committed.get(position, 0)

    def owned(self) -> frozenset[TopicPartition]:
        """The partitions this member owns right now."""
        return frozenset(self.positions)

    async def stop(self) -> None:
        """Leave the group; also what a crash looks like to the others, later."""
        if self in self._group.members:
            self._group.members.remove(self)
            self.positions = {}
            self._group.rebalance(self._broker)


class MemoryProducer:
    """Appends at once."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def start(self) -> None:
        """Connect."""
        self._broker.reached()

    async def send(self, drafts: Sequence[Draft]) -> None:
        """Append all; other tasks run in between, as they would while a broker answers."""
        for draft in drafts:
            refuse_oversized(draft)
        await asyncio.sleep(0)
        self._broker.reached()
        for draft in drafts:
            self._broker.append(draft)

    async def stop(self) -> None:
        """Nothing is left to flush."""


class MemoryReader:
    """Follows one topic: a group of its own, whose places are given and never written down."""

    def __init__(self, broker: MemoryBroker, topic: str) -> None:
        self._broker = broker
        self._topic = topic
        self._member = MemoryConsumer(broker, _Group(), [topic])

    async def start(self, after: Mapping[int, int] | None) -> dict[int, int]:
        """Begin where asked, or at the end."""
        self._broker.reached()
        positions = self._broker.partitions(self._topic)
        if not positions:
            raise Transient("the topic is missing")
        ends = {one: len(self._broker.log(one)) for one in positions}
        begins = {
            one: end if after is None else min(max(after.get(one.partition, 0), 0), end) for one, end in ends.items()
        }
        self._member.positions = begins
        return {one.partition: offset for one, offset in begins.items()}

    async def take(self, messages_max: int, wait_s: float) -> list[Message]:
        """The next messages. Raises Transient while the broker is down."""
        self._broker.reached()
        return await self._member.take(messages_max, wait_s)

    async def stop(self) -> None:
        """Nothing is open."""


class MemoryAdmin:
    """Looks at the log."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def ensure_topics(self, partitions: int, replication_factor: int) -> None:  # noqa: ARG002
        """Make the topics of the topology."""
        self._broker.reached()
        for topic in TOPICS:
            count = len(self._broker.partitions(topic.name))
            if count not in (0, partitions):
                raise ValueError(f"topic {topic.name} has {count} partitions, and {partitions} are configured")
            self._broker.create(topic.name, partitions)

    async def backlog(self, group: str, topics: Sequence[str]) -> Mapping[TopicPartition, Backlog]:
        """What a group has not committed."""
        self._broker.reached()
        committed = self._broker.group(group).committed
        found: dict[TopicPartition, Backlog] = {}
        for topic in topics:
            positions = self._broker.partitions(topic)
            if not positions:
                raise Transient(f"there is no topic {topic}")
            for position in positions:
                log = self._broker.log(position)
                rest = log[committed.get(position, 0) :]
                oldest_ms = rest[0].timestamp_ms if rest else None
                found[position] = Backlog(messages=len(rest), oldest_ms=oldest_ms, end=len(log))
        return found

    async def read(self, position: TopicPartition, offset: int) -> Message | None:
        """One message by its position."""
        self._broker.reached()
        if position not in self._broker.partitions(position.topic):
            return None
        log = self._broker.log(position)
        return log[offset] if 0 <= offset < len(log) else None

    async def close(self) -> None:
        """Nothing is open."""
