"""Every SQL statement of enrich: what is remembered of each provider, and what is forgotten of people.

Facts, questions and who waits for them lie in `runtime`, and are written there by `shared/runtime/facts.py`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from services.enrich.core.meter import Meter
from shared.runtime.database import Connection, Database

_METER: Final = Meter.__struct_fields__


class Counts(NamedTuple):
    """What came of the questions to a provider since it was first asked, and what went wrong last."""

    answered: int = 0
    nothing: int = 0
    failed: int = 0
    last_error: str | None = None
    last_error_at: datetime | None = None


class Row(NamedTuple):
    """One provider, as it lies in the table."""

    meter: Meter
    counts: Counts


class Store:
    """The tables of enrich."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def rows(self, names: Sequence[str]) -> dict[str, Row]:
        """What is remembered of these providers; of one never asked, nothing."""
        rows = await self.database.fetch("SELECT * FROM enrich.provider WHERE provider = ANY($1::text[])", list(names))
        found = {row["provider"]: _row(row) for row in rows}
        return {name: found.get(name, Row(Meter(), Counts())) for name in names}

    async def locked(self, connection: Connection, name: str) -> Meter:
        """The meter of one provider, its row locked until the transaction ends, made when it is not there."""
        await connection.execute("INSERT INTO enrich.provider (provider) VALUES ($1) ON CONFLICT DO NOTHING", name)
        row = await connection.fetchrow("SELECT * FROM enrich.provider WHERE provider = $1 FOR UPDATE", name)
        return _row(row).meter

    async def keep(self, connection: Connection, name: str, meter: Meter) -> None:
        """Write the meter of a locked row."""
        await connection.execute(
            """UPDATE enrich.provider SET window_at = $2, asked = $3, failed = $4, openings = $5, open_until = $6,
                   trial_until = $7, tokens = $8, tokens_at = $9, day = $10, used = $11
               WHERE provider = $1""",
            name,
            *(getattr(meter, field) for field in _METER),
        )

    async def count(self, connection: Connection, name: str, counts: Counts) -> None:
        """Add to what came of the questions to a provider."""
        await connection.execute(
            """UPDATE enrich.provider SET answers = answers + $2, nothings = nothings + $3, failures = failures + $4,
                   last_error = coalesce($5, last_error), last_error_at = coalesce($6, last_error_at)
               WHERE provider = $1""",
            name,
            *counts,
        )

    async def forget(self, kinds: Sequence[str], before: datetime) -> None:
        """Forget questions and answers of these kinds that nobody waits for, if they are from before a time.

        While contacts are still to be said again, nothing is: who was woken waits for nothing until then.
        """
        async with self.database.transaction() as connection:
            if await connection.fetchval("SELECT EXISTS (SELECT FROM runtime.refresh_due WHERE service = 'enrich')"):
                return
            await connection.execute(
                """DELETE FROM runtime.question q WHERE service = 'enrich' AND kind = ANY($1::text[]) AND due_at < $2
                     AND NOT EXISTS (SELECT FROM runtime.waiter w
                                     WHERE w.service = 'enrich' AND w.kind = q.kind AND w.subject = q.subject)""",
                list(kinds),
                before,
            )
            await connection.execute(
                """DELETE FROM runtime.fact f WHERE service = 'enrich' AND kind = ANY($1::text[]) AND changed_at < $2
                     AND NOT EXISTS (SELECT FROM runtime.waiter w
                                     WHERE w.service = 'enrich' AND w.kind = f.kind AND w.subject = f.subject)""",
                list(kinds),
                before,
            )


def _row(row: Any) -> Row:
    meter = msgspec.convert({field: row[field] for field in _METER}, Meter)
    counts = Counts(row["answers"], row["nothings"], row["failures"], row["last_error"], row["last_error_at"])
    return Row(meter, counts)
