"""The one loop that every stage shares, and the order of effects that is its guarantee.

Take a batch, settle it (read, decide, write: one transaction), say what it makes, acknowledged; set aside what can
never work, acknowledged; only then commit the offsets. Whatever dies in between, the batch comes again and is answered
alike. Nothing here rests on being the only one who works on a message.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol, TypeVar, assert_never, runtime_checkable

from shared.domain.errors import Malformed, Refused, Transient
from shared.domain.events import Event, following
from shared.domain.outcome import DeadLetter, Drop, DropReason, Forward, LetterReason, Outcome, Outgoing
from shared.runtime import codec, poison
from shared.runtime.broker import Consumer, Draft, Message, Producer, TopicPartition
from shared.runtime.clock import Clock, Ids
from shared.runtime.dead_letter import LetterLimit, letter
from shared.runtime.offsets import next_offsets
from shared.runtime.retry import pause_s
from shared.topology import LETTER_TOPICS, SETS_ASIDE, Step

T = TypeVar("T")

SetAside = tuple[Message, DeadLetter]
"""A message and why it cannot go on."""

TAKE_WAIT_S: Final = 0.25
"""How long an idle stage waits for messages before it looks at its stop flag again."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A message and the event it carries."""

    message: Message
    event: Event


@dataclass(frozen=True, slots=True)
class Settled:
    """What a stage made of a batch: one outcome a message, in the order of the batch, and what it has to say besides.

    `says` are events of the batch as a whole, such as the one snapshot that answers several messages.
    """

    outcomes: Sequence[Outcome]
    says: Sequence[Outgoing] = ()


class Stage(Protocol):
    """A step of the path: decides on batches. Redelivered, it must answer alike."""

    messages_max: int

    async def settle(self, batch: Sequence[Taken]) -> Settled:
        """Read what the decision needs, decide, write: in one transaction. Raises Transient when the world is away."""
        ...

    async def acknowledged(self, batch: Sequence[Taken], settled: Settled) -> Sequence[Outgoing]:
        """Called once everything is acknowledged, before the commit; what it returns is said too, and so on."""
        ...


@runtime_checkable
class ReadsItself(Protocol):
    """A stage that reads its messages in a way of its own, such as one that follows dead letters: those hold anything,
    and setting aside again what cannot be read would never end.
    """

    def read(self, messages: Sequence[Message]) -> tuple[list["Taken"], list[SetAside]]:
        """The messages of a batch, in order, and those that cannot be read with the reason."""
        ...


class Gauge(Protocol):
    """Where the loop tells what it sees; implemented by telemetry."""

    def taken(self, messages: int, oldest_ms: int) -> None:
        """A batch was taken, its oldest message written at this time."""
        ...

    def done(self, outcomes: Sequence[Outcome], seconds: float) -> None:
        """A batch is finished and committed."""
        ...

    def waiting(self, error: str | None) -> None:
        """The stage waits for the world (the kind of error), or no longer does (None)."""
        ...

    def halted(self, why: str) -> None:
        """The stage has stopped on purpose."""
        ...


class Halted(Exception):
    """Too much dies here: the release is to blame, not the data. The stage stops and says so."""


def nothing() -> None:
    """For a loop that nobody watches."""


