"""The outbox: what a commit has to say besides its snapshot lies in the same transaction, and is said in order.

One relay at a time for each service (an advisory lock), in order of id, deleted after the acknowledgement; no cursor,
so a row that commits late is skipped by nobody. Events of one contact are in order because who appends them holds the
contact's row lock, so their ids are too. A relay that dies after the send says them again, with the same ids.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from shared.domain.outcome import Outgoing
from shared.runtime import codec
from shared.runtime.arrays import blobs, numbers, texts
from shared.runtime.broker import Draft, Headers, Producer
from shared.runtime.database import Connection, Database
from shared.runtime.world import Chore, World

ROWS_MAX: Final = 500
"""Rows of one relay transaction: as large as a stage's batch, so that it ends within a fraction of a second."""

EVERY_S: Final = 0.25
"""How often an idle relay looks: happenings are seen by people and webhooks, a quarter of a second is at once."""

_HEADERS: Final = msgspec.msgpack.Encoder()
_HEADERS_OF: Final = msgspec.msgpack.Decoder(Headers)

_LOCK_CLASS: Final = 0x6B77_6F78
"""First half of the advisory lock's key ("kwox"): ours are told apart from locks on blocking keys."""


async def append(connection: Connection, service: str, outgoing: Sequence[Outgoing]) -> None:
    """Put these in the outbox, inside the caller's transaction. An event id that waits there already is left alone.

    Raises ValueError for an event over the size limit, before anything is written.
    """
    if not outgoing:
        return
    drafts = [codec.draft(one) for one in outgoing]
    await connection.execute(
        """INSERT INTO runtime.outbox (service, event_id, topic, key, value, headers)
           SELECT $1, event_id, topic, key, value, headers
           FROM unnest($2::text::text[], $3::text::text[], $4::text::bytea[], $5::text::bytea[], $6::text::bytea[])
                WITH ORDINALITY AS row (event_id, topic, key, value, headers, place)
           ORDER BY place
           ON CONFLICT (service, topic, event_id) DO NOTHING""",
        service,
        texts(one.event.id for one in outgoing),
        texts(draft.topic for draft in drafts),
        blobs(draft.key for draft in drafts),
        blobs(draft.value for draft in drafts),
        blobs(_HEADERS.encode(draft.headers) for draft in drafts),
    )


async def pending(database: Database, service: str) -> int:
    """How many events of this service wait to be said."""
    rows = await database.fetch("SELECT count(*) AS n FROM runtime.outbox WHERE service = $1", service)
    return int(rows[0]["n"])


def relay(world: World, service: str) -> Chore:
    """The chore that says what lies in the outbox of this service."""

    async def run() -> None:
        while await relay_some(world.database, world.producer, service) == ROWS_MAX:
            pass

    return Chore(name="outbox", every_s=EVERY_S, run=run)


async def relay_some(database: Database, producer: Producer, service: str) -> int:
    """Say the oldest rows, at most ROWS_MAX, and return how many; 0 also while another process is at it."""
    async with database.transaction() as connection:
        mine = await connection.fetchval("SELECT pg_try_advisory_xact_lock($1, hashtext($2))", _LOCK_CLASS, service)
        if not mine:
            return 0
        rows = await connection.fetch(
            """SELECT id, topic, key, value, headers FROM runtime.outbox
               WHERE service = $1 ORDER BY id LIMIT $2""",
            service,
            ROWS_MAX,
        )
        if not rows:
            return 0
        await producer.send([_draft(row["topic"], row["key"], row["value"], row["headers"]) for row in rows])
        await connection.execute(
            "DELETE FROM runtime.outbox WHERE service = $1 AND id = ANY($2::text::bigint[])",
            service,
            numbers(row["id"] for row in rows),
        )
        return len(rows)


def _draft(topic: str, key: bytes | None, value: bytes | None, headers: bytes) -> Draft:
    return Draft(topic=topic, key=key, value=value, headers=_HEADERS_OF.decode(headers))
