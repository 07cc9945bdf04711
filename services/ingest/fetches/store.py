"""The statements of fetches: what waits to be fetched, with its lease, and how each vendor answers."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from services.ingest.core.fetching import BATCH
from shared.runtime.arrays import texts
from shared.runtime.database import Database

LEASE: Final = timedelta(minutes=5)
"""Whoever holds some has died after this: twice what a whole batch takes when every answer is late."""

ONE_TURN: Final = 7_018_002
"""The advisory lock under which turns are taken: two processes that look at once take different ones."""


class Due(NamedTuple):
    """One thing in hand; `mark` proves it. Its repr shows source and number."""

    fetch_id: int
    source: str
    path: str
    body: bytes
    content_type: str
    asked_at: datetime
    attempts: int
    mark: int

    def __repr__(self) -> str:
        return f"Due({self.source}, {self.fetch_id})"


class Fetches:
    """What waits to be fetched."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(self, source: str, paths: Sequence[str], body: bytes, content_type: str, now: datetime) -> None:
        """Ask for these, for good: once it returns, they are fetched or set aside. What waits already is
        fetched once; of two hooks at the same moment each may ask, which costs one request.
        """
        await self._database.execute(
            """INSERT INTO ingest.fetch (source, path, body, content_type, asked_at, not_before)
               SELECT $1, path, $3, $4, $5, $5 FROM unnest($2::text::text[]) AS one (path)
               WHERE NOT EXISTS (SELECT FROM ingest.fetch f
                                 WHERE f.source = $1 AND f.path = one.path AND f.mark IS NULL)""",
            source,
            texts(paths),
            body,
            content_type,
            now,
        )

    async def take(self, turns: Mapping[str, timedelta], now: datetime) -> list[Due]:
        """The oldest that are due of the first of these sources that may be asked now, each counted as a try; it has
        its next turn so much later.
        """
        async with self._database.transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", ONE_TURN)
            source = await connection.fetchval(
                """SELECT f.source FROM ingest.fetch f LEFT JOIN ingest.fetch_source s USING (source)
                   WHERE f.source = ANY($1::text::text[]) AND f.not_before <= $2
                     AND (f.until IS NULL OR f.until <= $2) AND (s.not_before IS NULL OR s.not_before <= $2)
                   ORDER BY f.fetch_id LIMIT 1""",
                texts(list(turns)),
                now,
            )
            if source is None:
                return []
            await connection.execute(
                """INSERT INTO ingest.fetch_source (source, not_before) VALUES ($1, $2)
                   ON CONFLICT (source) DO UPDATE SET not_before = excluded.not_before""",
                source,
                now + turns[source],
            )
            rows = await connection.fetch(
                """UPDATE ingest.fetch SET mark = nextval('ingest.fetch_mark'), until = $3, attempts = attempts + 1
                   WHERE fetch_id IN (
                     SELECT fetch_id FROM ingest.fetch
                     WHERE source = $1 AND not_before <= $2 AND (until IS NULL OR until <= $2)
                     ORDER BY fetch_id LIMIT $4)
                   RETURNING fetch_id, source, path, body, content_type, asked_at, attempts, mark""",
                source,
                now,
                now + LEASE,
                BATCH,
            )
        return sorted(Due(*row.values()) for row in rows)

    async def done(self, due: Due) -> None:
        """It was fetched, or set aside, and the log has that: it waits no longer."""
        await self._database.execute(
            "DELETE FROM ingest.fetch WHERE fetch_id = $1 AND mark = $2", due.fetch_id, due.mark
        )

    async def put_back(self, due: Due, not_before: datetime, attempts: int) -> None:
        """It waits again, after so many tries."""
        await self._database.execute(
            """UPDATE ingest.fetch SET mark = NULL, until = NULL, not_before = $3, attempts = $4
               WHERE fetch_id = $1 AND mark = $2""",
            due.fetch_id,
            due.mark,
            not_before,
            attempts,
        )

    async def failures(self, source: str, *, failed: bool) -> int:
        """How often this vendor has failed in a row, this time told."""
        rows = await self._database.fetch(
            """UPDATE ingest.fetch_source SET failures = CASE WHEN $2 THEN failures + 1 ELSE 0 END
               WHERE source = $1 RETURNING failures""",
            source,
            failed,
        )
        return int(rows[0]["failures"]) if rows else 0

    async def rest(self, source: str, until: datetime) -> None:
        """Leave a vendor alone until then."""
        await self._database.execute(
            "UPDATE ingest.fetch_source SET not_before = greatest(not_before, $2) WHERE source = $1", source, until
        )
