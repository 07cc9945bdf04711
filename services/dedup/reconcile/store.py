"""The statements of reconcile: what stands (epoch, generic keys), the runs and how far they came, and their pages."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from services.dedup.core.folding import Change, packed_keys, packed_traits, unpacked_traits
from services.dedup.core.population import Population
from services.dedup.reconcile.phases import Phase
from shared.domain.normalise import Traits
from shared.runtime.arrays import blobs, ids, numbers
from shared.runtime.database import Connection

_ENCODER: Final = msgspec.msgpack.Encoder()
_POPULATION: Final = msgspec.msgpack.Decoder(Population)

FIRST: Final = "00000000-0000-0000-0000-000000000000"
"""Before the first id there can be."""


class Standing(NamedTuple):
    """What every comparison rests on: the epoch that holds, and those of the keys asked about that are generic."""

    epoch: int
    generic: frozenset[int]


class Run(NamedTuple):
    """One recomputation. `place` is the id up to which its phase is done; `lease` proves whose it is.

    `since` None: everything, under a new epoch; else only what hangs together with contacts that changed since.
    """

    run_id: str
    since: datetime | None
    state: str
    phase: Phase
    place: str
    phase_since: datetime | None
    epoch: int | None
    lease: int
    total: int
    seen: int
    changed: int
    asked_at: datetime
    asked_by: str
    started_at: datetime | None
    ended_at: datetime | None


class Forms(NamedTuple):
    """The version of comparable forms that every stored record has at least, and since when."""

    version: int
    since: datetime


class LeaseLost(Exception):
    """Somebody else works on this run: this process was away for too long."""


async def standing(connection: Connection, keys: Collection[int]) -> Standing:
    """What stands behind the locks of these keys."""
    row = await connection.fetchrow(
        """select coalesce((select max(epoch) from dedup.epoch), 0),
                  array(select key from dedup.generic_key where key = any($1::text::bigint[]))""",
        numbers(keys),
    )
    assert row is not None, "a row without tables"
    return Standing(row[0], frozenset(row[1]))


async def forms(connection: Connection) -> Forms | None:
    """The forms that are stored; None where nobody has said yet."""
    row = await connection.fetchrow("select version, since from dedup.forms")
    return None if row is None else Forms(*row)


async def write_forms(connection: Connection, version: int) -> None:
    """Every stored record has these forms."""
    await connection.execute(
        """insert into dedup.forms (version) values ($1)
           on conflict (single) do update set version = excluded.version, since = clock_timestamp()""",
        version,
    )


async def any_records(connection: Connection) -> bool:
    """True where a record was ever stored."""
    return bool(await connection.fetchval("select exists (select from dedup.record)"))


async def population(connection: Connection, epoch: int) -> Population:
    """The snapshot of an epoch."""
    return _POPULATION.decode(await connection.fetchval("select population from dedup.epoch where epoch = $1", epoch))


async def begin_epoch(connection: Connection, snapshot: Population, records: int, model: str, at: datetime) -> None:
    """Let this snapshot hold from the commit on; older ones are forgotten, but for the one before."""
    await connection.execute(
        "insert into dedup.epoch (epoch, population, records, model, made_at) values ($1, $2, $3, $4, $5)",
        *(snapshot.epoch, _ENCODER.encode(snapshot), records, model, at),
    )
    await connection.execute("delete from dedup.epoch where epoch < $1", snapshot.epoch - 1)


async def under_way_since(connection: Connection, time: datetime) -> bool:
    """True while some transaction goes on that began before this time: it may not know what holds since."""
    return bool(
        await connection.fetchval(
            """select exists (select from pg_stat_activity
                              where datname = current_database() and usename = current_user
                                and pid <> pg_backend_pid() and xact_start < $1)""",
            time,
        )
    )


async def now(connection: Connection) -> datetime:
    """The server's time, by which its transactions are dated."""
    time: datetime = await connection.fetchval("select clock_timestamp()")
    return time


async def traits_after(connection: Connection, record_id: str, rows_max: int) -> list[tuple[str, Traits]]:
    """Records in the order of their ids, as they are compared."""
    rows = await connection.fetch(
        """select record_id::text, traits from dedup.record where record_id > $1::text::uuid and traits is not null
           order by record_id limit $2""",
        *(record_id, rows_max),
    )
    return [(row[0], unpacked_traits(row[1])) for row in rows]


