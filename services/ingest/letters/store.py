"""The statements about dead letters."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from services.ingest.store import Row
from shared.domain.outcome import DropReason
from shared.runtime.database import Connection, Database

_COLUMNS: Final = (
    'letter_id::text, stage, reason, topic, "partition", "offset", source, event_id::text, contact_id::text, version, '
    "at, attempt, detail, state, mended_as::text, why, done_by, done_at"
)

_WANTED: Final = """state = $1 AND ($2::text IS NULL OR stage = $2) AND ($3::text IS NULL OR reason = $3)
    AND ($4::timestamptz IS NULL OR at >= $4) AND ($5::timestamptz IS NULL OR at < $5)"""


class Wanted(NamedTuple):
    """Which letters: by state, stage, reason and time (from, and before); None: any."""

    state: str = "open"
    stage: str | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None


Place = tuple[datetime, str]
"""Where a page begins: after the letter of this time and id."""


class Letters:
    """Reads and marks them. A mark is made after the log has what it says; made twice, it is made once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self, wanted: Wanted, after: Place | None, limit: int) -> list[Row]:
        """The newest first, from a place on: as people read."""
        at, letter_id = after or (None, None)
        return await self._database.fetch(
            f"""SELECT {_COLUMNS} FROM ingest.dead_letter
                WHERE {_WANTED} AND ($6::timestamptz IS NULL OR (at, letter_id) < ($6, $7::uuid))
                ORDER BY at DESC, letter_id DESC LIMIT $8""",  # noqa: S608 (constants)
            *wanted,
            at,
            letter_id,
            limit,
        )

    async def oldest(self, wanted: Wanted, after: Place | None, limit: int) -> list[Row]:
        """The oldest first, from a place on: as they are sent again."""
        at, letter_id = after or (None, None)
        return await self._database.fetch(
            f"""SELECT {_COLUMNS} FROM ingest.dead_letter
                WHERE {_WANTED} AND ($6::timestamptz IS NULL OR (at, letter_id) > ($6, $7::uuid))
                ORDER BY at, letter_id LIMIT $8""",  # noqa: S608 (as above)
            *wanted,
            at,
            letter_id,
            limit,
        )

    async def named(self, letter_ids: Sequence[str]) -> list[Row]:
        """These letters, whatever their state, in order of time."""
        return await self._database.fetch(
            f"""SELECT {_COLUMNS} FROM ingest.dead_letter
                WHERE letter_id = ANY($1::uuid[]) ORDER BY at, letter_id""",  # noqa: S608 (as above)
            list(letter_ids),
        )

    async def groups(self, wanted: Wanted) -> list[Row]:
        """How many by stage and reason, with the times of the oldest and the newest; the most first."""
        return await self._database.fetch(
            f"""SELECT stage, reason, count(*) AS letters, min(at) AS oldest, max(at) AS newest
                FROM ingest.dead_letter WHERE {_WANTED}
                GROUP BY stage, reason ORDER BY letters DESC, stage, reason""",  # noqa: S608 (as above)
            *wanted,
        )

    async def replayed(self, row: Row, now: datetime, by: str) -> None:
        """This letter was sent again: its event waits anew."""
        async with self._database.transaction() as connection:
            await connection.execute(
                """UPDATE ingest.dead_letter SET state = 'replayed', done_at = $2, done_by = $3
                   WHERE letter_id = $1::uuid AND state = 'open'""",
                row["letter_id"],
                now,
                by,
            )
            await connection.execute(
                """UPDATE ingest.receipt r
                   SET state = CASE WHEN contact_id IS NULL THEN 'received' ELSE 'resolved' END,
                       reason = NULL, held = false
                   WHERE event_id = $1::uuid AND state = 'dead-letter'
                     AND NOT EXISTS (SELECT FROM ingest.dead_letter l
                                     WHERE l.event_id = r.event_id AND l.state = 'open')""",
                row["event_id"],
            )

    async def mended(self, row: Row, event_id: str, now: datetime, by: str) -> None:
        """This letter was mended, and that event stands for it; the follower tells the receipts.

        Where that event has been answered already, the letter is closed.
        """
        await self._database.execute(
            """UPDATE ingest.dead_letter l
               SET mended_as = $2::uuid, done_at = $3, done_by = $4,
                   state = CASE WHEN EXISTS (SELECT FROM ingest.receipt r WHERE r.event_id = $2::uuid
                                             AND r.state NOT IN ('received', 'dead-letter'))
                           THEN 'closed' ELSE 'replayed' END
               WHERE letter_id = $1::uuid AND state IN ('open', 'replayed')""",
            row["letter_id"],
            event_id,
            now,
            by,
        )

    async def dropped(self, letter_ids: Sequence[str], why: str, now: datetime, by: str) -> list[str]:
        """Give these up; the ids of those that were open. Their events end here, with all that waited for them."""
        async with self._database.transaction() as connection:
            return await _drop(connection, letter_ids, DropReason.GIVEN_UP, (why, now, by))

    async def older(self, before: datetime) -> int:
        """How many are older than this, in whatever state."""
        (row,) = await self._database.fetch("SELECT count(*) AS old FROM ingest.dead_letter WHERE at < $1", before)
        found: int = row["old"]
        return found

    async def expire(self, before: datetime, now: datetime, at_once: int) -> tuple[int, int]:
        """Give up what has been open since before then, and forget what came to its end before; how many of each.

        The log keeps neither any longer, so nothing can be read, mended or sent again.
        """
        async with self._database.transaction() as connection:
            old = await connection.fetch(
                """SELECT letter_id::text AS id FROM ingest.dead_letter WHERE state = 'open' AND at < $1
                   ORDER BY at LIMIT $2""",
                before,
                at_once,
            )
            given_up = await _drop(
                connection,
                [row["id"] for row in old],
                DropReason.EXPIRED,
                ("the log keeps it no longer", now, "ingest"),
            )
            forgotten = await connection.fetch(
                """DELETE FROM ingest.dead_letter
                   WHERE letter_id IN (SELECT letter_id FROM ingest.dead_letter
                                       WHERE state <> 'open' AND at < $1 AND coalesce(done_at, at) < $1 LIMIT $2)
                   RETURNING 1""",
                before,
                at_once,
            )
        return len(given_up), len(forgotten)


