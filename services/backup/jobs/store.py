"""The statements of the jobs: runs and their leases, the tables as lines, and what a restore says of each contact."""

from collections.abc import AsyncIterable, AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from services.backup.core.restoring import Labels, Part
from services.backup.core.sets import LINES, PACKED, Damaged
from services.backup.store import packed, unpacked
from shared.domain.events import IdentityAssigned
from shared.domain.outcome import Outgoing
from shared.runtime import outbox
from shared.runtime.database import Connection, Database

PAGE: Final = 1_000
"""Rows read or written at once: about two megabytes."""

SELECTS: Final[Mapping[str, str]] = {
    "installation": "SELECT encode(record_key, 'hex') FROM runtime.installation",
    "archive": """SELECT event_id::text, type, subject::text, source, received_at, value
                  FROM backup.archive ORDER BY event_id""",
    "version": """SELECT contact_id::text, version, at, cause, cause_id, changed, retired, merged_into::text,
                         merged_into_version, document FROM backup.version ORDER BY contact_id, version""",
    "member": "SELECT record_id::text, contact_id::text FROM backup.member ORDER BY record_id, contact_id",
    "event": """SELECT event_id::text, type, contact_id::text, version, at, cause_id, value
                FROM backup.event ORDER BY event_id""",
    "decided": """SELECT kind, id::text, subject::text, version, at, value FROM backup.decided ORDER BY kind, id""",
    "home": "SELECT record_id::text, contact_id::text, at FROM backup.home ORDER BY record_id",
}
"""Every table of a set, in an order that follows from its content alone."""

SCRATCH: Final[Mapping[str, str]] = {
    "archive": "CREATE TEMP TABLE archive (LIKE backup.archive INCLUDING ALL) ON COMMIT DROP",
    "version": "CREATE TEMP TABLE version (LIKE backup.version INCLUDING ALL) ON COMMIT DROP",
    "member": "CREATE TEMP TABLE member (LIKE backup.member INCLUDING ALL) ON COMMIT DROP",
    "event": "CREATE TEMP TABLE event (LIKE backup.event INCLUDING ALL) ON COMMIT DROP",
    "decided": "CREATE TEMP TABLE decided (LIKE backup.decided INCLUDING ALL) ON COMMIT DROP",
    "home": "CREATE TEMP TABLE home (LIKE backup.home INCLUDING ALL) ON COMMIT DROP",
}
"""Tables beside the real ones, for a check: gone when its transaction ends."""

COLUMNS: Final = {table: tuple(field.name for field in msgspec.structs.fields(line)) for table, line in LINES.items()}


class Run(NamedTuple):
    """One run of a job. `epoch` is that of the lease under which somebody works on it."""

    run_id: str
    kind: str
    address: str
    state: str
    phase: str
    epoch: int
    requested_at: datetime
    ended_at: datetime | None
    result: dict[str, Any]


class LeaseLost(Exception):
    """Somebody else works on this run: this process was away for too long."""


