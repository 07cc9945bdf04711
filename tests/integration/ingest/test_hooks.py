"""Vendors' web hooks: nothing authentic is refused, and nobody else gets in."""

from typing import Any

import pytest

from shared.domain.events import RecordReceived
from shared.runtime.access import Role, create_token
from tests.integration.ingest.house import House

JSON = {"content-type": "application/json"}
BODY = {"data": {"mail": "a@example.de", "name": "Adler", "size": 42}, "campaign": "fair"}


async def test_a_delivery_is_read_by_the_mapping_of_its_source_and_nothing_is_thrown_away(house: House) -> None:
    answer = await house.post("/hooks/vendor/new-secret", BODY, role=None)
    assert answer.status_code == 202
    (event,) = house.received()
    assert isinstance(event.data, RecordReceived)
    assert event.data.fields == {"email": "a@example.de", "family_name": "Adler"}
    assert event.data.attributes == {"data": {"size": 42}, "campaign": "fair"}
    again = await house.post("/hooks/vendor/old-secret", BODY, role=None)
    assert again.json()["receipts"][0]["duplicate"] is True


@pytest.mark.parametrize(
    ("path", "bearer", "status"),
    [
        ("/hooks/vendor", "new-secret", 202),
        ("/hooks/vendor", "old-secret", 202),
        ("/hooks/vendor", "wrong", 401),
        ("/hooks/vendor", None, 401),
        ("/hooks/vendor/wrong", None, 401),
        ("/hooks/vendor/wrong", "new-secret", 401),
        ("/hooks/nobody", None, 404),
        ("/hooks/nobody/new-secret", None, 404),
        ("/hooks/vendor/", None, 404),
        ("/hooks/webform/", "", 404),
    ],
)
async def test_only_who_knows_a_secret_gets_in(house: House, path: str, bearer: str | None, status: int) -> None:
    headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
    answer = await house.post(path, BODY, role=None, headers=headers)
    assert answer.status_code == status
    assert len(house.received()) == (1 if status == 202 else 0)


async def test_a_token_that_may_write_the_source_gets_in_too(house: House) -> None:
    assert (await house.post("/hooks/webform", {"email": "a@example.de"})).status_code == 202
    assert (await house.post("/hooks/webform", {"email": "a@example.de"}, Role.READER)).status_code == 401
    other = await create_token(house.world.database, Role.SENDER, "crm only", ["crm"])
    async with house.client(token=other) as client:
        assert (await client.post("/hooks/webform", json={"email": "b@example.de"})).status_code == 401


async def test_a_wrong_secret_in_the_path_is_not_mended_by_a_token(house: House) -> None:
    assert (await house.post("/hooks/vendor/wrong", BODY, Role.SENDER)).status_code == 401


async def test_vendors_that_look_first_are_greeted(house: House) -> None:
    for method in ("GET", "HEAD"):
        async with house.client(role=None) as client:
            assert (await client.request(method, "/hooks/vendor")).status_code == 200
            assert (await client.request(method, "/hooks/vendor/new-secret")).status_code == 200
            assert (await client.request(method, "/hooks/vendor/wrong")).status_code == 401
            assert (await client.request(method, "/hooks/nobody")).status_code == 404


