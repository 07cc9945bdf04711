"""The statements about imports: records by the import that said them first."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from shared.runtime.database import Database


class Import(NamedTuple):
    """What an import brought to one source: records by the state of what was last said of them, and how many of them
    have been taken back since.
    """

    source: str
    first_at: datetime
    states: dict[str, int]
    taken_back: int


class Imports:
    """Reads them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def found(self, import_id: str) -> list[Import]:
        """An import, for each source that it brought records of (one, unless a sender uses an id for two)."""
        rows = await self._database.fetch(
            """SELECT s.source, coalesce(r.state, 'clean') AS state, s.content = '' AS gone, count(*) AS records,
                      min(s.received_at) AS first_at
               FROM ingest.record_state s LEFT JOIN ingest.receipt r USING (event_id)
               WHERE s.import_id = $1 GROUP BY 1, 2, 3 ORDER BY 1, 2""",
            import_id,
        )
        found: dict[str, Import] = {}
        for row in rows:
            one = found.setdefault(row["source"], Import(row["source"], row["first_at"], {}, 0))
            if row["gone"]:
                one = one._replace(taken_back=one.taken_back + row["records"])
            else:
                one.states[row["state"]] = row["records"]
            found[row["source"]] = one._replace(first_at=min(one.first_at, row["first_at"]))
        return list(found.values())

    async def held(self, source: str, import_id: str | None) -> int:
        """How many records of a source, or of those that an import brought, have not been taken back."""
        (row,) = await self._database.fetch(
            """SELECT count(*) AS held FROM ingest.record_state
               WHERE source = $1 AND ($2::text IS NULL OR import_id = $2) AND content <> ''""",
            source,
            import_id,
        )
        held: int = row["held"]
        return held

    async def held_of(self, record_ids: Sequence[str]) -> int:
        """How many of these records are there and have not been taken back."""
        (row,) = await self._database.fetch(
            "SELECT count(*) AS held FROM ingest.record_state WHERE record_id = ANY($1::uuid[]) AND content <> ''",
            record_ids,
        )
        held: int = row["held"]
        return held

    async def some(self, source: str, import_id: str | None, limit: int) -> Sequence[str]:
        """Some of these records."""
        rows = await self._database.fetch(
            """SELECT record_id::text AS record_id FROM ingest.record_state
               WHERE source = $1 AND ($2::text IS NULL OR import_id = $2) AND content <> '' LIMIT $3""",
            source,
            import_id,
            limit,
        )
        return [row["record_id"] for row in rows]
