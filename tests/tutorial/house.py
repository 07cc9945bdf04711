"""A small house for the chapters that need no Postgres: a log in memory, a clock moved by hand, one stage of its own.

Everything else is the real code. dedup keeps what it knows in tables, so `OneEach` stands in for it here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from services.dedup.core.arriving import work_of
from services.dedup.core.folding import changed
from services.dedup.core.survivorship import SourceView, golden_record
from services.ingest.core.decide import Accepted, Known, decide, plan
from services.ingest.core.reading import Delivery, read_record
from shared.domain.configuration import Source
from shared.domain.contact import Cause, Contact
from shared.domain.events import Event, RecordReceived, Snapshot
from shared.domain.ids import derived_id, event_id_of
from shared.domain.outcome import Drop, DropReason, Forward, Outcome, Outgoing
from shared.domain.record import Patch, Record, fold
from shared.runtime import codec
from shared.runtime.broker import Message, Producer
from shared.runtime.broker.memory import MemoryBroker
from shared.runtime.clock import ManualClock, SeededIds
from shared.runtime.stage import Loop, Settled, Stage, Taken
from shared.topology import RESOLVED, Topic, Type, step_of
from tests.scenarios.simulation import Silent

NOON: Final = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY: Final = b"the key of the tutorial"

SOURCES: Final[Mapping[str, Source]] = {
    "webform": Source(trust=50, country="DE", language="de"),
    "newsletter": Source(trust=40, country="DE", language="de"),
    "crm": Source(trust=80, country="DE", language="de"),
}
VIEWS: Final = {name: SourceView(source.trust, source.country, source.language) for name, source in SOURCES.items()}


def arrives(said: Mapping[str, Any], known: Known | None = None, at: datetime = NOON) -> Accepted:
    """One delivery at the front door: read, given its ids, decided, as `POST /v1/records` does it."""
    delivery = read_record(dict(said), SOURCES, at)
    assert isinstance(delivery, Delivery), delivery
    (accepted,) = decide(plan([delivery], KEY, at), known or Known(), None)
    return accepted


def event_of(said: Mapping[str, Any], at: datetime = NOON) -> Event:
    """The event that a delivery becomes, for a sender of whom nothing is known yet."""
    says = arrives(said, at=at).says
    assert says is not None
    return says.event


def patch_of(event: Event) -> Patch:
    """What an event says about its record."""
    (told,) = work_of([event]).told
    return told.patch


def record_of(*events: Event) -> Record:
    """The record that these events, all about one, make in this order."""
    return changed(work_of(events).told, None, Source(country="DE")).record


def contact_of(*records: Record, contact_id: str = "", version: int = 1) -> Contact:
    """The golden record of these records."""
    cause = Cause(kind="record", id="the event that made this version")
    identity = contact_id or derived_id("contact", *sorted(record.record_id for record in records))
    return golden_record(identity, records, VIEWS, version=version, cause=cause, created_at=NOON, updated_at=NOON)


@dataclass
class OneEach:
    """What dedup would say if nobody had two records: every record is a contact of its own.

    The three fields are its tables. `decided` holds the insert-once rows that make effects happen once.
    """

    records: dict[str, Record] = field(default_factory=dict[str, Record])
    versions: Counter[str] = field(default_factory=Counter[str])
    decided: set[str] = field(default_factory=set[str])
    messages_max: int = 10

    async def settle(self, batch: Sequence[Taken]) -> Settled:
        """Fold, count, remember; what was decided before is only said again."""
        return Settled([self._outcome(one.event) for one in batch])

    async def acknowledged(self, batch: Sequence[Taken], settled: Settled) -> Sequence[Outgoing]:  # noqa: ARG002
        """Nothing more to say."""
        return ()

    def _outcome(self, event: Event) -> Outcome:
        if not isinstance(event.data, RecordReceived):
            return Drop(DropReason.NOT_OURS)
        record_id = event.data.record_id
        if event.id not in self.decided:
            self.decided.add(event.id)
            self.versions[record_id] += 1
            self.records[record_id] = (
                fold(self.records[record_id], patch_of(event)) if record_id in self.records else record_of(event)
            )
        contact = contact_of(self.records[record_id], version=self.versions[record_id])
        return Forward((Outgoing(RESOLVED, contact.contact_id, snapshot(contact, event.time)),))


def snapshot(contact: Contact, at: datetime = NOON) -> Event:
    """The event by which dedup says a contact."""
    return Event(
        id=event_id_of(Type.CONTACT_RESOLVED, contact.contact_id, contact.version),
        type=Type.CONTACT_RESOLVED,
        source="/kontaktwerk/dedup",
        time=at,
        subject=contact.contact_id,
        data=Snapshot(contact=contact),
    )


class House:
    """A log in memory with the topics of the topology, and loops over it."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOON)
        self.broker = MemoryBroker(seed=1, clock=self.clock)

    async def open(self) -> "House":
        """Make the topics."""
        await self.broker.admin().ensure_topics(partitions=3, replication_factor=1)
        return self

    async def say(self, topic: Topic, *events: Event) -> None:
        """Put events on a topic, as their authors do."""
        await self.broker.producer().send([codec.draft(Outgoing(topic, one.subject, one)) for one in events])

    async def loop(self, service: str, stage: Stage, producer: Producer | None = None) -> Loop:
        """A new process of a service: the one loop over this stage."""
        step = step_of(service)
        consumer = self.broker.consumer(service, [topic.name for topic in step.consumes], None)
        await consumer.start()
        return Loop(
            step, stage, consumer, producer or self.broker.producer(), self.clock, SeededIds(), Silent(), "tutorial"
        )

    async def run(self, loop: Loop) -> None:
        """Let a loop work until nothing is left for it."""
        while messages := await loop.consumer.take(loop.stage.messages_max, wait_s=0.0):
            await loop.advance(messages)

    def messages(self, topic: Topic) -> list[Message]:
        """Everything on a topic, as it lies there."""
        return self.broker.messages(topic.name)

    def events(self, topic: Topic) -> list[Event]:
        """Everything on a topic, read."""
        return [codec.decode(message) for message in self.messages(topic)]

    async def waiting(self, service: str) -> int:
        """How many messages a service has not committed."""
        backlog = await self.broker.admin().backlog(service, [topic.name for topic in step_of(service).consumes])
        return sum(one.messages for one in backlog.values())
