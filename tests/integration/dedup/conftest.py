"""A dedup on a real Postgres, without Kafka: batches are handed to its stage, and what it says is read from the answer."""

from collections.abc import AsyncIterator

import pytest

from shared.runtime.database import Database
from shared.runtime.migrations import migrate
from tests.integration.dedup.town import Town


@pytest.fixture
async def town(database: str) -> AsyncIterator[Town]:
    """An empty installation."""
    await migrate(database)
    pool = Database(database, connections_max=12)
    await pool.open()
    yield Town(pool)
    await pool.close()
