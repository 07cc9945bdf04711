"""Working: runs are carried out page by page, behind whoever arrives, one process at a time, and go on where they were
cut off.

A run over everything begins an epoch: the population is counted, every record compared anew under it, then every
component decided as a whole. What arrives meanwhile is compared under the new epoch too, so afterwards the contacts
are a function of the records, whatever order they came in.
"""

from collections.abc import Callable, Collection
from datetime import timedelta
from functools import partial
from typing import Final, assert_never

from services.dedup import store as identities
from services.dedup.core.arriving import Again, Work
from services.dedup.core.composing import TooLarge
from services.dedup.core.population import Census
from services.dedup.reconcile import store
from services.dedup.reconcile.comparing import Comparing
from services.dedup.reconcile.phases import Phase
from services.dedup.reconcile.store import FIRST, Forms, LeaseLost, Run
from services.dedup.stage import Identity, say
from shared.domain.contact import Cause
from shared.domain.ids import derived_id
from shared.domain.normalise import FORMS
from shared.runtime.database import Connection
from shared.runtime.refreshing import Calm
from shared.runtime.scheduler import Job
from shared.runtime.scheduler import Run as Timed
from shared.runtime.telemetry import logger
from shared.runtime.world import Chore, World

EVERY_S: Final = 0.5
"""How long it rests between its turns, and at most how long a turn is: half of one connection, never more."""

PAGES_MAX: Final = 500
"""Pages of one turn, however little each of them takes."""

COUNTED: Final = 2_000
"""Records counted at once: 20 ms."""

COMPARED: Final = 50
"""Records compared anew in one transaction: about 600 keys are locked for some 50 ms, less than a batch on entry."""

GROUPED: Final = 50
"""Contacts from which the components of one transaction begin."""

COMPONENT_MAX: Final = 2_000
"""Contacts decided together. Measured components have some dozens; what is larger hangs together by chance, and is
decided neighbourhood by neighbourhood, as on entry."""

STEPS_MAX: Final = 50
"""Pieces of evidence from one end of a component to its other."""

GENERIC_MAX: Final = 20
"""Keys whose evidence is taken back in one turn."""

GENERIC_WAIT: Final = timedelta(minutes=2)
"""How long others leave those keys to whoever took them."""

WAITS: Final = (Phase.SETTLING, Phase.SAYING)
"""Phases that wait for others; the rest have a page of work each time."""

LEASE: Final = timedelta(minutes=1)
"""A worker that has said nothing for so long is dead: its pages take a fraction of a second."""

BY: Final = "reconcile"
"""Who made the versions that come of it."""


