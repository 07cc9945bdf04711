"""A dedup on a real Postgres, without Kafka: batches are handed to its stage, and its answers are what it says."""

from collections.abc import AsyncIterator

import pytest

from shared.runtime.database import Database
from tests.integration.dedup.town import Town


@pytest.fixture
async def towns(database: str) -> AsyncIterator[list[Town]]:
    """Eight processes of one empty installation, as far as Postgres can tell."""
    pools = [Database(database, connections_max=2) for _ in range(8)]
    yield [Town(pool) for pool in pools]
    for pool in pools:
        await pool.close()


@pytest.fixture
async def town(database: str) -> AsyncIterator[Town]:
    """An empty installation."""
    pool = Database(database, connections_max=12)
    await pool.open()
    yield Town(pool)
    await pool.close()
