"""The statements of training: what reviewers have said, and the records they said it of."""

from collections.abc import Collection

from services.dedup.core.clustering import Judgement
from services.dedup.core.folding import unpacked_traits
from shared.domain.normalise import Traits
from shared.runtime.database import Connection


async def judgements(connection: Connection, rows_max: int) -> list[Judgement]:
    """The judgements in force, the newest first."""
    rows = await connection.fetch(
        """select judgement_id::text, same, left_records::text[], right_records::text[], given_at from dedup.judgement
           where withdrawn_at is null order by given_at desc, judgement_id limit $1""",
        rows_max,
    )
    return [Judgement(row[0], row[1], tuple(row[2]), tuple(row[3]), row[4]) for row in rows]


async def traits(connection: Connection, record_ids: Collection[str]) -> dict[str, Traits]:
    """The comparable form of these records, as far as they are still there."""
    rows = await connection.fetch(
        """select record_id::text, traits from dedup.record
           where record_id = any($1::text[]::uuid[]) and traits is not null""",
        sorted(record_ids),
    )
    return {row[0]: unpacked_traits(row[1]) for row in rows}
