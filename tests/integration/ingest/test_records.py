"""Deliveries through the door: what is taken, what is called a duplicate, and what is refused with a clear word."""

import asyncio

import httpx
import pytest

from services.ingest.stage import AWAY_S
from shared.domain.events import RecordReceived
from shared.runtime.access import Role, create_token
from tests.integration.ingest.house import House

ANNA = {"source": "crm", "source_record_id": "1", "given_name": "Anna", "phone": "0171 1"}


def receipts(answer: httpx.Response) -> list[dict[str, object]]:
    """The receipts of an accepted request."""
    assert answer.status_code == 202, answer.text
    found: list[dict[str, object]] = answer.json()["receipts"]
    return found


async def test_what_is_answered_with_202_lies_on_the_log_under_the_id_of_its_receipt(house: House) -> None:
    (receipt,) = receipts(await house.post("/v1/records", ANNA | {"hobby": "Segeln"}))
    (event,) = house.received()
    assert isinstance(event.data, RecordReceived)
    assert (event.id, event.data.record_id) == (receipt["event_id"], receipt["record_id"])
    assert event.data.fields == {"given_name": "Anna", "phone": "0171 1"}
    assert event.data.attributes == {"hobby": "Segeln"}
    assert event.traceparent is not None
    assert await house.state(event.id) == "received"


async def test_the_same_delivery_again_is_a_duplicate_and_moves_nothing(house: House) -> None:
    (first,) = receipts(await house.post("/v1/records", ANNA))
    (second,) = receipts(await house.post("/v1/records", ANNA))
    assert second == first | {"duplicate": True}
    assert len(house.received()) == 1


async def test_a_then_b_then_a_again_are_three_updates(house: House) -> None:
    b = ANNA | {"phone": "0171 2"}
    events = [receipts(await house.post("/v1/records", said))[0] for said in (ANNA, b, ANNA)]
    assert [one["duplicate"] for one in events] == [False] * 3
    assert len({one["event_id"] for one in events}) == 3
    received = [event.data for event in house.received()]
    assert [one.fields["phone"] for one in received if isinstance(one, RecordReceived)] == [
        "0171 1",
        "0171 2",
        "0171 1",
    ]
    in_one_array = [ANNA | {"source_record_id": "2"}, b | {"source_record_id": "2"}, ANNA | {"source_record_id": "2"}]
    assert [one["duplicate"] for one in receipts(await house.post("/v1/records", in_one_array))] == [False] * 3


async def test_an_update_with_an_observed_time_is_known_again_whenever_it_arrives(house: House) -> None:
    early = ANNA | {"observed_at": "2026-01-01T10:00:00+01:00"}
    late = ANNA | {"phone": "0171 2", "observed_at": "2026-02-01T10:00:00Z"}
    first = receipts(await house.post("/v1/records", [late, early]))
    again = receipts(await house.post("/v1/records", [early, late]))
    assert [one["duplicate"] for one in again] == [True, True]
    assert {str(one["event_id"]) for one in again} == {str(one["event_id"]) for one in first}


async def test_without_a_record_id_identical_content_is_a_retry_and_other_content_a_record_of_its_own(
    house: House,
) -> None:
    said = {"source": "webform", "email": "a@example.de"}
    (first,) = receipts(await house.post("/v1/records", said))
    (again,) = receipts(await house.post("/v1/records", said))
    (other,) = receipts(await house.post("/v1/records", said | {"given_name": "A"}))
    assert again == first | {"duplicate": True}
    assert other["record_id"] != first["record_id"]


async def test_an_idempotency_key_gets_the_answer_it_got_and_with_other_content_422(house: House) -> None:
    key = {"Idempotency-Key": "k-1"}
    (first,) = receipts(await house.post("/v1/records", ANNA, headers=key))
    receipts(await house.post("/v1/records", ANNA | {"phone": "0171 2"}))
    (again,) = receipts(await house.post("/v1/records", ANNA, headers=key))
    assert again == first | {"duplicate": True}
    refused = await house.post("/v1/records", ANNA | {"phone": "0171 3"}, headers=key)
    assert refused.status_code == 422
    assert len(house.received()) == 2


async def test_an_array_is_accepted_whole_or_not_at_all_and_every_fault_is_named_by_its_place(house: House) -> None:
    bad = [ANNA, {"source": "crm", "email": 7}, {"source": "nobody", "email": "x"}, {"source": "crm", "hobby": "x"}]
    answer = await house.post("/v1/records", bad)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/1/email", "/2/source", "/3"]
    assert house.received() == []


