"""Every SQL statement of backup: insert-once in whole batches, and the reading of histories and traces."""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
import zstandard

from services.backup.core.decide import Decided, Happening, Received, Version
from shared.domain.contact import Cause
from shared.domain.events import ErasureAnswered
from shared.runtime import erasure
from shared.runtime.database import Connection, Database

COMPRESSION_LEVEL: Final = 3
"""Zstandard's default: what is kept for years may cost a few microseconds more than what is replaced tomorrow."""

VALUE_BYTES_MAX: Final = 16 * 1024 * 1024
"""Nothing unpacks to more; messages are far smaller, so this only stops a damaged row."""

TRACED_MAX: Final = 100
"""Entries of each kind in one trace: its reader wants the way, not the archive."""

_PACK: Final = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL)
_UNPACK: Final = zstandard.ZstdDecompressor()
_CAUSE: Final = msgspec.json.Decoder(Cause)


def packed(value: bytes) -> bytes:
    """Bytes as they are kept."""
    return _PACK.compress(value)


def unpacked(kept: bytes) -> bytes:
    """Kept bytes as they came."""
    return _UNPACK.decompress(kept, max_output_size=VALUE_BYTES_MAX)


class Spell(NamedTuple):
    """A contact between two times: the version it had before (None: it was not there) and the last one."""

    contact_id: str
    before: int | None
    last: int


