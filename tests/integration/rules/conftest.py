"""A migrated database for the tests of rules."""

from collections.abc import AsyncIterator

import pytest

from shared.runtime.database import Database
from shared.runtime.migrations import migrate
from tests.integration.rules.world import Process


@pytest.fixture
async def tables(database: str) -> AsyncIterator[Database]:
    """A database with all tables."""
    await migrate(database)
    tables = Database(database)
    yield tables
    await tables.close()


@pytest.fixture
def process(tables: Database) -> Process:
    """One process of rules, without rules."""
    return Process(tables)
