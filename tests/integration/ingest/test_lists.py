"""Goal: what a list of somebody's API holds, changes and deletes arrives exactly, however its pages follow each other.

Method: the real front door with its tables, and APIs by us after their documentation, on a real socket.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from services.ingest.core import lists as core
from services.ingest.pulls import lists
from shared.domain.configuration import Source
from shared.domain.events import RecordDeleted, RecordReceived
from shared.runtime.clock import ManualClock
from tests.integration.ingest.house import House
from tests.integration.ingest.test_pulls import counts, pull, runs, work
from tests.support.lists import Vendor

ROWS = 25
LIST = {"connector": "rest", "key": "id", "map": {"family_name": "person.name"}}
WAYS: dict[str, dict[str, Any]] = {
    "whole": {"path": "/whole"},
    "link": {"path": "/link", "pages": {"link": True}},
    "page": {"path": "/page", "rows": "data.people", "pages": {"param": "p"}},
    "cursor": {"path": "/cursor", "rows": "results", "pages": {"cursor": "paging.next.after", "param": "after"},
               "token": "pat-1"},
    "hal": {"path": "/hal/recipients?recipientlist_id=3", "rows": "_embedded.recipients",
            "pages": {"next": "_links.next.href"}, "token": "Basic dXNlcjpwYXNz"},
}  # fmt: skip


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    """Somebody's API with a few people."""
    vendor = Vendor(size=10)
    vendor.rows = [
        {"id": n, "person": {"name": f"Muster{n}"}, "email": f"p{n}@example.de", "changed": "2026-01-01T10:00:00Z"}
        for n in range(ROWS)
    ]
    await vendor.start()
    yield vendor
    await vendor.stop()


def connect(house: House, vendor: Vendor, **said: Any) -> None:
    """Configure the list as the source `billing`."""
    source = msgspec.convert({"api": vendor.url, "deletions_max": 0.5} | said, Source)
    old = house.world.configuration
    house.world.configuration = msgspec.structs.replace(old, sources={**old.sources, "billing": source})


def said(house: House) -> dict[str, RecordReceived]:
    """The last that was said of each record."""
    data = [event.data for event in house.received()]
    return {one.source_record_id or "": one for one in data if isinstance(one, RecordReceived)}


@pytest.mark.parametrize("way", WAYS)
async def test_every_row_arrives_once_however_pages_follow_each_other(house: House, vendor: Vendor, way: str) -> None:
    connect(house, vendor, **LIST | WAYS[way])
    assert counts(await pull(house)) == (ROWS, 0, 0, 0, 0)
    vendor.rows[3]["person"] = {"name": None}
    vendor.rows.append({"id": 99, "person": {"name": "Neu"}, "email": "neu@example.de", "changed": ""})
    assert counts(await pull(house)) == (1, 1, ROWS - 1, 0, 0)
    told = said(house)
    assert (told["3"].fields["family_name"], told["99"].fields["family_name"]) == (None, "Neu")
    assert len(house.received()) == ROWS + 2


async def test_a_row_is_deleted_when_two_whole_readings_have_not_seen_it(house: House, vendor: Vendor) -> None:
    connect(house, vendor, **LIST | WAYS["page"])
    await pull(house)
    del vendor.rows[4:6]
    assert counts(await pull(house))[-1] == 0
    assert counts(await pull(house))[-1] == 2
    assert sum(isinstance(event.data, RecordDeleted) for event in house.received()) == 2
    assert counts(await pull(house)) == (0, 0, ROWS - 2, 0, 0)


async def test_a_row_that_slips_by_while_pages_are_read_is_not_taken_for_deleted(house: House, vendor: Vendor) -> None:
    connect(house, vendor, **LIST | WAYS["page"])
    await pull(house)

    def shift() -> None:
        vendor.meanwhile = None
        del vendor.rows[0]

    vendor.meanwhile = shift
    run = await pull(house)
    assert run["read"] == ROWS - 1, "one slipped from the second page to the first"
    assert run["deleted"] == 0
    for deleted in (0, 1):
        assert (await pull(house))["deleted"] == deleted, "the one that is gone, and not the one that slipped"
    assert counts(await pull(house)) == (0, 0, ROWS - 1, 0, 0)


async def test_too_many_deletions_of_a_list_ask_first(house: House, vendor: Vendor) -> None:
    connect(house, vendor, **LIST | WAYS["whole"], deletions_max=0.1)
    await pull(house)
    del vendor.rows[5:]
    await pull(house)
    run = await pull(house)
    assert (run["state"], run["to_delete"], run["deleted"]) == ("asks", 20, 0)
    assert (await pull(house, any_deletions=True))["deleted"] == 20


