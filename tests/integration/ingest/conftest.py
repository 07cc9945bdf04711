"""A front door on a migrated database: migrated once, emptied for every test."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from shared.runtime.database import Database
from tests.integration.ingest.house import House, closed, opened
from tests.support.stack import Stack, create_database, drop_database

EMPTY = """TRUNCATE ingest.record_state, ingest.idempotency, ingest.receipt, ingest.contact_seen, ingest.dead_letter,
           ingest.source_count, ingest.settled, ingest.taken_back, runtime.token, runtime.job, runtime.run,
           ingest.pull, ingest.pulled, ingest.watermark, ingest.fetch,
           ingest.fetch_source"""


@pytest.fixture(scope="module")
def migrated(stack: Stack, migrated_tables: str) -> Iterator[str]:
    """The URL of a database with all tables."""
    name = f"test_{secrets.token_hex(8)}"
    url = asyncio.run(create_database(stack.database_url, name, migrated_tables))
    yield url
    asyncio.run(drop_database(stack.database_url, name))


@pytest.fixture
async def tables(migrated: str) -> AsyncIterator[Database]:
    """That database, empty."""
    tables = Database(migrated)
    await tables.execute(EMPTY)
    yield tables
    await tables.close()


@pytest.fixture
async def house(tables: Database) -> AsyncIterator[House]:
    """One ingest process."""
    house = await opened(tables)
    yield house
    await closed(house)
