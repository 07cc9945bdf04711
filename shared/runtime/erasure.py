"""Erasure: which service has forgotten whom, noted in the transaction that does it; and hashes that only we can make.

What must be recognised for ever without being known (the records and addresses of an erased person) is kept as a hash
under the installation's own key.
"""

import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Final

from shared.domain.ids import keyed_id
from shared.runtime.database import Connection, Database

KEY_BYTES: Final = 32
"""256 random bits, as for record ids: the key is the same."""


async def note(connection: Connection, service: str, ids: Collection[str], now: datetime | None = None) -> None:
    """This service has forgotten these contacts (or records); the time is the server's where the caller has none."""
    await connection.execute(
        """INSERT INTO runtime.erased (id, service, at)
           SELECT one, $2, coalesce($3, now()) FROM unnest($1::uuid[]) AS one ORDER BY one ON CONFLICT DO NOTHING""",
        sorted(ids),
        service,
        now,
    )


async def noted(database: Database, contact_id: str) -> dict[str, datetime]:
    """When each service has forgotten a contact."""
    rows = await database.fetch("SELECT service, at FROM runtime.erased WHERE id = $1 ORDER BY at, service", contact_id)
    return {row["service"]: row["at"] for row in rows}


async def among(connection: Connection, service: str, ids: Collection[str]) -> set[str]:
    """Those of these contacts and records that a service has forgotten."""
    rows = await connection.fetch(
        "SELECT id::text FROM runtime.erased WHERE service = $2 AND id = ANY($1::uuid[])", list(ids), service
    )
    return {row["id"] for row in rows}


async def hashes(connection: Connection, subjects: Collection[str]) -> dict[str, str]:
    """By subject its keyed hash, as a UUID; the key is made where the installation has none yet."""
    key = await connection.fetchval("SELECT record_key FROM runtime.installation")
    if key is None:
        key = await connection.fetchval(
            """INSERT INTO runtime.installation (record_key) VALUES ($1)
               ON CONFLICT (only_one) DO UPDATE SET only_one = excluded.only_one RETURNING record_key""",
            secrets.token_bytes(KEY_BYTES),
        )
    return {subject: keyed_id(bytes(key), "erased", subject) for subject in subjects}