async def test_since_a_watermark_only_changes_are_asked_for(house: House, vendor: Vendor) -> None:
    changes = {"path": "/since", "changes": "/since?after={since}", "watermark": "changed"}
    connect(house, vendor, **LIST | changes)
    assert counts(await pull(house)) == (ROWS, 0, 0, 0, 0)
    assert (await pull(house))["read"] == ROWS
    assert vendor.asked[-1] == "/since?after=2026-01-01T09:50:00Z", "from a little earlier"
    vendor.rows[7] |= {"email": "anders@example.de", "changed": "2026-01-02T10:00:00Z"}
    await pull(house)
    run = await pull(house)
    assert (run["read"], counts(run)) == (1, (0, 0, 1, 0, 0))
    assert said(house)["7"].fields["email"] == "anders@example.de"


async def test_a_watermark_never_runs_ahead_of_the_reading_that_found_it(house: House, vendor: Vendor) -> None:
    house.world.clock = ManualClock(datetime(2026, 1, 5, 12, tzinfo=UTC))
    vendor.rows[0]["changed"] = "2030-01-01T00:00:00Z"
    connect(house, vendor, **LIST, path="/since", changes="/since?after={since}", watermark="changed")
    await pull(house)
    await pull(house)
    assert vendor.asked[-1] == "/since?after=2026-01-05T11:50:00Z"


async def test_an_api_that_is_unwell_is_asked_again_and_nothing_is_taken_for_deleted(
    house: House, vendor: Vendor
) -> None:
    house.world.clock = clock = ManualClock(datetime(2026, 1, 5, 12, tzinfo=UTC))
    connect(house, vendor, **LIST | WAYS["link"])
    await pull(house)
    clock.advance(60)
    vendor.ill = [(429, {"Retry-After": "600"})]
    run = await pull(house)
    assert (run["state"], run["why"]) == ("asked", "the vendor answered 429")
    clock.advance(599)
    await work(house)
    assert len(vendor.asked) == 4, "it is left alone as long as it wants"
    clock.advance(2)
    vendor.meanwhile = lambda: vendor.ill.append((503, {}))
    await work(house)
    vendor.meanwhile, vendor.ill = None, []
    clock.advance(3600)
    await work(house)
    run = (await runs(house))[0]
    assert (run["state"], counts(run)) == ("done", (0, 0, ROWS, 0, 0))
    assert not any(isinstance(event.data, RecordDeleted) for event in house.received())
    vendor.ill = [(404, {})]
    assert (await pull(house))["state"] == "failed"


@pytest.mark.parametrize(
    ("path", "why"),
    [("/circle", "the same page comes again and again"), ("/elsewhere", "the next page is at another host")],
)
async def test_an_api_that_leads_astray_is_not_followed(house: House, vendor: Vendor, path: str, why: str) -> None:
    connect(house, vendor, **LIST, path=path, rows="rows", pages={"next": "next"})
    run = await pull(house)
    assert (run["state"], run["why"]) == ("failed", why)


async def test_an_api_without_end_is_left(house: House, vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "PAGES_MAX", 2)
    connect(house, vendor, **LIST | WAYS["link"])
    assert (await pull(house))["state"] == "failed"


async def test_recipients_of_rapidmail_become_records_by_the_preset(house: House, vendor: Vendor) -> None:
    vendor.rows = [
        {"id": n, "firstname": "Ida", "lastname": f"Muster{n}", "email": f"p{n}@example.de", "zip": "01067",
         "birthdate": "1980-02-03", "status": "active", "foreign_id": None}
        for n in range(ROWS)
    ]  # fmt: skip
    path = "/recipients?recipientlist_id=17"
    connect(house, vendor, connector="rapidmail", path=path, token="user:pass")
    assert counts(await pull(house)) == (ROWS, 0, 0, 0, 0)
    told = said(house)["20"]
    assert told.fields == {
        "given_name": "Ida", "family_name": "Muster20", "email": "p20@example.de", "postcode": "01067",
        "birthday": "1980-02-03",
    }  # fmt: skip
    assert set(told.attributes) == {"status", "foreign_id"}


def person(number: int, moment: str = "2026-01-01T10:00:00Z", **more: Any) -> dict[str, Any]:
    """A contact as HubSpot tells it."""
    said = {"firstname": "Ida", "lastname": f"Muster{number}", "email": f"p{number}@example.de", **more}
    return {
        "id": str(number), "properties": {**said, "lastmodifieddate": moment, "hs_object_id": str(number)},
        "createdAt": "2025-01-01T10:00:00Z", "updatedAt": moment, "archived": False,
    }  # fmt: skip


