"""What every test may ask for: the engines, an empty database, names that no other test uses."""

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.stack import Stack, create_database, drop_database, running_stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Real Kafka and real Postgres, the same for the whole session; starts them when the first test asks."""
    with running_stack() as stack:
        yield stack


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[str]:
    """The URL of a fresh, empty database, dropped afterwards."""
    name = f"test_{secrets.token_hex(8)}"
    url = await create_database(stack.database_url, name)
    yield url
    await drop_database(stack.database_url, name)


@pytest.fixture
def topic_prefix() -> str:
    """Begins the names of topics and groups of this test alone."""
    return f"test-{secrets.token_hex(6)}."