async def test_with_partial_each_element_gets_its_own_receipt_or_errors(house: House) -> None:
    said = [ANNA, {"source": "crm", "email": 7}, ANNA | {"source_record_id": "2"}]
    good, bad, other = receipts(await house.post("/v1/records?partial=true", said))
    assert bad == {"errors": [{"pointer": "/email", "detail": "expected a text"}]}
    assert {good["event_id"], other["event_id"]} == {event.id for event in house.received()}


async def test_a_sender_writes_only_its_own_sources(house: House) -> None:
    token = await create_token(house.world.database, Role.SENDER, "crm only", ["crm"])
    async with house.client(token=token) as client:
        assert (await client.post("/v1/records", json=ANNA)).status_code == 202
        other = await client.post("/v1/records", json=ANNA | {"source": "webform"})
        assert other.status_code == 403
        assert (await client.delete(f"/v1/records/{'0' * 8}-0000-0000-0000-{'0' * 12}")).status_code == 404
        partly = await client.post("/v1/records?partial=true", json=[ANNA, ANNA | {"source": "webform"}])
    assert [("errors" in one) for one in receipts(partly)] == [False, True]


async def test_a_record_taken_back_can_come_again(house: House) -> None:
    (first,) = receipts(await house.post("/v1/records", ANNA))
    async with house.client() as client:
        (gone,) = receipts(await client.delete(f"/v1/records/{first['record_id']}"))
        (gone_again,) = receipts(await client.delete(f"/v1/records/{first['record_id']}"))
    assert gone_again == gone | {"duplicate": True}
    (back,) = receipts(await house.post("/v1/records", ANNA))
    assert back["duplicate"] is False
    assert back["event_id"] != first["event_id"]
    assert [event.type.value for event in house.received()] == ["record.received", "record.deleted", "record.received"]


async def test_a_source_takes_records_back_by_its_own_ids(house: House) -> None:
    (first,) = receipts(await house.post("/v1/records", ANNA))
    said = {"source": "crm", "source_record_ids": ["1", "never-sent"]}
    gone = receipts(await house.post("/v1/record-deletions", said))
    assert gone[0]["record_id"] == first["record_id"]
    assert [event.subject for event in house.received()[1:]] == [one["record_id"] for one in gone]
    whole = await house.post("/v1/record-deletions", {"source": "crm"})
    assert whole.status_code == 403, "a whole source is taken back by an operator only"


async def test_an_interaction_happens_once_whatever_it_says_the_second_time(house: House) -> None:
    call = {
        "source": "crm", "interaction_id": "call-1", "type": "call", "at": "2026-11-01T10:00:00Z",
        "contact": {"record": {"source": "crm", "source_record_id": "1"}}, "detail": {"minutes": 3},
    }  # fmt: skip
    (record,) = receipts(await house.post("/v1/records", ANNA))
    (first,) = receipts(await house.post("/v1/interactions", call))
    (again,) = receipts(await house.post("/v1/interactions", [call | {"subject": "other"}]))
    assert again == first | {"duplicate": True}
    assert first["record_id"] == record["record_id"]
    assert len(house.received()) == 2


async def test_with_postgres_silent_deliveries_are_still_accepted(house: House) -> None:
    b = ANNA | {"phone": "0171 2"}
    first = [receipts(await house.post("/v1/records", said))[0] for said in (ANNA, b)]
    async with house.world.database.transaction() as connection:
        await connection.execute("LOCK TABLE ingest.record_state")  # Postgres is there and does not answer
        (third,) = receipts(await house.post("/v1/records", ANNA))
    assert third["event_id"] not in {one["event_id"] for one in first}, "nothing that may be news gets an old id"
    await house.follow()
    assert await house.state(str(third["event_id"])) == "received"


@pytest.mark.parametrize("silent", ["at first", "then"])
async def test_a_request_with_a_key_says_the_same_though_postgres_is_silent_for_one_of_the_two(
    house: House, silent: str
) -> None:
    key = {"Idempotency-Key": "k-1"}
    said = [ANNA, ANNA | {"phone": "0171 2"}, {"source": "crm", "email": "nameless@example.org"}]

    async def send(quiet: bool) -> list[object]:
        if not quiet:
            await house.world.clock.sleep(AWAY_S)
            return [one["event_id"] for one in receipts(await house.post("/v1/records", said, headers=key))]
        async with house.world.database.transaction() as connection:
            await connection.execute("LOCK TABLE ingest.record_state")  # Postgres is there and does not answer
            return [one["event_id"] for one in receipts(await house.post("/v1/records", said, headers=key))]

    first = await send(silent == "at first")
    assert await send(silent == "then") == first
    assert {event.id for event in house.received()} == set(first)