async def records_after(connection: Connection, record_id: str, rows_max: int) -> list[str]:
    """The ids of living records in order."""
    rows = await connection.fetch(
        """select record_id::text from dedup.record where record_id > $1::text::uuid and contact_id is not null
           order by record_id limit $2""",
        *(record_id, rows_max),
    )
    return [row[0] for row in rows]


async def contacts_after(
    connection: Connection, contact_id: str, since: datetime | None, rows_max: int
) -> list[tuple[str, bool]]:
    """The ids of living contacts in order, of all or of those that changed since; true for one of several records, or
    with evidence, a judgement or a review: whoever is alone has nothing to be recomputed.
    """
    rows = await connection.fetch(
        """select c.contact_id::text,
                  (select count(*) from (select from dedup.record r where r.contact_id = c.contact_id limit 2) m) > 1
                  or exists (select from dedup.record r join dedup.evidence e on e.a = r.record_id
                             where r.contact_id = c.contact_id)
                  or exists (select from dedup.record r join dedup.evidence e on e.b = r.record_id
                             where r.contact_id = c.contact_id)
                  or exists (select from dedup.record r join dedup.judgement_record j using (record_id)
                             where r.contact_id = c.contact_id)
                  or exists (select from dedup.record r join dedup.review_record w using (record_id)
                             where r.contact_id = c.contact_id)
           from (select contact_id from dedup.contact
                 where contact_id > $1::text::uuid and retired is null
                   and ($2::timestamptz is null or updated_at >= $2)
                 order by contact_id limit $3) c
           order by c.contact_id""",
        *(contact_id, since, rows_max),
    )
    return [(row[0], row[1]) for row in rows]


async def asked_about_with(connection: Connection, contact_ids: Collection[str]) -> set[str]:
    """The contacts of records about which a review asks together with records of these."""
    rows = await connection.fetch(
        """select distinct o.contact_id::text from unnest($1::text::uuid[]) c (id)
           cross join lateral (select other.record_id from dedup.record r
                               join dedup.review_record mine using (record_id)
                               join dedup.review v on v.review_id = mine.review_id and v.state in ('open', 'later')
                               join dedup.review_record other on other.review_id = mine.review_id
                               where r.contact_id = c.id offset 0) x
           cross join lateral (select contact_id from dedup.record where record_id = x.record_id offset 0) o
           where o.contact_id is not null""",
        ids(contact_ids),
    )
    return {row[0] for row in rows}


async def write_traits(connection: Connection, changes: Sequence[Change]) -> None:
    """Store records whose comparable form follows from the same words in another way than before."""
    if changes:
        await connection.execute(
            """update dedup.record r set keys = u.keys, traits = u.traits
               from unnest($1::text::uuid[], $2::text::bytea[], $3::text::bytea[]) u (record_id, keys, traits)
               where r.record_id = u.record_id""",
            ids(change.record.record_id for change in changes),
            blobs(packed_keys(change.keys) for change in changes),
            blobs(packed_traits(change.traits) for change in changes),
        )


async def free_keys(connection: Connection, shared_max: int) -> None:
    """Let keys give candidates again that no more than so many records share by now."""
    await connection.execute(
        """delete from dedup.generic_key g
           where (select count(*) from (select from dedup.block_key b where b.key = g.key limit $1) x) < $1""",
        shared_max + 1,
    )


async def take_generic(connection: Connection, keys_max: int, wait: timedelta) -> list[int]:
    """Keys that became generic and whose evidence was not taken back yet; nobody else takes them for a while."""
    rows = await connection.fetch(
        """update dedup.generic_key set due_at = clock_timestamp() + $2::interval
           where key in (select key from dedup.generic_key where due_at <= clock_timestamp()
                         order by due_at, key limit $1 for update skip locked) returning key""",
        *(keys_max, wait),
    )
    return [row[0] for row in rows]


async def count_due(connection: Connection) -> int:
    """How many keys became generic, with evidence that was not taken back yet."""
    return int(await connection.fetchval("select count(*) from dedup.generic_key where due_at is not null"))


async def records_of_keys(connection: Connection, keys: Collection[int]) -> list[str]:
    """Records that share one of these keys and have evidence."""
    rows = await connection.fetch(
        """select distinct b.record_id::text from dedup.block_key b
           where b.key = any($1::text::bigint[])
             and (exists (select from dedup.evidence e where e.a = b.record_id)
                  or exists (select from dedup.evidence e where e.b = b.record_id))
           order by 1""",
        numbers(keys),
    )
    return [row[0] for row in rows]


