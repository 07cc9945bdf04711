"""The statements of restores: what is held of contacts that are not whole yet, and judgements that come back."""

from collections.abc import Collection, Sequence

from services.dedup.core.restoring import Held
from shared.domain.events import Judged
from shared.runtime.database import Connection


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