async def test_with_kafka_away_nothing_is_taken_and_the_answer_says_when_to_come_back(house: House) -> None:
    house.broker.down = True
    answer = await house.post("/v1/records", ANNA)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    house.broker.down = False
    (receipt,) = receipts(await house.post("/v1/records", ANNA))
    assert receipt["duplicate"] is False


async def test_the_first_senders_of_a_new_process_may_come_all_at_once(house: House) -> None:
    said = [ANNA | {"source_record_id": str(number)} for number in range(20)]
    answers = await asyncio.gather(*(house.post("/v1/records", one) for one in said))
    assert {answer.status_code for answer in answers} == {202}


RUBBISH = {
    "unreadable JSON": (b'{"source": "crm", ', 422),
    "another type": (b'"text"', 422),
    "a NUL": (b'{"source": "crm", "email": "a\\u0000b"}', 422),
    "a NUL in an unknown key": (b'{"source": "crm", "email": "a", "a\\u0000b": 1}', 422),
    "ten megabytes": (b'{"source": "crm", "email": "' + b"a" * 10_000_000 + b'"}', 413),
    "a record of 40 KiB": (b'{"source": "crm", "email": "a", "x": ["' + b'", "'.join([b"a" * 8000] * 5) + b'"]}', 413),
    "two hundred thousand brackets": (b"[" * 200_000, 422),
    "as many, closed, inside": (b'{"source": "crm", "email": "a", "x": ' + b"[" * 9000 + b"]" * 9000 + b"}", 422),
    "not UTF-8": (b'{"source": "crm", "given_name": "J\xf6rg"}', 422),
    "not UTF-8 in an array": (b'[{"source": "crm", "given_name": "J\xf6rg"}]', 422),
    "half a surrogate": (b'{"source": "crm", "given_name": "\\ud800x"}', 422),
    "1,001 records": (b"[" + b",".join([b"{}"] * 1001) + b"]", 413),
    "a number without end": (b'{"source": "crm", "email": "a", "x": ' + b"9" * 6000 + b"}", 422),
    "a text too long": (b'{"source": "crm", "city": "' + b"a" * 1001 + b'", "email": "a"}', 422),
    "nothing": (b"", 422),
}


@pytest.mark.parametrize("name", RUBBISH)
async def test_rubbish_gets_a_clear_answer(house: House, name: str) -> None:
    body, status = RUBBISH[name]
    answer = await house.post("/v1/records", body, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert house.received() == []


async def test_who_may_not_is_told_so(house: House) -> None:
    assert (await house.post("/v1/records", ANNA, role=None)).status_code == 401
    async with house.client(token="wrong") as client:
        assert (await client.post("/v1/records", json=ANNA)).status_code == 401
    assert (await house.post("/v1/records", ANNA, role=Role.READER)).status_code == 403
    assert (await house.post("/v1/records", b"a=b", headers={"content-type": "text/csv"})).status_code == 415
    async with house.client() as client:
        assert (await client.put("/v1/records", json=ANNA)).status_code == 405
        assert (await client.get("/v1/nothing")).status_code == 404


async def test_a_dry_run_says_what_would_be_and_takes_nothing(house: House) -> None:
    known = ANNA | {"source_record_id": "known"}
    await house.post("/v1/records", known)
    said = [
        known,
        known | {"family_name": "Anders"},
        ANNA | {"source_record_id": "new"},
        ANNA | {"source_record_id": "new", "family_name": "Neu"},
        {"source": "nowhere"},
    ]
    answer = await house.post("/v1/records", said, params={"partial": "true", "dry_run": "true"})
    assert answer.status_code == 200
    words = [one.get("would") for one in answer.json()["receipts"]]
    assert words == ["same", "updated", "new", "updated", None]
    assert len(house.received()) == 1
    (receipt,) = receipts(await house.post("/v1/records", said[2]))
    assert receipt["duplicate"] is False


async def test_a_dry_run_that_nobody_can_answer_says_so(house: House) -> None:
    async with house.world.database.transaction() as connection:
        await connection.execute("LOCK TABLE ingest.record_state")
        answer = await house.post("/v1/records", ANNA, params={"dry_run": "true"})
    assert answer.status_code == 503
    assert house.received() == []
