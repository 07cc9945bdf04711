"""Every SQL statement of rules. One statement a batch; whatever is older than what is stored changes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec
import zstandard

from services.rules.core.activity import Activity, Tally
from services.rules.core.decide import Standing
from services.rules.core.delivering import Delivery
from services.rules.core.firing import Firing, Noted
from services.rules.core.happenings import Tombstone
from services.rules.core.labels import Differences
from shared.domain.contact import Contact
from shared.domain.events import InteractionResolved
from shared.domain.ids import derived_id
from shared.runtime import arrays
from shared.runtime.database import Connection, Database

COMPRESSION_LEVEL: Final = -1
"""Two fifths of the size for 11 µs a contact; level 1, the fastest ordinary one, takes a third for 21."""

DOCUMENT_BYTES_MAX: Final = 16 * 1024 * 1024
"""No document unpacks to more; messages are far smaller, so this only stops a damaged row."""

ASKED_KEPT: Final = timedelta(days=30)
"""An inbox that was asked no more for so long is asked as if for the first time."""

HOPS_MAX: Final = 100
"""Merges one id may have gone through; a longer way is a circle, which cannot be."""

_LOCK_CLASS: Final = 0x6B77_7275
"""First half of the advisory lock's key ("kwru")."""

_ENCODER: Final = msgspec.json.Encoder()
_CONTACT: Final = msgspec.json.Decoder(Contact)
_PACK: Final = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL)
_UNPACK: Final = zstandard.ZstdDecompressor()


class Row(NamedTuple):
    """A contact as it is stored."""

    contact_id: str
    version: int
    published_version: int
    updated_at: datetime
    retired: str | None
    merged_into: str | None
    merged_into_version: int | None
    document: bytes | None
    stuck: str
    cause: str | None = None

    def contact(self) -> Contact | None:
        """The published contact, None for one that is gone."""
        return None if self.document is None else _CONTACT.decode(unpacked(self.document))

    def standing(self) -> Standing:
        """What decisions look at."""
        return Standing(
            version=self.version,
            published_version=self.published_version,
            contact=self.contact(),
            retired=self.retired,
            stuck=names_in(self.stuck),
        )

    def tombstone(self) -> Tombstone:
        """How a contact that is gone is said."""
        assert self.retired is not None, "only what is gone has a tombstone"
        return Tombstone(
            self.contact_id,
            self.published_version,
            self.retired,
            self.updated_at,
            self.merged_into,
            self.merged_into_version,
            self.cause,
        )


class Entry(NamedTuple):
    """One entry of a timeline: what was said, as JSON, and whether it is an interaction, a change or a notification."""

    at: datetime
    kind: str
    id: str
    said: dict[str, Any]


def as_json(contact: Contact) -> bytes:
    """A contact as it is said."""
    return _ENCODER.encode(contact)


def packed(document: bytes) -> bytes:
    """A document as it is stored."""
    return _PACK.compress(document)


def unpacked(document: bytes) -> bytes:
    """The JSON of a stored document."""
    return _UNPACK.decompress(document, max_output_size=DOCUMENT_BYTES_MAX)


def names_in(text: str) -> frozenset[str]:
    """The names of a stored list of names."""
    return frozenset(text.split("\n")) if text else frozenset()


