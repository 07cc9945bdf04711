"""Every SQL statement of dedup. The order in which the identity transaction calls them is in `stage.py`.

Ids travel as texts (`::text`), blocking keys and MessagePack as bytes. Reads that follow evidence are written with
`lateral … offset 0`: as a plain join the planner hashes whole tables once they are large (facts,
identity-transactions 3).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec

from services.dedup.core.clustering import Judgement
from services.dedup.core.comparison import Evidence, Part
from services.dedup.core.folding import Change, Stored, packed_keys, packed_traits, unpacked_keys, unpacked_traits
from services.dedup.core.interactions import Happening
from services.dedup.core.saying import Decided
from services.dedup.core.scene import Candidate, Pair, Row
from shared.domain.contact import Cause
from shared.domain.errors import Transient
from shared.domain.events import InteractionReceived
from shared.runtime.arrays import blobs, ids, numbers, texts, times
from shared.runtime.database import Connection

_ENCODER: Final = msgspec.msgpack.Encoder()
_PARTS: Final = msgspec.msgpack.Decoder(tuple[Part, ...])
_CAUSE: Final = msgspec.msgpack.Decoder(Cause)
_INTERACTION: Final = msgspec.msgpack.Decoder(InteractionReceived)


def is_lock_table_full(error: Transient) -> bool:
    """True when the server had no room for all locks of a transaction: half of them may fit."""
    return isinstance(error.__cause__, asyncpg.OutOfMemoryError)


async def lock(connection: Connection, keys: Collection[int]) -> None:
    """Take these keys until the transaction ends: sorted, in one statement, so that nobody waits in a circle."""
    await connection.fetchval(
        """select count(pg_advisory_xact_lock(k))
           from (select k from unnest($1::text::bigint[]) k order by k offset 0) s""",
        numbers(keys),
    )


async def records(connection: Connection, record_ids: Collection[str]) -> dict[str, Stored]:
    """These records, as far as they are stored."""
    rows = await connection.fetch(
        """select record_id::text, contact_id::text, revision, keys, traits, body
           from dedup.record where record_id = any($1::text::uuid[])""",
        ids(record_ids),
    )
    return {row[0]: _stored(row) for row in rows}


async def homes(connection: Connection, record_ids: Collection[str]) -> dict[str, str | None]:
    """The contacts of these records, as far as they are stored."""
    rows = await connection.fetch(
        "select record_id::text, contact_id::text from dedup.record where record_id = any($1::text::uuid[])",
        ids(record_ids),
    )
    return {row[0]: row[1] for row in rows}


async def candidates(connection: Connection, keys: Collection[int], shared_max: int) -> list[Candidate]:
    """The stored records with one of these keys that is not generic, at most `shared_max` + 1 for each key."""
    rows = await connection.fetch(
        """select r.*, d.keys_shared
           from (select c.record_id, array_agg(k.key) as keys_shared
                 from unnest($1::text::bigint[]) k(key)
                 cross join lateral (select b.record_id from dedup.block_key b
                                     where b.key = k.key limit $2) c
                 where not exists (select from dedup.generic_key g where g.key = k.key)
                 group by c.record_id offset 0) d
           cross join lateral (select record_id::text, contact_id::text, revision, traits
                               from dedup.record where record_id = d.record_id offset 0) r
           where r.traits is not null""",
        numbers(keys),
        shared_max + 1,
    )
    return [Candidate(row[0], row[1], row[2], unpacked_traits(row[3]), row[4]) for row in rows]


async def write_generic(connection: Connection, keys: Collection[int]) -> None:
    """These keys give no candidates any more."""
    if keys:
        await connection.execute(
            "insert into dedup.generic_key (key) select * from unnest($1::bigint[]) on conflict do nothing",
            sorted(keys),
        )


async def evidence_of(connection: Connection, record_ids: Collection[str]) -> dict[Pair, str | None]:
    """The pairs in which one of these records has evidence, with the contact of the other one."""
    rows = await connection.fetch(
        """select e.a::text, e.b::text, r.contact_id::text
           from (select m.id, x.* from unnest($1::text::uuid[]) m(id)
                 cross join lateral (select a, b, b as other from dedup.evidence where a = m.id
                                     union all
                                     select a, b, a from dedup.evidence where b = m.id offset 0) x offset 0) e
           cross join lateral (select contact_id from dedup.record where record_id = e.other offset 0) r""",
        ids(record_ids),
    )
    return {(row[0], row[1]): row[2] for row in rows}


async def reach(connection: Connection, contacts: Collection[str]) -> set[str]:
    """These contacts, those one piece of evidence or one judgement away, and all former ids that redirect into them."""
    rows = await connection.fetch(
        """with member as materialized (
               select r.record_id from unnest($1::text::uuid[]) c(id)
               cross join lateral (select record_id from dedup.record where contact_id = c.id offset 0) r),
           near as materialized (
               select x.other from member m
               cross join lateral (select b as other from dedup.evidence where a = m.record_id
                                   union all
                                   select a from dedup.evidence where b = m.record_id
                                   union all
                                   select o.record_id from dedup.judgement_record j
                                   join dedup.judgement_record o using (judgement_id)
                                   where j.record_id = m.record_id offset 0) x),
           living as materialized (
               select c.id from unnest($1::text::uuid[]) c(id)
               union
               select r.contact_id from near n
               cross join lateral (select contact_id from dedup.record where record_id = n.other offset 0) r
               where r.contact_id is not null)
           select id::text from living
           union all
           select f.contact_id::text from living l
           cross join lateral (select contact_id from dedup.contact where merged_into = l.id offset 0) f""",
        ids(contacts),
    )
    return {row[0] for row in rows}


async def lock_contacts(connection: Connection, contacts: Collection[str]) -> dict[str, Row]:
    """Lock these rows in order and read them. No filter and no join: with either, a row that changed while this waited
    would vanish or come with the state before the wait (facts, identity-transactions 5).
    """
    rows = await connection.fetch(
        """select contact_id::text, version, founder::text, created_at, updated_at, cause,
                  retired, merged_into::text, merged_into_version
           from dedup.contact where contact_id = any($1::text::uuid[]) order by contact_id for update""",
        ids(contacts),
    )
    return {row[0]: _row(row) for row in rows}


async def contacts(connection: Connection, contact_ids: Collection[str]) -> dict[str, Row]:
    """These contacts, unlocked."""
    rows = await connection.fetch(
        """select contact_id::text, version, founder::text, created_at, updated_at, cause,
                  retired, merged_into::text, merged_into_version
           from dedup.contact where contact_id = any($1::text::uuid[])""",
        ids(contact_ids),
    )
    return {row[0]: _row(row) for row in rows}


async def former(connection: Connection, contact_ids: Collection[str]) -> dict[str, str]:
    """The former ids that redirect into these contacts, each with the contact it leads to."""
    rows = await connection.fetch(
        "select contact_id::text, merged_into::text from dedup.contact where merged_into = any($1::text::uuid[])",
        ids(contact_ids),
    )
    return {row[0]: row[1] for row in rows}


async def members(connection: Connection, contact_ids: Collection[str]) -> dict[str, Stored]:
    """All records of these contacts."""
    rows = await connection.fetch(
        """select record_id::text, contact_id::text, revision, keys, traits, body
           from dedup.record where contact_id = any($1::text::uuid[])""",
        ids(contact_ids),
    )
    return {row[0]: _stored(row) for row in rows}


async def edges(connection: Connection, record_ids: Collection[str]) -> dict[Pair, tuple[Evidence, str, str | None]]:
    """The evidence of these records: what weighs (without its parts), the record at the other end, its contact."""
    rows = await connection.fetch(
        """select e.a::text, e.b::text, e.weight, e.veto, e.other::text, r.contact_id::text
           from (select x.* from unnest($1::text::uuid[]) m(id)
                 cross join lateral (select a, b, weight, veto, b as other from dedup.evidence where a = m.id
                                     union all
                                     select a, b, weight, veto, a from dedup.evidence where b = m.id offset 0) x
                 offset 0) e
           cross join lateral (select contact_id from dedup.record where record_id = e.other offset 0) r""",
        ids(record_ids),
    )
    return {(row[0], row[1]): (Evidence((), row[2], row[3]), row[4], row[5]) for row in rows}


async def evidence_between(connection: Connection, record_ids: Collection[str]) -> dict[Pair, Evidence]:
    """The evidence among these records, with its parts."""
    rows = await connection.fetch(
        """select a::text, b::text, weight, veto, parts from dedup.evidence
           where a = any($1::text::uuid[]) and b = any($1::text::uuid[]) order by a, b""",
        ids(record_ids),
    )
    return {(row[0], row[1]): Evidence(_PARTS.decode(row[4]), row[2], row[3]) for row in rows}


async def write_records(connection: Connection, changes: Sequence[Change], home: Mapping[str, str | None]) -> None:
    """Store records that moved, each with its contact."""
    if changes:
        await connection.execute(
            """insert into dedup.record as r (record_id, contact_id, source, revision, keys, traits, body)
               select * from unnest($1::text::uuid[], $2::text::uuid[], $3::text::text[], $4::text::int[],
                                    $5::text::bytea[], $6::text::bytea[], $7::text::bytea[])
               on conflict (record_id) do update set contact_id = excluded.contact_id, source = excluded.source,
                   revision = excluded.revision, keys = excluded.keys, traits = excluded.traits,
                   body = excluded.body""",
            ids(change.record.record_id for change in changes),
            ids(home[change.record.record_id] for change in changes),
            texts(change.record.source for change in changes),
            numbers(change.revision for change in changes),
            blobs(packed_keys(change.keys) for change in changes),
            blobs(packed_traits(change.traits) for change in changes),
            blobs(change.packed_body for change in changes),
        )


async def write_homes(connection: Connection, homes: Mapping[str, str]) -> None:
    """Put records that did not change themselves into other contacts."""
    if homes:
        await connection.execute(
            """update dedup.record r set contact_id = u.contact_id
               from unnest($1::text::uuid[], $2::text::uuid[]) u(record_id, contact_id)
               where r.record_id = u.record_id""",
            ids(homes),
            ids(homes.values()),
        )


async def write_keys(connection: Connection, changes: Iterable[Change]) -> None:
    """Bring the blocking keys of these records up to date; only what differs is written."""
    gone: list[tuple[int, str]] = []
    come: list[tuple[int, str]] = []
    for change in changes:
        old, new = set(change.old_keys), set(change.keys)
        gone += [(key, change.record.record_id) for key in old - new]
        come += [(key, change.record.record_id) for key in new - old]
    if gone:
        await connection.execute(
            """delete from dedup.block_key b using unnest($1::text::bigint[], $2::text::uuid[]) u(key, record_id)
               where b.key = u.key and b.record_id = u.record_id""",
            *_keyed(gone),
        )
    if come:
        await connection.execute(
            "insert into dedup.block_key (key, record_id) select * from unnest($1::text::bigint[], $2::text::uuid[])",
            *_keyed(come),
        )


async def write_evidence(
    connection: Connection,
    gone: Collection[Pair],
    come: Mapping[Pair, Evidence],
    revisions: Mapping[str, int],
    epoch: int,
) -> None:
    """Take back evidence that is none any more, and store what was found, with the revisions of both records and the
    epoch of the population under which they were compared.
    """
    if gone:
        await connection.execute(
            """delete from dedup.evidence e using unnest($1::text::uuid[], $2::text::uuid[]) u(a, b)
               where e.a = u.a and e.b = u.b""",
            *_paired(gone),
        )
    if come:
        pairs = sorted(come)
        await connection.execute(
            """insert into dedup.evidence as e (a, b, a_revision, b_revision, weight, veto, parts, epoch)
               select u.*, $8 from unnest($1::text::uuid[], $2::text::uuid[], $3::text::int[], $4::text::int[],
                                          $5::text::int[], $6::text::text[], $7::text::bytea[]) u
               on conflict (a, b) do update set a_revision = excluded.a_revision, b_revision = excluded.b_revision,
                   weight = excluded.weight, veto = excluded.veto, parts = excluded.parts, epoch = excluded.epoch""",
            *_paired(pairs),
            numbers(revisions[a] for a, _ in pairs),
            numbers(revisions[b] for _, b in pairs),
            numbers(come[pair].weight for pair in pairs),
            texts(come[pair].veto for pair in pairs),
            blobs(_ENCODER.encode(come[pair].parts) for pair in pairs),
            epoch,
        )


async def write_contacts(connection: Connection, rows: Sequence[Row]) -> None:
    """Store contacts at their new versions, and note that these are still to be said."""
    if rows:
        await connection.execute(
            """with written as (
                   insert into dedup.contact as c (contact_id, version, founder, created_at, updated_at, cause,
                                                   retired, merged_into, merged_into_version)
                   select * from unnest($1::text::uuid[], $2::text::int[], $3::text::uuid[], $4::text::timestamptz[],
                                        $5::text::timestamptz[], $6::text::bytea[], $7::text::text[],
                                        $8::text::uuid[], $9::text::int[])
                   on conflict (contact_id) do update set version = excluded.version, founder = excluded.founder,
                       updated_at = excluded.updated_at, cause = excluded.cause, retired = excluded.retired,
                       merged_into = excluded.merged_into, merged_into_version = excluded.merged_into_version
                   returning contact_id, version)
               insert into dedup.unsaid as u (contact_id, version) select contact_id, version from written
               on conflict (contact_id) do update set version = excluded.version""",
            ids(row.contact_id for row in rows),
            numbers(row.version for row in rows),
            ids(row.founder for row in rows),
            times(row.created_at for row in rows),
            times(row.updated_at for row in rows),
            blobs(_ENCODER.encode(row.cause) for row in rows),
            texts(row.retired for row in rows),
            ids(row.merged_into for row in rows),
            numbers(row.merged_into_version for row in rows),
        )


async def said(connection: Connection, versions: Mapping[str, int]) -> None:
    """These versions were acknowledged: forget that they are to be said, unless a newer one came meanwhile.

    The commit does not wait for the disk: what a crash of the server brings back is said once more, and does no harm.
    """
    if versions:
        await connection.execute(
            """with hurried as materialized (select set_config('synchronous_commit', 'off', true))
               delete from dedup.unsaid s using unnest($1::text::uuid[], $2::int[]) u(contact_id, version), hurried
               where s.contact_id = u.contact_id and s.version = u.version""",
            ids(versions),
            list(versions.values()),
        )


async def unsaid(connection: Connection, before: datetime, rows_max: int) -> list[str]:
    """Contacts that are to be said since before this time."""
    query = """select contact_id::text from dedup.unsaid u where since < $1
               and not exists (select from dedup.held h where h.contact_id = u.contact_id) limit $2"""
    return [row[0] for row in await connection.fetch(query, before, rows_max)]


async def unsaid_among(connection: Connection, contact_ids: Collection[str]) -> set[str]:
    """Those of these contacts that are to be said."""
    rows = await connection.fetch(
        "select contact_id::text from dedup.unsaid where contact_id = any($1::text::uuid[])", ids(contact_ids)
    )
    return {row[0] for row in rows}


async def count_unsaid(connection: Connection) -> int:
    """How many contacts are to be said."""
    return int(await connection.fetchval("select count(*) from dedup.unsaid"))


async def decided(connection: Connection, event_ids: Collection[str]) -> dict[str, Decided]:
    """What was decided about these events before."""
    rows = await connection.fetch(
        """select event_id::text, outcome, reason, record_id::text, contact_id::text, version
           from dedup.decision where event_id = any($1::text::uuid[])""",
        ids(event_ids),
    )
    return {row[0]: Decided(*row) for row in rows}


async def write_decided(connection: Connection, decisions: Iterable[Decided]) -> None:
    """Store what was decided. Only what was parked is decided again; anything else twice is a fault of ours."""
    rows = sorted(decisions, key=lambda one: one.event_id)
    if rows:
        written = await connection.fetch(
            """insert into dedup.decision as d (event_id, outcome, reason, record_id, contact_id, version)
               select * from unnest($1::text::uuid[], $2::text::text[], $3::text::text[], $4::text::uuid[],
                                    $5::text::uuid[], $6::text::int[])
               on conflict (event_id) do update set outcome = excluded.outcome, reason = excluded.reason,
                   record_id = excluded.record_id, contact_id = excluded.contact_id, version = excluded.version
                   where d.outcome = 'parked'
               returning event_id""",
            ids(one.event_id for one in rows),
            texts(one.outcome for one in rows),
            texts(one.reason for one in rows),
            ids(one.record_id for one in rows),
            ids(one.contact_id for one in rows),
            numbers(one.version for one in rows),
        )
        assert len(written) == len(rows), "an event is decided once"


async def forget_decisions(connection: Connection, before: datetime) -> None:
    """Delete decisions older than this; what could bring their events again is gone by then."""
    await connection.execute("delete from dedup.decision where decided_at < $1 and outcome <> 'parked'", before)


async def judgements(connection: Connection, record_ids: Collection[str]) -> list[Judgement]:
    """The judgements in force that name one of these records."""
    rows = await connection.fetch(
        """select judgement_id::text, same, left_records::text[], right_records::text[], given_at from dedup.judgement
            where judgement_id in (select judgement_id from dedup.judgement_record
                                   where record_id = any($1::text::uuid[]))
            order by given_at, judgement_id""",
        ids(record_ids),
    )
    return [Judgement(row[0], row[1], tuple(row[2]), tuple(row[3]), row[4]) for row in rows]


async def judgements_in_words(connection: Connection, record_ids: Collection[str]) -> list[dict[str, Any]]:
    """The judgements in force that name one of these records, with who gave them and why."""
    rows = await connection.fetch(
        """select judgement_id::text, same, left_records::text[], right_records::text[], reason, given_by, given_at
           from dedup.judgement
           where judgement_id in (select judgement_id from dedup.judgement_record
                                   where record_id = any($1::text::uuid[]))
           order by given_at, judgement_id""",
        ids(record_ids),
    )
    return [
        {
            "judgement_id": row[0],
            "judgement": "same" if row[1] else "different",
            "left": row[2],
            "right": row[3],
            "reason": row[4],
            "by": row[5],
            "at": row[6],
        }
        for row in rows
    ]


async def judgement(connection: Connection, judgement_id: str) -> Judgement | None:
    """A judgement that is in force."""
    row = await connection.fetchrow(
        """select judgement_id::text, same, left_records::text[], right_records::text[], given_at
           from dedup.judgement where judgement_id = $1 and withdrawn_at is null""",
        judgement_id,
    )
    return None if row is None else Judgement(row[0], row[1], tuple(row[2]), tuple(row[3]), row[4])


async def write_judgements(connection: Connection, given: Sequence[Judgement], by: str, reason: str | None) -> None:
    """Store judgements that somebody gave."""
    for one in given:
        await connection.execute(
            """insert into dedup.judgement (judgement_id, same, left_records, right_records, reason, given_by, given_at)
               values ($1, $2, $3::uuid[], $4::uuid[], $5, $6, $7)""",
            *(one.judgement_id, one.same, list(one.left), list(one.right), reason, by, one.at),
        )
        await connection.execute(
            """insert into dedup.judgement_record (record_id, judgement_id)
               select distinct r, $2::uuid from unnest($1::uuid[]) r""",
            [*one.left, *one.right],
            one.judgement_id,
        )


async def withdraw_judgement(connection: Connection, judgement_id: str, by: str, at: datetime) -> None:
    """Take a judgement back; that it was given stays known."""
    await connection.execute(
        "update dedup.judgement set withdrawn_by = $2, withdrawn_at = $3 where judgement_id = $1", judgement_id, by, at
    )
    await connection.execute("delete from dedup.judgement_record where judgement_id = $1", judgement_id)


async def parked(connection: Connection, keys: Collection[int]) -> list[Happening]:
    """The interactions that wait under these keys, in the order in which they came."""
    rows = await connection.fetch(
        "select event_id::text, body from dedup.parked where key = any($1::text::bigint[]) order by since, event_id",
        numbers(keys),
    )
    return [Happening(row[0], _INTERACTION.decode(row[1]), waited=True) for row in rows]


async def parked_since(connection: Connection, before: datetime, *, shared: bool, rows_max: int) -> list[Happening]:
    """Interactions that wait since before this time: those of a shared address, or all."""
    rows = await connection.fetch(
        """select event_id::text, body from dedup.parked where since < $1 and (shared or not $2)
           order by since limit $3""",
        *(before, shared, rows_max),
    )
    return [Happening(row[0], _INTERACTION.decode(row[1]), waited=True) for row in rows]


async def park(connection: Connection, waiting: Sequence[tuple[Happening, int, bool]], at: datetime) -> None:
    """Let interactions wait, each under its key; the flag says that its address is shared."""
    if waiting:
        await connection.execute(
            """insert into dedup.parked (event_id, key, shared, body, since)
               select u.*, $5 from unnest($1::uuid[], $2::bigint[], $3::bool[], $4::bytea[]) u
               on conflict (event_id) do update set shared = excluded.shared""",
            [happening.event_id for happening, _, _ in waiting],
            [key for _, key, _ in waiting],
            [shared for _, _, shared in waiting],
            [_ENCODER.encode(happening.said) for happening, _, _ in waiting],
            at,
        )


async def unpark(connection: Connection, event_ids: Collection[str]) -> set[str]:
    """These wait no more; the ids of those that still did."""
    if not event_ids:
        return set()
    rows = await connection.fetch(
        "delete from dedup.parked where event_id = any($1::text::uuid[]) returning event_id::text", ids(event_ids)
    )
    return {row[0] for row in rows}


def _keyed(keys: Iterable[tuple[int, str]]) -> tuple[str, str]:
    """Blocking keys and their records, in the order in which all transactions write them."""
    rows = sorted(keys)
    return numbers(key for key, _ in rows), ids(record_id for _, record_id in rows)


def _paired(pairs: Iterable[Pair]) -> tuple[str, str]:
    rows = sorted(pairs)
    return ids(a for a, _ in rows), ids(b for _, b in rows)


def _stored(row: Any) -> Stored:
    return Stored(row[0], row[1], row[2], unpacked_keys(row[3]), row[4], row[5])


def _row(row: Any) -> Row:
    return Row(row[0], row[1], row[2], row[3], row[4], _CAUSE.decode(row[5]), row[6], row[7], row[8])
