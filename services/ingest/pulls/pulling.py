"""Pulling: one pull after another in each process, never two of one source at once; and the clock that asks for them.

Every page goes through the front door first and is noted then: a process that dies between the two sends the page
again, and the door knows it. Deletions come last, when the whole table was read without an error.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Final

from services.ingest.core.decide import Deletion, Item
from services.ingest.core.lists import completed, in_order, latest_of
from services.ingest.core.pulling import (
    FAULTS_MAX,
    Page,
    compared,
    definition_of,
    mark_of,
    said_by,
    too_many,
    value_of,
)
from services.ingest.pulls.client import PAGE_ROWS, Row, Unreadable, pages
from services.ingest.pulls.lists import Lists
from services.ingest.pulls.store import LeaseLost, Pulls, Taken
from services.ingest.stage import Door
from shared.domain.configuration import Source
from shared.domain.errors import Transient
from shared.domain.pulled import APIS, PULLED
from shared.runtime.addresses import Private
from shared.runtime.http import Problem
from shared.runtime.scheduler import Job, Run, scheduler
from shared.runtime.telemetry import logger
from shared.runtime.world import Chore, World

LOOK_EVERY_S: Final = 2.0
"""How soon a pull that somebody asked for begins."""

ATTEMPTS_MAX: Final = 5
"""Tries of a database that is away: with growing pauses about half an hour; the next planned time comes anyway."""

PAUSE: Final = timedelta(minutes=1)
"""Before the second try; it doubles."""

MANY: Final = "would take back more than deletions_max of the records: look, then sync now with --deletions"
LATE: Final = "died again and again"


class Puller:
    """Does the pulls that are asked for."""

    def __init__(self, world: World, door: Door, pulls: Pulls, private: Private) -> None:
        self._world = world
        self._door = door
        self._pulls = pulls
        self._lists = Lists(private)
        self._log = logger("ingest")

    async def close(self) -> None:
        """Close the way to other people's APIs."""
        await self._lists.close()

    async def work(self) -> None:
        """Do the oldest pull that is due, if there is one. Raises Transient while Kafka or Postgres is away."""
        every = self._world.configuration.sources  # as it is now: a source may be taken out while it is read
        sources = {name: completed(source) for name, source in every.items() if source.connector in PULLED}
        if not sources:
            return
        taken = await self._pulls.take(list(sources), self._world.clock.now())
        if taken is None:
            return
        if taken.attempts > ATTEMPTS_MAX:
            await self._pulls.end(taken, "failed", self._world.clock.now(), LATE)
            return
        try:
            await self._pull(taken, sources[taken.source])
        except LeaseLost:
            self._log.warning("lost its lease", pull=taken.pull_id)
        except Unreadable as error:
            await self._failed(taken, error)

    async def _pull(self, taken: Taken, source: Source) -> None:
        definition = definition_of(source)
        reached = None if taken.whole or not source.watermark else await self._pulls.reached(taken.source, definition)
        after = None if reached is None else value_of(reached)
        faults: Counter[str] = Counter()
        began, latest = self._world.clock.now(), None
        listed = source.connector in APIS
        ordered = listed and in_order(source, after)
        async with aclosing(self._lists.pages(source, after) if listed else pages(source, after)) as reading:
            async for rows in reading:
                faults += await self._page(taken, source, rows, definition)
                latest = latest_of(rows, source.watermark, latest) if listed and source.watermark else None
                if ordered and latest is not None:
                    await self._reach(taken, definition, min(latest, began))
        if latest is not None:  # of a list in no order it is known at its end how far that is
            await self._reach(taken, definition, min(latest, began))
        state, why, deletions = "done", None, 0
        if reached is None:
            since = await self._pulls.before(taken, whole=source.watermark is not None) if listed else None
            gone, held = await self._pulls.gone(taken, since=since)
            if too_many(len(gone), held, source.deletions_max) and not taken.any_deletions:
                state, why, deletions = "asks", MANY, len(gone)
            else:
                await self._take_back(taken, gone)
        most = dict(faults.most_common(FAULTS_MAX))
        await self._pulls.end(taken, state, self._world.clock.now(), why, most, deletions)
        self._log.info("pulled", source=taken.source, pull=taken.pull_id, state=state)

    async def _reach(self, taken: Taken, definition: bytes, at: datetime) -> None:
        mark = mark_of([{"at": at}], "at")
        await self._pulls.remember(taken, Page(0), (definition, mark or ""), self._world.clock.now())

    async def _page(self, taken: Taken, source: Source, rows: Sequence[Row], definition: bytes) -> Counter[str]:
        if any(name and name not in rows[0] for name in (source.key, source.watermark)):
            raise Unreadable("the query has no column named as key or watermark", lasting=True)
        await self._pulls.hold(taken, self._world.clock.now())
        sources, now = self._world.configuration.sources, self._world.clock.now()
        if taken.source not in sources:
            raise Unreadable("the source is no longer configured", lasting=True)
        said = [said_by(row, taken.source, {**sources, taken.source: source}, self._door.key, now) for row in rows]
        known, had = await self._pulls.known(taken, [one.record_id for one in said if one.record_id is not None])
        page = compared(said, known, had)
        await self._accept([one.delivery for one in page.news])
        mark = mark_of(rows, source.watermark) if source.watermark and source.connector == "sql" else None
        reached = None if mark is None else (definition, mark)
        await self._pulls.remember(taken, page, reached, self._world.clock.now())
        return page.faults

    async def _take_back(self, taken: Taken, record_ids: Sequence[str]) -> None:
        for first in range(0, len(record_ids), PAGE_ROWS):
            part = record_ids[first : first + PAGE_ROWS]
            await self._pulls.hold(taken, self._world.clock.now())
            await self._accept([Deletion(record_id, taken.source) for record_id in part])
            await self._pulls.forget(taken, part, self._world.clock.now())

    async def _accept(self, items: Sequence[Item]) -> None:
        if not items:
            return
        try:
            await self._door.accept(items, None)
        except Problem as problem:  # the front door refuses nothing here but for Kafka's being away
            raise Transient(problem.title) from None

    async def _failed(self, taken: Taken, error: Unreadable) -> None:
        now = self._world.clock.now()
        self._log.warning("cannot be pulled", source=taken.source, pull=taken.pull_id, error=str(error))
        if error.lasting or taken.attempts >= ATTEMPTS_MAX:
            await self._pulls.end(taken, "failed", now, str(error))
        else:
            pause = max(PAUSE * 2 ** (taken.attempts - 1), error.wait or timedelta())
            await self._pulls.put_off(taken, now + pause, str(error))


