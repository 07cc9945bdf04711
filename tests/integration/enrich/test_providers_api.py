"""`GET /v1/providers` over HTTP with real tokens, and what is remembered of a provider on a real Postgres."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.enrich.api import router
from services.enrich.core.asking import Limits
from services.enrich.core.meter import Kind, Meter, Result, noted, reserve
from services.enrich.store import Counts, Store
from shared.runtime.access import Access, Role, create_token
from shared.runtime.clock import ManualClock
from shared.runtime.database import Database
from shared.runtime.http import application
from tests.integration.enrich.provider import Playing

NOW = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)


@pytest.fixture
async def client(tables: Database, server: Playing) -> AsyncIterator[httpx.AsyncClient]:
    """A reader's client."""
    token = await create_token(tables, Role.READER, "reader")
    clock = ManualClock(NOW)
    routes = router(Store(tables), lambda: (server.provider(rate="5/s", day=20),), clock)
    app = application("enrich", [routes], {"access": Access(tables, clock)})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://enrich") as client:
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


async def shown(client: httpx.AsyncClient) -> dict[str, Any]:
    """The one provider as it is shown."""
    response = await client.get("/v1/providers")
    assert response.status_code == 200, response.text
    body = response.json()
    assert body["next"] is None
    (item,) = body["items"]
    return dict(item)


async def test_a_provider_that_was_never_asked_is_shown(client: httpx.AsyncClient) -> None:
    item = await shown(client)
    assert (item["name"], item["asks"], item["breaker"]) == ("companies", "company_domain", "closed")
    assert item["budget"] == {"day": 20, "used": 0, "left": 20}
    assert (item["hit_rate"], item["last_error"]) == (None, None)


async def test_breaker_budget_hit_rate_and_last_error_are_shown(client: httpx.AsyncClient, tables: Database) -> None:
    store = Store(tables)
    async with tables.transaction() as connection:
        meter, _ = reserve(await store.locked(connection, "companies"), Limits(5.0, 20), NOW, 4)
        meter = noted(meter, [Result(Kind.FAILED, 60.0)], NOW)
        await store.keep(connection, "companies", meter)
        await store.count(connection, "companies", Counts(3, 1, 2, "too-many", NOW))
        await store.count(connection, "companies", Counts())
    item = await shown(client)
    assert (item["breaker"], item["open_until"]) == ("open", "2026-11-23T09:16:00Z")
    assert item["budget"] == {"day": 20, "used": 4, "left": 16}
    assert (item["answered"], item["nothing"], item["failed"], item["hit_rate"]) == (3, 1, 2, 0.75)
    assert (item["last_error"], item["last_error_at"]) == ("too-many", "2026-11-23T09:15:00Z")


async def test_only_readers_may_look(client: httpx.AsyncClient, tables: Database) -> None:
    sender = await create_token(tables, Role.SENDER, "sender")
    assert (await client.get("/v1/providers", headers={"Authorization": "Bearer x"})).status_code == 401
    answer = await client.get("/v1/providers", headers={"Authorization": f"Bearer {sender}"})
    assert answer.status_code == 403


async def test_a_meter_comes_back_as_it_was_kept(tables: Database) -> None:
    store = Store(tables)
    meter = Meter(
        window_at=NOW, asked=1, failed=2, openings=3, open_until=NOW, trial_until=NOW, tokens=4.5, tokens_at=NOW,
        day=NOW.date(), used=5,
    )  # fmt: skip
    async with tables.transaction() as connection:
        assert await store.locked(connection, "p") == Meter()
        await store.keep(connection, "p", meter)
    assert (await store.rows(["p", "q"]))["p"].meter == meter
    assert (await store.rows(["p", "q"]))["q"].meter == Meter()


async def spend(tables: Database, seed: int, *, locking: bool) -> int:
    """Eight processes reserve from one budget at once; how many questions they were granted in all."""
    store, limits = Store(tables), Limits(100.0, 100)
    await tables.execute("INSERT INTO enrich.provider (provider) VALUES ('p')")

    async def process(number: int) -> int:
        dice, granted = random.Random(f"{seed}/{number}"), 0
        for turn in range(12):
            async with tables.transaction() as connection:
                meter = await store.locked(connection, "p") if locking else (await store.rows(["p"]))["p"].meter
                now = NOW + timedelta(seconds=turn + dice.random())
                meter, got = reserve(meter, limits, now, dice.randrange(1, 9))
                await asyncio.sleep(0)
                await store.keep(connection, "p", meter)
            granted += got
        return granted

    return sum(await asyncio.gather(*(process(number) for number in range(8))))


@pytest.mark.parametrize("seed", range(3))
async def test_a_budget_is_never_overspent_by_processes_at_once(tables: Database, seed: int) -> None:
    assert await spend(tables, seed, locking=True) == 100


async def test_without_the_lock_it_would_be_overspent(migrated: str) -> None:
    """The negative control: the same processes, reading without lock."""
    tables = Database(migrated, 20)
    await tables.execute("TRUNCATE enrich.provider")
    assert await spend(tables, 0, locking=False) > 100
    await tables.close()
