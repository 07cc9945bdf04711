"""Goal: a message that kills its process is set aside, no good one ever is, and one that is refused holds nobody up.

Method: one loop after another over the same log in memory, each ended by force at a chosen place, as `kill -9` or a
fault in C would; what the loops wrote down about beginnings outlives them. Every guard is taken out once, and missed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from shared.domain.errors import Refused
from shared.runtime import poison
from shared.runtime.broker import Draft, Producer, TopicPartition
from shared.runtime.broker.memory import MemoryBroker
from shared.runtime.clock import ManualClock
from shared.runtime.dead_letter import LetterLimit
from shared.runtime.stage import Halted, Loop, Settled, Taken
from shared.topology import RESOLVED
from tests.unit.runtime.fixtures import Passing, Watched, draft, letters, loop_over

LIVES_MAX = 12


class Killed(BaseException):
    """The process is gone: no handler sees it."""


class Lines:
    """Beginnings as a table keeps them, beyond the death of a process."""

    def __init__(self) -> None:
        self.lines: dict[TopicPartition, poison.Attempt] = {}

    async def read(self, positions: Sequence[TopicPartition]) -> Mapping[TopicPartition, poison.Attempt]:
        return {position: self.lines[position] for position in positions if position in self.lines}

    async def write(self, attempts: Mapping[TopicPartition, poison.Attempt]) -> None:
        self.lines.update(attempts)

    async def forget(self, positions: Sequence[TopicPartition]) -> None:
        for position in positions:
            self.lines.pop(position, None)


class Waiting:
    """A producer during whose wait for Kafka somebody ends the process."""

    def __init__(self, producer: Producer, killed: Iterator[bool]) -> None:
        self._producer = producer
        self._killed = killed

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def send(self, drafts: Sequence[Draft]) -> None:
        if next(self._killed, False):
            raise Killed
        await self._producer.send(drafts)


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker(seed=5, clock=ManualClock())


async def live(loop: Loop, turns: int = 30) -> bool:
    """One life of a process; False when it was ended by force."""
    left = iter(range(turns))
    loop.stopping = lambda: next(left, None) is None
    try:
        await loop.run()
    except Killed:
        return False
    finally:
        await loop.consumer.stop()
    return True


async def lives(broker: MemoryBroker, stage: Callable[[], Passing], kills: int = 0) -> int:
    """How often the process died until it had done all there was; so often while it waited for Kafka."""
    lines, killed = Lines(), iter([True] * kills)
    for deaths in range(LIVES_MAX):
        loop = await loop_over(broker, stage(), Watched())
        loop.attempts = lines
        loop.producer = Waiting(loop.producer, killed)
        if await live(loop):
            return deaths
    raise AssertionError("it never gets on")


def killing(*numbers: int) -> Callable[[], Passing]:
    async def dies(batch: Sequence[Taken]) -> None:
        if any(one.event.id in {f"event-{number}" for number in numbers} for one in batch):
            raise Killed

    return lambda: Passing(before=dies)


def arrived(broker: MemoryBroker) -> set[str]:
    return {str((message.key or b"").decode()) for message in broker.messages(RESOLVED.name)}


def names(*numbers: int) -> set[str]:
    return {f"contact-{number}" for number in numbers}


async def send(broker: MemoryBroker, count: int) -> None:
    await (await loop_over(broker, Passing(), Watched())).consumer.stop()
    await broker.producer().send([draft(number) for number in range(count)])


async def test_two_that_kill_their_process_are_set_aside_after_two_deaths_each_and_nobody_else_is(
    broker: MemoryBroker,
) -> None:
    await send(broker, 25)
    deaths = await lives(broker, killing(7, 8))
    assert {message.key for message in letters(broker)} == {b"contact-7", b"contact-8"}
    assert {dict(one.headers)["dead-letter-reason"] for one in letters(broker)} == {b"poison"}
    assert arrived(broker) == names(*range(25)) - names(7, 8)
    assert deaths <= poison.TOGETHER_MAX + 2 * (poison.TOGETHER_MAX + poison.ALONE_MAX)


async def test_without_taking_batches_apart_the_stage_never_gets_on(
    broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poison, "one_by_one", _never)
    await send(broker, 25)
    with pytest.raises(AssertionError, match="never gets on"):
        await lives(broker, killing(7))
    assert letters(broker) == []


async def test_a_process_killed_again_and_again_while_it_waits_for_kafka_condemns_no_good_message(
    broker: MemoryBroker,
) -> None:
    await send(broker, 25)
    assert await lives(broker, Passing, 9) == 9
    assert letters(broker) == []
    assert arrived(broker) == names(*range(25))


async def test_were_waiting_counted_as_deciding_good_messages_would_be_condemned(
    broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def still_counts(_: poison.Trial) -> None:
        """The guard is out."""

    monkeypatch.setattr(poison.Trial, "rests", still_counts)
    await send(broker, 25)
    await lives(broker, Passing, 9)
    assert letters(broker) != []


async def test_a_process_killed_in_batches_condemns_nobody(broker: MemoryBroker) -> None:
    await send(broker, 25)
    killed = iter([True] * poison.TOGETHER_MAX)

    async def from_outside(batch: Sequence[Taken]) -> None:
        if len(batch) > 1 and next(killed, False):
            raise Killed

    await lives(broker, lambda: Passing(before=from_outside))
    assert letters(broker) == []
    assert arrived(broker) == names(*range(25))


async def test_were_a_batch_as_suspect_as_one_alone_its_first_message_would_be_condemned(
    broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poison, "is_poison", _first_of_the_batch)
    await send(broker, 25)
    await lives(broker, killing(7))
    assert len(letters(broker)) > 1


def refusing(tries: list[int], *numbers: int) -> Passing:
    async def refuses(batch: Sequence[Taken]) -> None:
        tries.append(len(batch))
        if any(one.event.id in {f"event-{number}" for number in numbers} for one in batch):
            raise Refused("NumericValueOutOfRangeError")

    return Passing(before=refuses, messages_max=512)


async def test_what_the_store_refuses_is_found_in_a_few_halvings_whatever_the_size_of_the_batch(
    broker: MemoryBroker,
) -> None:
    tries: list[int] = []
    await send(broker, 512)
    assert await lives(broker, lambda: refusing(tries, 3, 300, 511)) == 0
    assert {message.key for message in letters(broker)} == {b"contact-3", b"contact-300", b"contact-511"}
    assert len(arrived(broker)) == 509
    halvings = 3 * 2 * (512).bit_length()
    assert len(tries) <= halvings + 3, "each of the three costs two tries a halving"


async def test_without_halving_one_refused_message_takes_its_whole_batch_with_it(
    broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def whole(loop: Loop, taken: Sequence[Taken]) -> Settled:
        return await loop.stage.settle(taken)

    monkeypatch.setattr(Loop, "_settled", whole)
    await send(broker, 64)
    with pytest.raises(Refused):
        await lives(broker, lambda: refusing([], 3))
    assert arrived(broker) == set()


async def test_poison_counts_against_the_limit_of_the_stage(broker: MemoryBroker) -> None:
    """A release that dies of everything stops, instead of setting a topic aside at two deaths a message."""
    await send(broker, 1)
    loop = await loop_over(broker, Passing(), Watched())
    lines = Lines()
    (message,) = await loop.consumer.take(1, 0.0)
    lines.lines[message.position] = poison.Attempt(
        first_offset=message.offset, attempts=9, alone_offset=message.offset, alone_attempts=poison.ALONE_MAX
    )
    await loop.consumer.stop()
    loop = await loop_over(broker, Passing(), Watched())
    loop.limit = LetterLimit((True,) * 51 + (False,) * 948, 0)
    loop.attempts = lines
    with pytest.raises(Halted, match="5%"):
        await live(loop)
    assert letters(broker) == []


def _never(_: poison.Attempt) -> bool:
    return False


def _first_of_the_batch(attempt: poison.Attempt, offset: int) -> bool:
    return attempt.first_offset == offset
