"""Goal: what a hook of Eventbrite points to is fetched from Eventbrite alone, page after page, whatever the hook says.

Method: the real front door with its tables, and an API of Eventbrite by us after its documentation, on a real socket.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.ingest.connectors.eventbrite import TURN
from shared.domain.configuration import Source
from shared.runtime.access import Role
from tests.integration.ingest.house import House
from tests.integration.ingest.vendor_api import Fetched, VendorApi, served

SECRET = "a-secret-in-the-path"
TOKEN = "private-token"
HOST = "https://www.eventbriteapi.com"
ORDER = "/v3/orders/442719216/"
ORDER_ASKED = f"{ORDER}?expand=attendees,event"
LIST = "/v3/events/17937020110/attendees/"
EVENT = {"id": "17937020110", "name": {"text": "Annual meeting", "html": "<b>Annual meeting</b>"}}


def attendee(number: str, **more: Any) -> dict[str, Any]:
    """An attendee as Eventbrite tells it."""
    return {
        "id": number, "created": "2026-11-01T10:00:00Z", "changed": "2026-11-02T10:00:00Z", "checked_in": False,
        "ticket_class_id": "34316609", "ticket_class_name": "General Admission", "cancelled": False, "refunded": False,
        "status": "Attending", "event_id": "17937020110", "order_id": "442719216", "quantity": 1, "answers": [],
        "profile": {"name": "Ida Brandt", "first_name": "Ida", "last_name": "Brandt",
                    "email": f"ida.{number}@example.org", "job_title": "Engineer", "company": "Beispiel GmbH",
                    "cell_phone": "+49 171 1234567",
                    "addresses": {"work": {"address_1": "Hauptstr. 5", "city": "Dresden", "postal_code": "01067",
                                           "country": "DE"}}},
        "barcodes": [{"barcode": "1", "status": "unused", "created": "2026-11-01T10:00:00Z",
                      "changed": "2026-11-01T10:00:00Z"}],
        **more,
    }  # fmt: skip


def order(*attendees: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An order as Eventbrite tells it with its attendees."""
    return {
        "id": "442719216", "created": "2026-11-01T10:00:00Z", "changed": "2026-11-02T11:00:00Z", "name": "Jörg Adler",
        "first_name": "Jörg", "last_name": "Adler", "email": "adler@example.org", "status": "placed",
        "event_id": "17937020110", "event": EVENT, "attendees": list(attendees), **more,
    }  # fmt: skip


def hook(path: str, action: str = "order.placed", host: str = HOST) -> dict[str, Any]:
    """What Eventbrite sends."""
    config = {"action": action, "user_id": "163054428874", "endpoint_url": "", "webhook_id": "147601"}
    return {"config": config, "api_url": f"{host}{path}"}


class Bench(Fetched):
    """A front door whose source is this Eventbrite."""

    async def hook(self, path: str, action: str = "order.placed", host: str = HOST) -> int:
        """What Eventbrite sends; the status it is answered."""
        said = hook(path, action, host)
        return (await self.house.post(f"/hooks/meeting/{SECRET}", said, role=None)).status_code


@pytest.fixture
async def api() -> AsyncIterator[VendorApi]:
    """Eventbrite."""
    async with served(VendorApi()) as api:
        yield api


@pytest.fixture
def bench(house: House, api: VendorApi) -> Bench:
    """The bench."""
    return Bench(house, {"meeting": Source(connector="eventbrite", secrets=(SECRET,), api=api.url, token=TOKEN)})


async def test_an_order_becomes_its_buyer_its_attendees_and_what_they_did(bench: Bench, api: VendorApi) -> None:
    came = attendee(
        "11", checked_in=True, status="Checked In", changed="2026-11-20T09:00:05Z",
        answers=[{"question_id": "1", "question": "Diet", "type": "text", "answer": "vegan"}],
        barcodes=[{"status": "used", "changed": "2026-11-20T09:00:00Z"}],
    )  # fmt: skip
    stayed = attendee("12", refunded=True, status="Not Attending", profile={"name": "", "email": ""})
    api.answers[ORDER_ASKED] = order(came, stayed)
    assert await bench.hook(ORDER) == 202
    assert api.asked == [], "the hook is answered before anybody is asked"
    await bench.work()
    assert api.asked == [(ORDER_ASKED, f"Bearer {TOKEN}")]
    ida, buyer = sorted(bench.records(), key=lambda one: one.source_record_id or "")
    assert buyer.source_record_id == "orders/442719216"
    assert buyer.fields == {"given_name": "Jörg", "family_name": "Adler", "email": "adler@example.org"}
    assert ida.source_record_id == "attendees/11"
    assert ida.fields == {
        "given_name": "Ida", "family_name": "Brandt", "email": "ida.11@example.org", "job_title": "Engineer",
        "company": "Beispiel GmbH", "phone": "+49 171 1234567", "street": "Hauptstr. 5", "postcode": "01067",
        "city": "Dresden", "country": "DE",
    }  # fmt: skip
    assert ida.attributes == {"Diet": "vegan"}
    whose = {ida.record_id: "ida", buyer.record_id: "buyer"}
    told = sorted((one.type, whose[one.contact.record_id or ""], one.at.isoformat()) for one in bench.interactions())
    assert told == [
        ("event.attended", "ida", "2026-11-20T09:00:00+00:00"),
        ("event.canceled", "buyer", "2026-11-02T10:00:00+00:00"),
        ("event.registered", "buyer", "2026-11-01T10:00:00+00:00"),
        ("event.registered", "ida", "2026-11-01T10:00:00+00:00"),
    ]
    assert {one.subject for one in bench.interactions()} == {"Annual meeting"}


