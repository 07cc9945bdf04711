"""A small world of two stages over the real loop, in which anything may die between any two effects, under a seed.

The log is the one in memory; the tables are dictionaries that change only when a transaction commits. Every effect
passes a turnstile, which may let the world be away for a moment, put the process to sleep while others take its work
(a zombie), or kill it: before the effect, in the middle of it, or after.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.domain.contact import Cause
from shared.domain.errors import Transient
from shared.domain.events import Event, RefreshRequested
from shared.domain.ids import event_id_of
from shared.domain.outcome import DeadLetter, Drop, DropReason, Forward, LetterReason, Outcome, Outgoing
from shared.runtime import codec
from shared.runtime.broker import Consumer, Draft, Message, Producer, TopicPartition
from shared.runtime.broker.memory import MemoryBroker
from shared.runtime.clock import ManualClock, SeededIds
from shared.runtime.stage import Loop, Settled, Taken
from shared.topology import DEAD_LETTERS, RECEIVED, RESOLVED, VALIDATED, Topic, Type, step_of

CONTACTS: Final = 4
"""Few, so that several messages of a batch concern one contact."""

TURNS_MAX: Final = 400
"""A run that has not come to rest by then never will."""

STAGES: Final = ("dedup", "validate")


class Crash(BaseException):
    """A process is gone: no handler sees this, as none sees a kill -9."""


class Turnstile:
    """Stands before and behind every effect; `crash_at` kills at the n-th passage, chances do the rest."""

    def __init__(self, seed: int, crash_at: int | None = None, chance: float = 0.0) -> None:
        self.random = random.Random(seed)
        self.passed = 0
        self.crashes = 0
        self._crash_at = crash_at
        self.chance = chance

    async def passage(self, *, may_be_away: bool = False) -> None:
        """Let others run; then perhaps nothing happens, perhaps the world is away, perhaps this process dies."""
        for _ in range(self.random.randint(0, 2) if self.chance else 0):
            await asyncio.sleep(0)
        self.passed += 1
        if self.passed == self._crash_at or self.random.random() < self.chance:
            self.crashes += 1
            raise Crash
        if may_be_away and self.random.random() < self.chance:
            raise Transient("away for a moment")


@dataclass
class Tables:
    """What the first stage keeps, for good, changed under one lock.

    Two negative controls: with `once` False it forgets what it decided, with `locked` False nobody waits for others.
    """

    decided: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    versions: Counter[str] = field(default_factory=Counter[str])
    effects: Counter[str] = field(default_factory=Counter[str])
    once: bool = True
    locked: bool = True
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass
class Counting:
    """A stage like dedup: each event changes its contact once, and the answer of a redelivered one is read back."""

    tables: Tables
    gate: Turnstile
    messages_max: int = 5

    async def settle(self, batch: Sequence[Taken]) -> Settled:
        """One transaction, under the lock unless the control says otherwise."""
        if not self.tables.locked:
            return await self._transaction(batch)
        async with self.tables.lock:
            return await self._transaction(batch)

    async def _transaction(self, batch: Sequence[Taken]) -> Settled:
        """Read, decide, write, commit: what dies before the commit leaves nothing behind."""
        await self.gate.passage(may_be_away=True)
        decided, versions = dict(self.tables.decided), Counter(self.tables.versions)
        effects: Counter[str] = Counter()
        outcomes: list[Outcome] = []
        for one in batch:
            fate = fate_of(one.event)
            if fate is not None:
                outcomes.append(fate)
                continue
            event_id, contact = one.event.id, one.event.subject
            if event_id not in decided or not self.tables.once:
                versions[contact] += 1
                effects[event_id] += 1
                decided[event_id] = (contact, versions[contact])
            outcomes.append(Forward((Outgoing(RESOLVED, contact, said(*decided[event_id], event_id)),)))
        await self.gate.passage(may_be_away=True)
        self.tables.decided.update(decided)
        self.tables.versions = versions
        self.tables.effects += effects
        await self.gate.passage()
        return Settled(outcomes)

    async def acknowledged(self, batch: Sequence[Taken], settled: Settled) -> Sequence[Outgoing]:  # noqa: ARG002
        """Nothing more to say."""
        await self.gate.passage(may_be_away=True)
        return ()


@dataclass
class Keeping:
    """A stage like rules: the newest version of each contact is kept, older ones are dropped."""

    newest: dict[str, int]
    gate: Turnstile
    messages_max: int = 5

    async def settle(self, batch: Sequence[Taken]) -> Settled:
        """Apply what is newer; say what is kept."""
        await self.gate.passage(may_be_away=True)
        outcomes: list[Outcome] = []
        for one in batch:
            contact, version = one.event.subject, int(one.event.extensions["version"])
            if version < self.newest.get(contact, 0):
                outcomes.append(Drop(DropReason.STALE))
                continue
            self.newest[contact] = version
            outcomes.append(Forward((Outgoing(VALIDATED, contact, one.event),)))
        await self.gate.passage()
        return Settled(outcomes)

    async def acknowledged(self, batch: Sequence[Taken], settled: Settled) -> Sequence[Outgoing]:  # noqa: ARG002
        """Nothing more to say."""
        return ()


@dataclass
class FaultyConsumer:
    """A member whose every call may be the last; `zombie` after a while, when others have its partitions."""

    consumer: Consumer
    gate: Turnstile

    async def start(self) -> None:
        """Join."""
        await self.consumer.start()

    async def take(self, messages_max: int, wait_s: float) -> list[Message]:
        """Take; then perhaps sleep long enough to lose everything, and wake with the batch in hand."""
        taken = await self.consumer.take(messages_max, wait_s)
        await self.gate.passage()
        if taken and self.gate.random.random() < self.gate.chance:
            await self.consumer.stop()
            for _ in range(self.gate.random.randint(1, 60)):
                await asyncio.sleep(0)
            await self.consumer.start()
        return taken

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit."""
        await self.gate.passage(may_be_away=True)
        await self.consumer.commit(offsets)
        await self.gate.passage()

    async def rewind(self) -> None:
        """Go back."""
        await self.consumer.rewind()

    def owned(self) -> frozenset[TopicPartition]:
        """What it owns."""
        return self.consumer.owned()

    async def stop(self) -> None:
        """Leave."""
        await self.consumer.stop()


