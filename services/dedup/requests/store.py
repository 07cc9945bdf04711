"""The statements of restores and erasures: what is held of contacts that are not whole, and what never comes back."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from services.dedup.core.arriving import Erasing
from services.dedup.core.interactions import record_key
from services.dedup.core.restoring import Held
from shared.domain.events import Judged
from shared.runtime.database import Connection

NOBODY: Final = "00000000-0000-0000-0000-000000000000"
"""Before the first contact: no id of ours is this one."""


async def hold(connection: Connection, parts: Sequence[Held]) -> None:
    """Keep these parts, each once; what was decided already, and contacts that are there, are no parts any more."""
    await connection.execute(
        """insert into dedup.held (event_id, contact_id, record_id, type, body)
           select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bytea[])
                         as part (event_id, contact_id, record_id, type, body)
           where not exists (select from dedup.decision d where d.event_id = part.event_id)
             and not exists (select from dedup.contact c where c.contact_id = part.contact_id)
           order by event_id on conflict do nothing""",
        [part.event_id for part in parts],
        [part.contact_id for part in parts],
        [part.record_id for part in parts],
        [part.type for part in parts],
        [part.body for part in parts],
    )


async def held(connection: Connection, contact_ids: Collection[str]) -> list[Held]:
    """All parts of these contacts that are there."""
    rows = await connection.fetch(
        """select event_id::text, contact_id::text, record_id::text, type, body from dedup.held
           where contact_id = any($1::uuid[]) order by event_id""",
        list(contact_ids),
    )
    return [Held(*row) for row in rows]


async def let_go(connection: Connection, contact_ids: Collection[str]) -> None:
    """Hold no parts of these contacts any more: they are restored."""
    await connection.execute("delete from dedup.held where contact_id = any($1::uuid[])", list(contact_ids))


async def count_held(connection: Connection) -> int:
    """How many contacts are not whole yet."""
    return int(await connection.fetchval("select count(distinct contact_id) from dedup.held"))


async def remember(connection: Connection, given: Judged) -> None:
    """A judgement as it was given; one that is known already stays as it is."""
    new = await connection.fetchval(
        """insert into dedup.judgement (judgement_id, same, left_records, right_records, reason, given_by, given_at)
           values ($1, $2, $3::uuid[], $4::uuid[], $5, $6, $7) on conflict do nothing returning true""",
        *(given.judgement_id, given.same, list(given.left), list(given.right), given.reason, given.by, given.at),
    )
    if new:
        await connection.execute(
            """insert into dedup.judgement_record (record_id, judgement_id)
               select distinct r, $2::uuid from unnest($1::uuid[]) r""",
            [*given.left, *given.right],
            given.judgement_id,
        )


async def forget(connection: Connection, erasing: Erasing) -> tuple[list[str], list[str]]:
    """Remove everything about these records that is more than an id; the ids of interactions that waited for their
    person, and of judgements that named it.
    """
    records = list(erasing.records)
    await connection.execute("delete from dedup.record where record_id = any($1::uuid[])", records)
    await connection.execute("delete from dedup.decision where record_id = any($1::uuid[])", records)
    await connection.execute(
        """with named as (delete from dedup.review_record where record_id = any($1::uuid[]) returning review_id)
           delete from dedup.review where review_id in (select review_id from named)""",
        records,
    )
    judged = await connection.fetch(
        """delete from dedup.judgement where left_records && $1::uuid[] or right_records && $1::uuid[]
           returning judgement_id""",
        records,
    )
    judgements = [str(row[0]) for row in judged]
    await connection.execute("delete from dedup.judgement_record where judgement_id = any($1::uuid[])", judgements)
    await connection.execute("delete from dedup.pin where record_id = any($1::uuid[])", records)
    rows = await connection.fetch(
        "delete from dedup.parked where key = any($1::bigint[]) returning event_id::text",
        [*erasing.keys, *(record_key(record_id) for record_id in records)],
    )
    return [row[0] for row in rows], judgements


async def formers(connection: Connection, contact_id: str) -> list[str]:
    """The former ids that lead to a contact."""
    rows = await connection.fetch("select contact_id::text from dedup.contact where merged_into = $1", contact_id)
    return [row[0] for row in rows]


async def bar(connection: Connection, subjects: Collection[str], at: datetime) -> None:
    """Whatever was received about these before this time is dropped from now on."""
    await connection.execute(
        """insert into dedup.erased as e (subject, erased_at) select one, $2 from unnest($1::uuid[]) one order by one
           on conflict (subject) do update set erased_at = greatest(e.erased_at, excluded.erased_at)""",
        sorted(subjects),
        at,
    )


async def barred(connection: Connection, subjects: Collection[str]) -> dict[str, datetime]:
    """Those of these hashes whose person was erased, and when."""
    rows = await connection.fetch(
        "select subject::text, erased_at from dedup.erased where subject = any($1::uuid[])", list(subjects)
    )
    return {row[0]: row[1] for row in rows}


async def bars_anybody(connection: Connection) -> bool:
    """True when anybody was ever erased."""
    return bool(await connection.fetchval("select exists (select from dedup.erased)"))


async def living(connection: Connection) -> tuple[int, str]:
    """How many contacts there are, and the last of them in the order of ids."""
    row = await connection.fetchrow("select count(*), max(contact_id::text) from dedup.contact where retired is null")
    return row[0], row[1] or NOBODY


async def living_between(connection: Connection, after: str | None, until: str | None, limit: int) -> list[str]:
    """The ids of contacts that there are, in order, from behind one on and up to another."""
    rows = await connection.fetch(
        """select contact_id::text from dedup.contact
           where retired is null and contact_id > $1::text::uuid and contact_id <= $2::text::uuid
           order by contact_id limit $3""",
        after or NOBODY,
        until or NOBODY,
        limit,
    )
    return [row[0] for row in rows]
