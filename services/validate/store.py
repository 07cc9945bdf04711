"""Every SQL statement of validate. Facts lie in the runtime's tables; here is what keeps two writers of one apart."""

from collections.abc import Collection
from typing import Final

from shared.runtime.arrays import texts
from shared.runtime.database import Connection

_LOCK_CLASS: Final = 0x6B77_626F
"""First half of the advisory lock's key ("kwbo"): bounces of one mailbox are folded one after the other."""


async def lock(connection: Connection, subjects: Collection[str]) -> None:
    """Hold these mailboxes until the transaction ends: sorted, so that nobody waits in a circle."""
    await connection.fetchval(
        """SELECT count(pg_advisory_xact_lock($1, hashed))
           FROM (SELECT DISTINCT hashtext(subject) AS hashed FROM unnest($2::text::text[]) subject
                 ORDER BY hashed OFFSET 0) one""",
        _LOCK_CLASS,
        texts(subjects),
    )