class Store:
    """The tables of rules."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        """A transaction; everything below that takes a connection runs in one."""
        return self._database.transaction()

    # --- what a decision needs

    async def lock(self, connection: Connection, contact_ids: Iterable[str]) -> None:
        """Let one process at a time decide on these contacts, those without a row included. Before the first read."""
        keys = sorted({int(contact_id[-8:], 16) - 2**31 for contact_id in contact_ids})
        await connection.execute(
            """SELECT pg_advisory_xact_lock($1, key)
               FROM (SELECT key FROM unnest($2::text::int[]) key ORDER BY key OFFSET 0) AS ordered""",
            _LOCK_CLASS,
            arrays.numbers(keys),
        )

    async def rows(self, connection: Connection, contact_ids: Sequence[str]) -> dict[str, Row]:
        """The rows there are."""
        found = await connection.fetch(
            "SELECT c.* FROM rules.contact c WHERE c.contact_id = ANY($1::text::uuid[])",
            arrays.ids(contact_ids),
        )
        return {row.contact_id: row for row in map(_row, found)}

    async def activities(
        self, connection: Connection, records: Mapping[str, Sequence[str]], now: datetime
    ) -> dict[str, Activity]:
        """What happened up to now, by contact; `records` are the record ids of each."""
        found = await connection.fetch(
            """SELECT record_id::text, type, (at AT TIME ZONE 'UTC')::date AS day, count(*) AS n, max(at) AS last
               FROM rules.timeline WHERE record_id = ANY($1::text::uuid[]) AND at <= $2 GROUP BY 1, 2, 3 ORDER BY 3""",
            arrays.ids(record for several in records.values() for record in several),
            now,
        )
        if not found:
            return {}
        owner = {record: contact_id for contact_id, several in records.items() for record in several}
        tallies: dict[str, list[Tally]] = {}
        last: dict[str, datetime] = {}
        for row in found:
            contact_id = owner[row["record_id"]]
            tallies.setdefault(contact_id, []).append(Tally(row["type"], row["day"].toordinal(), row["n"]))
            last[contact_id] = max(row["last"], last.get(contact_id, row["last"]))
        return {contact_id: Activity(tuple(some), last[contact_id]) for contact_id, some in tallies.items()}

    async def stuck(self, connection: Connection, contact_ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """The sticky rules that held for these contacts, gone ones included."""
        found = await connection.fetch(
            "SELECT contact_id::text, stuck FROM rules.contact WHERE contact_id = ANY($1::uuid[]) AND stuck <> ''",
            contact_ids,
        )
        return {row["contact_id"]: names_in(row["stuck"]) for row in found}

    # --- what a decision writes

    async def write(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Store rows, each only where it is newer than what is there."""
        if not rows:
            return
        await connection.execute(
            """INSERT INTO rules.contact AS c (contact_id, version, published_version, updated_at, retired, merged_into,
                                               merged_into_version, document, stuck, cause)
               SELECT * FROM unnest($1::text::uuid[], $2::text::bigint[], $3::text::bigint[], $4::text::timestamptz[],
                                    $5::text::text[], $6::text::uuid[], $7::text::bigint[], $8::bytea[],
                                    $9::text::text[], $10::text::text[])
               ON CONFLICT (contact_id) DO UPDATE SET
                   version = excluded.version, published_version = excluded.published_version,
                   updated_at = excluded.updated_at, retired = excluded.retired, merged_into = excluded.merged_into,
                   merged_into_version = excluded.merged_into_version,
                   document = excluded.document, stuck = excluded.stuck, cause = excluded.cause
               WHERE (c.version, c.published_version) < (excluded.version, excluded.published_version)""",
            *_columns(rows),
        )

    async def see(self, connection: Connection, versions: Mapping[str, int]) -> None:
        """Note versions that changed nothing: later ones must be newer than these."""
        if versions:
            await connection.execute(
                """UPDATE rules.contact AS c SET version = seen.version
                   FROM unnest($1::uuid[], $2::bigint[]) AS seen (contact_id, version)
                   WHERE c.contact_id = seen.contact_id AND c.version < seen.version""",
                list(versions),
                list(versions.values()),
            )

    async def relabel(self, connection: Connection, labels: Differences[str], now: datetime) -> None:
        """Put and take away segments, categories and findings."""
        if labels.taken:
            await connection.execute(
                """DELETE FROM rules.label USING unnest($1::text::uuid[], $2::text::text[]) AS gone (contact_id, labels)
                   WHERE label.contact_id = gone.contact_id
                     AND label.label = ANY(string_to_array(gone.labels, chr(31)))""",
                *_joined(labels.taken),
            )
        if labels.put:
            await connection.execute(
                """INSERT INTO rules.label (label, contact_id, since)
                   SELECT unnest(string_to_array(new.labels, chr(31))), new.contact_id, $3
                   FROM unnest($1::text::uuid[], $2::text::text[]) AS new (contact_id, labels)
                   ON CONFLICT DO NOTHING""",
                *_joined(labels.put),
                now,
            )

    async def index(self, connection: Connection, keys: Differences[int]) -> None:
        """Put and take away what contacts are found by."""
        if keys.taken:
            await connection.execute(
                """DELETE FROM rules.lookup
                   USING (SELECT contact_id, unnest(string_to_array(keys, chr(31))::bigint[]) AS key
                          FROM unnest($1::text::uuid[], $2::text::text[]) AS one (contact_id, keys)) AS gone
                   WHERE lookup.key = gone.key AND lookup.contact_id = gone.contact_id""",
                *_joined(keys.taken),
            )
        if keys.put:
            await connection.execute(
                """INSERT INTO rules.lookup (key, contact_id)
                   SELECT unnest(string_to_array(new.keys, chr(31))::bigint[]), new.contact_id
                   FROM unnest($1::text::uuid[], $2::text::text[]) AS new (contact_id, keys)
                   ON CONFLICT DO NOTHING""",
                *_joined(keys.put),
            )

    async def note_changes(
        self, connection: Connection, changes: Sequence[tuple[str, int, datetime, Mapping[str, Any]]]
    ) -> None:
        """Note for the timeline what a published version changed: (contact id, version, time, what)."""
        if changes:
            await connection.execute(
                """INSERT INTO rules.change (contact_id, version, at, said)
                   SELECT * FROM unnest($1::text::uuid[], $2::text::bigint[], $3::text::timestamptz[],
                                        $4::text::bytea[])
                   ON CONFLICT DO NOTHING""",
                arrays.ids(change[0] for change in changes),
                arrays.numbers(change[1] for change in changes),
                arrays.times(change[2] for change in changes),
                arrays.blobs(_ENCODER.encode(change[3]) for change in changes),
            )

    async def note_interactions(
        self, connection: Connection, interactions: Sequence[InteractionResolved]
    ) -> set[tuple[str, str]]:
        """Put interactions on the timeline, each once; returns (source, interaction id) of those that were new."""
        keys = {(one.source, one.interaction_id): one for one in interactions}
        if not keys:
            return set()
        ids = {derived_id("interaction", *key): key for key in keys}
        several = list(keys.values())
        new = await connection.fetch(
            """INSERT INTO rules.timeline (interaction_key, record_id, contact_id, at, type, said)
               SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::text[], $6::bytea[])
               ON CONFLICT DO NOTHING RETURNING interaction_key::text""",
            list(ids),
            [one.record_id for one in several],
            [one.contact_id for one in several],
            [one.at for one in several],
            [one.type for one in several],
            [_PACK.compress(_ENCODER.encode(one)) for one in several],
        )
        return {ids[row["interaction_key"]] for row in new}

    async def forget(self, connection: Connection, contact_ids: Iterable[str], record_ids: Iterable[str]) -> None:
        """Remove the timelines of these records and contacts: what happened with a person who was erased."""
        await connection.execute("DELETE FROM rules.timeline WHERE record_id = ANY($1::uuid[])", sorted(record_ids))
        gone = sorted(contact_ids)
        await connection.execute("DELETE FROM rules.change WHERE contact_id = ANY($1::uuid[])", gone)
        await connection.execute("DELETE FROM rules.asked WHERE contact_id = ANY($1::uuid[])", gone)

    # --- what is ahead, and what is on its way

    async def plan(self, connection: Connection, timers: Mapping[str, tuple[int, datetime | None]]) -> None:
        """Set when contacts are looked at again: (version, time), None for never; an older version changes nothing."""
        never = {contact_id: version for contact_id, (version, due_at) in timers.items() if due_at is None}
        if never:
            await connection.execute(
                """DELETE FROM rules.timer
                   USING unnest($1::text::uuid[], $2::text::bigint[]) AS gone (contact_id, version)
                   WHERE timer.contact_id = gone.contact_id AND timer.version <= gone.version""",
                arrays.ids(never),
                arrays.numbers(never.values()),
            )
        ahead = {one: (version, due_at) for one, (version, due_at) in timers.items() if due_at is not None}
        if ahead:
            await connection.execute(
                """INSERT INTO rules.timer AS t (contact_id, version, due_at)
                   SELECT * FROM unnest($1::text::uuid[], $2::text::bigint[], $3::text::timestamptz[])
                   ON CONFLICT (contact_id) DO UPDATE SET version = excluded.version, due_at = excluded.due_at
                   WHERE t.version <= excluded.version""",
                arrays.ids(ahead),
                arrays.numbers(version for version, _ in ahead.values()),
                arrays.times(due_at for _, due_at in ahead.values()),
            )

    async def due(self, connection: Connection, now: datetime, limit: int) -> list[str]:
        """Contacts whose time has come, locked until the transaction ends; those another process has are left out."""
        found = await connection.fetch(
            """SELECT contact_id::text FROM rules.timer WHERE due_at <= $1
               ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED""",
            now,
            limit,
        )
        return [row["contact_id"] for row in found]

    async def fire(self, connection: Connection, wanted: Sequence[Noted], now: datetime) -> set[Noted]:
        """Note what is requested, each row once for ever; returns those that were new."""
        new = await connection.fetch(
            """INSERT INTO rules.firing (contact_id, rule, part, occasion, at)
               SELECT one.*, $5 FROM unnest($1::text::uuid[], $2::text[], $3::text[], $4::text[]) AS one
               ON CONFLICT DO NOTHING RETURNING contact_id::text, rule, part, occasion""",
            arrays.ids(row.contact_id for row in wanted),
            [row.rule for row in wanted],
            [row.part for row in wanted],
            [row.occasion for row in wanted],
            now,
        )
        return {Noted(*row) for row in new}

    async def request(self, connection: Connection, firings: Sequence[Firing], now: datetime) -> None:
        """Put notifications on their way."""
        await connection.executemany(
            """INSERT INTO rules.delivery (notification_id, contact_id, rule, part, occasion, version, requested_at,
                                           expires_at, once, due_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $7) ON CONFLICT DO NOTHING""",
            [
                (one.notification_id, one.contact_id, one.rule, one.part, one.occasion, one.version, now,
                 one.expires_at, one.once)
                for one in firings
            ],
        )  # fmt: skip

    async def take_deliveries(self, now: datetime, until: datetime, limit: int) -> list[Delivery]:
        """Notifications that are due, ours alone until then; those that go at most once are over unless we say else."""
        found = await self._database.fetch(
            """UPDATE rules.delivery SET attempts = attempts + 1, due_at = $2,
                                         ended = CASE WHEN once THEN 'unsure' END
               WHERE notification_id IN (SELECT notification_id FROM rules.delivery WHERE ended IS NULL AND due_at <= $1
                                         ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
               RETURNING notification_id::text, contact_id::text, rule, part, occasion, version, requested_at,
                         expires_at, attempts""",
            now,
            until,
            limit,
        )
        return [Delivery(*row) for row in found]

    async def note_attempt(self, delivery: Delivery, ended: str | None, due_at: datetime) -> None:
        """Say how an attempt went, unless another has begun meanwhile."""
        await self._database.execute(
            """UPDATE rules.delivery SET ended = $3, due_at = $4
               WHERE notification_id = $1::uuid AND attempts = $2 AND (ended IS NULL OR once)""",
            delivery.notification_id,
            delivery.attempt,
            ended,
            due_at,
        )

    async def may_ask(self, mailbox: bytes, delivery: Delivery, now: datetime) -> bool:
        """True when an inbox may be asked for a confirmation, and then it counts as asked: an hour after the first mail
        it may be asked again, then after two, four and so on; the same notification may always try again.
        """
        await self._database.execute("DELETE FROM rules.asked WHERE at < $1", now - ASKED_KEPT)
        found = await self._database.fetch(
            """INSERT INTO rules.asked AS a (mailbox, contact_id, notification_id, at, times)
               VALUES ($1, $2::uuid, $3::uuid, $4, 1)
               ON CONFLICT (mailbox) DO UPDATE SET contact_id = excluded.contact_id, at = excluded.at,
                   notification_id = excluded.notification_id,
                   times = a.times + (a.notification_id <> excluded.notification_id)::int
               WHERE a.notification_id = excluded.notification_id
                  OR a.at + interval '1 hour' * power(2, a.times - 1) <= excluded.at
               RETURNING times""",
            mailbox,
            delivery.contact_id,
            delivery.notification_id,
            now,
        )
        return bool(found)

    async def pending(self, now: datetime) -> dict[str, int]:
        """How many timers and notifications are due."""
        (row,) = await self._database.fetch(
            """SELECT (SELECT count(*) FROM rules.timer WHERE due_at <= $1) AS timers,
                      (SELECT count(*) FROM rules.delivery WHERE ended IS NULL AND due_at <= $1) AS notifications""",
            now,
        )
        return {"timers": row["timers"], "notifications": row["notifications"]}

    # --- what is said again

    async def newer(self, versions: Mapping[str, int]) -> dict[str, Row]:
        """The rows of those contacts whose published version is newer than the one given."""
        if not versions:
            return {}
        found = await self._database.fetch(
            """SELECT c.* FROM rules.contact c
               JOIN unnest($1::text::uuid[], $2::text::bigint[]) AS said (contact_id, version)
                 ON c.contact_id = said.contact_id AND c.published_version > said.version""",
            arrays.ids(versions),
            arrays.numbers(versions.values()),
        )
        return {row.contact_id: row for row in map(_row, found)}

    # --- what the API reads

    async def way(self, contact_id: str) -> list[Row]:
        """The row of a contact and, where it was merged away, of those it went into, the present one last."""
        found = await self._database.fetch(
            """WITH RECURSIVE way AS (
                    SELECT c.*, 0 AS hop FROM rules.contact c WHERE c.contact_id = $1::uuid
                    UNION ALL
                    SELECT c.*, hop + 1 FROM way JOIN rules.contact c ON c.contact_id = way.merged_into
                    WHERE way.retired = 'merged' AND hop < $2)
                SELECT * FROM way ORDER BY hop""",
            contact_id,
            HOPS_MAX,
        )
        return [_row(row) for row in found]

    async def page_by_time(self, since: datetime | None, after: tuple[datetime, str] | None, limit: int) -> list[Row]:
        """Present contacts by the time of publication, oldest first."""
        found = await self._database.fetch(
            """SELECT c.* FROM rules.contact c
                WHERE c.document IS NOT NULL AND ($1::timestamptz IS NULL OR c.updated_at >= $1)
                  AND ($2::timestamptz IS NULL OR (c.updated_at, c.contact_id) > ($2, $3::uuid))
                ORDER BY c.updated_at, c.contact_id LIMIT $4""",
            since,
            after[0] if after else None,
            after[1] if after else None,
            limit,
        )
        return [_row(row) for row in found]

    async def page_of_removals(
        self, since: datetime | None, after: tuple[datetime, str] | None, limit: int
    ) -> list[Row]:
        """Contacts that are gone, by the time it was said, oldest first."""
        found = await self._database.fetch(
            """SELECT c.* FROM rules.contact c
                WHERE c.retired IS NOT NULL AND ($1::timestamptz IS NULL OR c.updated_at >= $1)
                  AND ($2::timestamptz IS NULL OR (c.updated_at, c.contact_id) > ($2, $3::uuid))
                ORDER BY c.updated_at, c.contact_id LIMIT $4""",
            since,
            after[0] if after else None,
            after[1] if after else None,
            limit,
        )
        return [_row(row) for row in found]

    async def page_by_label(
        self, labels: Sequence[str], since: datetime | None, after: str | None, limit: int
    ) -> list[Row]:
        """Present contacts that bear all these labels, by id."""
        found = await self._database.fetch(
            """SELECT c.* FROM rules.contact c
                WHERE c.contact_id IN (SELECT l.contact_id FROM rules.label l WHERE l.label = $1)
                  AND NOT EXISTS (SELECT FROM unnest($2::text[]) AS other WHERE NOT EXISTS (
                      SELECT FROM rules.label l WHERE l.label = other AND l.contact_id = c.contact_id))
                  AND c.document IS NOT NULL AND ($3::timestamptz IS NULL OR c.updated_at >= $3)
                  AND ($4::uuid IS NULL OR c.contact_id > $4)
                ORDER BY c.contact_id LIMIT $5""",
            labels[0],
            list(labels[1:]),
            since,
            after,
            limit,
        )
        return [_row(row) for row in found]

    async def page_by_keys(self, keys: Sequence[int], after: str | None, limit: int) -> list[Row]:
        """Present contacts that are found by all these keys, by id. Keys are hashes: compare what is found."""
        found = await self._database.fetch(
            """SELECT c.* FROM rules.contact c
                WHERE c.contact_id IN (SELECT l.contact_id FROM rules.lookup l WHERE l.key = ANY($1::bigint[])
                                     GROUP BY l.contact_id HAVING count(*) = cardinality($1::bigint[]))
                  AND c.document IS NOT NULL AND ($2::uuid IS NULL OR c.contact_id > $2)
                ORDER BY c.contact_id LIMIT $3""",
            keys,
            after,
            limit,
        )
        return [_row(row) for row in found]

    async def segments(self) -> dict[str, int]:
        """How many contacts each segment has, empty ones left out."""
        found = await self._database.fetch(
            """SELECT substr(label, 9) AS name, count(*) AS n FROM rules.label
               WHERE label >= 'segment:' AND label < 'segment;' GROUP BY label"""
        )
        return {row["name"]: row["n"] for row in found}

    async def last_activity(self, record_ids: Sequence[str], now: datetime) -> dict[str, datetime]:
        """The time of the last interaction by record."""
        found = await self._database.fetch(
            """SELECT record_id::text, max(at) AS last FROM rules.timeline
               WHERE record_id = ANY($1::uuid[]) AND at <= $2 GROUP BY 1""",
            record_ids,
            now,
        )
        return {row["record_id"]: row["last"] for row in found}

    async def timeline(
        self,
        contact_ids: Sequence[str],
        record_ids: Sequence[str],
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[Entry]:
        """Interactions of these records, changes of these contacts and what was requested for them, newest first, older
        than `before`.
        """
        found = await self._database.fetch(
            """SELECT at, kind, id, said FROM (
                   SELECT at, 'interaction' AS kind, interaction_key::text AS id, said
                   FROM rules.timeline WHERE record_id = ANY($1::uuid[])
                   UNION ALL
                   SELECT at, 'change', contact_id::text || '/' || version, said
                   FROM rules.change WHERE contact_id = ANY($2::uuid[])
                   UNION ALL
                   SELECT requested_at, 'notification', notification_id::text, convert_to(json_build_object(
                       'notification_id', notification_id, 'rule', rule, 'part', part, 'occasion', occasion,
                       'state', coalesce(ended, 'waiting'), 'attempts', attempts)::text, 'UTF8')
                   FROM rules.delivery WHERE contact_id = ANY($2::uuid[])) AS entry
               WHERE $3::timestamptz IS NULL OR (at, id) < ($3, $4)
               ORDER BY at DESC, id DESC LIMIT $5""",
            record_ids,
            contact_ids,
            before[0] if before else None,
            before[1] if before else None,
            limit,
        )
        return [Entry(row["at"], row["kind"], row["id"], _said(row["kind"], row["said"])) for row in found]


def _row(row: Any) -> Row:
    merged_into = row["merged_into"]
    return Row(
        str(row["contact_id"]),
        row["version"],
        row["published_version"],
        row["updated_at"],
        row["retired"],
        None if merged_into is None else str(merged_into),
        row["merged_into_version"],
        row["document"],
        row["stuck"],
        row["cause"],
    )


def _said(kind: str, said: bytes) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(unpacked(said) if kind == "interaction" else said)
    return found


def _joined(differences: Mapping[str, frozenset[Any]]) -> tuple[str, str]:
    """Contact ids, and for each its labels or keys in one text, joined by a sign that stands in no printable name."""
    return arrays.ids(differences), arrays.texts("\x1f".join(map(str, several)) for several in differences.values())


def _columns(rows: Sequence[Row]) -> tuple[Any, ...]:
    """Rows as the arrays that the statement unnests."""
    return (
        arrays.ids(row.contact_id for row in rows),
        arrays.numbers(row.version for row in rows),
        arrays.numbers(row.published_version for row in rows),
        arrays.times(row.updated_at for row in rows),
        arrays.texts(row.retired for row in rows),
        arrays.ids(row.merged_into for row in rows),
        arrays.numbers(row.merged_into_version for row in rows),
        [row.document for row in rows],
        arrays.texts(row.stuck for row in rows),
        arrays.texts(row.cause for row in rows),
    )
