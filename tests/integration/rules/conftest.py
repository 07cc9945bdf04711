"""A migrated database for the tests of rules: made once for a file, emptied before every test."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from shared.runtime.database import Database
from shared.runtime.migrations import migrate
from tests.integration.rules.world import Process
from tests.support.mailbox import Mailbox, mailbox
from tests.support.stack import Stack, create_database, drop_database

TABLES = (
    "rules.contact, rules.lookup, rules.label, rules.change, rules.timeline, rules.timer, rules.firing, "
    "rules.delivery, rules.asked, runtime.outbox, runtime.refresh_due, runtime.token, backup.version, backup.member, "
    "backup.archive, backup.event"
)


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
    """All tables, empty."""
    tables = Database(migrated)
    await tables.execute(f"TRUNCATE {TABLES}")
    yield tables
    await tables.close()


@pytest.fixture
def process(tables: Database) -> Process:
    """One process of rules, without rules."""
    return Process(tables)


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    """A mail server."""
    async with mailbox() as box:
        yield box
