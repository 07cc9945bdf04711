"""A dedup on a real Postgres, without Kafka: batches are handed to its stage, and its answers are what it says."""

from collections.abc import AsyncIterator

import httpx
import pytest

from services.dedup.api import router
from services.dedup.reviews import api as reviews
from services.dedup.reviews.desk import Desk
from shared.runtime.access import Access, Role, create_token
from shared.runtime.database import Database
from shared.runtime.http import application
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


@pytest.fixture
async def steward(town: Town) -> AsyncIterator[httpx.AsyncClient]:
    """A steward at the door of dedup."""
    token = await create_token(town.database, Role.STEWARD, "stewardess")
    app = application(
        "dedup",
        [router(town.world, town.identity), reviews.router(Desk(town.world, town.identity))],
        {"access": Access(town.database, town.world.clock), "world": town.world},
    )
    transport = httpx.ASGITransport(app)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://dedup", headers=headers) as client:
        yield client
