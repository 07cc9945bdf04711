"""Goal: a connection that its server ends is the world's wrong, at whatever moment, and never ours.

Method: some tasks work on one pool while its connections are ended over and over, as a restart of Postgres ends them.
"""

import asyncio
from collections import Counter

from shared.domain.errors import Transient
from shared.runtime.database import Database

ENDED_MIN = 400
"""Transactions that must have met a connection's end: a goodbye crosses a statement in one of ten."""


async def test_whenever_a_connection_is_ended_it_is_told_as_what_goes_away_by_waiting(database: str) -> None:
    pool, outside = Database(database), Database(database, connections_max=1)
    came: Counter[str] = Counter()

    async def work() -> None:
        while came["ended"] < ENDED_MIN:
            try:
                async with pool.transaction() as connection:
                    await connection.fetch("SELECT generate_series(1, 50)")
                came["done"] += 1
            except Transient:
                came["ended"] += 1

    async def end() -> None:
        while came["ended"] < ENDED_MIN:
            await outside.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await asyncio.sleep(0.02)  # so that they come up again

    async with asyncio.timeout(120):
        await asyncio.gather(*(work() for _ in range(6)), end())
    assert came["done"] > 0, "and the pool goes on"
    await pool.close()
    await outside.close()
