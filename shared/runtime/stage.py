"""The one loop that every stage shares, and the order of effects that is its guarantee.

Take a batch, settle it (read, decide, write: one transaction), say what it makes, acknowledged; set aside what can
never work, acknowledged; only then commit the offsets. Whatever dies in between, the batch comes again and is answered
alike. Nothing here rests on being the only one who works on a message.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol, TypeVar, assert_never, runtime_checkable

from shared.domain.errors import Malformed, Transient
from shared.domain.events import Event
from shared.domain.outcome import DeadLetter, Drop, Forward, LetterReason, Outcome, Outgoing
from shared.runtime import codec
from shared.runtime.broker import Consumer, Draft, Message, Producer
from shared.runtime.clock import Clock, Ids
from shared.runtime.dead_letter import LetterLimit, letter
from shared.runtime.offsets import next_offsets
from shared.runtime.retry import pause_s
from shared.topology import Step

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


@dataclass(slots=True)
class Loop:
    """One stage at work. `run` returns when asked to stop; raises Halted when the letters pass their limit."""

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

    async def run(self) -> None:
        """Take and advance until asked to stop."""
        while not self.stopping():
            messages = await self.consumer.take(self.stage.messages_max, TAKE_WAIT_S)
            if messages:
                await self.advance(messages)

    async def advance(self, messages: Sequence[Message]) -> None:
        """Settle, produce, commit: this order is the delivery guarantee."""
        started = self.clock.monotonic()
        self.gauge.taken(len(messages), min(message.timestamp_ms for message in messages))
        taken, unreadable = reader_of(self.stage)(messages)
        settled = await self._patiently(lambda: self.stage.settle(taken)) if taken else Settled(())
        assert len(settled.outcomes) == len(taken), "a stage answers every message of its batch"
        outcomes: list[Outcome] = [*settled.outcomes, *(why for _, why in unreadable)]
        self.limit = self.limit.after(outcomes)
        if (why := self.limit.passed()) is not None:
            self.gauge.halted(why)
            raise Halted(why)
        await self._patiently(lambda: self.producer.send(self._drafts(taken, settled, unreadable)))
        more = await self._patiently(lambda: self.stage.acknowledged(taken, settled))
        while more:
            more = await self._patiently(partial(self._say_more, more))
        await self._patiently(lambda: self.consumer.commit(next_offsets(messages)))
        self.gauge.done(outcomes, self.clock.monotonic() - started)

    def _drafts(self, taken: Sequence[Taken], settled: Settled, unreadable: Sequence[SetAside]) -> list[Draft]:
        """All that a batch says, dead letters last."""
        says = [codec.draft(one) for one in said(settled)]
        letters = [*unreadable, *set_aside(taken, settled)]
        now = self.clock.now()
        return says + [letter(message, why, self.step, now, self.release) for message, why in letters]

    async def _say_more(self, more: Sequence[Outgoing]) -> Sequence[Outgoing]:
        """Say what the stage found it had to say again, and ask it once more."""
        await self.producer.send([codec.draft(one) for one in more])
        return await self.stage.acknowledged((), Settled(()))

    async def _patiently(self, effect: Callable[[], Awaitable[T]]) -> T:
        """Try an effect until the world allows it; only Transient is waited out, anything else ends the process."""
        attempt = 0
        while True:
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
            unreadable.append((message, DeadLetter(LetterReason.UNREADABLE, str(error))))
    return taken, unreadable


def said(settled: Settled) -> list[Outgoing]:
    """Everything a settled batch says, in order: what each message made, then what the batch says as a whole."""
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
