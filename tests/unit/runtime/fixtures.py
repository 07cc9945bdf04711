"""What the runtime's tests build messages and loops from."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shared.domain.contact import Cause
from shared.domain.events import Event, RefreshRequested
from shared.domain.outcome import DeadLetter, Forward, Outcome, Outgoing
from shared.runtime import codec
from shared.runtime.broker import Draft, Message
from shared.runtime.broker.memory import MemoryBroker
from shared.runtime.clock import ManualClock, SeededIds
from shared.runtime.stage import Loop, Settled, Taken
from shared.topology import RECEIVED, RESOLVED, Topic, Type, step_of

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def event(number: int = 1, traceparent: str | None = None) -> Event:
    return Event(
        id=f"event-{number}",
        type=Type.REFRESH_REQUESTED,
        source="/kontaktwerk/test",
        time=NOW,
        subject=f"contact-{number}",
        data=RefreshRequested(contact_id=f"contact-{number}", cause=Cause(kind="refresh", id=f"cause-{number}")),
        traceparent=traceparent,
    )


def draft(number: int = 1, topic: Topic = RECEIVED, traceparent: str | None = None) -> Draft:
    return codec.draft(Outgoing(topic, f"contact-{number}", event(number, traceparent)))


def message(
    value: bytes | None = b"{}", headers: tuple[tuple[str, bytes], ...] = (), offset: int = 0, partition: int = 0
) -> Message:
    return Message(
        topic=RECEIVED.name,
        partition=partition,
        offset=offset,
        timestamp_ms=1_700_000_000_000,
        key=b"key",
        value=value,
        headers=headers,
    )


def message_of(one: Event, offset: int = 0, partition: int = 0) -> Message:
    value, headers = codec.encode(one)
    return message(value, headers, offset, partition)


def forwarded(taken: Taken) -> Forward:
    """What the test stages say: the same event on the next topic."""
    return Forward((Outgoing(RESOLVED, taken.event.subject, taken.event),))


@dataclass
class Watched:
    """A gauge that remembers."""

    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    waits: list[str | None] = field(default_factory=list[str | None])
    why: str | None = None

    def taken(self, messages: int, oldest_ms: int) -> None:
        assert messages
        assert oldest_ms

    def done(self, outcomes: Sequence[Outcome], seconds: float) -> None:  # noqa: ARG002
        self.outcomes += outcomes

    def waiting(self, error: str | None) -> None:
        self.waits.append(error)

    def halted(self, why: str) -> None:
        self.why = why


@dataclass
class Passing:
    """A stage that says what it takes, unless `decide` knows better; what it does lands in the ledger."""

    ledger: list[str] = field(default_factory=list[str])
    decide: Callable[[Taken], Outcome] = forwarded
    before: Callable[[Sequence[Taken]], Awaitable[None]] | None = None
    more: list[Sequence[Outgoing]] = field(default_factory=list[Sequence[Outgoing]])
    messages_max: int = 10

    async def settle(self, batch: Sequence[Taken]) -> Settled:
        if self.before is not None:
            await self.before(batch)
        self.ledger.append(f"settled {len(batch)}")
        return Settled([self.decide(one) for one in batch])

    async def acknowledged(self, batch: Sequence[Taken], settled: Settled) -> Sequence[Outgoing]:  # noqa: ARG002
        self.ledger.append(f"acknowledged {len(batch)}")
        return self.more.pop(0) if self.more else ()


async def loop_over(broker: MemoryBroker, stage: Passing, gauge: Watched, service: str = "dedup") -> Loop:
    """A loop of one member over `broker`, with the topics made."""
    await broker.admin().ensure_topics(3, 1)
    step = step_of(service)
    consumer, producer = broker.consumer(service, [topic.name for topic in step.consumes], None), broker.producer()
    await consumer.start()
    await producer.start()
    return Loop(step, stage, consumer, producer, ManualClock(NOW), SeededIds(), gauge, release="0.0.0-test")


def letters(broker: MemoryBroker, service: str = "dedup") -> list[Message]:
    return broker.messages(f"contacts.dead-letter.{service}")


def is_letter(outcome: Outcome) -> bool:
    return isinstance(outcome, DeadLetter)