class Reconciling:
    """What one process does about runs and about keys that became generic."""

    def __init__(self, world: World, identity: Identity) -> None:
        self._world = world
        self._identity = identity
        self._comparing = Comparing(world, identity.laws, identity.key_records_max)
        self._calm = Calm(world)
        self._census: tuple[str, Census] | None = None
        self._mine: Run | None = None
        self._log = logger("dedup")

    def chore(self) -> Chore:
        """The chore that works."""
        return Chore("reconcile", EVERY_S, self.work)

    async def begin(self) -> None:
        """Ask for a run over everything where stored records have the forms of another release; asked for by several
        processes, it is one. Raises Transient.
        """
        async with self._world.database.connection() as connection:
            stored = await store.forms(connection)
            if stored is None and not await store.any_records(connection):
                await store.write_forms(connection, FORMS)
            elif stored is None or stored.version != FORMS:
                await store.ask(connection, _renewal(stored), None, BY, self._world.clock.now())

    async def work(self) -> None:
        """One turn. Raises Transient: what a page has not committed is done again."""
        clock = self._world.clock
        ends = clock.monotonic() + EVERY_S
        async with self._world.database.connection() as connection:
            await self._identity.laws.renew(connection)
            asked = await store.is_asked(connection)
        await self.retract()
        if asked and await self._calm.holds():
            for _ in range(PAGES_MAX):
                if clock.monotonic() >= ends or not await self.step():
                    return

    async def retract(self) -> None:
        """Take back the evidence that rests on keys that became generic, and decide the contacts it joined again: as if
        those keys had never given a candidate, whoever came first.
        """
        async with self._world.database.connection() as connection:
            keys = await store.take_generic(connection, GENERIC_MAX, GENERIC_WAIT)
            records = await store.records_of_keys(connection, keys) if keys else []
        for page in _pages(records, COMPARED):
            await self._comparing.again(page)
        if keys:
            async with self._world.database.connection() as connection:
                homes = sorted({home for home in (await identities.homes(connection, records)).values() if home})
            for contacts in _pages(homes, COMPONENT_MAX):
                await self._regroup(contacts, self._world.ids.new())
            async with self._world.database.connection() as connection:
                await store.retracted(connection, keys)

    async def step(self) -> bool:
        """Do one page of the oldest run; False when there is none, it has to wait, or another process is at it."""
        now = self._world.clock.now()
        async with self._world.database.connection() as connection:
            run = await store.claim(connection, self._mine, now, now + LEASE)
        self._mine = run
        if run is None:
            return False
        try:
            done = await self._paged(run)
            async with self._world.database.connection() as connection:
                await store.advance(connection, done, self._world.clock.now() + LEASE)
        except LeaseLost:
            self._log.warning("lost its lease", run=run.run_id)
            return False
        if done.state == "done":
            self._log.info("reconciled", run=run.run_id, seen=done.seen, changed=done.changed)
        return run.phase not in WAITS or done != run

    async def _paged(self, run: Run) -> Run:
        match run.phase:
            case Phase.COUNTING:
                return await self._count(run)
            case Phase.SETTLING:
                return await self._settle(run)
            case Phase.COMPARING:
                return await self._compare(run)
            case Phase.GROUPING:
                return await self._group(run)
            case Phase.SAYING:
                return await self._said(run)
            case _:
                assert_never(run.phase)

    async def _count(self, run: Run) -> Run:
        """Count a page. The counters live in this process: one that takes over counts from the beginning."""
        if self._census is None or self._census[0] != run.run_id:
            self._census, run = (run.run_id, Census()), run._replace(place=FIRST)
        census = self._census[1]
        async with self._world.database.connection() as connection:
            rows = await store.traits_after(connection, run.place, COUNTED)
            for _, traits in rows:
                census.add(traits)
            if rows:
                return run._replace(place=rows[-1][0], total=await store.count_records(connection))
            return await self._begin(connection, run, census)

    async def _begin(self, connection: Connection, run: Run, census: Census) -> Run:
        """Let the new epoch hold: from this commit on everybody compares under it."""
        epoch = (await store.standing(connection, ())).epoch + 1
        async with connection.transaction():
            snapshot, model = census.population(epoch), self._identity.laws.present.model.version
            await store.begin_epoch(connection, snapshot, census.records, model, self._world.clock.now())
        self._census = None
        return run._replace(phase=Phase.SETTLING, place=FIRST, epoch=epoch)

    async def _settle(self, run: Run) -> Run:
        """Wait until nobody is at work who may have read the epoch before."""
        async with self._world.database.connection() as connection:
            if run.phase_since is None:
                return run._replace(phase_since=await store.now(connection))
            if await store.under_way_since(connection, run.phase_since):
                return run
            await store.free_keys(connection, self._identity.key_records_max)
        return run._replace(phase=Phase.COMPARING, phase_since=None)

    async def _compare(self, run: Run) -> Run:
        async with self._world.database.connection() as connection:
            page = await store.records_after(connection, run.place, COMPARED)
        if not page:
            return run._replace(phase=Phase.GROUPING, place=FIRST)
        await self._comparing.again(page)
        return run._replace(place=page[-1], seen=run.seen + len(page))

    async def _group(self, run: Run) -> Run:
        async with self._world.database.connection() as connection:
            page = await store.contacts_after(connection, run.place, run.since, GROUPED)
        if not page:
            return run._replace(phase=Phase.SAYING, phase_since=self._world.clock.now())
        changed = await self._regroup({contact for contact, joined in page if joined}, run.run_id)
        return run._replace(place=page[-1][0], changed=run.changed + changed)

    async def _said(self, run: Run) -> Run:
        assert run.phase_since is not None, "the phase has begun"
        async with self._world.database.connection() as connection:
            if await identities.unsaid(connection, run.phase_since, 1):
                return run
            if run.run_id == _renewal(await store.forms(connection)):
                await store.write_forms(connection, FORMS)
        return run._replace(state="done", ended_at=self._world.clock.now())

    async def _regroup(self, contacts: Collection[str], activation: str) -> int:
        """Decide the components of these contacts again; how many contacts changed. A contact that no message could
        carry stays as it is.
        """
        if not contacts:
            return 0
        async with self._world.database.connection() as connection:
            whole = await _whole(connection, contacts)
        cause = Cause(kind="refresh", id=activation, by=BY)
        try:
            result = await self._identity.carry_out(Work(again=Again(whole, cause)))
        except TooLarge:
            if len(contacts) == 1:
                self._log.warning("too large to be joined", run=activation)
                return 0
            return sum([await self._regroup({one}, activation) for one in sorted(contacts)])
        await say(self._world, result.says)
        return len(result.plan.rows)


def _renewal(stored: Forms | None) -> str:
    """The id of the run that reads everything anew in the present forms, after those that are stored."""
    return derived_id("forms", str(FORMS), "" if stored is None else stored.since.isoformat())


async def _whole(connection: Connection, contacts: Collection[str]) -> frozenset[str]:
    """These contacts, and all that hang together with them by evidence, judgements or questions that are open."""
    whole, border = frozenset(contacts), frozenset(contacts)
    for _ in range(STEPS_MAX):
        reached = await identities.reach(connection, border) | await store.asked_about_with(connection, border)
        border = frozenset(reached) - whole
        whole |= border
        if not border or len(whole) > COMPONENT_MAX:
            break
    return whole


def _pages(ids: list[str], size: int) -> list[list[str]]:
    return [ids[at : at + size] for at in range(0, len(ids), size)]


def planned(world: World) -> Callable[[], Job | None]:
    """The job that asks for scheduled runs, as operations.yaml has it now; None without a schedule."""
    ask = partial(_ask, world)

    def job() -> Job | None:
        reconcile = world.configuration.operations.reconcile
        if reconcile.schedule is None:
            return None
        return Job(BY, reconcile.schedule, reconcile.timezone, None, ask)

    return job


async def _ask(world: World, timed: Timed) -> None:
    """Everything, or what changed since the last run began, as configured; the first run is over everything."""
    async with world.database.transaction() as connection:
        await timed.check(connection)
        scope = world.configuration.operations.reconcile.scope
        since = await store.last_start(connection) if scope == "changed" else None
        await store.ask(connection, timed.run_id, since, BY, world.clock.now())


async def pending(world: World) -> int:
    """Keys that became generic and whose evidence is still there; none while the chore keeps up."""
    async with world.database.connection() as connection:
        return await store.count_due(connection)
