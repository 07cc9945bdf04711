"""Goal: a contact with many reasons is said again once, behind what is new, and under an id that stays."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.domain.configuration import Configuration, Fields
from shared.domain.events import RefreshRequested
from shared.runtime import codec
from shared.runtime.broker import Backlog, TopicPartition
from shared.runtime.broker.memory import MemoryBroker
from shared.runtime.clock import ManualClock, SeededIds
from shared.runtime.database import Database
from shared.runtime.refreshing import CHAIN, IN_CHAIN_MAX, LOOKED_S, SOME_MAX, SOME_MIN, Drip, Reason, ask, due
from shared.runtime.settings import Settings
from shared.runtime.world import World
from shared.topology import RECEIVED

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Waiting:
    """Kafka seen from outside: as many messages wait for one stage of the chain as the test says."""

    messages: int = 0
    at: str = "dedup"

    async def backlog(self, group: str, topics: Any) -> dict[TopicPartition, Backlog]:
        assert "contacts.clean" not in topics, "what rules hears of itself is not on its way"
        return {TopicPartition(topics[0], 0): Backlog(messages=self.messages if group == self.at else 0)}


@dataclass
class House:
    """A drip over a real Postgres."""

    world: World
    clock: ManualClock
    waiting: Waiting
    drip: Drip = field(init=False)

    def __post_init__(self) -> None:
        self.drip = Drip(self.world, "validate")

    async def ask(self, **reasons: Reason) -> None:
        async with self.world.database.transaction() as connection:
            await ask(connection, "validate", {contact(name): one for name, one in reasons.items()}, NOW)

    async def said(self) -> list[Any]:
        consumer = self.world.broker.consumer("test", [RECEIVED.name], None)
        await consumer.start()
        return [codec.decode(one) for one in await consumer.take(10_000, 0)]

    async def due(self) -> int:
        return await due(self.world.database, "validate")


def contact(name: str) -> str:
    return f"00000000-0000-7000-8000-{int(name.removeprefix('c')):012d}"


@pytest.fixture
async def house(database: str) -> AsyncIterator[House]:
    clock, waiting = ManualClock(NOW), Waiting()
    broker = MemoryBroker(clock=clock)
    await broker.admin().ensure_topics(3, 1)
    pool = Database(database)
    world = World(
        settings=Settings(),
        configuration=Configuration(digest="", sources={}, fields=Fields(), rules=()),
        broker=broker,
        producer=broker.producer(),
        admin=waiting,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        database=pool,
        clock=clock,
        ids=SeededIds(),
    )
    await world.producer.start()
    yield House(world, clock, waiting)
    await pool.close()


async def test_many_reasons_are_one_request(house: House) -> None:
    await house.ask(c1=Reason("mx 1", "mail-exchangers", "fact"), c2=Reason("mx 1", "mail-exchangers", "fact"))
    await house.ask(c1=Reason("companies 4", "companies", "fact"))
    await house.ask(c1=Reason("companies 5", "companies", "fact"))
    assert await house.due() == 2
    await house.drip.run()
    said = {event.subject: event.data for event in await house.said()}
    assert set(said) == {contact("c1"), contact("c2")}
    first = said[contact("c1")]
    assert isinstance(first, RefreshRequested)
    assert (first.cause.kind, first.cause.source) == ("fact", "mail-exchangers companies")
    assert await house.due() == 0


@pytest.mark.parametrize("stage", CHAIN)
async def test_refreshes_wait_while_new_records_do(house: House, stage: str) -> None:
    """Wherever the chain is slowest."""
    await house.ask(c1=Reason("mx 1", "mail-exchangers"))
    house.waiting.messages, house.waiting.at = IN_CHAIN_MAX + 1, stage
    await house.drip.run()
    assert await house.due() == 1
    house.waiting.messages = 0
    house.clock.advance(LOOKED_S + 1)
    await house.drip.run()
    assert await house.due() == 0


async def test_a_storm_is_dripped(house: House) -> None:
    most = SOME_MAX
    await house.ask(**{f"c{n}": Reason("revision 7", "rules") for n in range(most * 2 + 10)})
    await house.drip.run()
    assert len(await house.said()) == most
    assert await house.due() == most + 10


async def test_a_chain_that_does_not_keep_up_gets_less_at_once_and_more_when_it_does(house: House) -> None:
    await house.ask(**{f"c{n}": Reason("revision 7", "rules") for n in range(4 * SOME_MIN)})
    left: list[int] = []
    for waiting in (IN_CHAIN_MAX + 1, *[IN_CHAIN_MAX + 1] * 9, 0, 0):
        house.waiting.messages = waiting
        house.clock.advance(LOOKED_S)
        await house.drip.run()
        left.append(await house.due())
    assert left == [4 * SOME_MIN] * 10 + [3 * SOME_MIN, SOME_MIN]


async def test_a_request_said_twice_has_one_id_and_another_reason_has_another(house: House) -> None:
    for reason in (Reason("mx 1", "mx"), Reason("mx 1", "mx"), Reason("mx 2", "mx")):
        await house.ask(c1=reason)
        await house.drip.run()
    first, again, other = [event.id for event in await house.said()]
    assert first == again != other
