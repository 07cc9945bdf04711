"""Goal: a run is asked for over HTTP or by the clock, and looked at; whoever may only read asks for none."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.dedup.reconcile.api import router
from services.dedup.reconcile.working import Reconciling
from shared.commands.reconcile import line_of, time_of
from shared.commands.running import WrongUsage
from shared.runtime.access import Access, Role, create_token
from shared.runtime.http import application
from shared.runtime.refreshing import Calm
from tests.integration.dedup.order import reconciled
from tests.integration.dedup.test_the_same_moment import person
from tests.integration.dedup.town import Town, says

NOBODY = "00000000-0000-7000-8000-000000000000"


@asynccontextmanager
async def asking(town: Town, role: Role) -> AsyncGenerator[httpx.AsyncClient]:
    token = await create_token(town.database, role, role.value)
    access = {"access": Access(town.database, town.world.clock), "world": town.world}
    transport = httpx.ASGITransport(application("dedup", [router(town.world)], access))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://dedup", headers=headers) as client:
        yield client


async def test_a_run_that_is_asked_for_is_done_and_told_of(town: Town) -> None:
    await town.tell(*(says(f"r{number}", at=1, **person(number)) for number in range(20)))
    async with asking(town, Role.OPERATOR) as operator:
        asked = await operator.post("/v1/reconciles", json={})
        assert (asked.status_code, asked.json()["state"]) == (202, "waiting")
        await reconciled(town, since=datetime(2026, 1, 1, tzinfo=UTC))  # the one before it is done first
        run: dict[str, Any] = (await operator.get(f"/v1/reconciles/{asked.json()['id']}")).json()
        assert (run["state"], run["compared"], run["changed"], run["epoch"]) == ("done", 20, 0, 1)
        assert [one["since"] is None for one in (await operator.get("/v1/reconciles")).json()["items"]] == [False, True]
        page = (await operator.get("/v1/reconciles?limit=1")).json()
        second = (await operator.get("/v1/reconciles", params={"limit": "1", "cursor": page["next"]})).json()
        assert second["items"] == [run]
    assert line_of(run).startswith("reconcile (all): done, epoch 1, 20 of about")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/reconciles", {"since": "2026-01-01T00:00:00"}, 422),
        ("POST", "/v1/reconciles", {"since": "soon"}, 422),
        ("POST", "/v1/reconciles", {"scope": "all"}, 422),
        ("GET", f"/v1/reconciles/{NOBODY}", None, 404),
        ("GET", "/v1/reconciles/x", None, 404),
        ("GET", "/v1/reconciles?cursor=x", None, 422),
    ],
)
async def test_nonsense_gets_a_clear_answer(town: Town, method: str, path: str, body: Any, status: int) -> None:
    async with asking(town, Role.OPERATOR) as operator:
        assert (await operator.request(method, path, json=body)).status_code == status


async def test_a_reader_looks_and_asks_for_nothing(town: Town) -> None:
    async with asking(town, Role.READER) as reader:
        assert (await reader.post("/v1/reconciles", json={})).status_code == 403
        assert (await reader.get("/v1/reconciles")).json() == {"items": [], "next": None}


async def test_while_records_wait_a_turn_does_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    calm = False

    async def holds(_: object) -> bool:
        return calm

    monkeypatch.setattr(Calm, "holds", holds)
    await town.tell(says("r", at=1, **person(1)))
    worker = Reconciling(town.world, town.identity)
    async with asking(town, Role.OPERATOR) as operator:
        asked = (await operator.post("/v1/reconciles", json={})).json()["id"]
        await worker.work()
        assert (await operator.get(f"/v1/reconciles/{asked}")).json()["state"] == "waiting"
        calm = True
        await worker.work()
        assert (await operator.get(f"/v1/reconciles/{asked}")).json()["state"] != "waiting"


def test_a_time_without_zone_is_utc_and_a_word_is_none() -> None:
    assert time_of("2026-11-22T09:15:00") == datetime(2026, 11, 22, 9, 15, tzinfo=UTC)
    with pytest.raises(WrongUsage):
        time_of("yesterday")
