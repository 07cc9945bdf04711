"""A plain HTML form on somebody else's page: whoever sends it is thanked, and can only add."""

from typing import Any

import httpx
import msgspec
import pytest

from shared.domain.configuration import Source
from shared.domain.events import RecordReceived
from tests.integration.ingest.house import House

PAGE = "https://www.example.org"
THANKS = "https://www.example.org/danke"
KEY = "pk_12345678"
FORM = Source(
    connector="form", key=KEY, origins=(PAGE,), thanks=THANKS, honeypot="website2", limit="3/h", map={"email": "mail"}
)
FILLED = {"key": KEY, "mail": "adler@example.de", "family_name": "Adler", "website2": ""}


@pytest.fixture(name="page")
def page_fixture(house: House) -> House:
    """A house with one form."""
    configuration = house.world.configuration
    house.world.configuration = msgspec.structs.replace(configuration, sources={"fair": FORM, "other": FORM})
    return house


async def sent(house: House, data: dict[str, Any], path: str = "/hooks/fair", **more: Any) -> httpx.Response:
    """Send a form as a browser does."""
    async with house.client(role=None) as client:
        return await client.post(path, data=data, **more)


async def test_who_sends_a_form_is_led_to_the_page_of_thanks_and_what_was_sent_is_kept(page: House) -> None:
    answer = await sent(page, FILLED, headers={"origin": PAGE})
    assert (answer.status_code, answer.headers["location"]) == (303, THANKS)
    assert answer.headers["access-control-allow-origin"] == PAGE
    (event,) = page.received()
    assert isinstance(event.data, RecordReceived)
    assert event.data.fields == {"email": "adler@example.de", "family_name": "Adler"}
    assert event.data.attributes == {}


async def test_a_program_of_the_page_gets_the_receipt_and_the_key_may_stand_in_the_path(page: House) -> None:
    filled = {name: value for name, value in FILLED.items() if name != "key"}
    headers = {"accept": "application/json", "origin": PAGE}
    answer = await sent(page, filled, f"/hooks/fair/{KEY}", headers=headers)
    assert answer.status_code == 202
    assert answer.json()["receipts"][0]["duplicate"] is False


async def test_a_second_click_sends_nothing_twice(page: House) -> None:
    for _ in range(2):
        assert (await sent(page, FILLED)).status_code == 303
    assert len(page.received()) == 1


async def test_multipart_is_a_form_too_and_files_are_left_out(page: House) -> None:
    files: Any = {name: (None, value) for name, value in FILLED.items()} | {"cv": ("cv.pdf", b"%PDF", "x/y")}
    async with page.client(role=None) as client:
        assert (await client.post("/hooks/fair", files=files)).status_code == 303
    (event,) = page.received()
    assert isinstance(event.data, RecordReceived)
    assert event.data.attributes == {}


@pytest.mark.parametrize(
    ("data", "headers", "status"),
    [
        ({**FILLED, "key": "pk_wrong"}, {}, 401),
        ({"mail": "a@example.de"}, {}, 401),
        (FILLED, {"origin": "https://evil.example"}, 401),
        (FILLED, {"content-type": "application/json"}, 415),
    ],
)
async def test_without_the_key_or_from_another_page_nobody_gets_in(
    page: House, data: dict[str, str], headers: dict[str, str], status: int
) -> None:
    answer = await sent(page, data, headers=headers)
    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers
    assert page.received() == []


async def test_the_key_opens_nothing_but_its_form(page: House) -> None:
    async with page.client(token=KEY) as client:
        assert (await client.post("/v1/records", json={"source": "fair", "email": "a@b.de"})).status_code == 401
        assert (await client.get("/v1/sources")).status_code == 401


async def test_a_visitor_changes_no_record_that_is_there(page: House) -> None:
    first = await sent(page, {**FILLED, "source_record_id": "1"}, headers={"accept": "application/json"})
    second = await sent(
        page, {**FILLED, "source_record_id": "1", "family_name": "X"}, headers={"accept": "application/json"}
    )
    ids = {answer.json()["receipts"][0]["record_id"] for answer in (first, second)}
    assert len(ids) == 2


async def test_who_fills_the_hidden_field_is_thanked_and_forgotten(page: House) -> None:
    assert (await sent(page, {**FILLED, "website2": "spam"})).status_code == 303
    assert (page.received(), page.letters()) == ([], [])


async def test_who_sends_too_often_is_asked_to_wait_and_others_are_not(page: House) -> None:
    statuses = [(await sent(page, {**FILLED, "mail": f"{n}@example.de"})).status_code for n in range(4)]
    assert statuses == [303, 303, 303, 429]
    refused = await sent(page, FILLED)
    assert int(refused.headers["retry-after"]) > 0
    assert (await sent(page, FILLED, "/hooks/other")).status_code == 303


async def test_a_browser_that_asks_first_is_told_which_page_may_post(page: House) -> None:
    async with page.client(role=None) as client:
        allowed = await client.options("/hooks/fair", headers={"origin": PAGE})
        other = await client.options("/hooks/fair", headers={"origin": "https://evil.example"})
    assert (allowed.status_code, allowed.headers["access-control-allow-methods"]) == (204, "POST")
    assert "access-control-allow-origin" not in other.headers


async def test_a_form_with_nothing_in_it_that_names_anybody_is_set_aside_and_its_sender_thanked(page: House) -> None:
    assert (await sent(page, {"key": KEY, "hobby": "Segeln"})).status_code == 303
    assert len(page.letters()) == 1