class Runs:
    """What was asked for, and what came of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(self, run_id: str, kind: str, address: str, now: datetime) -> None:
        """Note a run; asked for twice under one id, it is one."""
        await self._database.execute(
            """INSERT INTO backup.run (run_id, kind, address, state, requested_at) VALUES ($1, $2, $3, 'waiting', $4)
               ON CONFLICT DO NOTHING""",
            *(run_id, kind, address, now),
        )

    async def claim(self, now: datetime, until: datetime) -> Run | None:
        """The oldest run that waits, or whose worker is gone, leased until a time; None when there is none."""
        rows = await self._database.fetch(
            """UPDATE backup.run SET state = 'running', epoch = epoch + 1, until = $2
               WHERE run_id = (SELECT run_id FROM backup.run
                               WHERE state = 'waiting' OR (state = 'running' AND until <= $1)
                               ORDER BY requested_at LIMIT 1 FOR UPDATE SKIP LOCKED)
               RETURNING run_id::text, kind, address, state, phase, epoch, requested_at, ended_at, result""",
            *(now, until),
        )
        return _run(rows[0]) if rows else None

    async def beat(self, run: Run, until: datetime, phase: str) -> None:
        """Go on holding the lease, and say how far the work is. Raises LeaseLost."""
        rows = await self._database.fetch(
            """UPDATE backup.run SET until = $3, phase = $4 WHERE run_id = $1 AND epoch = $2 AND state = 'running'
               RETURNING 1""",
            *(run.run_id, run.epoch, until, phase),
        )
        if not rows:
            raise LeaseLost(run.run_id)

    async def move(self, connection: Connection, run: Run, phase: str) -> None:
        """Say how far the work is, in the transaction that brought it there. Raises LeaseLost."""
        moved = await connection.fetchval(
            """UPDATE backup.run SET phase = $3 WHERE run_id = $1 AND epoch = $2 AND state = 'running' RETURNING 1""",
            *(run.run_id, run.epoch, phase),
        )
        if moved is None:
            raise LeaseLost(run.run_id)

    async def end(self, run: Run, state: str, result: Mapping[str, Any], now: datetime) -> None:
        """Say what came of it."""
        await self._database.execute(
            """UPDATE backup.run SET state = $3, result = $4, ended_at = $5, until = NULL
               WHERE run_id = $1 AND epoch = $2""",
            *(run.run_id, run.epoch, state, msgspec.json.encode(result), now),
        )

    async def listed(self, kinds: Collection[str], before: datetime | None, number: int) -> list[Run]:
        """Runs of these kinds, newest first."""
        rows = await self._database.fetch(
            """SELECT run_id::text, kind, address, state, phase, epoch, requested_at, ended_at, result FROM backup.run
               WHERE kind = ANY($1::text[]) AND ($2::timestamptz IS NULL OR requested_at < $2)
               ORDER BY requested_at DESC LIMIT $3""",
            *(list(kinds), before, number),
        )
        return [_run(row) for row in rows]

    async def one(self, run_id: str) -> Run | None:
        """One run."""
        rows = await self._database.fetch(
            """SELECT run_id::text, kind, address, state, phase, epoch, requested_at, ended_at, result FROM backup.run
               WHERE run_id = $1""",
            run_id,
        )
        return _run(rows[0]) if rows else None

    async def open_runs(self) -> int:
        """How many runs are not ended."""
        rows = await self._database.fetch("SELECT count(*) AS n FROM backup.run WHERE state IN ('waiting', 'running')")
        return int(rows[0]["n"])


class Tables:
    """The tables of backup as the lines of a set."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for everything below that takes one."""
        return self._database.connection()

    async def rows(self, connection: Connection, table: str, *, scratch: bool = False) -> AsyncIterator[list[bytes]]:
        """The lines of a table, or of its scratch table, some at once; inside a transaction of the caller's."""
        statement = SELECTS[table].replace(" backup.", " pg_temp.") if scratch else SELECTS[table]
        async for rows in _pages(connection.cursor(statement, prefetch=PAGE), PAGE):
            yield [msgspec.json.encode(LINES[table](*map(_said, COLUMNS[table], row))) for row in rows]

    async def load(self, connection: Connection, table: str, lines: Sequence[bytes], schema: str | None) -> None:
        """Put lines into a table; `schema` None: into the scratch table of the same name. Raises Damaged for a line
        that is no row of it.
        """
        records = [_row(table, line) for line in lines]
        if table == "installation":
            if schema is not None:
                await connection.execute(
                    """INSERT INTO runtime.installation (record_key) VALUES (decode($1, 'hex'))
                       ON CONFLICT (only_one) DO UPDATE SET record_key = excluded.record_key""",
                    records[0][0],
                )
            return
        await connection.copy_records_to_table(table, schema_name=schema, columns=COLUMNS[table], records=records)

    async def scratch(self, connection: Connection) -> None:
        """Make the scratch tables; from now on they hide the real ones, by their bare names, until the end."""
        for statement in SCRATCH.values():
            await connection.execute(statement)

    async def is_empty(self) -> bool:
        """True while nothing was ever received, decided or said."""
        rows = await self._database.fetch(
            """SELECT EXISTS (SELECT FROM backup.archive) OR EXISTS (SELECT FROM backup.version)
                      OR EXISTS (SELECT FROM backup.decided) AS known"""
        )
        return not rows[0]["known"]

    async def revision(self) -> str:
        """The revision of the tables."""
        rows = await self._database.fetch("SELECT version_num FROM runtime.revision")
        return str(rows[0]["version_num"])


