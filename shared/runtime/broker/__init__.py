"""The broker port: what the services are promised of a log, whichever stands behind it.

Promises, kept alike by `kafka.py` and `memory.py` (tests/contract/test_broker.py holds both to them):
what `send` returned for is there for good and in order per partition; a message is delivered again until its offset is
committed; the partition is Kafka's default hash of the key; two members of a group never own one partition for long,
and nothing rests on that; bytes come back as they went in.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from shared.topology import MESSAGE_BYTES_MAX

HEADERS_BYTES_MAX: Final = 64 * 1024
"""What headers may add to a message of full size: those of a dead letter stay below 4 KiB."""

Headers = tuple[tuple[str, bytes], ...]


class TopicPartition(NamedTuple):
    """One partition of one topic. Everywhere but on the broker itself a topic bears its name in the topology."""

    topic: str
    partition: int


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a topic, as it lies there. Its repr shows the position only."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()

    def __repr__(self) -> str:
        return f"Message({self.topic}-{self.partition}@{self.offset})"

    @property
    def position(self) -> TopicPartition:
        """The partition it lies in."""
        return TopicPartition(self.topic, self.partition)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """One entry on its way to a topic. `partition` None: Kafka's default hash of the key decides."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None

    def __repr__(self) -> str:
        return f"Draft({self.topic})"


def refuse_oversized(draft: Draft) -> None:
    """Raise ValueError for a message over the limit: Kafka's client does not check its batches (T4)."""
    value = len(draft.value or b"")
    around = len(draft.key or b"")
    for name, one in draft.headers:
        around += len(name) + len(one)
    if value > MESSAGE_BYTES_MAX or around > HEADERS_BYTES_MAX:
        raise ValueError(f"a message for {draft.topic} has {value} bytes and {around} around it: over the limit")


class Consumer(Protocol):
    """One member of a consumer group. Every error but Transient at start is fatal: the process starts anew."""

    async def start(self) -> None:
        """Join the group. Raises Transient while no broker answers."""
        ...

    async def take(self, messages_max: int, wait_s: float) -> list[Message]:
        """The next messages in order per partition, at most `messages_max`, empty after `wait_s` without any."""
        ...

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Say that everything before these offsets is done with. A partition lost meanwhile is no error."""
        ...

    async def rewind(self) -> None:
        """Go back to what is committed, on every partition owned: for a batch that was given up."""
        ...

    def owned(self) -> frozenset[TopicPartition]:
        """The partitions this member owns right now."""
        ...

    async def stop(self) -> None:
        """Leave the group."""
        ...


class Producer(Protocol):
    """Sends; one for each process."""

    async def start(self) -> None:
        """Connect. Raises Transient while no broker answers."""
        ...

    async def send(self, drafts: Sequence[Draft]) -> None:
        """Send all; return once every one is acknowledged by all replicas in sync.

        Raises Transient when the broker is away (some may have arrived: sending again is harmless by design), any
        other exception when this producer can no longer be trusted, and ValueError for a message over the size limit,
        before anything is sent.
        """
        ...

    async def stop(self) -> None:
        """Flush and close, within a bounded time."""
        ...


class Admin(Protocol):
    """Looks at the log from outside a group."""

    async def ensure_topics(self, partitions: int, replication_factor: int) -> None:
        """Create what of the topology is missing. Raises ValueError when a topic has another partition count, and
        Transient, as all looks do, while the broker does not answer.
        """
        ...

    async def backlog(self, group: str, topics: Sequence[str]) -> Mapping[TopicPartition, "Backlog"]:
        """What a group has not committed, by partition (never committed: from its start)."""
        ...

    async def read(self, position: TopicPartition, offset: int) -> Message | None:
        """One message by its position, None when it is gone."""
        ...

    async def close(self) -> None:
        """Let connections go; the next look connects again."""
        ...


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """How far a group is behind on one partition that ends at offset `end`; `oldest_ms` is the timestamp of the first
    message it has not done.
    """

    messages: int
    oldest_ms: int | None = None
    end: int = 0


class Reader(Protocol):
    """Follows one topic by position, in no group: it takes nothing from anybody."""

    async def start(self, after: Mapping[int, int] | None) -> dict[int, int]:
        """Begin at these offsets by partition, as far as they are kept (a partition not named: its start); without
        any, at the end. Returns where every partition begins. Raises Transient while the topic cannot be reached.
        """
        ...

    async def take(self, messages_max: int, wait_s: float) -> list[Message]:
        """The next messages in order per partition, empty after `wait_s` without any. Raises Transient."""
        ...

    async def stop(self) -> None:
        """Let the connections go."""
        ...


class Broker(Protocol):
    """Makes the ends of the log. Names passed in carry no prefix; the implementation adds it."""

    def consumer(
        self, group: str, topics: Sequence[str], instance: str | None, patience_ms: int = 100, *, theirs: bool = False
    ) -> Consumer:
        """A member of `group` over `topics`; a stable `instance` makes its place survive a quick restart.

        `patience_ms` is how long it may wait for more messages before it hands over the few there are. Topics that are
        `theirs` bear the same name everywhere.
        """
        ...

    def producer(self) -> Producer:
        """A producer."""
        ...

    def reader(self, topic: str) -> Reader:
        """A reader of one topic."""
        ...

    def admin(self) -> Admin:
        """The view from outside."""
        ...
