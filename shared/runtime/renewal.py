"""Renewal: after a change of the configuration that concerns contacts, all of them are said again, once, page by page.

The row of a job moves in the transaction that asks for a page: whoever is killed has asked for the page or not, and the
next goes on behind it. A newer job stands for those before it, since whoever is said again is judged by the newest.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from shared.runtime.database import Connection, Database


class Job(NamedTuple):
    """Asking for all contacts again under a revision: `cursor` is the last contact that was asked for, `until` the last
    there was when the first page was taken: who came later is under the revision anyway, and is never caught up with.
    """

    number: int
    cursor: str | None
    until: str | None
    total: int | None


async def job(connection: Connection) -> Job | None:
    """The newest job, locked, unless it has ended or somebody else is at it; it stands for those before it, too."""
    row = await connection.fetchrow(
        """SELECT number, cursor::text AS cursor, until::text AS until, total FROM runtime.configuration_job
           WHERE ended_at IS NULL AND number = (SELECT max(number) FROM runtime.configuration_job)
           FOR UPDATE SKIP LOCKED"""
    )
    return None if row is None else Job(*row)


async def advance(connection: Connection, one: Job, contact_ids: Sequence[str], now: datetime, *, ended: bool) -> None:
    """Note that these were asked for, and whether they were the last; then jobs before it have ended with it."""
    await connection.execute(
        """UPDATE runtime.configuration_job
           SET asked = asked + $2, cursor = coalesce($3::text::uuid, cursor), until = $4::text::uuid, total = $5
           WHERE number = $1""",
        one.number,
        len(contact_ids),
        contact_ids[-1] if contact_ids else None,
        one.until,
        one.total,
    )
    if ended:
        await connection.execute(
            "UPDATE runtime.configuration_job SET ended_at = $2 WHERE number <= $1 AND ended_at IS NULL",
            one.number,
            now,
        )


async def left(database: Database) -> int:
    """How many contacts are still to be asked for; at least one while a job has not ended."""
    rows = await database.fetch(
        """SELECT greatest(1, coalesce(total, 0) - asked) AS n FROM runtime.configuration_job
           WHERE ended_at IS NULL AND number = (SELECT max(number) FROM runtime.configuration_job)"""
    )
    return int(rows[0]["n"]) if rows else 0


async def standing(database: Database) -> dict[str, Any] | None:
    """What is active, since when and from where; how far its job is; and which folders hold something wrong.

    None while nothing is active.
    """
    rows = await database.fetch(
        "SELECT number, digest, place, activated_at FROM runtime.configuration ORDER BY number DESC LIMIT 1"
    )
    if not rows:
        return None
    jobs = await database.fetch(
        """SELECT number, concerns, asked, total, started_at, ended_at FROM runtime.configuration_job
           ORDER BY number DESC LIMIT 1"""
    )
    folders = await database.fetch(
        "SELECT place, wrong, seen_at FROM runtime.configuration_folder WHERE wrong IS NOT NULL ORDER BY place"
    )
    active = rows[0]
    return {
        "revision": active["number"],
        "digest": active["digest"],
        "from": active["place"],
        "activated_at": active["activated_at"],
        "job": dict(jobs[0]) if jobs else None,
        "refused": [dict(one) for one in folders],
    }
