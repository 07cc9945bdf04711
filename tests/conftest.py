"""What every test may ask for: the engines, an empty database, names that no other test uses."""

import asyncio
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import settings

from tests.support.stack import Stack, create_database, drop_database, migrated_template, running_stack

settings.register_profile("any machine", deadline=None)  # a busy one is no failure
settings.load_profile("any machine")

os.environ.setdefault("KONTAKTWERK_VALIDATE_DNS", "off")  # no test asks the world; those of the DNS bring their own


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Real Kafka and real Postgres, the same for the whole session; starts them when the first test asks."""
    with running_stack() as stack:
        yield stack


@pytest.fixture(scope="session")
def migrated_tables(stack: Stack) -> str:
    """The name of the database with all tables that others are copied from."""
    return asyncio.run(migrated_template(stack.database_url))


@pytest.fixture
async def database(stack: Stack, migrated_tables: str) -> AsyncIterator[str]:
    """The URL of a fresh database with all tables and no rows, dropped afterwards."""
    async with _fresh_database(stack, migrated_tables) as url:
        yield url


@pytest.fixture
async def empty_database(stack: Stack) -> AsyncIterator[str]:
    """The URL of a fresh database without any tables, dropped afterwards."""
    async with _fresh_database(stack, "template1") as url:
        yield url


@asynccontextmanager
async def _fresh_database(stack: Stack, template: str) -> AsyncGenerator[str]:
    name = f"test_{secrets.token_hex(8)}"
    url = await create_database(stack.database_url, name, template)
    yield url
    await drop_database(stack.database_url, name)


@pytest.fixture
def topic_prefix() -> str:
    """Begins the names of topics and groups of this test alone."""
    return f"test-{secrets.token_hex(6)}."