class Schedule:
    """Asks for a pull of each source when its time has come, by the configuration of the moment."""

    def __init__(self, world: World, pulls: Pulls) -> None:
        self._world = world
        self._pulls = pulls
        self._timed: dict[tuple[str, str, str, bool], Chore] = {}

    async def look(self) -> None:
        """Look at every source's clock; a run's id is the id of the pull, so it is asked for once."""
        wanted = {
            (name, cron, source.timezone, whole)
            for name, source in self._world.configuration.sources.items()
            for cron, whole in ((source.schedule, False), (source.whole_schedule, True))
            if source.connector in PULLED and cron is not None
        }
        self._timed = {one: self._timed.get(one) or self._chore(*one[:3], whole=one[3]) for one in sorted(wanted)}
        for chore in self._timed.values():
            await chore.run()

    def _chore(self, source: str, cron: str, timezone: str, *, whole: bool) -> Chore:
        async def ask(run: Run) -> None:
            await self._pulls.ask(run.run_id, source, self._world.clock.now(), whole=whole, any_deletions=False)

        name = f"pull {source} whole" if whole else f"pull {source}"
        (chore,) = scheduler(self._world, "ingest", (Job(name, cron, timezone, None, ask),))
        return chore


def chores(world: World, puller: Puller, pulls: Pulls) -> tuple[Chore, ...]:
    """What a process does for pulls."""
    return (
        Chore("ask for pulls", LOOK_EVERY_S, Schedule(world, pulls).look),
        Chore("pull", LOOK_EVERY_S, puller.work),
    )
