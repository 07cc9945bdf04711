"""The statements of pins. Whoever writes one holds the contact that has it, so that nobody says it without."""

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec

from services.dedup.core.pinning import Pin
from shared.runtime.arrays import ids
from shared.runtime.database import Connection


async def pins_of(connection: Connection, record_ids: Collection[str]) -> list[Pin]:
    """The pins that hang on these records."""
    rows = await connection.fetch(
        """select pin_id::text, record_id::text, field, value, until, set_by, set_at from dedup.pin
           where record_id = any($1::text::uuid[])""",
        ids(record_ids),
    )
    return [Pin(row[0], row[1], row[2], msgspec.json.decode(row[3]), row[4], row[5], row[6]) for row in rows]


async def write(connection: Connection, come: Sequence[Pin]) -> None:
    """Keep these."""
    await connection.executemany(
        """insert into dedup.pin (pin_id, record_id, field, value, until, set_by, set_at)
           values ($1, $2, $3, $4, $5, $6, $7) on conflict (pin_id) do nothing""",
        [
            (one.pin_id, one.record_id, one.field, msgspec.json.encode(one.value), one.until, one.by, one.at)
            for one in come
        ],
    )


async def remove(connection: Connection, gone: Sequence[Pin]) -> None:
    """Keep these no more."""
    await connection.execute(
        "delete from dedup.pin where pin_id = any($1::text::uuid[])", ids(one.pin_id for one in gone)
    )


async def over(connection: Connection, now: datetime, rows_max: int) -> list[tuple[Pin, str]]:
    """Pins whose time is over, the oldest first, each with the contact that has it.

    One whose record was taken back has none: nobody sees it, and it goes when the record comes again.
    """
    rows = await connection.fetch(
        """select p.pin_id::text, p.record_id::text, p.field, p.value, p.until, p.set_by, p.set_at, r.contact_id::text
           from dedup.pin p join dedup.record r using (record_id)
           where p.until <= $1 and r.contact_id is not null order by p.until, p.pin_id limit $2""",
        now,
        rows_max,
    )
    return [(Pin(row[0], row[1], row[2], msgspec.json.decode(row[3]), row[4], row[5], row[6]), row[7]) for row in rows]


async def count_over(connection: Connection, now: datetime) -> int:
    """How many of those there are."""
    return int(
        await connection.fetchval(
            """select count(*) from dedup.pin p join dedup.record r using (record_id)
               where p.until <= $1 and r.contact_id is not null""",
            now,
        )
    )
