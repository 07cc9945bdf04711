"""Goal: with a token the contact that events of HubSpot name is fetched whole, once for all of its events that wait.

Method: the real front door with its tables, and an API of HubSpot by us after its documentation, on a real socket.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from shared.commands.proofs import Body, hubspot_signed
from shared.domain.configuration import Source
from shared.domain.events import RecordDeleted
from tests.integration.ingest.house import House
from tests.integration.ingest.vendor_api import Fetched, VendorApi, served

SECRET = "a-secret-of-an-app"
URL = "https://crm.example.org/hooks/hubspot"
CHANGED = datetime(2026, 11, 20, 21, 35, 57, tzinfo=UTC)
MAP = {"attributes.stage": "lifecyclestage", "attributes.odd": "no.property/../of theirs"}


class HubSpot(VendorApi):
    """Contacts by id, with the properties that are asked for and the three that always come."""

    def __init__(self) -> None:
        super().__init__()
        self.contacts: dict[str, dict[str, Any]] = {}

    def told(self, path: str) -> Any:
        """One contact."""
        asked = urlsplit(path)
        contact = asked.path.rpartition("/")[2]
        if contact not in self.contacts:
            return None
        names = [*parse_qs(asked.query)["properties"][0].split(","), "createdate", "lastmodifieddate", "hs_object_id"]
        has = {"hs_object_id": contact, "createdate": "2026-11-01T10:00:00Z", **self.contacts[contact]}
        return {
            "id": contact, "properties": {name: has.get(name) for name in names}, "createdAt": "2026-11-01T10:00:00Z",
            "updatedAt": CHANGED.isoformat(), "archived": False,
        }  # fmt: skip


class Bench(Fetched):
    """A front door whose source is this HubSpot."""

    async def hook(self, *events: tuple[str, int]) -> int:
        """A batch of HubSpot's, signed by v3; the status it is answered."""
        batch = [
            {
                "eventId": number, "subscriptionId": 1, "portalId": 62515, "appId": 54321, "occurredAt": 1795210557000,
                "subscriptionType": type_, "attemptNumber": 0, "objectId": contact,
                **({"propertyName": "email", "propertyValue": "old@example.org"} if "Change" in type_ else {}),
            }
            for number, (type_, contact) in enumerate(events)
        ]  # fmt: skip
        body = msgspec.json.encode(batch)
        signed = hubspot_signed(Body("application/json", body), SECRET, URL, self.clock.now())
        return (await self.house.post("/hooks/hubspot", body, role=None, headers=dict(signed.headers))).status_code


@pytest.fixture
async def api() -> AsyncIterator[HubSpot]:
    """HubSpot."""
    async with served(HubSpot()) as api:
        yield api


def source(api: HubSpot, token: str | None) -> Source:
    """The source, with or without a token."""
    return Source(connector="hubspot", secrets=("old", SECRET), public_url=URL, token=token, api=api.url, map=MAP)


@pytest.fixture
def bench(house: House, api: HubSpot) -> Bench:
    """The bench."""
    return Bench(house, {"hubspot": source(api, "pat-eu1")})


async def test_a_contact_comes_whole_once_for_all_events_of_a_batch(bench: Bench, api: HubSpot) -> None:
    api.contacts = {
        "123": {"firstname": "Jörg", "lastname": "Adler", "email": "adler@example.org", "lifecyclestage": "lead"},
        "124": {"email": "brandt@example.org", "zip": "01067"},
    }
    batch = [("contact.creation", 123), ("contact.propertyChange", 123), ("contact.propertyChange", 124)]
    assert await bench.hook(*batch, ("contact.merge", 123)) == 202
    assert api.asked == [], "the hook is answered before anybody is asked"
    await bench.work()
    assert sorted(urlsplit(path).path for path, _ in api.asked) == [
        "/crm/v3/objects/contacts/123",
        "/crm/v3/objects/contacts/124",
    ]
    assert {authorization for _, authorization in api.asked} == {"Bearer pat-eu1"}
    asked = parse_qs(urlsplit(api.asked[0][0]).query)["properties"][0].split(",")
    assert {"email", "firstname", "lifecyclestage"} < set(asked)
    assert all(name.isidentifier() for name in asked)
    adler, brandt = sorted(bench.records(), key=lambda one: one.source_record_id or "")
    known = {field: value for field, value in adler.fields.items() if value is not None}
    assert known == {"given_name": "Jörg", "family_name": "Adler", "email": "adler@example.org"}
    assert adler.fields["city"] is None, "what is empty there is cleared here"
    assert adler.attributes == {"stage": "lead"}
    assert (adler.source_record_id, adler.observed_at) == ("123", CHANGED)
    assert brandt.fields["postcode"] == "01067"
    assert await bench.waiting() == 0


async def test_without_a_token_each_changed_property_is_an_update_as_before(
    bench: Bench, house: House, api: HubSpot
) -> None:
    house.world.configuration = msgspec.structs.replace(
        house.world.configuration, sources={"hubspot": source(api, None)}
    )
    assert await bench.hook(("contact.creation", 123), ("contact.propertyChange", 123)) == 202
    await bench.work()
    assert api.asked == []
    assert [one.fields for one in bench.records()] == [{"email": "old@example.org"}]


async def test_a_contact_that_is_nobody_yet_says_nothing_and_one_that_is_deleted_is_taken_back(
    bench: Bench, api: HubSpot
) -> None:
    api.contacts = {"123": {}, "124": {"email": "brandt@example.org"}}
    await bench.hook(("contact.creation", 123), ("contact.creation", 124))
    await bench.work()
    assert len(bench.records()) == 1
    await bench.hook(("contact.privacyDeletion", 124))
    assert [type(one.data) for one in bench.house.received()].count(RecordDeleted) == 1
    assert bench.house.letters() == []


async def test_two_hundred_changes_of_ten_contacts_from_batches_at_once_become_ten_records(
    bench: Bench, api: HubSpot
) -> None:
    api.contacts = {str(number): {"email": f"p{number}@example.org"} for number in range(10)}
    batch = [("contact.propertyChange", number % 10) for number in range(100)]
    assert set(await asyncio.gather(bench.hook(*batch), bench.hook(*batch))) == {202}
    await bench.work(4)
    assert await bench.waiting() == 0
    assert len({one.record_id for one in bench.records()}) == 10
    assert len({one.id for one in bench.house.received()}) == 10