async def test_contacts_of_hubspot_are_loaded_and_their_changes_found(house: House, vendor: Vendor) -> None:
    vendor.rows = [person(n) for n in range(ROWS)]
    connect(house, vendor, connector="hubspot-contacts", token="pat-1")
    assert counts(await pull(house)) == (ROWS, 0, 0, 0, 0)
    vendor.rows[2]["updatedAt"] = "2026-02-01T10:00:00Z"
    vendor.rows[3] = person(3, "2026-02-01T10:00:00Z", email=None)
    assert counts(await pull(house)) == (0, 1, ROWS - 1, 0, 0), "what says nothing of anybody is no change"
    assert said(house)["3"].fields["email"] is None
    assert all("&properties=" in asked for asked in vendor.asked), "HubSpot tells only what it is asked for"


SEARCHED = {"connector": "hubspot-contacts", "token": "pat-1", "watermark": "updatedAt"}


async def test_changes_of_hubspot_are_searched_and_none_slips_by_while_pages_are_read(
    house: House, vendor: Vendor
) -> None:
    vendor.rows = [person(n) for n in range(ROWS)]
    connect(house, vendor, **SEARCHED)
    assert counts(await pull(house)) == (ROWS, 0, 0, 0, 0)
    for n in range(22):
        vendor.rows[n] = person(n, f"2026-02-01T10:00:{n:02}Z", lastname="Neu")

    def again() -> None:
        vendor.meanwhile = None
        vendor.rows[0] = person(0, "2026-02-01T11:00:00Z", lastname="Neuer")

    vendor.meanwhile = again
    run = await pull(house)
    assert (run["read"], run["updated"]) == (ROWS + 1, 22), "one that changed meanwhile moved behind the others"
    told = said(house)
    assert {told[str(n)].fields["family_name"] for n in range(1, 22)} == {"Neu"}
    run = await pull(house)
    assert (run["read"], run["updated"]) == (1, 1), "and its newer words come by the next reading"
    assert said(house)["0"].fields["family_name"] == "Neuer"
    assert told["24"].fields["family_name"] == "Muster24"


async def test_many_that_changed_in_one_moment_are_all_found(
    house: House, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.rows = [person(n) for n in range(ROWS)]
    connect(house, vendor, **SEARCHED)
    await pull(house)
    vendor.rows = [person(n, "2026-02-01T10:00:00Z", lastname="Neu") for n in range(ROWS)]
    run = await pull(house)
    assert (run["read"], counts(run)) == (ROWS, (0, ROWS, 0, 0, 0))
    monkeypatch.setattr(core, "FOUND_MAX", 20)
    vendor.rows = [person(n, "2026-03-01T10:00:00Z", lastname="Neuer") for n in range(ROWS)]
    run = await pull(house)
    assert run["state"] == "failed"
    assert "sync now with --whole" in run["why"]
    assert counts(await pull(house, whole=True)) == (0, 5, 20, 0, 0)


async def test_a_search_that_is_interrupted_goes_on_where_it_was(house: House, vendor: Vendor) -> None:
    house.world.clock = clock = ManualClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    vendor.rows = [person(n) for n in range(ROWS)]
    connect(house, vendor, **SEARCHED)
    await pull(house)
    clock.advance(60)
    vendor.rows = [person(n, f"2026-02-{n + 1:02}T10:00:00Z", lastname="Neu") for n in range(ROWS)]
    vendor.meanwhile = lambda: vendor.ill.append((429, {}))
    assert (await pull(house))["state"] == "asked"
    vendor.meanwhile, vendor.ill = None, []
    clock.advance(3600)
    await work(house)
    run = (await runs(house))[0]
    assert (run["state"], run["updated"]) == ("done", ROWS - vendor.size), "the first page had come before"
    assert {one.fields["family_name"] for one in said(house).values()} == {"Neu"}
    assert len([one for one in vendor.asked if one.endswith("/search")]) == 4, "one, one refused, two more"


async def test_contacts_of_salesforce_are_loaded_and_only_changes_are_asked_for(house: House, vendor: Vendor) -> None:
    vendor.rows = [
        {"Id": f"003{n}", "FirstName": "Ida", "LastName": f"Muster{n}", "Email": f"p{n}@example.de",
         "MailingCity": "Dresden", "MobilePhone": None, "SystemModstamp": "2026-01-01T10:00:00.000+0000"}
        for n in range(ROWS)
    ]  # fmt: skip
    connect(house, vendor, connector="salesforce", token="key:secret")
    assert counts(await pull(house)) == (ROWS, 0, 0, 0, 0)
    vendor.rows[4] |= {"Email": None, "SystemModstamp": "2026-02-01T10:00:00.000+0000"}
    assert counts(await pull(house)) == (0, 1, ROWS - 1, 0, 0), "from ten minutes before the last it had"
    run = await pull(house)
    assert (run["read"], said(house)["0034"].fields["email"]) == (1, None)
    assert said(house)["0030"].fields["city"] == "Dresden"
    connect(house, vendor, connector="salesforce", token="key:wrong")
    run = await pull(house)
    assert (run["state"], run["why"]) == ("failed", "the vendor answered 400")