class Store:
    """The tables of backup."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        """A transaction for everything below that takes a connection."""
        return self._database.transaction()

    async def keep_versions(
        self, connection: Connection, versions: Sequence[tuple[Version, bytes | None]]
    ) -> set[tuple[str, int]]:
        """Keep versions with their documents, each once; returns (contact id, version) of those that were new."""
        if not versions:
            return set()
        rows = await connection.fetch(
            """INSERT INTO backup.version (contact_id, version, at, cause, cause_id, changed, retired, merged_into,
                                           merged_into_version, document)
               SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[],
                                    $7::text[], $8::uuid[], $9::bigint[], $10::bytea[])
               ON CONFLICT DO NOTHING RETURNING contact_id::text, version""",
            [one.contact_id for one, _ in versions],
            [one.version for one, _ in versions],
            [one.at for one, _ in versions],
            [None if one.cause is None else msgspec.json.encode(one.cause).decode() for one, _ in versions],
            [None if one.cause is None else one.cause.id for one, _ in versions],
            ["\n".join(one.changed) for one, _ in versions],
            [one.retired for one, _ in versions],
            [one.merged_into for one, _ in versions],
            [one.merged_into_version for one, _ in versions],
            [None if value is None else packed(value) for _, value in versions],
        )
        await connection.execute(
            """INSERT INTO backup.member (record_id, contact_id)
               SELECT DISTINCT unnest(string_to_array(one.records, ' ')::uuid[]), one.contact_id
               FROM unnest($1::uuid[], $2::text[]) AS one (contact_id, records)
               ON CONFLICT DO NOTHING""",
            [one.contact_id for one, _ in versions],
            [" ".join(one.records) for one, _ in versions],
        )
        return {(row["contact_id"], row["version"]) for row in rows}

    async def keep_received(
        self, connection: Connection, received: Sequence[tuple[Received, bytes | None]]
    ) -> set[str]:
        """Keep what was received, each event once; returns the ids of those that were new."""
        if not received:
            return set()
        rows = await connection.fetch(
            """INSERT INTO backup.archive (event_id, type, subject, source, received_at, value)
               SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::timestamptz[], $6::bytea[])
               ON CONFLICT DO NOTHING RETURNING event_id::text""",
            [one.event_id for one, _ in received],
            [one.type for one, _ in received],
            [one.subject for one, _ in received],
            [one.source for one, _ in received],
            [one.received_at for one, _ in received],
            [None if value is None else packed(value) for _, value in received],
        )
        return {row["event_id"] for row in rows}

    async def keep_happenings(
        self, connection: Connection, happenings: Sequence[tuple[Happening, bytes | None]]
    ) -> set[str]:
        """Keep what happened, each event once; returns the ids of those that were new."""
        if not happenings:
            return set()
        rows = await connection.fetch(
            """INSERT INTO backup.event (event_id, type, contact_id, version, at, cause_id, value)
               SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::bigint[], $5::timestamptz[], $6::text[],
                                    $7::bytea[])
               ON CONFLICT DO NOTHING RETURNING event_id::text""",
            [one.event_id for one, _ in happenings],
            [one.type for one, _ in happenings],
            [one.contact_id for one, _ in happenings],
            [one.version for one, _ in happenings],
            [one.at for one, _ in happenings],
            [one.cause_id for one, _ in happenings],
            [value for _, value in happenings],
        )
        return {row["event_id"] for row in rows}

    async def keep_decided(self, connection: Connection, decided: Sequence[tuple[Decided, bytes | None]]) -> set[str]:
        """Keep what was decided, the newest of each id, and where records are; returns the ids of what was new."""
        newest = {(one.kind, one.id): (one, value) for one, value in decided}
        if not newest:
            return set()
        rows = await connection.fetch(
            """INSERT INTO backup.decided AS d (kind, id, subject, version, at, value)
               SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::bigint[], $5::timestamptz[], $6::bytea[])
               ON CONFLICT (kind, id) DO UPDATE SET subject = excluded.subject, version = excluded.version,
                   at = excluded.at, value = excluded.value
                   WHERE d.version < excluded.version
               RETURNING id::text""",
            [one.kind for one, _ in newest.values()],
            [one.id for one, _ in newest.values()],
            [one.subject for one, _ in newest.values()],
            [one.version for one, _ in newest.values()],
            [one.at for one, _ in newest.values()],
            [packed(one.value or value or b"") for one, value in newest.values()],
        )
        homes = {record: (one.id, one.at) for one, _ in sorted(decided, key=_time) for record in one.records}
        await connection.execute(
            """INSERT INTO backup.home AS h (record_id, contact_id, at)
               SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[])
               ON CONFLICT (record_id) DO UPDATE SET contact_id = excluded.contact_id, at = excluded.at
                   WHERE h.at <= excluded.at""",
            sorted(homes),
            [homes[record][0] for record in sorted(homes)],
            [homes[record][1] for record in sorted(homes)],
        )
        return {row["id"] for row in rows}

    async def forget(self, connection: Connection, answer: ErasureAnswered) -> None:
        """Close the request; where somebody was erased, remove every value that belongs to the person. Ids stay."""
        await connection.execute(
            """UPDATE backup.erasure SET state = $2, ended_at = $3, contact_id = coalesce($4, contact_id)
               WHERE erasure_id = $1 AND state = 'requested'""",
            *(answer.erasure_id, answer.outcome, answer.at, next(iter(answer.contact_ids), None)),
        )
        if answer.outcome != "erased":
            return
        ids = [*answer.contact_ids, *answer.records]
        await connection.execute(
            """UPDATE backup.archive SET value = NULL
               WHERE event_id = ANY($1::uuid[])
                  OR event_id IN (SELECT id FROM backup.decided
                                  WHERE kind = 'interaction' AND subject = ANY($2::uuid[]))""",
            list(answer.events),
            list(answer.records),
        )
        await connection.execute(
            """DELETE FROM backup.decided WHERE (kind IN ('judgement', 'withdrawal') AND id = ANY($1::uuid[]))
                                             OR (kind = 'pin' AND subject = ANY($2::uuid[]))""",
            list(answer.events),
            list(answer.records),
        )
        await erasure.note(connection, "backup", ids, answer.at)
        await self._blank(connection, ids)

    async def stay_forgotten(self, connection: Connection, ids: Collection[str]) -> None:
        """Remove the values of what came late about somebody who was erased before."""
        if ids and (erased := await erasure.among(connection, "backup", ids)):
            await self._blank(connection, sorted(erased))

    async def _blank(self, connection: Connection, ids: Sequence[str]) -> None:
        """Keep of these contacts and records that there was something, and when, and nothing of what."""
        await connection.execute("UPDATE backup.archive SET value = NULL WHERE subject = ANY($1::uuid[])", ids)
        await connection.execute(
            "UPDATE backup.version SET document = NULL, changed = '' WHERE contact_id = ANY($1::uuid[])", ids
        )

    async def versions(self, contact_ids: Sequence[str]) -> dict[str, list[Version]]:
        """All versions of these contacts, without documents."""
        rows = await self._database.fetch(
            """SELECT contact_id::text, version, at, cause, changed, retired, merged_into::text, merged_into_version
               FROM backup.version WHERE contact_id = ANY($1::uuid[]) ORDER BY contact_id, version""",
            contact_ids,
        )
        found: dict[str, list[Version]] = {contact_id: [] for contact_id in contact_ids}
        for row in rows:
            found[row["contact_id"]].append(_version(row))
        return found

    async def documents(self, versions: Sequence[Version]) -> dict[tuple[str, int], bytes]:
        """The contacts of these versions as JSON."""
        rows = await self._database.fetch(
            """SELECT v.contact_id::text, v.version, v.document FROM backup.version v
               JOIN unnest($1::uuid[], $2::bigint[]) AS asked (contact_id, version)
                 ON v.contact_id = asked.contact_id AND v.version = asked.version
               WHERE v.document IS NOT NULL""",
            [one.contact_id for one in versions],
            [one.version for one in versions],
        )
        return {(row["contact_id"], row["version"]): unpacked(row["document"]) for row in rows}

    async def changed_between(
        self, times: tuple[datetime, datetime], cause: str | None, after: str | None, number: int
    ) -> list[Spell]:
        """Contacts with versions between two times, or with such a version of one cause, by id, behind an id: each with
        the version it had before and the last one of them.
        """
        rows = await self._database.fetch(
            """SELECT c.contact_id::text, c.last, (SELECT max(version) FROM backup.version b
                                                   WHERE b.contact_id = c.contact_id AND b.version < c.first) AS before
               FROM (SELECT contact_id, min(version) AS first, max(version) AS last FROM backup.version
                     WHERE at > $1 AND at <= $2 AND ($3::text IS NULL OR cause_id = $3)
                       AND ($4::uuid IS NULL OR contact_id > $4)
                     GROUP BY contact_id ORDER BY contact_id LIMIT $5) c ORDER BY c.contact_id""",
            *(*times, cause, after, number),
        )
        return [Spell(row["contact_id"], row["before"], row["last"]) for row in rows]

    async def some_versions(self, wanted: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Version]:
        """These versions, without documents, by contact and number."""
        rows = await self._database.fetch(
            """SELECT v.contact_id::text, v.version, at, cause, changed, retired, merged_into::text, merged_into_version
               FROM backup.version v
               JOIN unnest($1::uuid[], $2::bigint[]) AS asked (contact_id, version)
                 ON v.contact_id = asked.contact_id AND v.version = asked.version""",
            [one for one, _ in wanted],
            [version for _, version in wanted],
        )
        return {(row["contact_id"], row["version"]): _version(row) for row in rows}

    async def received(self, event_ids: Sequence[str], subject: str | None = None) -> list[dict[str, Any]]:
        """What was received under these event ids, or about this subject, oldest first."""
        rows = await self._database.fetch(
            """SELECT event_id::text, type, subject::text, source, received_at FROM backup.archive
               WHERE event_id = ANY($1::uuid[]) OR subject = $2::uuid ORDER BY received_at, event_id LIMIT $3""",
            event_ids,
            subject,
            TRACED_MAX,
        )
        return [dict(row) for row in rows]

    async def traced_versions(self, cause_ids: Sequence[str], contact_ids: Sequence[str] = ()) -> list[Version]:
        """The versions these events caused, and those of these contacts, oldest first."""
        rows = await self._database.fetch(
            """SELECT contact_id::text, version, at, cause, changed, retired, merged_into::text, merged_into_version
               FROM backup.version WHERE cause_id = ANY($1::text[]) OR contact_id = ANY($2::uuid[])
               ORDER BY at, contact_id, version LIMIT $3""",
            cause_ids,
            contact_ids,
            TRACED_MAX,
        )
        return [_version(row) for row in rows]

    async def members(self, record_ids: Sequence[str]) -> list[str]:
        """The contacts that ever held one of these records."""
        rows = await self._database.fetch(
            """SELECT DISTINCT contact_id::text FROM backup.member WHERE record_id = ANY($1::uuid[])
               ORDER BY 1 LIMIT $2""",
            record_ids,
            TRACED_MAX,
        )
        return [row["contact_id"] for row in rows]

    async def versions_since(self, contact_ids: Sequence[str], since: datetime) -> list[Version]:
        """The first version of each of these contacts since a time: the one that shows what was received then."""
        rows = await self._database.fetch(
            """SELECT DISTINCT ON (contact_id) contact_id::text, version, at, cause, changed, retired,
                      merged_into::text, merged_into_version
               FROM backup.version WHERE contact_id = ANY($1::uuid[]) AND at >= $2
               ORDER BY contact_id, version""",
            contact_ids,
            since,
        )
        return [_version(row) for row in rows]

    async def traced_happenings(
        self, cause_ids: Sequence[str], contact_ids: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """What happened because of these events, or to these contacts, oldest first."""
        rows = await self._database.fetch(
            """SELECT event_id::text, type, contact_id::text, version, at, cause_id FROM backup.event
               WHERE cause_id = ANY($1::text[]) OR contact_id = ANY($2::uuid[])
               ORDER BY at, version, event_id LIMIT $3""",
            cause_ids,
            contact_ids,
            TRACED_MAX,
        )
        return [dict(row) for row in rows]


def _time(decided: tuple[Decided, bytes | None]) -> datetime:
    return decided[0].at


def _version(row: Any) -> Version:
    return Version(
        contact_id=row["contact_id"],
        version=row["version"],
        at=row["at"],
        cause=None if row["cause"] is None else _CAUSE.decode(row["cause"]),
        changed=tuple(row["changed"].split("\n")) if row["changed"] else (),
        retired=row["retired"],
        merged_into=row["merged_into"],
        merged_into_version=row["merged_into_version"],
    )
