"""The statements of pulls: the runs with their lease, and what every row said last."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from services.ingest.core.pulling import Page
from shared.runtime.arrays import ids, texts
from shared.runtime.database import Connection, Database

LEASE: Final = timedelta(minutes=2)
"""A pull that has said nothing for so long is dead: between two pages lie a query's first row and one delivery."""

KEPT: Final = timedelta(days=90)
"""How long runs are remembered: a quarter answers "did it run?"."""

SOURCES_AT_ONCE: Final = 7_018_001
"""The advisory lock under which pulls are taken: two processes that look at once take different ones."""


class LeaseLost(Exception):
    """Another process has taken the pull over: nothing more may be done for it."""


class Taken(NamedTuple):
    """A pull in hand; `mark` proves it, and stands on every row that it sees."""

    pull_id: str
    source: str
    whole: bool
    any_deletions: bool
    attempts: int
    mark: int


class Pulls:
    """The runs."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def ask(self, pull_id: str, source: str, now: datetime, *, whole: bool, any_deletions: bool) -> str:
        """Ask for a pull, under this id; the id of the one that is waiting for this source already, if one is."""
        async with self.database.transaction() as connection:
            await connection.execute(
                """INSERT INTO ingest.pull (pull_id, source, whole, any_deletions, state, asked_at, not_before)
                   VALUES ($1::text::uuid, $2, $3, $4, 'asked', $5, $5) ON CONFLICT DO NOTHING""",
                pull_id,
                source,
                whole,
                any_deletions,
                now,
            )
            await connection.execute("DELETE FROM ingest.pull WHERE source = $1 AND asked_at < $2", source, now - KEPT)
            found: str = await connection.fetchval(
                """UPDATE ingest.pull SET whole = whole OR $3, any_deletions = any_deletions OR $4
                   WHERE pull_id = $1::text::uuid OR (source = $2 AND state = 'asked')
                   RETURNING pull_id::text""",
                pull_id,
                source,
                whole,
                any_deletions,
            )
        return found

    async def take(self, sources: Sequence[str], now: datetime) -> Taken | None:
        """The oldest pull that is due and that nobody is at, of these sources, each of them once at a time."""
        async with self.database.transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", SOURCES_AT_ONCE)
            row = await connection.fetchrow(
                """UPDATE ingest.pull p
                   SET state = 'running', mark = nextval('ingest.pull_mark'), until = $3, attempts = attempts + 1,
                       started_at = $2, read = 0, new = 0, updated = 0, same = 0, refused = 0, deleted = 0,
                       to_delete = 0, faults = '{}', why = NULL
                   WHERE pull_id = (
                     SELECT pull_id FROM ingest.pull one WHERE source = ANY($1) AND (
                       (state = 'running' AND until <= $2)
                       OR (state = 'asked' AND not_before <= $2 AND NOT EXISTS (
                             SELECT FROM ingest.pull two WHERE two.source = one.source AND two.state = 'running')))
                     ORDER BY asked_at LIMIT 1)
                   RETURNING pull_id::text, source, whole, any_deletions, attempts, mark""",
                list(sources),
                now,
                now + LEASE,
            )
        return None if row is None else Taken(*row.values())

    async def hold(self, taken: Taken, now: datetime) -> None:
        """Hold the lease on. Raises LeaseLost."""
        async with self.database.connection() as connection:
            await _hold(connection, taken, now)

    async def known(self, taken: Taken, record_ids: Sequence[str]) -> tuple[dict[str, bytes], set[str]]:
        """What these records said last, and which of them this attempt has seen already."""
        rows = await self.database.fetch(
            """SELECT record_id::text AS record_id, content, seen FROM ingest.pulled
               WHERE source = $1 AND record_id = ANY($2::text::uuid[])""",
            taken.source,
            ids(record_ids),
        )
        said = {row["record_id"]: bytes(row["content"]) for row in rows}
        return said, {row["record_id"] for row in rows if row["seen"] == taken.mark}

    async def remember(self, taken: Taken, page: Page, reached: tuple[bytes, str] | None, now: datetime) -> None:
        """After the front door has it: what the rows of a page said, that they were seen, and how far that is.

        `reached`: the definition of the query, and the watermark. Raises LeaseLost.
        """
        async with self.database.transaction() as connection:
            await _hold(connection, taken, now)
            await connection.execute(
                """INSERT INTO ingest.pulled (source, record_id, content, seen)
                   SELECT $1, record_id, decode(content, 'hex'), $4
                   FROM unnest($2::text::uuid[], $3::text::text[]) AS row (record_id, content) ORDER BY record_id
                   ON CONFLICT (source, record_id) DO UPDATE SET content = excluded.content, seen = excluded.seen""",
                taken.source,
                ids(one.record_id for one in page.news),
                texts(one.content.hex() for one in page.news),
                taken.mark,
            )
            await connection.execute(
                "UPDATE ingest.pulled SET seen = $3 WHERE source = $1 AND record_id = ANY($2::text::uuid[])",
                taken.source,
                ids(page.seen),
                taken.mark,
            )
            if reached is not None:
                await connection.execute(
                    """INSERT INTO ingest.watermark (source, definition, value) VALUES ($1, $2, $3)
                       ON CONFLICT (source) DO UPDATE SET definition = excluded.definition, value = excluded.value""",
                    taken.source,
                    *reached,
                )
            await connection.execute(
                """UPDATE ingest.pull
                   SET read = read + $2, new = new + $3, updated = updated + $4, same = same + $5,
                       refused = refused + $6
                   WHERE pull_id = $1::text::uuid""",
                taken.pull_id,
                *page.counts.values(),
            )

    async def reached(self, source: str, definition: bytes) -> str | None:
        """The watermark of a source, if it is of this query."""
        rows = await self.database.fetch(
            "SELECT value FROM ingest.watermark WHERE source = $1 AND definition = $2", source, definition
        )
        return rows[0]["value"] if rows else None

    async def gone(self, taken: Taken, *, since: int | None = None) -> tuple[list[str], int]:
        """Records that this attempt, which has read everything, has not seen, nor any other from the mark `since` on;
        and how many are held in all.
        """
        rows = await self.database.fetch(
            """SELECT record_id::text AS record_id FROM ingest.pulled WHERE source = $1 AND seen < $2
               ORDER BY record_id""",
            taken.source,
            taken.mark if since is None else since,
        )
        (held,) = await self.database.fetch(
            "SELECT count(*) AS held FROM ingest.pulled WHERE source = $1", taken.source
        )
        return [row["record_id"] for row in rows], held["held"]

    async def before(self, taken: Taken, *, whole: bool) -> int:
        """The mark of the last pull before this one that read everything, 0 without one; with `whole` only those count
        that were asked to.
        """
        (row,) = await self.database.fetch(
            """SELECT coalesce(max(mark), 0) AS mark FROM ingest.pull
               WHERE source = $1 AND state IN ('done', 'asks') AND mark < $2 AND (whole OR NOT $3)""",
            taken.source,
            taken.mark,
            whole,
        )
        mark: int = row["mark"]
        return mark

    async def forget(self, taken: Taken, record_ids: Sequence[str], now: datetime) -> None:
        """After the front door has their deletion: these records are held no longer. Raises LeaseLost."""
        async with self.database.transaction() as connection:
            await _hold(connection, taken, now)
            await connection.execute(
                "DELETE FROM ingest.pulled WHERE source = $1 AND record_id = ANY($2::text::uuid[])",
                taken.source,
                ids(record_ids),
            )
            await connection.execute(
                "UPDATE ingest.pull SET deleted = deleted + $2 WHERE pull_id = $1::text::uuid",
                taken.pull_id,
                len(record_ids),
            )

    async def end(
        self, taken: Taken, state: str, now: datetime, why: str | None = None, faults: Mapping[str, int] | None = None,
        to_delete: int = 0,
    ) -> None:  # fmt: skip
        """Note what came of it, unless another has taken it over."""
        await self.database.execute(
            """UPDATE ingest.pull SET state = $3, ended_at = $4, why = $5, until = NULL, to_delete = $6,
                                      faults = coalesce((SELECT jsonb_object_agg(fault, number)
                                                         FROM unnest($7::text[], $8::bigint[]) AS f (fault, number)),
                                                        '{}')
               WHERE pull_id = $1::text::uuid AND mark = $2 AND state = 'running'""",
            taken.pull_id,
            taken.mark,
            state,
            now,
            why,
            to_delete,
            list(faults or {}),
            list((faults or {}).values()),
        )

    async def put_off(self, taken: Taken, until: datetime, why: str) -> None:
        """Try it again later; where a newer one waits for this source already, that one does it."""
        await self.database.execute(
            """UPDATE ingest.pull p
               SET state = CASE WHEN EXISTS (SELECT FROM ingest.pull o WHERE o.source = p.source AND o.state = 'asked')
                                THEN 'failed' ELSE 'asked' END,
                   not_before = $3, why = $4, until = NULL
               WHERE pull_id = $1::text::uuid AND mark = $2 AND state = 'running'""",
            taken.pull_id,
            taken.mark,
            until,
            why,
        )

    async def listed(self, source: str | None, limit: int) -> list[dict[str, Any]]:
        """The newest runs, of one source or of all."""
        rows = await self.database.fetch(
            """SELECT pull_id::text AS id, source, whole, state, why, attempts, asked_at, started_at, ended_at, read,
                      new, updated, same, refused, deleted, to_delete, faults::text AS faults
               FROM ingest.pull WHERE $1::text IS NULL OR source = $1 ORDER BY asked_at DESC, pull_id LIMIT $2""",
            source,
            limit,
        )
        return [dict(row) for row in rows]


async def _hold(connection: Connection, taken: Taken, now: datetime) -> None:
    held = await connection.fetchval(
        """UPDATE ingest.pull SET until = $3 WHERE pull_id = $1::text::uuid AND mark = $2 AND state = 'running'
           RETURNING 1""",
        taken.pull_id,
        taken.mark,
        now + LEASE,
    )
    if held is None:
        raise LeaseLost(taken.pull_id)
