"""One chain for each chapter."""

from collections.abc import AsyncIterator

import pytest

from tests.tutorial.chain import Chain, whole_chain


@pytest.fixture
async def chain(database: str) -> AsyncIterator[Chain]:
    """All services on an empty log and an empty database."""
    async with whole_chain(database) as made:
        yield made
