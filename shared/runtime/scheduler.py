"""Scheduler: timed work is done once for each planned time, whoever dies and however many processes look.

A run's id follows from the job and the planned time. A lease (epoch, until) says who is at it; whoever lost it learns
so at the next write. After a downtime the last time that was missed is made up for, once (interleaving 27).
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from croniter import croniter

from shared.domain.errors import Transient
from shared.domain.ids import derived_id
from shared.runtime.database import Connection, Database
from shared.runtime.telemetry import logger
from shared.runtime.world import Chore, World

LOOK_EVERY_S: Final = 5.0
"""How often the clock is looked at; Postgres is asked only when a time has come."""

LEASE: Final = timedelta(minutes=2)
"""A run that has said nothing for so long is dead: between two checks lies a page of work, not a whole job."""

KEPT: Final = timedelta(days=90)
"""How long runs are remembered: a quarter answers "did it run?"."""


class LeaseLost(Exception):
    """Another process has taken the job over: nothing more may be written for it."""


class Job(NamedTuple):
    """Timed work: by five fields of cron in a named zone, or every so many seconds counted from 1970; exactly one.

    `run` checks its lease in every transaction. It may be run again for the same planned time if its process died.
    """

    name: str
    cron: str | None
    timezone: str
    every_s: float | None
    run: "Callable[[Run], Awaitable[None]]"


class Run:
    """One run of a job: its id, the time it was planned for, and its lease."""

    def __init__(self, world: World, service: str, job: str, planned: datetime, epoch: int) -> None:
        self.run_id = run_id(service, job, planned)
        self.planned = planned
        self._world = world
        self._key = (service, job, epoch)

    async def check(self, connection: Connection) -> None:
        """Hold the lease on, until the end of the caller's transaction at least. Raises LeaseLost."""
        held = await connection.fetchval(
            """UPDATE runtime.job SET until = $4 WHERE service = $1 AND name = $2 AND epoch = $3 AND until IS NOT NULL
               RETURNING 1""",
            *self._key,
            self._world.clock.now() + LEASE,
        )
        if held is None:
            raise LeaseLost(self.run_id)


class Line(NamedTuple):
    """A job as `status` shows it: when it runs next, and its last run, if there was one."""

    service: str
    job: str
    next_at: datetime
    planned_at: datetime | None
    state: str | None
    started_at: datetime | None
    ended_at: datetime | None


def run_id(service: str, job: str, planned: datetime) -> str:
    """The id of the run for a planned time, whatever the zone it is written in."""
    return derived_id("run", service, job, planned.astimezone(UTC).isoformat())


def scheduler(world: World, service: str, jobs: Sequence[Job]) -> tuple[Chore, ...]:
    """A chore for each job, so that a long one delays no other."""
    return tuple(Chore(job.name, LOOK_EVERY_S, _Timed(world, service, job).look) for job in jobs)


def scheduled(world: World, service: str, name: str, job_now: Callable[[], Job | None]) -> Chore:
    """A chore for the job that the configuration of the moment sets, if any; equal jobs are one."""
    timed: dict[Job, _Timed] = {}

    async def look() -> None:
        job = job_now()
        for other in [one for one in timed if one != job]:
            del timed[other]
        if job is not None:
            await timed.setdefault(job, _Timed(world, service, job)).look()

    return Chore(name, LOOK_EVERY_S, look)


async def runs(database: Database) -> list[Line]:
    """All jobs that some process has looked after, with their last runs."""
    rows = await database.fetch(
        """SELECT j.service, j.name, j.next_at, r.planned_at, r.state, r.started_at, r.ended_at FROM runtime.job j
           LEFT JOIN LATERAL (SELECT * FROM runtime.run r WHERE r.service = j.service AND r.name = j.name
                              ORDER BY r.planned_at DESC LIMIT 1) r ON true
           ORDER BY j.service, j.name"""
    )
    return [Line(*row) for row in rows]


