"""Access: who may what, also while Postgres is away."""

from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, Response

from shared.domain.errors import Transient
from shared.runtime.access import FRESH_S, Access, Caller, Role, Straight, admits, digest, require
from shared.runtime.clock import ManualClock
from shared.runtime.http import application, json_response

router = APIRouter()


@router.get("/reads", dependencies=[require(Role.READER)])
async def reads() -> Response:
    return json_response("ok")


@router.get("/sends")
async def sends(caller: Annotated[Caller, require(Role.SENDER)]) -> Response:
    return json_response({"name": caller.name, "sources": sorted(caller.sources or ())})


busy = APIRouter(route_class=Straight)


@busy.post("/guarded/{where}/{what}", dependencies=[require(Role.SENDER)])
async def guarded(where: str, what: str) -> Response:
    return json_response([where, what])


@busy.post("/{where}/{what}")
async def posts(where: str, what: str, caller: Annotated[Caller, require(Role.SENDER)], *, often: int = 1) -> Response:
    return json_response([where, what, caller.name, often])


class Tokens:
    """Stands for the table of tokens."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.away = False
        self.reads = 0

    def add(self, token: str, role: Role, sources: list[str] | None = None) -> None:
        row = {"token_id": token, "name": token, "role": role.value, "sources": sources, "hash": digest(token)}
        self.rows.append(row)

    async def fetch(self, query: str, *_: Any) -> list[dict[str, Any]]:
        assert "revoked_at IS NULL" in query
        self.reads += 1
        if self.away:
            raise Transient("ConnectionRefusedError")
        return self.rows


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def client(tokens: Tokens, clock: ManualClock) -> httpx.AsyncClient:
    access = Access(tokens, clock)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    transport = httpx.ASGITransport(application("Test", [router, busy], {"access": access}))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def status(client: httpx.AsyncClient, path: str, token: str | None) -> int:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return (await client.get(path, headers=headers)).status_code


def test_who_may_what() -> None:
    doors = {
        Role.READER: {Role.READER, Role.STEWARD, Role.PRIVACY, Role.OPERATOR},
        Role.SENDER: {Role.SENDER, Role.OPERATOR},
        Role.STEWARD: {Role.STEWARD, Role.OPERATOR},
        Role.PRIVACY: {Role.PRIVACY, Role.OPERATOR},
        Role.OPERATOR: {Role.OPERATOR},
    }
    for door, expected in doors.items():
        assert {role for role in Role if admits((door,), role)} == expected


async def test_without_or_with_a_wrong_token_401_with_too_small_a_role_403(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    tokens.add("sender", Role.SENDER)
    assert await status(client, "/reads", None) == 401
    assert await status(client, "/reads", "wrong") == 401
    assert await status(client, "/reads", "sender") == 403
    assert await status(client, "/sends", "sender") == 200
    answer = await client.get("/reads")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_caller_brings_its_sources(client: httpx.AsyncClient, tokens: Tokens) -> None:
    tokens.add("narrow", Role.SENDER, ["webform"])
    answer = await client.get("/sends", headers={"Authorization": "bearer narrow"})
    assert answer.json() == {"name": "narrow", "sources": ["webform"]}


async def test_an_outage_of_the_database_locks_nobody_out(
    client: httpx.AsyncClient, tokens: Tokens, clock: ManualClock
) -> None:
    tokens.add("reader", Role.READER)
    assert await status(client, "/reads", "reader") == 200
    tokens.away = True
    clock.advance(1_000)
    assert await status(client, "/reads", "reader") == 200
    assert await status(client, "/reads", "wrong") == 401


async def test_before_any_token_was_read_the_answer_is_503(client: httpx.AsyncClient, tokens: Tokens) -> None:
    tokens.away = True
    answer = await client.get("/reads", headers={"Authorization": "Bearer reader"})
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


async def test_a_revoked_token_stops_working_within_seconds(
    client: httpx.AsyncClient, tokens: Tokens, clock: ManualClock
) -> None:
    tokens.add("reader", Role.READER)
    assert await status(client, "/reads", "reader") == 200
    tokens.rows.clear()
    clock.advance(FRESH_S + 1)
    assert await status(client, "/reads", "reader") == 401


async def test_a_new_token_works_at_once(client: httpx.AsyncClient, tokens: Tokens, clock: ManualClock) -> None:
    tokens.add("old", Role.READER)
    assert await status(client, "/reads", "old") == 200
    tokens.add("new", Role.READER)
    clock.advance(1)
    assert await status(client, "/reads", "new") == 200


async def test_guessing_does_not_load_the_database(client: httpx.AsyncClient, tokens: Tokens) -> None:
    for number in range(50):
        assert await status(client, "/reads", f"guess-{number}") == 401
    assert tokens.reads == 1


async def test_a_busy_path_answers_as_any_other(client: httpx.AsyncClient, tokens: Tokens) -> None:
    tokens.add("sender", Role.SENDER)
    tokens.add("reader", Role.READER)
    sender = {"Authorization": "Bearer sender"}
    assert (await client.post("/some%20where/what", headers=sender)).json() == ["some where", "what", "sender", 1]
    assert (await client.post("/a/b?often=2", headers=sender)).json() == ["a", "b", "sender", 2]
    assert (await client.post("/guarded/a/b", headers=sender)).json() == ["a", "b"]
    refused = [
        await client.post("/a/b"),
        await client.post("/guarded/a/b"),
        await client.post("/a/b", headers={"Authorization": "Bearer reader"}),
        await client.post("/a/b?often=very", headers=sender),
        await client.post("/a/b?dry_run=true", headers=sender),
        await client.get("/a/b", headers=sender),
    ]
    assert [one.status_code for one in refused] == [401, 401, 403, 422, 422, 405]
    assert {one.headers["content-type"] for one in refused} == {"application/problem+json"}


def test_a_busy_path_may_rest_on_nothing_but_its_caller() -> None:
    async def moment() -> float:
        return 0.0

    async def asks(moment: Annotated[float, Depends(moment)]) -> Response:
        return json_response(moment)

    with pytest.raises(AssertionError):
        APIRouter(route_class=Straight).add_api_route("/moment", asks)
