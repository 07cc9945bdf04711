"""The door of validate, over HTTP with real tokens: what would be found in a record, before anybody sends it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.validate.api import router
from services.validate.core.standards import standards_of
from shared.domain.configuration import Fields, Source
from shared.runtime.access import Access, Role, create_token
from shared.runtime.clock import SystemClock
from shared.runtime.database import Database
from shared.runtime.http import application

STANDARDS = standards_of(Fields(required={"mail": ("email", "family_name")}), {"webform": Source(country="DE")})
GOOD = {"source": "webform", "family_name": "Müller", "email": "joerg@example.de"}


class FixedClock(SystemClock):
    """Shows one day for ever."""

    def now(self) -> datetime:
        """22 November 2026."""
        return datetime(2026, 11, 22, 9, 15, tzinfo=UTC)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Database]:
    """A database with all tables."""
    pool = Database(database)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
async def client(pool: Database) -> AsyncIterator[httpx.AsyncClient]:
    """A sender's client."""
    token = await create_token(pool, Role.SENDER, "sender")
    app = application("validate", [router(lambda: STANDARDS, FixedClock())], {"access": Access(pool, FixedClock())})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://validate") as client:
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


async def answer(client: httpx.AsyncClient, record: Any) -> Any:
    """The answer to a record that is accepted."""
    response = await client.post("/v1/validations", json=record)
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_good_record_has_nothing_to_find(client: httpx.AsyncClient) -> None:
    said = await answer(client, GOOD)
    assert said["findings"] == []
    assert (said["score"], said["completeness"]) == (1.0, 1.0)


async def test_a_record_is_told_what_would_be_found(client: httpx.AsyncClient) -> None:
    record = {
        "source": "webform", "given_name": "n/a", "email": "Joerg@Exmaple.de", "phone": "0171 / 123 45 67",
        "phones": [{"value": "12"}], "street": "Hauptstr. 5a", "postcode": "1067", "city": "Dresden",
        "country": "Germany", "birthday": "31.02.1980", "hobby": "Segeln", "attributes": {"x": [1, {}]},
    }  # fmt: skip
    said = await answer(client, record)
    assert [f"{one['code']} {one['path']}" for one in said["findings"]] == [
        "name.placeholder /name/given",
        "email.typo /emails/0",
        "phone.invalid /phones/1",
        "postcode.invalid /addresses/0/postcode",
        "birthday.implausible /birthday",
        "field.missing /name/family",
    ]
    assert {(one["path"], one["value"]) for one in said["suggestions"]} == {
        ("/emails/0", "Joerg@example.de"),
        ("/addresses/0/postcode", "01067"),
    }
    assert said["understood"]["phones"][0]["value"] == "+491711234567"
    assert said["understood"]["addresses"][0]["country"] == "DE"


async def test_the_country_of_the_source_is_where_its_numbers_are_at_home(client: httpx.AsyncClient) -> None:
    record = {"phone": "0171 1234567", "postcode": "abc"}
    assert "phone.invalid" in {one["code"] for one in (await answer(client, record))["findings"]}
    here = await answer(client, {"source": "webform", **record})
    assert {one["code"] for one in here["findings"]} & {"phone.invalid", "postcode.invalid"} == {"postcode.invalid"}


async def test_an_empty_record_is_told_what_is_missing(client: httpx.AsyncClient) -> None:
    assert [one["path"] for one in (await answer(client, {}))["findings"]] == ["/emails", "/name/family"]


@pytest.mark.parametrize(
    ("record", "pointer"),
    [
        ({"email": 5}, "/email"),
        ({"emails": "joerg@example.de"}, "/emails"),
        ({"emails": [{"kind": "work"}]}, "/emails/0"),
        ({"family_name": "x" * 1001}, "/family_name"),
        ({"source": "nobody"}, "/source"),
        ([], ""),
    ],
    ids=str,
)
async def test_what_is_no_record_is_refused_with_the_place(
    client: httpx.AsyncClient, record: Any, pointer: str
) -> None:
    response = await client.post("/v1/validations", json=record)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert [one["pointer"] for one in response.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b'{"city": "\\u0000"}', 422),
        (b'{"city": "\xff"}', 422),
        (b"[" * 30_000, 422),
        (b" " * 40_000, 413),
    ],
    ids=["broken", "nul", "not utf-8", "brackets", "too large"],
)
async def test_rubbish_gets_the_answer_of_the_contract(client: httpx.AsyncClient, body: bytes, status: int) -> None:
    response = await client.post("/v1/validations", content=body, headers={"content-type": "application/json"})
    assert response.status_code == status


async def test_without_a_token_nothing_is_answered(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/validations", json=GOOD, headers={"Authorization": "Bearer wrong"})
    assert response.status_code == 401


async def test_a_reader_may_ask_too(client: httpx.AsyncClient, pool: Database) -> None:
    token = await create_token(pool, Role.READER, "reader")
    response = await client.post("/v1/validations", json=GOOD, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 200


async def test_what_comes_later_is_not_there(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/quality")).status_code == 404