ENDED_MAX: Final = timedelta(days=40)
"""Kept 30 days by the log, which deletes whole segments of up to 7 days: what is older than this is surely not there,
and no group that reads from the start finds it and takes it for new."""


async def _drop(
    connection: Connection, letter_ids: Sequence[str], reason: DropReason, how: tuple[str, datetime, str]
) -> list[str]:
    rows = await connection.fetch(
        """UPDATE ingest.dead_letter SET state = 'dropped', why = $2, done_at = $3, done_by = $4
           WHERE letter_id IN (SELECT letter_id FROM ingest.dead_letter
                               WHERE letter_id = ANY($1::uuid[]) AND state = 'open' ORDER BY letter_id FOR UPDATE)
           RETURNING letter_id::text AS letter_id, event_id, contact_id, version""",
        list(letter_ids),
        *how,
    )
    events = sorted({row["event_id"] for row in rows if row["event_id"] is not None})
    await connection.execute(
        """UPDATE ingest.receipt r SET state = 'dropped', reason = $2
           WHERE event_id = ANY($1::uuid[]) AND state = 'dead-letter'
             AND NOT EXISTS (SELECT FROM ingest.dead_letter l WHERE l.event_id = r.event_id AND l.state = 'open')""",
        events,
        reason.value,
    )
    held = sorted({(row["contact_id"], row["version"]) for row in rows if row["contact_id"] is not None})
    await connection.execute(
        """UPDATE ingest.receipt r SET state = 'dropped', reason = $3
           FROM unnest($1::uuid[], $2::bigint[]) AS gone (contact_id, version)
           WHERE r.contact_id = gone.contact_id AND r.version <= gone.version AND r.state = 'dead-letter' AND NOT r.held
             AND NOT EXISTS (SELECT FROM ingest.dead_letter l
                             WHERE l.contact_id = r.contact_id AND l.state = 'open' AND l.version >= r.version)""",
        [contact_id for contact_id, _ in held],
        [version for _, version in held],
        reason.value,
    )
    return [row["letter_id"] for row in rows]
