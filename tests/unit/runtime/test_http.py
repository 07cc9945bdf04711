"""HTTP: one way to read, to page and to fail; whatever comes in, the answer is clear and never a 500."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import msgspec
import pytest
from fastapi import APIRouter, Query, Request, Response
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import Refused, Transient
from shared.runtime.http import (
    Fault,
    Problem,
    application,
    decode_cursor,
    encode_cursor,
    json_response,
    page,
    read_json,
    traceparent_of,
)


class Wanted(msgspec.Struct):
    name: str
    emails: list[dict[str, str]] = []


router = APIRouter()


@router.post("/things")
async def things(request: Request) -> Response:
    return json_response(await read_json(request, Wanted, 1_000), 202)


@router.get("/failing/{kind}")
async def failing(kind: str) -> Response:
    wrongs = {
        "problem": Problem(
            409, "Conflict", "twice", [Fault("/a", "b")], {"Retry-After": "7"}, members={"retired": True}
        ),
        "away": Transient("ConnectionRefusedError"),
        "refused": Refused("DataError"),
        "ours": ValueError("jane.doe@example.org"),
    }
    raise wrongs[kind]


@router.get("/limited")
async def limited(limit: Annotated[int, Query(ge=1, le=10)]) -> Response:
    return json_response(page([limit], encode_cursor("é", 2)))


@router.get("/traced")
async def traced(request: Request) -> Response:
    return json_response(traceparent_of(request))


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application("Test", [router]), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def post(client: httpx.AsyncClient, body: bytes, media: str = "application/json") -> httpx.Response:
    return await client.post("/things", content=body, headers={"Content-Type": media})


def faults(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    errors: list[dict[str, Any]] = body.get("errors", [])
    return errors


async def test_a_good_body_is_read(client: httpx.AsyncClient) -> None:
    answer = await post(client, b'{"name": "x"}')
    assert (answer.status_code, answer.json()) == (202, {"name": "x", "emails": []})


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        (b"", 422, ""),
        (b"{", 422, ""),
        (b"[]", 422, ""),
        (b"{}", 422, ""),
        (b'{"name": 5}', 422, "/name"),
        (b'{"name": "x", "emails": [{"value": 5}]}', 422, "/emails/0/…"),
        (b'{"name": "a\\u0000b"}', 422, ""),
        (b'{"name": "\xff"}', 422, ""),
        (b'{"name": "\\ud800"}', 422, ""),
        (b'{"name": ' + b"[" * 900, 422, "/name"),
        (b'{"name": "' + b"x" * 1_000 + b'"}', 413, None),
    ],
)
async def test_a_bad_body_is_named_by_place(
    client: httpx.AsyncClient, body: bytes, status: int, pointer: str | None
) -> None:
    answer = await post(client, body)
    assert answer.status_code == status
    assert [fault["pointer"] for fault in faults(answer)] == ([] if pointer is None else [pointer])


async def test_two_hundred_thousand_brackets_are_no_crash(client: httpx.AsyncClient) -> None:
    deep = APIRouter()

    @deep.post("/deep")
    async def take(request: Request) -> Response:
        return json_response(await read_json(request, dict[str, Any], 10_000_000))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(application("T", [deep])), base_url="http://t") as one:
        answer = await one.post("/deep", content=b'{"a": ' + b"[" * 200_000)
    assert answer.status_code == 422
    assert "nested" in faults(answer)[0]["detail"]


async def test_a_body_without_a_length_is_cut_at_the_limit(client: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 10_000:
            sent += 500
            yield b" " * 500

    answer = await client.post("/things", content=endless(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


async def test_another_media_type_is_415(client: httpx.AsyncClient) -> None:
    assert (await post(client, b"a=b", "application/x-www-form-urlencoded")).status_code == 415
    assert (await post(client, b'{"name": "x"}', "application/vnd.x+json; charset=utf-8")).status_code == 202


@given(st.binary(max_size=200))
def test_no_body_is_a_500(body: bytes) -> None:
    async def answer() -> int:
        transport = httpx.ASGITransport(APP, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return (await post(client, body)).status_code

    assert asyncio.run(answer()) in {202, 422}


APP = application("Test", [router])


async def test_a_problem_says_all_it_has_to_say(client: httpx.AsyncClient) -> None:
    answer = await client.get("/failing/problem")
    assert answer.headers["retry-after"] == "7"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "twice",
        "errors": [{"pointer": "/a", "detail": "b"}],
        "retired": True,
    }


@pytest.mark.parametrize(("kind", "status"), [("away", 503), ("refused", 422), ("ours", 500)])
async def test_what_fails_inside_says_nothing_of_it(client: httpx.AsyncClient, kind: str, status: int) -> None:
    answer = await client.get(f"/failing/{kind}")
    assert answer.status_code == status
    faults(answer)
    assert "jane" not in answer.text
    if status == 503:
        assert int(answer.headers["retry-after"]) > 0


async def test_unknown_paths_and_methods_are_problems_too(client: httpx.AsyncClient) -> None:
    for answer, status in ((await client.get("/nope"), 404), (await client.delete("/things"), 405)):
        assert answer.status_code == status
        faults(answer)


async def test_a_wrong_parameter_is_named_and_not_quoted(client: httpx.AsyncClient) -> None:
    answer = await client.get("/limited", params={"limit": "jane"})
    assert answer.status_code == 422
    assert faults(answer)[0]["pointer"] == "/limit"
    assert "jane" not in answer.text


async def test_a_page_has_items_and_a_cursor_that_leads_back(client: httpx.AsyncClient) -> None:
    body = (await client.get("/limited", params={"limit": 3})).json()
    assert body["items"] == [3]
    assert decode_cursor(body["next"]) == ["é", 2]


@given(st.text(max_size=60))
def test_no_text_but_ours_is_a_cursor(text: str) -> None:
    try:
        values = decode_cursor(text)
    except Problem as problem:
        assert problem.status == 422  # noqa: PT017 (both ends are allowed)
    else:
        assert isinstance(values, list)


async def test_a_trace_goes_on_or_begins(client: httpx.AsyncClient) -> None:
    given_ = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    assert (await client.get("/traced", headers={"traceparent": given_})).json() == given_
    for bad in ({}, {"traceparent": "rubbish"}, {"traceparent": given_.replace("1", "x")}):
        made = (await client.get("/traced", headers=bad)).json()
        assert len(made) == 55
        assert "x" not in made


async def test_the_documentation_works_offline(client: httpx.AsyncClient) -> None:
    page_ = await client.get("/docs")
    assert page_.status_code == 200
    assert "http://" not in page_.text.replace("http://www.w3.org", "")
    assert "https://" not in page_.text
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"):
        assert f"/docs/{asset}" in page_.text
        assert (await client.get(f"/docs/{asset}")).status_code == 200
    assert (await client.get("/docs/..%2f__init__.py")).status_code == 404
    assert (await client.get("/openapi.json")).json()["openapi"].startswith("3.0")


async def test_a_service_may_bring_its_own_document(client: httpx.AsyncClient) -> None:
    own = APIRouter()

    @own.get("/openapi.json")
    async def document() -> Response:
        return json_response({"whole": True})

    async with httpx.AsyncClient(transport=httpx.ASGITransport(application("T", [own])), base_url="http://t") as one:
        assert (await one.get("/openapi.json")).json() == {"whole": True}