@dataclass(slots=True)
class Loop:
    """One stage at work. `run` returns when asked to stop; raises Halted when the letters pass their limit.

    `beat` is called whenever the loop turns, so that one sees that it does. Without `attempts` nobody looks for poison.
    """

    step: Step
    stage: Stage
    consumer: Consumer
    producer: Producer
    clock: Clock
    ids: Ids
    gauge: Gauge
    release: str
    limit: LetterLimit = field(default_factory=LetterLimit)
    stopping: Callable[[], bool] = lambda: False
    attempts: poison.Attempts | None = None
    beat: Callable[[], None] = nothing
    trial: poison.Unwatched = field(default_factory=poison.Unwatched)
    proven: set[TopicPartition] = field(default_factory=set[TopicPartition])

    async def run(self) -> None:
        """Take and advance until asked to stop; a batch given up for that comes again to whoever reads next."""
        while not self.stopping():
            self.beat()
            messages = await self.consumer.take(self.stage.messages_max, TAKE_WAIT_S)
            try:
                if messages:
                    await self._carefully(messages)
            except Transient:
                if not self.stopping():
                    raise

    async def advance(self, messages: Sequence[Message]) -> None:
        """Settle, produce, commit: this order is the delivery guarantee."""
        started = self.clock.monotonic()
        self.gauge.taken(len(messages), min(message.timestamp_ms for message in messages))
        taken, unreadable = reader_of(self.stage)(messages)
        settled = await self._settled(taken) if taken else Settled(())
        assert len(settled.outcomes) == len(taken), "a stage answers every message of its batch"
        drafts, fates = leaving(taken, settled)
        ours = [one for one in unreadable if SETS_ASIDE[one[0].topic] == self.step.service]
        passed_over = [Drop(DropReason.NOT_OURS)] * (len(unreadable) - len(ours))
        outcomes = [*fates, *(why for _, why in ours), *passed_over]
        self._limit(outcomes)
        drafts += self._letters([*ours, *set_aside(taken, Settled(fates))])
        await self.trial.rests()
        await self._patiently(lambda: self.producer.send(drafts))
        more = await self._patiently(lambda: poison.tried(self.trial, lambda: self.stage.acknowledged(taken, settled)))
        while more:
            more = await self._patiently(partial(self._say_more, more))
        await self.trial.rests()
        await self._patiently(lambda: self.consumer.commit(next_offsets(messages)))
        self.gauge.done(outcomes, self.clock.monotonic() - started)

    async def _settled(self, taken: Sequence[Taken]) -> Settled:
        """What the stage makes of the batch; the message that brings a value the store refuses is found by halving."""
        try:
            return await self._patiently(lambda: poison.tried(self.trial, lambda: self.stage.settle(taken)))
        except Refused:
            if len(taken) == 1:
                return Settled((DeadLetter(LetterReason.REFUSED, "it holds a value that the database cannot"),))
        half = len(taken) // 2
        first, second = await self._settled(taken[:half]), await self._settled(taken[half:])
        return Settled([*first.outcomes, *second.outcomes], [*first.says, *second.says])

    def _limit(self, outcomes: Sequence[Outcome]) -> None:
        self.limit = self.limit.after(outcomes)
        if (why := self.limit.passed()) is not None:
            self.gauge.halted(why)
            raise Halted(why)

    def _letters(self, letters: Sequence[SetAside]) -> list[Draft]:
        now = self.clock.now()
        return [letter(message, why, self.step, now, self.release) for message, why in letters]

    async def _say_more(self, more: Sequence[Outgoing]) -> Sequence[Outgoing]:
        """Say what the stage found it had to say again, and ask it once more."""
        await self.producer.send([codec.draft(one) for one in more])
        return await self.stage.acknowledged((), Settled(()))

    async def _carefully(self, messages: Sequence[Message]) -> None:
        """Advance; where a partition is begun anew, write that down first, and look for poison (see `poison.py`)."""
        starts = poison.first_offsets(messages)
        new = [position for position in starts if position not in self.proven]
        if self.attempts is None or not new:
            await self.advance(messages)
            return
        attempts = self.attempts
        written = await self._patiently(lambda: attempts.read(new))
        begun = {position: poison.begun(written.get(position), starts[position]) for position in new}
        await self._patiently(lambda: attempts.write(begun))
        if any(poison.one_by_one(attempt) for attempt in begun.values()):
            for message in messages:
                await self._alone(attempts, message, begun.get(message.position))
        else:
            await self.advance(messages)
        await self._patiently(lambda: attempts.forget(new))
        self.proven.update(new)

    async def _alone(self, attempts: poison.Attempts, message: Message, attempt: poison.Attempt | None) -> None:
        """Advance one message, or set it aside where that has killed the process twice."""
        if attempt is not None and poison.is_poison(attempt, message.offset):
            why = DeadLetter(LetterReason.POISON, f"it ended the process {poison.ALONE_MAX} times while tried alone")
            self._limit([why])
            await self._patiently(lambda: self.producer.send(self._letters([(message, why)])))
            await self._patiently(lambda: self.consumer.commit(next_offsets([message])))
            self.gauge.done([why], 0.0)
            return
        if attempt is not None:
            self.trial = poison.Trial(attempts, attempt, message)
            await self._patiently(self.trial.begins)
        await self.advance([message])
        self.trial = poison.Unwatched()

    async def _patiently(self, effect: Callable[[], Awaitable[T]]) -> T:
        """Try an effect until the world allows it; only Transient is waited out, anything else ends the process."""
        attempt = 0
        while True:
            self.beat()
            try:
                result = await effect()
            except Transient as error:
                attempt += 1
                self.gauge.waiting(type(error.__cause__ or error).__name__)
                if self.stopping():
                    raise
                await self.clock.sleep(pause_s(attempt, self.ids.dice()))
            else:
                if attempt:
                    self.gauge.waiting(None)
                return result


