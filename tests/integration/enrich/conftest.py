"""A migrated database for the tests of enrich: made once for a file, emptied before every test."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from shared.runtime.database import Database
from shared.runtime.migrations import migrate
from tests.integration.enrich.provider import Playing, playing
from tests.support.stack import Stack, create_database, drop_database


@pytest.fixture(scope="module")
def migrated(stack: Stack) -> Iterator[str]:
    """The URL of a database with all tables."""
    name = f"test_{secrets.token_hex(8)}"
    url = asyncio.run(create_database(stack.database_url, name))
    asyncio.run(migrate(url))
    yield url
    asyncio.run(drop_database(stack.database_url, name))


@pytest.fixture
async def tables(migrated: str) -> AsyncIterator[Database]:
    """All tables, those of enrich and of facts empty."""
    tables = Database(migrated, 10)
    await tables.execute(
        "TRUNCATE enrich.provider, runtime.fact, runtime.question, runtime.waiter, runtime.refresh_due"
    )
    yield tables
    await tables.close()


@pytest.fixture
async def server() -> AsyncIterator[Playing]:
    """A provider."""
    async with playing() as server:
        yield server
