"""The one loop: settle, produce, commit, in this order; and what it does when one of them cannot be done."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from shared.domain.contact import Cause
from shared.domain.errors import Refused, Transient
from shared.domain.events import Event, RefreshRequested
from shared.domain.outcome import DeadLetter, Drop, DropReason, Forward, LetterReason, Outcome, Outgoing
from shared.runtime import codec, poison
from shared.runtime.broker import Consumer, Draft, Message, Producer, TopicPartition
from shared.runtime.broker.memory import MemoryBroker
from shared.runtime.clock import ManualClock
from shared.runtime.dead_letter import CONSECUTIVE_MAX
from shared.runtime.stage import Halted, Loop, SetAside, Settled, Taken
from shared.topology import DEAD_LETTERS, MESSAGE_BYTES_MAX, RECEIVED, RESOLVED, Type
from tests.unit.runtime.fixtures import NOW, Passing, Watched, draft, event, forwarded, is_letter, letters, loop_over

TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker(seed=1, clock=ManualClock())


@pytest.fixture
def gauge() -> Watched:
    return Watched()


async def send(broker: MemoryBroker, *drafts: Draft) -> None:
    await broker.producer().send(drafts)


async def turn(loop: Loop) -> list[Message]:
    """One turn of the loop."""
    messages = await loop.consumer.take(loop.stage.messages_max, 0.0)
    if messages:
        await loop.advance(messages)
    return messages


async def committed(broker: MemoryBroker, loop: Loop) -> bool:
    backlog = await broker.admin().backlog(loop.step.service, [topic.name for topic in loop.step.consumes])
    return sum(one.messages for one in backlog.values()) == 0


@dataclass
class Noting:
    """Both ends of a log, which write down what passes."""

    consumer: Consumer
    producer: Producer
    ledger: list[str]

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def take(self, messages_max: int, wait_s: float) -> list[Message]:
        return await self.consumer.take(messages_max, wait_s)

    async def send(self, drafts: Sequence[Draft]) -> None:
        self.ledger.append(f"produced {len(drafts)}")
        await self.producer.send(drafts)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.ledger.append(f"committed {sum(offsets.values())}")
        await self.consumer.commit(offsets)

    async def rewind(self) -> None: ...

    def owned(self) -> frozenset[TopicPartition]:
        return self.consumer.owned()


async def test_settle_produce_commit_in_this_order(broker: MemoryBroker, gauge: Watched) -> None:
    stage = Passing()
    loop = await loop_over(broker, stage, gauge)
    loop.consumer = loop.producer = Noting(loop.consumer, loop.producer, stage.ledger)
    await send(broker, draft(1), draft(2))
    await turn(loop)
    assert stage.ledger == ["settled 2", "produced 2", "acknowledged 2", "committed 2"]
    assert await committed(broker, loop)


async def test_every_outcome_goes_its_way(broker: MemoryBroker, gauge: Watched) -> None:
    fates: dict[str, Outcome] = {
        "contact-1": Drop(DropReason.STALE),
        "contact-2": DeadLetter(LetterReason.INVALID, "is no contact"),
    }
    stage = Passing(decide=lambda one: fates.get(one.event.subject) or forwarded(one))
    loop = await loop_over(broker, stage, gauge)
    await send(broker, draft(1), draft(2), draft(3))
    await turn(loop)
    assert [message.key for message in broker.messages(RESOLVED.name)] == [b"contact-3"]
    assert [message.key for message in letters(broker)] == [b"contact-2"]
    assert len(gauge.outcomes) == 3


async def test_what_nobody_can_read_is_set_aside_and_the_rest_goes_on(broker: MemoryBroker, gauge: Watched) -> None:
    loop = await loop_over(broker, Passing(), gauge)
    await send(broker, Draft(topic=RECEIVED.name, key=b"k", value=b"\xff"), draft(1))
    await turn(loop)
    (letter,) = letters(broker)
    assert letter.value == b"\xff"
    assert dict(letter.headers)["dead-letter-reason"] == b"unreadable"
    assert len(broker.messages(RESOLVED.name)) == 1


async def test_what_follows_belongs_to_the_same_trace_and_partition(broker: MemoryBroker, gauge: Watched) -> None:
    untraced = Passing(decide=lambda one: Forward((Outgoing(RESOLVED, one.event.subject, event(1)),)))
    loop = await loop_over(broker, untraced, gauge)
    await send(broker, draft(1, traceparent=TRACE))
    (taken,) = await turn(loop)
    (said,) = broker.messages(RESOLVED.name)
    assert codec.decode(said).traceparent == TRACE
    assert said.partition == taken.partition


async def test_what_goes_away_by_waiting_is_waited_for(broker: MemoryBroker, gauge: Watched) -> None:
    failures = [Transient("postgres"), Transient("postgres"), Transient("postgres")]

    async def away(_: Sequence[Taken]) -> None:
        if failures:
            raise failures.pop()

    loop = await loop_over(broker, Passing(before=away), gauge)
    await send(broker, draft(1))
    await turn(loop)
    assert gauge.waits == ["Transient", "Transient", "Transient", None]
    assert loop.clock.monotonic() > 0
    assert await committed(broker, loop)


async def test_a_broker_that_is_away_delays_and_loses_nothing(broker: MemoryBroker, gauge: Watched) -> None:
    loop = await loop_over(broker, Passing(), gauge)
    await send(broker, draft(1))
    messages = await loop.consumer.take(10, 0.0)
    broker.down = True
    advancing = asyncio.create_task(loop.advance(messages))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not advancing.done()
    broker.down = False
    await advancing
    assert len(broker.messages(RESOLVED.name)) == 1
    assert await committed(broker, loop)


async def test_asked_to_stop_while_waiting_it_gives_the_batch_up(broker: MemoryBroker, gauge: Watched) -> None:
    async def away(_: Sequence[Taken]) -> None:
        raise Transient("postgres")

    loop = await loop_over(broker, Passing(before=away), gauge)
    turns = iter([False, True, True])
    loop.stopping = lambda: next(turns, True)
    await send(broker, draft(1))
    await loop.run()
    assert not await committed(broker, loop)


async def test_anything_else_ends_the_process_and_commits_nothing(broker: MemoryBroker, gauge: Watched) -> None:
    async def ours(_: Sequence[Taken]) -> None:
        raise ZeroDivisionError

    loop = await loop_over(broker, Passing(before=ours), gauge)
    await send(broker, draft(1))
    with pytest.raises(ZeroDivisionError):
        await turn(loop)
    assert not await committed(broker, loop)
    assert not broker.messages(RESOLVED.name)


async def test_the_one_message_the_store_refuses_is_found_and_set_aside(broker: MemoryBroker, gauge: Watched) -> None:
    async def refuses_seven(batch: Sequence[Taken]) -> None:
        if any(one.event.id == "event-7" for one in batch):
            raise Refused("CharacterNotInRepertoireError")

    stage = Passing(before=refuses_seven, messages_max=50)
    loop = await loop_over(broker, stage, gauge)
    await send(broker, *(draft(number) for number in range(20)))
    await turn(loop)
    assert [message.key for message in letters(broker)] == [b"contact-7"]
    assert len(broker.messages(RESOLVED.name)) == 19
    assert dict(letters(broker)[0].headers)["dead-letter-reason"] == b"refused"


async def test_what_would_be_too_large_becomes_a_letter_instead_of_a_crash(
    broker: MemoryBroker, gauge: Watched
) -> None:
    data = RefreshRequested(contact_id="x" * MESSAGE_BYTES_MAX, cause=Cause(kind="refresh", id="c"))
    large = Event(id="e", type=Type.REFRESH_REQUESTED, source="/s", time=NOW, subject="c", data=data)

    def huge(one: Taken) -> Outcome:
        too_much = Forward((Outgoing(RESOLVED, "c", event(2)), Outgoing(RESOLVED, "c", large)))
        return too_much if one.event.id == "event-1" else forwarded(one)

    loop = await loop_over(broker, Passing(decide=huge), gauge)
    await send(broker, draft(1), draft(5))
    await turn(loop)
    (letter,) = letters(broker)
    assert dict(letter.headers)["dead-letter-reason"] == b"too-large"
    assert [message.key for message in broker.messages(RESOLVED.name)] == [b"contact-5"]


async def test_what_the_stage_finds_afterwards_is_said_too_before_the_commit(
    broker: MemoryBroker, gauge: Watched
) -> None:
    more = [[Outgoing(RESOLVED, "later", event(8))], [Outgoing(RESOLVED, "latest", event(9))], []]
    stage = Passing(more=[*more])
    loop = await loop_over(broker, stage, gauge)
    await send(broker, draft(1))
    await turn(loop)
    assert {message.key for message in broker.messages(RESOLVED.name)} == {b"contact-1", b"later", b"latest"}
    assert stage.ledger == ["settled 1", "acknowledged 1", "acknowledged 0", "acknowledged 0"]


async def test_too_many_letters_stop_the_stage_before_they_are_written(broker: MemoryBroker, gauge: Watched) -> None:
    dying = Passing(decide=lambda _: DeadLetter(LetterReason.INVALID, "x"), messages_max=CONSECUTIVE_MAX + 1)
    loop = await loop_over(broker, dying, gauge)
    await send(broker, *(draft(number) for number in range(CONSECUTIVE_MAX + 1)))
    with pytest.raises(Halted, match="in a row"):
        await loop.run()
    assert gauge.why is not None
    assert not letters(broker)
    assert not await committed(broker, loop)


class ReadsAnything(Passing):
    """A stage that follows dead letters, as ingest does."""

    def read(self, messages: Sequence[Message]) -> tuple[list[Taken], list[SetAside]]:
        return [Taken(message, event(1)) for message in messages], []


async def test_a_letter_is_never_set_aside_again(broker: MemoryBroker, gauge: Watched) -> None:
    stage = ReadsAnything(decide=lambda _: DeadLetter(LetterReason.INVALID, "x"))
    loop = await loop_over(broker, stage, gauge, "ingest")
    await send(broker, Draft(topic=DEAD_LETTERS["ingest"].name, key=b"k", value=b"\xff"))
    await turn(loop)
    assert len(letters(broker, "ingest")) == 1
    assert not any(map(is_letter, gauge.outcomes))


class Lines:
    """Attempts as a table of the database keeps them, beyond the death of a process."""

    def __init__(self) -> None:
        self.lines: dict[TopicPartition, poison.Attempt] = {}
        self.writes = 0

    async def read(self, positions: Sequence[TopicPartition]) -> dict[TopicPartition, poison.Attempt]:
        return {position: self.lines[position] for position in positions if position in self.lines}

    async def write(self, attempts: dict[TopicPartition, poison.Attempt]) -> None:
        self.writes += 1
        self.lines.update(attempts)

    async def forget(self, positions: Sequence[TopicPartition]) -> None:
        for position in positions:
            self.lines.pop(position, None)


async def test_a_message_that_kills_its_process_is_set_aside_and_nothing_else_is(gauge: Watched) -> None:
    broker, lines = MemoryBroker(seed=3, clock=ManualClock()), Lines()

    async def dies(batch: Sequence[Taken]) -> None:
        if any(one.event.id == "event-13" for one in batch):
            raise MemoryError  # stands for what no handler sees: the process is gone

    deaths = 0
    await (await loop_over(broker, Passing(), gauge)).consumer.stop()
    await send(broker, *(draft(number) for number in range(30)))
    for _ in range(20):
        loop = await loop_over(broker, Passing(before=dies), gauge)
        loop.attempts = lines  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
        turns = iter(range(40))
        loop.stopping = lambda turns=turns: next(turns, None) is None  # type: ignore[misc]
        try:
            await loop.run()
        except MemoryError:
            deaths += 1
        await loop.consumer.stop()
    assert [message.key for message in letters(broker)] == [b"contact-13"]
    assert {message.key for message in broker.messages(RESOLVED.name)} == {
        f"contact-{number}".encode() for number in range(30) if number != 13
    }
    assert 2 <= deaths <= 8


async def test_a_partition_that_is_proven_writes_no_more_lines(broker: MemoryBroker, gauge: Watched) -> None:
    lines = Lines()
    loop = await loop_over(broker, Passing(), gauge)
    loop.attempts = lines  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    for start in range(0, 50, 10):
        await send(broker, *(draft(number) for number in range(start, start + 10)))
        turns = iter([False, False, False, False])
        loop.stopping = lambda turns=turns: next(turns, True)  # type: ignore[misc]
        await loop.run()
    assert lines.writes <= 3
    assert not lines.lines


async def test_a_stage_must_answer_every_message(broker: MemoryBroker, gauge: Watched) -> None:
    class Silent(Passing):
        async def settle(self, batch: Sequence[Taken]) -> Settled:  # noqa: ARG002
            return Settled(())

    loop = await loop_over(broker, Silent(), gauge)
    await send(broker, draft(1))
    with pytest.raises(AssertionError, match="answers every message"):
        await turn(loop)