def reader_of(stage: Stage) -> Callable[[Sequence[Message]], tuple[list[Taken], list[SetAside]]]:
    """How a stage's messages become events: by `read` below, unless it reads them itself."""
    return stage.read if isinstance(stage, ReadsItself) else read


def read(messages: Sequence[Message]) -> tuple[list[Taken], list[SetAside]]:
    """The events of a batch, in order, and the messages that carry none that can be read."""
    taken: list[Taken] = []
    unreadable: list[SetAside] = []
    for message in messages:
        try:
            taken.append(Taken(message, codec.decode(message)))
        except Malformed as error:
            unreadable.append((message, DeadLetter(codec.reason_of(error), str(error))))
    return taken, unreadable


def leaving(taken: Sequence[Taken], settled: Settled) -> tuple[list[Draft], list[Outcome]]:
    """The messages a settled batch sends out, in the trace and partition of what they follow from, and what became of
    each message in the end: one that makes more than a message holds is a letter; a letter is never set aside again.
    """
    drafts: list[Draft] = []
    fates: list[Outcome] = []
    for one, outcome in zip(taken, settled.outcomes, strict=True):
        fate = outcome
        if isinstance(outcome, Forward):
            try:
                drafts += [_follows(one, outgoing) for outgoing in outcome.says]
            except codec.TooLarge as error:
                fate = DeadLetter(LetterReason.TOO_LARGE, str(error))
        if isinstance(fate, DeadLetter) and one.message.topic in LETTER_TOPICS:
            fate = Drop(DropReason.NOT_OURS)
        fates.append(fate)
    return drafts + [codec.draft(outgoing) for outgoing in settled.says], fates


def _follows(taken: Taken, outgoing: Outgoing) -> Draft:
    event = following(taken.event, outgoing.event)
    follows = outgoing if event is outgoing.event else Outgoing(outgoing.topic, outgoing.key, event)
    same_key = taken.message.key == outgoing.key.encode()
    return codec.draft(follows, taken.message.partition if same_key else None)


def said(settled: Settled) -> list[Outgoing]:
    """Everything a settled batch says, in order: what each message made, then what it says as a whole."""
    says: list[Outgoing] = []
    for outcome in settled.outcomes:
        match outcome:
            case Forward(events):
                says += events
            case Drop() | DeadLetter():
                pass
            case _:
                assert_never(outcome)
    return says + list(settled.says)


def set_aside(taken: Sequence[Taken], settled: Settled) -> list[SetAside]:
    """The messages of a settled batch that become dead letters, with why."""
    pairs = zip(taken, settled.outcomes, strict=True)
    return [(one.message, outcome) for one, outcome in pairs if isinstance(outcome, DeadLetter)]