class Kept:
    """What is kept, as a restore says it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def judgements(self) -> AsyncIterator[list[tuple[str, str, datetime, bytes]]]:
        """(kind, id, time, value) of judgements and withdrawals, each judgement before its withdrawal, some at once."""
        async with self._database.transaction() as connection:
            rows = connection.cursor(
                """SELECT kind, id::text, at, value FROM backup.decided
                   WHERE kind IN ('judgement', 'withdrawal', 'erasure') OR (kind = 'pin' AND version = 1)
                   ORDER BY id, kind""",
                prefetch=PAGE,
            )
            async for some in _pages(rows, PAGE):
                yield [(row["kind"], row["id"], row["at"], unpacked(row["value"])) for row in some]

    async def identities(self, number: int) -> AsyncIterator[list[IdentityAssigned]]:
        """Identities that lead to no other, so many at once."""
        async with self._database.transaction() as connection:
            rows = connection.cursor(
                "SELECT value FROM backup.decided WHERE kind = 'identity' AND subject IS NULL ORDER BY id",
                prefetch=number,
            )
            async for some in _pages(rows, number):
                yield [msgspec.json.decode(unpacked(row["value"]), type=IdentityAssigned) for row in some]

    async def formers(self, contact_ids: Collection[str]) -> dict[str, list[IdentityAssigned]]:
        """By contact the ids that lead to it."""
        rows = await self._database.fetch(
            """SELECT subject::text, value FROM backup.decided
               WHERE kind = 'identity' AND subject = ANY($1::uuid[]) ORDER BY id""",
            list(contact_ids),
        )
        found: dict[str, list[IdentityAssigned]] = {contact: [] for contact in contact_ids}
        for row in rows:
            found[row["subject"]].append(msgspec.json.decode(unpacked(row["value"]), type=IdentityAssigned))
        return found

    async def parts(self, contact_ids: Collection[str]) -> dict[str, list[Part]]:
        """By contact everything that was received about the records it held last."""
        rows = await self._database.fetch(
            """SELECT h.contact_id::text, a.event_id::text, a.type, h.record_id::text, a.received_at, a.value
               FROM backup.home h JOIN backup.archive a ON a.subject = h.record_id
               WHERE h.contact_id = ANY($1::uuid[]) AND a.type IN ('record.received', 'record.deleted')
                 AND a.value IS NOT NULL
               UNION ALL
               SELECT h.contact_id::text, a.event_id::text, a.type, h.record_id::text, a.received_at, a.value
               FROM backup.home h JOIN backup.decided d ON d.kind = 'interaction' AND d.subject = h.record_id
               JOIN backup.archive a ON a.event_id = d.id
               WHERE h.contact_id = ANY($1::uuid[]) AND a.value IS NOT NULL
               UNION ALL
               SELECT e.contact_id::text, e.event_id::text, e.type, NULL, e.at, e.value FROM backup.event e
               WHERE e.contact_id = ANY($1::uuid[]) AND e.type = 'notification.requested' AND e.value IS NOT NULL
               ORDER BY 5, 2""",
            list(contact_ids),
        )
        found: dict[str, list[Part]] = {contact: [] for contact in contact_ids}
        for row in rows:
            found[row[0]].append(Part(row[1], row[2], row[3], row[4], _text(row[5]).encode()))
        return found

    async def labels(self, contact_ids: Collection[str]) -> dict[str, Labels]:
        """By contact the categories and segments it bore last."""
        rows = await self._database.fetch(
            """SELECT DISTINCT ON (contact_id) contact_id::text, document FROM backup.version
               WHERE contact_id = ANY($1::uuid[]) AND document IS NOT NULL ORDER BY contact_id, version DESC""",
            list(contact_ids),
        )
        return {row[0]: msgspec.json.decode(unpacked(row[1]), type=Labels) for row in rows}

    async def alone(self) -> AsyncIterator[list[tuple[Part, str]]]:
        """What was received and belongs to no contact, oldest first, some at once: each with what it is about."""
        async with self._database.transaction() as connection:
            rows = connection.cursor(
                """SELECT a.event_id::text, a.type, a.received_at, a.value, a.subject::text FROM backup.archive a
                   WHERE a.type IN ('record.received', 'record.deleted', 'interaction.received') AND a.value IS NOT NULL
                     AND NOT EXISTS (SELECT FROM backup.home h
                                     WHERE h.record_id = a.subject AND a.type <> 'interaction.received')
                     AND NOT EXISTS (SELECT FROM backup.decided d JOIN backup.home h ON h.record_id = d.subject
                                     WHERE d.kind = 'interaction' AND d.id = a.event_id)
                   ORDER BY a.received_at, a.event_id""",
                prefetch=PAGE,
            )
            async for some in _pages(rows, PAGE):
                yield [(Part(row[0], row[1], None, row[2], unpacked(row[3])), row[4]) for row in some]


class Erasures:
    """Requests to forget somebody."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(self, erasure_id: str, by: str, contact_id: str | None, now: datetime, says: Outgoing) -> None:
        """Note a request, and that it is to be said."""
        async with self._database.transaction() as connection:
            await connection.execute(
                """INSERT INTO backup.erasure (erasure_id, requested_at, by, contact_id, state)
                   VALUES ($1, $2, $3, $4, 'requested')""",
                *(erasure_id, now, by, contact_id),
            )
            await outbox.append(connection, "backup", [says])

    async def one(self, erasure_id: str) -> dict[str, Any] | None:
        """One request."""
        rows = await self._database.fetch(
            """SELECT erasure_id::text, state, requested_at, ended_at, contact_id::text FROM backup.erasure
               WHERE erasure_id = $1""",
            erasure_id,
        )
        return dict(rows[0]) if rows else None

    async def kept(self, contact_id: str | None, record_id: str | None) -> dict[str, int | None]:
        """How many versions and records are kept of a contact (or of all that held a record) and whom it led to."""
        rows = await self._database.fetch(
            """WITH RECURSIVE way (contact_id) AS (
                 SELECT one FROM (SELECT $1::uuid UNION ALL SELECT contact_id FROM backup.member
                                                            WHERE record_id = $2::uuid) known (one)
                 WHERE one IS NOT NULL
                 UNION
                 SELECT v.merged_into FROM way JOIN backup.version v USING (contact_id) WHERE v.merged_into IS NOT NULL)
               SELECT (SELECT count(*) FROM backup.version JOIN way USING (contact_id)) AS versions,
                      (SELECT count(DISTINCT record_id) FROM backup.member JOIN way USING (contact_id)) AS records""",
            contact_id,
            record_id,
        )
        return dict(rows[0])


async def _pages(rows: AsyncIterable[Any], number: int) -> AsyncIterator[list[Any]]:
    """Rows, so many at once."""
    some: list[Any] = []
    async for row in rows:
        some.append(row)
        if len(some) == number:
            yield some
            some = []
    if some:
        yield some


def _run(row: Any) -> Run:
    return Run(*row.values())._replace(
        result={} if row["result"] is None else msgspec.json.decode(row["result"], type=dict[str, Any])
    )


def _said(column: str, value: Any) -> Any:
    """A column as it stands in a line."""
    return value if column not in PACKED or value is None else _text(value)


def _text(value: bytes) -> str:
    return (unpacked(value) if value[:4] == MAGIC else value).decode()


MAGIC: Final = b"\x28\xb5\x2f\xfd"
"""Begins what Zstandard has packed (RFC 8878, section 3.1.1)."""


def _row(table: str, line: bytes) -> tuple[Any, ...]:
    """A line as the row of its table."""
    try:
        said = msgspec.json.decode(line, type=LINES[table])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Damaged(f"{table}: a line is no row of it") from None
    values = ((column, getattr(said, column)) for column in COLUMNS[table])
    return tuple(
        packed(value.encode()) if column in PACKED and value is not None else value for column, value in values
    )
