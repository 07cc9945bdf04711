"""A front door on a migrated database."""

from collections.abc import AsyncIterator

import pytest

from shared.runtime.database import Database
from shared.runtime.migrations import migrate
from tests.integration.ingest.house import House, closed, opened


@pytest.fixture
async def tables(database: str) -> AsyncIterator[Database]:
    """A database with all tables."""
    await migrate(database)
    tables = Database(database)
    yield tables
    await tables.close()


@pytest.fixture
async def house(tables: Database) -> AsyncIterator[House]:
    """One ingest process."""
    house = await opened(tables)
    yield house
    await closed(house)
