"""Health: what a process answers about itself, and that it does not take more than it can bear."""
# pyright: reportPrivateUsage=false

import asyncio
import time

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from shared.domain.errors import Transient
from shared.runtime.health import CROWDED, STILL_S, UNDER_WAY_MAX, Front, Health
from shared.runtime.telemetry import Metrics


@pytest.fixture
def state() -> Health:
    return Health("dedup", "dedup-1", Metrics("dedup"))


def asks(front: Front) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(front), base_url="http://test")


async def test_a_process_is_ready_when_nothing_is_missing(state: Health) -> None:
    client = asks(Front(state))
    assert (await client.get("/readyz")).json() == {"status": "waits", "reasons": {"start": "is starting"}}
    state.missing.clear()
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


async def test_a_stage_that_waits_for_the_world_is_not_ready_but_a_front_door_is(state: Health) -> None:
    state.missing.clear()
    state.metrics.waiting("ConnectionRefusedError")
    assert state.reasons() == {"waits": "ConnectionRefusedError"}
    state.ready_while_waiting = True
    assert state.reasons() == {}


async def test_a_process_lives_as_long_as_its_loop_turns(state: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    client, now = asks(Front(state)), [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    state.beat()
    now[0] = STILL_S - 1
    assert (await client.get("/livez")).status_code == 200
    now[0] = STILL_S + 1
    assert (await client.get("/livez")).status_code == 503
    state.beat()
    assert (await client.get("/livez")).status_code == 200


async def test_the_door_says_how_it_is_and_nothing_that_only_services_ask(state: Health) -> None:
    front = Front(state)
    state.missing.clear()
    door = httpx.AsyncClient(transport=httpx.ASGITransport(front.door), base_url="http://test")
    answers = {path: (await door.get(path)).status_code for path in ("/livez", "/readyz", "/metrics")}
    assert answers == dict.fromkeys(answers, 200)
    front.app = PlainTextResponse("the service itself")
    assert (await door.get("/internal/status")).text == "the service itself"


async def test_tables_that_cannot_be_counted_are_said_to_be_so(state: Health) -> None:
    async def away() -> dict[str, int]:
        raise Transient("away")

    client = asks(Front(state))
    assert (await client.get("/internal/status")).json()["pending"] == {}
    state.pending = away
    assert (await client.get("/internal/status")).status_code == 503


async def test_before_there_is_a_service_everything_else_is_503(state: Health) -> None:
    answer = await asks(Front(state)).get("/v1/contacts")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"


async def test_who_comes_when_too_many_are_here_is_asked_to_come_back(state: Health) -> None:
    release = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await release.wait()
        await PlainTextResponse("done")(scope, receive, send)

    front = Front(state)
    front.app = slow
    client = asks(front)
    waiting = [
        asyncio.create_task(client.get("/v1/records", headers={"Authorization": f"Bearer {number % 3}"}))
        for number in range(UNDER_WAY_MAX)
    ]
    while front._under_way < UNDER_WAY_MAX:  # noqa: ASYNC110 (nobody tells)
        await asyncio.sleep(0)
    answer = await client.get("/v1/records")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert (await client.get("/livez")).status_code == 200
    release.set()
    assert {one.status_code for one in await asyncio.gather(*waiting)} == {200}
    assert (await client.get("/v1/records")).status_code == 200


async def test_one_who_sends_without_end_leaves_places_for_the_others(state: Health) -> None:
    release = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await release.wait()
        await PlainTextResponse("done")(scope, receive, send)

    front = Front(state)
    front.app = slow
    client = asks(front)
    noisy = {"Authorization": "Bearer noisy"}
    waiting = [asyncio.create_task(client.get("/v1/records", headers=noisy)) for _ in range(CROWDED)]
    while front._under_way < CROWDED:  # noqa: ASYNC110 (nobody tells)
        await asyncio.sleep(0)
    refused = await client.get("/v1/records", headers=noisy)
    assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (429, True)
    others = [
        asyncio.create_task(client.get(path, headers={"Authorization": token}))
        for path, token in (("/v1/records", "Bearer quiet"), ("/hooks/vendor", "Bearer noisy"), ("/v1/records", ""))
    ]
    release.set()
    assert {one.status_code for one in await asyncio.gather(*waiting, *others)} == {200}
    assert not front._shares, "who has gone is forgotten"


async def test_what_was_said_to_whom_asked_is_counted_refusals_and_broken_ones_too(state: Health) -> None:
    async def breaks(_: Scope, __: Receive, ___: Send) -> None:
        raise ConnectionResetError

    front = Front(state)
    client = asks(front)
    await client.get("/v1/anything")  # nobody there yet: 503
    front.app = PlainTextResponse("made", status_code=201)
    await client.get("/v1/anything")
    await client.get("/metrics")  # asks about the process, not of the service
    front.app = breaks
    with pytest.raises(ConnectionResetError):
        await client.get("/v1/anything")
    told = state.metrics.exposition().decode()
    counted = {
        status: f'kontaktwerk_requests_total{{stage="dedup",status="{status}"}} 1.0' for status in ("5xx", "2xx")
    }
    assert all(line in told for line in counted.values()), told
    assert 'kontaktwerk_requests_total{stage="dedup",status="none"} 1.0' in told
    assert 'kontaktwerk_request_seconds_count{stage="dedup"} 3.0' in told
    assert 'kontaktwerk_requests_under_way{stage="dedup"} 0.0' in told
