"""Goal: timed work is done once for each planned time, by one process at a time, and made up for once after a downtime.

Method: several processes are several schedulers over one Postgres, each with the one clock that the test moves.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.configuration import Configuration, Fields
from shared.domain.errors import Transient
from shared.runtime.broker.memory import MemoryBroker
from shared.runtime.clock import ManualClock, SeededIds
from shared.runtime.database import Database
from shared.runtime.scheduler import LEASE, Job, LeaseLost, Run, runs, scheduler
from shared.runtime.settings import Settings
from shared.runtime.world import World
from tests.support.killed import Killed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1).total_seconds()


@pytest.fixture
async def world(database: str) -> AsyncIterator[World]:
    clock = ManualClock(NOON)
    broker = MemoryBroker(clock=clock)
    pool = Database(database)
    yield World(
        settings=Settings(),
        configuration=Configuration(digest="", sources={}, fields=Fields(), rules=()),
        broker=broker,
        producer=broker.producer(),
        admin=broker.admin(),
        database=pool,
        clock=clock,
        ids=SeededIds(),
    )
    await pool.close()


def nightly(run: Callable[[Run], Awaitable[None]]) -> Job:
    return Job("nightly", "30 2 * * *", "Europe/Berlin", None, run)


async def look(world: World, job: Job) -> None:
    """One process that begins, looks once and ends."""
    (chore,) = scheduler(world, "backup", [job])
    await chore.run()


def advance(world: World, seconds: float) -> None:
    assert isinstance(world.clock, ManualClock)
    world.clock.advance(seconds)


async def test_many_processes_do_it_once_for_each_planned_time(world: World) -> None:
    done: list[datetime] = []

    async def work(run: Run) -> None:
        done.append(run.planned)

    chores = [scheduler(world, "backup", [nightly(work)])[0] for _ in range(4)]
    for _ in range(24 * 4):
        await asyncio.gather(*(chore.run() for chore in chores))
        advance(world, 3_600)
    assert done == [datetime(2026, 3, 2 + n, 1, 30, tzinfo=UTC) for n in range(4)]


async def test_what_was_missed_is_made_up_for_once_and_not_what_was_before_it_was_known(world: World) -> None:
    done: list[datetime] = []

    async def work(run: Run) -> None:
        done.append(run.planned)

    await look(world, nightly(work))
    assert done == []
    advance(world, 3 * DAY)
    for _ in range(3):
        await look(world, nightly(work))
    assert done == [datetime(2026, 3, 4, 1, 30, tzinfo=UTC)]


async def test_a_dead_process_is_followed_by_another_under_the_same_id(world: World) -> None:
    ids: list[str] = []

    async def dies(run: Run) -> None:
        ids.append(run.run_id)
        raise Killed

    async def work(run: Run) -> None:
        ids.append(run.run_id)

    await look(world, nightly(work))
    advance(world, DAY)
    with pytest.raises(Killed):
        await look(world, nightly(dies))
    await look(world, nightly(work))
    assert len(ids) == 1  # its lease holds
    advance(world, LEASE.total_seconds())
    await look(world, nightly(work))
    await look(world, nightly(work))
    assert len(ids) == 2
    assert len(set(ids)) == 1


async def test_a_zombie_cannot_write_once_another_has_taken_over(world: World) -> None:
    written: list[str] = []
    taken_over = asyncio.Event()
    sleeps = asyncio.Event()

    async def zombie(run: Run) -> None:
        sleeps.set()
        await taken_over.wait()
        async with world.database.transaction() as connection:
            with pytest.raises(LeaseLost):
                await run.check(connection)
        written.append("refused")

    async def work(run: Run) -> None:
        async with world.database.transaction() as connection:
            await run.check(connection)
            written.append("other")

    await look(world, nightly(work))
    advance(world, DAY)
    task = asyncio.create_task(look(world, nightly(zombie)))
    await sleeps.wait()
    advance(world, LEASE.total_seconds())
    await look(world, nightly(work))
    taken_over.set()
    await task
    assert written == ["other", "refused"]
    (line,) = await runs(world.database)
    assert line.state == "done"


async def test_a_check_holds_the_lease_on(world: World) -> None:
    others: list[str] = []

    async def other(run: Run) -> None:
        others.append(run.run_id)

    async def long(run: Run) -> None:
        for _ in range(5):
            advance(world, LEASE.total_seconds() - 1)
            async with world.database.transaction() as connection:
                await run.check(connection)
            await look(world, nightly(other))

    await look(world, nightly(other))
    advance(world, DAY)
    await look(world, nightly(long))
    assert others == []


async def test_what_the_world_refused_is_tried_again_under_the_same_id(world: World) -> None:
    ids: list[str] = []

    async def work(run: Run) -> None:
        ids.append(run.run_id)
        if len(ids) == 1:
            raise Transient("away")

    (chore,) = scheduler(world, "backup", [nightly(work)])
    await chore.run()
    advance(world, DAY)
    with pytest.raises(Transient):
        await chore.run()
    await chore.run()
    assert len(ids) == 2
    assert len(set(ids)) == 1


async def test_status_shows_the_next_run_and_the_last(world: World) -> None:
    async def work(run: Run) -> None:
        pass

    await look(world, nightly(work))
    (line,) = await runs(world.database)
    assert (line.service, line.job, line.state) == ("backup", "nightly", None)
    assert line.next_at == datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
    advance(world, DAY)
    await look(world, nightly(work))
    (line,) = await runs(world.database)
    assert (line.planned_at, line.state) == (datetime(2026, 3, 2, 1, 30, tzinfo=UTC), "done")
    assert line.next_at == datetime(2026, 3, 3, 1, 30, tzinfo=UTC)