async def test_forms_are_read_like_json(house: House) -> None:
    form = b"data%5Bmail%5D=a%40example.de&data[name]=M%C3%BCller&data[interests]=a&data[interests]=b"
    answer = await house.post(
        "/hooks/vendor/new-secret", form, role=None, headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 202
    async with house.client(role=None) as client:
        parts: Any = {"email": (None, "b@example.de"), "picture": ("x.png", b"\x89PNG", "image/png")}
        assert (await client.post("/hooks/vendor/new-secret", files=parts)).status_code == 202
    first, second = [event.data for event in house.received()]
    assert isinstance(first, RecordReceived)
    assert isinstance(second, RecordReceived)
    assert first.fields == {"email": "a@example.de", "family_name": "Müller"}
    assert first.attributes == {"data": {"interests": ["a", "b"]}}
    assert (second.fields, second.attributes) == ({"email": "b@example.de"}, {})


RUBBISH = {
    "unreadable": (b'{"data": ', "application/json", "unreadable"),
    "not UTF-8": ('{"data": {"name": "Jörg"}}'.encode("latin-1"), "application/json", "not-utf8"),
    "a form that is none": (b"\xff\xfe=\xff", "application/x-www-form-urlencoded", "not-utf8"),
    "multipart without its end": (b"--x\r\nrubbish", "multipart/form-data; boundary=x", "unreadable"),
    "multipart without boundary": (b"rubbish", "multipart/form-data", "unreadable"),
    "brackets": (b"[" * 200_000, "application/json", "unreadable"),
    "no object": (b'"text"', "application/json", "unreadable"),
    "nothing": (b"", "application/json", "unreadable"),
    "nothing to go by": (b'{"data": {"size": 1}}', "application/json", "nothing-to-go-by"),
    "a NUL": (b'{"data": {"mail": "a\\u0000"}}', "application/json", "invalid"),
    "too long": (b'{"data": {"mail": "' + b"a" * 2000 + b'"}}', "application/json", "invalid"),
    "too large": (b'{"data": {"mail": "a", "x": ["' + b'", "'.join([b"a" * 8000] * 5) + b'"]}}', "x/y", "too-large"),
}


@pytest.mark.parametrize("name", RUBBISH)
async def test_what_is_authentic_and_unreadable_is_set_aside_byte_for_byte(house: House, name: str) -> None:
    body, content_type, reason = RUBBISH[name]
    headers = {"content-type": content_type}
    answer = await house.post("/hooks/vendor/new-secret", body, role=None, headers=headers)
    assert answer.status_code == 202, answer.text
    (receipt,) = answer.json()["receipts"]
    (letter,) = house.letters()
    named = dict(letter.headers)
    assert (letter.key, letter.value) == (receipt["event_id"].encode(), body)
    assert (named["dead-letter-reason"], named["content-type"]) == (reason.encode(), content_type.encode())
    assert house.received() == []
    again = await house.post("/hooks/vendor/new-secret", body, role=None, headers=headers)
    assert again.json()["receipts"] == [receipt | {"duplicate": True}]
    assert len(house.letters()) == 1
    await house.follow()
    assert await house.state(receipt["event_id"]) == "dead-letter"
    assert (await house.books())["dead_letters"] == {reason: 1}


async def test_a_body_that_no_message_holds_is_refused(house: House) -> None:
    answer = await house.post("/hooks/vendor/new-secret", b"x" * 600_000, role=None, headers=JSON)
    assert answer.status_code == 413


async def test_of_an_array_each_element_is_taken_or_set_aside_by_itself(house: House) -> None:
    answer = await house.post("/hooks/vendor/new-secret", [BODY, {"x": 1}], role=None)
    good, bad = answer.json()["receipts"]
    assert (good["record_id"] is None, bad["record_id"] is None) == (False, True)
    assert (len(house.received()), len(house.letters())) == (1, 1)


async def test_a_letter_is_shown_masked_and_revealed_to_operators_only(house: House) -> None:
    await house.post("/hooks/vendor/new-secret", {"x": {"first": "Jörg", "age": 7}}, role=None)
    await house.follow()
    (item,) = (await house.get("/v1/dead-letters?reason=nothing-to-go-by")).json()["items"]
    assert (item["stage"], item["attempt"]) == ("ingest", 1)
    masked = (await house.get(f"/v1/dead-letters/{item['id']}")).json()
    assert masked["message"]["value"] == {"x": {"first": "•••", "age": "•••"}}
    assert (await house.get(f"/v1/dead-letters/{item['id']}?reveal=true")).status_code == 403
    revealed = (await house.get(f"/v1/dead-letters/{item['id']}?reveal=true", Role.OPERATOR)).json()
    assert revealed["message"]["value"] == {"x": {"first": "Jörg", "age": 7}}
    assert (await house.get("/v1/dead-letters/nothing")).status_code == 404


async def test_a_mended_mapping_lets_a_letter_be_read_again_under_its_id(house: House) -> None:
    answer = await house.post("/hooks/vendor/new-secret", {"mail": "late@example.de"}, role=None)
    event_id = answer.json()["receipts"][0]["event_id"]
    await house.follow()
    whole = {"stage": "ingest", "reason": "nothing-to-go-by"}
    skipped = (await house.post("/v1/dead-letters/replay", whole, Role.OPERATOR)).json()
    assert (skipped["replayed"], len(skipped["skipped"])) == (0, 1)
    sources: Any = house.world.configuration.sources
    vendor = sources["vendor"]
    sources["vendor"] = type(vendor)(secrets=vendor.secrets, map={"email": "mail"})
    try:
        assert (await house.post("/v1/dead-letters/replay", whole, Role.OPERATOR)).json()["replayed"] == 1
    finally:
        sources["vendor"] = vendor
    (event,) = house.received()
    assert event.id == event_id
    await house.follow()
    assert await house.state(event_id) == "received"
    assert (await house.get("/v1/dead-letters")).json()["items"] == []