async def test_a_check_in_is_told_by_the_attendee_alone_and_a_second_one_is_no_news(
    bench: Bench, api: VendorApi
) -> None:
    came = attendee("11", checked_in=True, barcodes=[{"status": "used", "changed": "2026-11-20T09:00:00Z"}])
    api.answers[f"{LIST}11/?expand=event"] = came
    for action in ("attendee.updated", "attendee.checked_in"):
        assert await bench.hook(f"{LIST}11/", action) == 202
    await bench.work()
    assert len(api.asked) == 1, "what waits already is asked for once"
    first = len(bench.house.received())
    assert [one.type for one in bench.interactions()] == ["event.registered", "event.attended"]
    assert await bench.hook(f"{LIST}11/", "attendee.checked_out") == 202
    await bench.work(1, TURN)
    assert (len(api.asked), len(bench.house.received())) == (2, first)


async def test_the_attendees_of_an_event_come_page_after_page_across_a_failure(bench: Bench, api: VendorApi) -> None:
    asked, token = f"{LIST}?expand=event", "AEtFRy+w/="
    second = f"{asked}&continuation=AEtFRy%2Bw%2F%3D"
    more = {"has_more_items": True, "continuation": token}
    api.answers = {
        asked: {"pagination": more, "attendees": [attendee("11"), attendee("12")]},
        second: {"pagination": {**more, "has_more_items": False}, "attendees": [attendee("13")]},
    }
    assert await bench.hook(LIST, "attendee.updated") == 202
    await bench.work()
    assert (len(bench.records()), await bench.waiting()) == (2, 1), (
        "the next page is noted before this one is forgotten"
    )
    api.ill = [(503, {})]
    await bench.work(3, TURN)
    assert [path for path, _ in api.asked] == [asked, second, second]
    assert [one.source_record_id for one in bench.records()] == ["attendees/11", "attendees/12", "attendees/13"]
    assert await bench.waiting() == 0


@pytest.mark.parametrize(
    ("path", "host"),
    [
        (ORDER, "https://evil.example"),
        (ORDER, "http://www.eventbriteapi.com"),
        (ORDER, "https://www.eventbriteapi.com.evil.example"),
        (ORDER, "https://www.eventbriteapi.com@evil.example"),
        ("@evil.example/v3/orders/1/", HOST),
        ("/v3/orders/1/../../users/me/", HOST),
        ("/v3/users/me/", HOST),
        ("/v3/orders/1/?token=x", HOST),
        ("/v3/orders/ /", HOST),
        (f"{LIST}1/2/", HOST),
    ],
)
async def test_no_hook_leads_the_token_elsewhere(bench: Bench, api: VendorApi, path: str, host: str) -> None:
    assert await bench.hook(path, host=host) == 202
    await bench.work()
    assert api.asked == []
    (letter,) = bench.house.letters()
    assert b"evil" not in dict(letter.headers)["dead-letter-detail"]


async def test_events_venues_and_the_test_button_concern_nobody(bench: Bench, api: VendorApi) -> None:
    for action in ("event.updated", "venue.updated", "ticket_class.created", "test"):
        assert await bench.hook("/{api-endpoint-to-fetch-object-details}/", action) == 202
    await bench.work()
    assert (api.asked, bench.house.letters(), await bench.waiting()) == ([], [], 0)


async def test_an_order_that_was_never_placed_names_nobody(bench: Bench, api: VendorApi) -> None:
    api.answers[ORDER_ASKED] = order(attendee("11"), status="abandoned")
    await bench.hook(ORDER, "order.updated")
    await bench.work()
    assert (bench.house.received(), bench.house.letters()) == ([], [])


async def test_what_eventbrite_does_not_find_is_set_aside_and_a_replay_asks_for_every_page(
    bench: Bench, api: VendorApi
) -> None:
    asked = f"{LIST}?expand=event"
    await bench.hook(LIST, "attendee.updated")
    await bench.work()
    (letter,) = bench.house.letters()
    assert dict(letter.headers)["dead-letter-reason"] == b"unfetched"
    more = {"has_more_items": True, "continuation": "next"}
    api.answers = {
        asked: {"pagination": more, "attendees": [attendee("11")]},
        f"{asked}&continuation=next": {"pagination": {}, "attendees": [attendee("12")]},
    }
    await bench.house.follow()
    whole = {"stage": "ingest", "reason": "unfetched"}
    done = await bench.house.post("/v1/dead-letters/replay", whole, Role.OPERATOR)
    assert done.json()["replayed"] == 1
    assert len(bench.records()) == 2