async def retracted(connection: Connection, keys: Collection[int]) -> None:
    """The evidence of these keys was taken back."""
    await connection.execute(
        "update dedup.generic_key set due_at = null where key = any($1::text::bigint[])", numbers(keys)
    )


async def ask(connection: Connection, run_id: str, since: datetime | None, by: str, at: datetime) -> None:
    """Note a run; asked for twice under one id, it is one."""
    await connection.execute(
        """insert into dedup.reconcile (run_id, since, state, phase, asked_at, asked_by)
           values ($1::text::uuid, $2, 'waiting', $3, $4, $5) on conflict do nothing""",
        *(run_id, since, Phase.COUNTING if since is None else Phase.GROUPING, at, by),
    )


async def is_asked(connection: Connection) -> bool:
    """True while a run is not done."""
    return bool(await connection.fetchval("select exists (select from dedup.reconcile where state <> 'done')"))


async def claim(connection: Connection, mine: Run | None, at: datetime, until: datetime) -> Run | None:
    """The oldest run that is not done, unless another process holds it; `mine` is what this one held last."""
    row = await connection.fetchrow(
        """update dedup.reconcile
           set state = 'running', until = $3, started_at = coalesce(started_at, $2),
               lease = case when run_id = $4::text::uuid and lease = $1 then lease else lease + 1 end
           where run_id = (select run_id from dedup.reconcile where state <> 'done'
                           order by asked_at, run_id limit 1 for update skip locked)
             and (until is null or until <= $2 or (run_id = $4::text::uuid and lease = $1))
           returning run_id::text, since, state, phase, place::text, phase_since, epoch, lease, total, seen, changed,
                     asked_at, asked_by, started_at, ended_at""",
        *(0 if mine is None else mine.lease, at, until, None if mine is None else mine.run_id),
    )
    return None if row is None else _run(row)


async def advance(connection: Connection, run: Run, until: datetime) -> None:
    """Note how far the run came, and hold its lease on. Raises LeaseLost."""
    held = await connection.fetchval(
        """update dedup.reconcile set phase = $3, place = $4::text::uuid, phase_since = $5, epoch = $6, total = $7,
                                      seen = $8, changed = $9, state = $10, ended_at = $11, until = $12
           where run_id = $1::text::uuid and lease = $2 and state = 'running' returning 1""",
        *(run.run_id, run.lease, run.phase, run.place, run.phase_since, run.epoch, run.total, run.seen, run.changed),
        *(run.state, run.ended_at, until),
    )
    if held is None:
        raise LeaseLost(run.run_id)


async def runs(connection: Connection, before: datetime | None, rows_max: int) -> list[Run]:
    """Runs, the newest first."""
    rows = await connection.fetch(
        """select run_id::text, since, state, phase, place::text, phase_since, epoch, lease, total, seen, changed,
                  asked_at, asked_by, started_at, ended_at
           from dedup.reconcile where $1::timestamptz is null or asked_at < $1 order by asked_at desc limit $2""",
        *(before, rows_max),
    )
    return [_run(row) for row in rows]


async def run(connection: Connection, run_id: str) -> Run | None:
    """One run."""
    row = await connection.fetchrow(
        """select run_id::text, since, state, phase, place::text, phase_since, epoch, lease, total, seen, changed,
                  asked_at, asked_by, started_at, ended_at
           from dedup.reconcile where run_id = $1::text::uuid""",
        run_id,
    )
    return None if row is None else _run(row)


async def last_start(connection: Connection) -> datetime | None:
    """When the last run that is done began: what changed before it was seen by it."""
    time: datetime | None = await connection.fetchval(
        "select max(started_at) from dedup.reconcile where state = 'done'"
    )
    return time


async def count_records(connection: Connection) -> int:
    """About how many records there are, as the server's statistics know."""
    return max(
        0,
        int(await connection.fetchval("select reltuples::bigint from pg_class where oid = 'dedup.record'::regclass")),
    )


def _run(row: Sequence[object]) -> Run:
    found = Run(*row)  # type: ignore[arg-type]  # columns in this order
    return found._replace(phase=Phase(found.phase), place=found.place or FIRST)
