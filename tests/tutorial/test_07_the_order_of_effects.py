"""7. The order of effects.

Chapter 6 showed that nothing vanishes; this one shows why. All stages share one loop, and the loop has one order:
settle, produce, commit. That is the whole guarantee, so it is small enough to be read: `shared/runtime/stage.py`.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from shared.domain.errors import Transient
from shared.domain.outcome import Outgoing
from shared.runtime.broker import Consumer, Draft, Message, Producer, TopicPartition
from shared.runtime.stage import Settled, Taken
from shared.topology import RECEIVED, RESOLVED
from tests.support.killed import Killed
from tests.tutorial.house import House, OneEach, event_of

ANNA = {"source": "webform", "source_record_id": "1", "given_name": "Anna", "family_name": "Schulz", "city": "Kiel"}
MOVED = {**ANNA, "city": "Bonn"}


@dataclass
class Ledger:
    """Stands between the loop and its world, and writes down every effect in order. `dies_before` ends the process."""

    stage: OneEach
    consumer: Consumer
    producer: Producer
    effects: list[str] = field(default_factory=list[str])
    dies_before: str = ""
    messages_max: int = 10

    def note(self, effect: str) -> None:
        """Write it down, or die first."""
        if effect == self.dies_before:
            raise Killed
        self.effects.append(effect)

    async def settle(self, batch: Sequence[Taken]) -> Settled:
        """The stage's transaction."""
        self.note("settled")
        return await self.stage.settle(batch)

    async def acknowledged(self, batch: Sequence[Taken], settled: Settled) -> Sequence[Outgoing]:
        """Everything said has arrived."""
        self.note("acknowledged")
        return await self.stage.acknowledged(batch, settled)

    async def send(self, drafts: Sequence[Draft]) -> None:
        """The producer's word."""
        self.note("produced")
        await self.producer.send(drafts)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """The consumer's word."""
        self.note("committed")
        await self.consumer.commit(offsets)

    async def take(self, messages_max: int, wait_s: float) -> list[Message]:
        """Reading has no effect."""
        return await self.consumer.take(messages_max, wait_s)

    async def start(self) -> None:
        """Nor has joining."""
        await self.consumer.start()

    async def rewind(self) -> None:
        """Nor has going back."""
        await self.consumer.rewind()

    def owned(self) -> frozenset[TopicPartition]:
        """What it reads."""
        return self.consumer.owned()

    async def stop(self) -> None:
        """Leave the group, or be found to be dead."""
        await self.consumer.stop()


async def process(house: House, stage: OneEach, dies_before: str = "") -> list[str]:
    """One process of dedup from its start until nothing is left, or until it dies: the effects it had."""
    loop = await house.loop("dedup", stage)
    ledger = Ledger(stage, loop.consumer, loop.producer, dies_before=dies_before)
    loop.stage, loop.consumer, loop.producer = ledger, ledger, ledger
    with contextlib.suppress(Killed):
        await house.run(loop)
    await ledger.stop()
    return ledger.effects


async def test_settle_produce_commit() -> None:
    """Everything a batch does, in order. Between `settled` and `produced` the answer is in Postgres; between `produced`
    and `committed` it is in Kafka too; only then is the batch done with.
    """
    house = await House().open()
    await house.say(RECEIVED, event_of(ANNA))
    assert await process(house, OneEach()) == ["settled", "produced", "acknowledged", "committed"]
    assert await house.waiting("dedup") == 0


@pytest.mark.parametrize("moment", ["settled", "produced", "acknowledged", "committed"])
async def test_a_process_may_die_between_any_two(moment: str) -> None:
    """Whoever dies before the commit leaves the batch to the next process, which gets it again. What was decided is not
    decided twice (one version, not two), and what is said again bears the same id.
    """
    house, tables = await House().open(), OneEach()
    await house.say(RECEIVED, event_of(ANNA))

    await process(house, tables, dies_before=moment)
    assert await house.waiting("dedup") == 1

    await process(house, tables)
    assert await house.waiting("dedup") == 0
    assert list(tables.versions.values()) == [1]
    assert len({event.id for event in house.events(RESOLVED)}) == 1


async def test_committing_first_would_lose_it() -> None:
    """The same story with a loop that is wrong: it commits, dies, and nobody ever hears of Anna."""
    house, tables = await House().open(), OneEach()
    await house.say(RECEIVED, event_of(ANNA))

    hasty = await house.loop("dedup", tables)
    (message,) = await hasty.consumer.take(10, 0.0)
    await hasty.consumer.commit({message.position: message.offset + 1})
    await hasty.consumer.stop()

    await process(house, tables)
    assert house.events(RESOLVED) == []


async def test_what_is_away_is_waited_for() -> None:
    """Kafka and Postgres go away and come back. That is `Transient`: the loop waits with growing pauses for as long as
    it takes, nothing is committed meanwhile, and nobody's data become a dead letter for it.
    """

    @dataclass
    class Shaky(OneEach):
        """A store that answers at the fourth try."""

        tries: int = 0

        async def settle(self, batch: Sequence[Taken]) -> Settled:
            """Away three times."""
            self.tries += 1
            if self.tries < 4:
                raise Transient("Postgres is away")
            return await super().settle(batch)

    house = await House().open()
    await house.say(RECEIVED, event_of(ANNA), event_of(MOVED))
    before = house.clock.now()
    await process(house, Shaky())
    assert house.clock.now() > before
    assert await house.waiting("dedup") == 0
    assert len(house.events(RESOLVED)) == 2