@dataclass
class FaultyProducer:
    """A producer that may die, or be cut off, with only some of it on the log."""

    producer: Producer
    gate: Turnstile

    async def start(self) -> None:
        """Connect."""

    async def send(self, drafts: Sequence[Draft]) -> None:
        """Send one by one, with a passage between any two."""
        for draft in drafts:
            await self.gate.passage(may_be_away=True)
            await self.producer.send([draft])
        await self.gate.passage(may_be_away=True)

    async def stop(self) -> None:
        """Nothing is left."""


class Silent:
    """A gauge that nobody reads."""

    def taken(self, messages: int, oldest_ms: int) -> None:
        """A batch was taken."""

    def done(self, outcomes: Sequence[Outcome], seconds: float) -> None:
        """A batch is finished."""

    def waiting(self, error: str | None) -> None:
        """The stage waits."""

    def halted(self, why: str) -> None:
        """The stage stands still."""


@dataclass
class World:
    """Log, tables, and as many processes of each stage as asked for."""

    gate: Turnstile
    loop: type[Loop] = Loop
    processes: int = 1
    tables: Tables = field(default_factory=Tables)
    newest: dict[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        """The log, deterministic under the turnstile's seed."""
        self.broker = MemoryBroker(seed=self.gate.random.randrange(2**32), clock=ManualClock())
        self.turns = 0

    async def run(self, events: Sequence[Event]) -> None:
        """Send the events, run until everything is committed, start again whoever dies; AssertionError if never."""
        await self.broker.admin().ensure_topics(3, 1)
        rubbish = Draft(topic=RECEIVED.name, key=b"rubbish", value=b"\xff")
        await self.broker.producer().send(
            [rubbish, *(codec.draft(Outgoing(RECEIVED, one.subject, one)) for one in events)]
        )
        workers = [asyncio.create_task(self._live(stage)) for stage in STAGES for _ in range(self.processes)]
        try:
            await self._rest()
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _live(self, service: str) -> None:
        """One process of a service: born again whenever it dies."""
        while True:
            consumer = self.broker.consumer(service, [topic.name for topic in step_of(service).consumes], None)
            await consumer.start()
            loop = self.loop(
                step_of(service),
                Counting(self.tables, self.gate) if service == "dedup" else Keeping(self.newest, self.gate),
                FaultyConsumer(consumer, self.gate),
                FaultyProducer(self.broker.producer(), self.gate),
                self.broker.clock,
                SeededIds(self.gate.random.randrange(2**32)),
                Silent(),
                "0.0.0-test",
            )
            try:
                await loop.run()
            except Crash:
                await consumer.stop()

    async def _rest(self) -> None:
        """Wait until every group has committed everything."""
        for _ in range(TURNS_MAX):
            self.turns += 1
            for _ in range(50):
                await asyncio.sleep(0)
            backlogs = [
                await self.broker.admin().backlog(service, [topic.name for topic in step_of(service).consumes])
                for service in STAGES
            ]
            if not any(one.messages for backlog in backlogs for one in backlog.values()):
                return
        raise AssertionError("the world never came to rest")


def fate_of(event: Event) -> Outcome | None:
    """What becomes of an event whatever the tables hold; None when they decide."""
    if event.id.endswith("-late"):
        return Drop(DropReason.SUPERSEDED)
    return DeadLetter(LetterReason.INVALID, "is no event of ours") if event.id.endswith("-bad") else None


def arriving(number: int, kind: str = "good") -> Event:
    """The n-th event: a change of one of a few contacts."""
    contact = f"contact-{number % CONTACTS}"
    return Event(
        id=f"event-{number}-{kind}",
        type=Type.REFRESH_REQUESTED,
        source="/kontaktwerk/test",
        time=ManualClock().now(),
        subject=contact,
        data=RefreshRequested(contact_id=contact, cause=Cause(kind="refresh", id=str(number))),
    )


def said(contact: str, version: int, event_id: str) -> Event:
    """What the first stage says of one version."""
    return Event(
        id=event_id_of("refresh", contact, event_id),
        type=Type.REFRESH_REQUESTED,
        source="/kontaktwerk/dedup",
        time=ManualClock().now(),
        subject=contact,
        data=RefreshRequested(contact_id=contact, cause=Cause(kind="refresh", id=event_id)),
        extensions={"version": str(version)},
    )


def assert_conserved(world: World, events: Sequence[Event]) -> None:
    """The law: what enters leaves in exactly one way, and has its effect once. Names what broke it."""
    good = [event for event in events if fate_of(event) is None]
    bad = {event.id for event in events if isinstance(fate_of(event), DeadLetter)}
    assert dict(world.tables.effects) == {event.id: 1 for event in good}, "every effect happens once"
    letters = Counter(letter_id(one) for one in world.broker.messages(DEAD_LETTERS["dedup"].name))
    assert set(letters) == bad | {"rubbish"}, "what cannot work is set aside, and nothing else is"
    forwarded = {cause_of(one) for one in world.broker.messages(RESOLVED.name)}
    assert forwarded == {event.id for event in good}, "what can work goes on, and nothing else does"
    taken, dropped = len(events) + 1, sum(isinstance(fate_of(event), Drop) for event in events)
    assert taken == len(forwarded) + dropped + len(letters), "taken = forwarded + dropped + dead-lettered"
    expected = Counter(event.subject for event in good)
    assert world.newest == dict(expected), "the newest version of every contact arrives"
    for contact, version in last_said(world.broker, VALIDATED).items():
        assert version == expected[contact], "and is among what is said of it"


def letter_id(message: Message) -> str:
    """Which event a letter holds."""
    return dict(message.headers).get("ce_id", b"rubbish").decode()


def cause_of(message: Message) -> str:
    """Which event made the first stage say this."""
    data = codec.decode(message).data
    assert isinstance(data, RefreshRequested)
    return data.cause.id


def last_said(broker: MemoryBroker, topic: Topic) -> dict[str, int]:
    """The greatest version said of each contact: what a reader ends with."""
    greatest: dict[str, int] = {}
    for message in broker.messages(topic.name):
        event = codec.decode(message)
        greatest[event.subject] = max(greatest.get(event.subject, 0), int(event.extensions["version"]))
    return greatest