def planned_before(job: Job, now: datetime) -> datetime:
    """The last planned time up to now, in UTC. Where clocks are set back, a fixed hour comes once, `*` twice."""
    if job.every_s is not None:
        return datetime.fromtimestamp(now.timestamp() // job.every_s * job.every_s, UTC)
    local = (now + timedelta(seconds=1)).astimezone(ZoneInfo(job.timezone))
    planned: datetime = croniter(job.cron or "", local).get_prev(datetime)
    return _first(job, planned)


def planned_after(job: Job, now: datetime) -> datetime:
    """The next planned time after now, in UTC."""
    if job.every_s is not None:
        return planned_before(job, now) + timedelta(seconds=job.every_s)
    planned: datetime = croniter(job.cron or "", now.astimezone(ZoneInfo(job.timezone))).get_next(datetime)
    return _first(job, planned)


def _first(job: Job, planned: datetime) -> datetime:
    """The first of two equal local times, where the hour is a fixed one."""
    hours = (job.cron or "").split()[1]
    return (planned.replace(fold=0) if not hours.startswith("*") else planned).astimezone(UTC)


class _Timed:
    """One job in one process."""

    def __init__(self, world: World, service: str, job: Job) -> None:
        self._world = world
        self._service = service
        self._job = job
        self._settled: datetime | None = None
        self._log = logger(service)

    async def look(self) -> None:
        """Do the job if its time has come and nobody is at it or has done it."""
        now = self._world.clock.now()
        planned = planned_before(self._job, now)
        if planned == self._settled:
            return
        epoch = await self._claim(planned, now)
        if epoch is None:
            return
        run = Run(self._world, self._service, self._job.name, planned, epoch)
        try:
            await self._job.run(run)
            await self._end(run)
        except LeaseLost:
            self._log.warning("lost its lease", job=self._job.name, run=run.run_id)
        except Transient:
            await self._let_go(epoch)
            raise

    async def _let_go(self, epoch: int) -> None:
        """Give the lease back: whoever looks next tries again at once."""
        await self._world.database.execute(
            "UPDATE runtime.job SET until = NULL WHERE service = $1 AND name = $2 AND epoch = $3",
            self._service,
            self._job.name,
            epoch,
        )

    async def _claim(self, planned: datetime, now: datetime) -> int | None:
        """Take the lease for a planned time; the epoch, or None where there is nothing to do or somebody is at it."""
        key = (self._service, self._job.name)
        this = run_id(*key, planned)
        async with self._world.database.transaction() as connection:
            await connection.execute(
                """INSERT INTO runtime.job AS j (service, name, since, next_at) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (service, name) DO UPDATE SET next_at = excluded.next_at""",
                *key,
                now,
                planned_after(self._job, now),
            )
            over = await connection.fetchval(
                """SELECT since >= $3 OR EXISTS (SELECT FROM runtime.run WHERE run_id = $4::text::uuid
                                                 AND state = 'done')
                   FROM runtime.job WHERE service = $1 AND name = $2""",
                *key,
                planned,
                this,
            )
            if over:
                self._settled = planned
                return None
            epoch: int | None = await connection.fetchval(
                """UPDATE runtime.job SET epoch = epoch + 1, until = $4
                   WHERE service = $1 AND name = $2 AND (until IS NULL OR until <= $3) RETURNING epoch""",
                *key,
                now,
                now + LEASE,
            )
            if epoch is not None:
                await self._begin(connection, this, planned, now)
        return epoch

    async def _begin(self, connection: Connection, this: str, planned: datetime, now: datetime) -> None:
        """Note the run; an earlier one that never ended is given up, since this one makes up for it."""
        key = (self._service, self._job.name)
        await connection.execute(
            """UPDATE runtime.run SET state = 'given-up', ended_at = $4
               WHERE service = $1 AND name = $2 AND state = 'running' AND run_id <> $3::text::uuid""",
            *key,
            this,
            now,
        )
        await connection.execute(
            """INSERT INTO runtime.run AS r (run_id, service, name, planned_at, state, started_at)
               VALUES ($3::text::uuid, $1, $2, $4, 'running', $5)
               ON CONFLICT (run_id) DO UPDATE SET state = 'running', attempts = r.attempts + 1, ended_at = NULL""",
            *key,
            this,
            planned,
            now,
        )
        await connection.execute(
            "DELETE FROM runtime.run WHERE service = $1 AND name = $2 AND planned_at < $3", *key, now - KEPT
        )

    async def _end(self, run: Run) -> None:
        """Note that it is done, and let the lease go. Raises LeaseLost."""
        async with self._world.database.transaction() as connection:
            await run.check(connection)
            await connection.execute(
                "UPDATE runtime.run SET state = 'done', ended_at = $2 WHERE run_id = $1::text::uuid",
                run.run_id,
                self._world.clock.now(),
            )
            await connection.execute(
                "UPDATE runtime.job SET until = NULL WHERE service = $1 AND name = $2", self._service, self._job.name
            )
        self._settled = run.planned
