"""Each vendor's web hooks, sent by the simulator to the real front door: twice, forged and in any order.

The simulator shares no code with the door, so each checks the other.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple
from urllib.parse import urlencode

import msgspec
import pytest

from shared.commands.simulate import Plan, Target, deliveries, send
from shared.commands.vendors import VENDORS
from shared.commands.vendors_people import people
from shared.domain.configuration import Source
from shared.domain.events import InteractionReceived, RecordReceived
from shared.runtime.access import Role
from tests.integration.ingest.house import House

PEOPLE = 28
LEAVE = 7
"""Every fourth of them."""

PLAN = Plan(people=PEOPLE, duplicates=0.5, bad_signatures=0.2, out_of_order=True)
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Expected(NamedTuple):
    """How many updates of records and how many interactions these people come to."""

    updates: int
    interactions: int = 0
    named: bool = True
    """The vendor names its records, so that one person is one record."""


EXPECTED = {  # of pretix, whose hooks hold nothing themselves: test_fetches.py
    "typeform": Expected(PEOPLE),
    "tally": Expected(PEOPLE),
    "jotform": Expected(PEOPLE),
    "gravity-forms": Expected(PEOPLE),
    "contact-form-7": Expected(PEOPLE, named=False),
    "form": Expected(PEOPLE, named=False),
    "mailchimp": Expected(2 * PEOPLE, PEOPLE + LEAVE),
    "brevo": Expected(2 * PEOPLE, PEOPLE + LEAVE),
    "calendly": Expected(PEOPLE, PEOPLE + LEAVE),
    "hubspot": Expected(4 * PEOPLE),
    "standard-webhooks": Expected(2 * PEOPLE),
    "stripe": Expected(2 * PEOPLE),
}


def sources() -> Mapping[str, Source]:
    """One source of each vendor."""
    secrets = ("old-secret", STANDARD_SECRET)
    fields = {"given_name": "given_name", "family_name": "family_name"}
    found = {name: msgspec.convert({"connector": name, "secrets": secrets}, Source) for name in VENDORS}
    found["form"] = Source(connector="form", key=STANDARD_SECRET)
    found["tally"] = Source(connector="tally", secrets=secrets, map=fields)
    return found


def configured(house: House, sources: Mapping[str, Source]) -> None:
    """Let these be the sources."""
    house.world.configuration = msgspec.structs.replace(house.world.configuration, sources=sources)


async def simulated(house: House, vendor: str, plan: Plan, run: str = "run") -> Mapping[int, int]:
    """Let a vendor send to the source that bears its name; the statuses it was answered with."""
    configured(house, sources())
    target = Target(vendor, STANDARD_SECRET, f"http://door/hooks/{vendor}")
    async with house.client(role=None) as client:

        async def post(path: str, body: bytes, headers: Mapping[str, str]) -> int:
            return (await client.post(path, content=body, headers=dict(headers))).status_code

        return await send(VENDORS[vendor], target, plan, post, run)


@pytest.mark.parametrize("vendor", EXPECTED)
async def test_what_a_vendor_sends_twice_and_in_any_order_becomes_each_record_and_interaction_once(
    house: House, vendor: str
) -> None:
    answers = await simulated(house, vendor, PLAN)
    expected = EXPECTED[vendor]
    events = {event.id: event for event in house.received()}.values()  # at the same moment both may be said: once by id
    records = [event.data for event in events if isinstance(event.data, RecordReceived)]
    interactions = [event.data for event in events if isinstance(event.data, InteractionReceived)]
    assert len(records) == expected.updates
    assert len({one.record_id for one in records}) == PEOPLE
    assert all((one.source_record_id is not None) is expected.named for one in records)
    assert len(interactions) == len({one.interaction_id for one in interactions}) == expected.interactions
    assert {one.contact.record_id for one in interactions} <= {one.record_id for one in records}
    assert house.letters() == []
    assert set(answers) == {202, 401}
    assert names_of(records) == {one.email: f"{one.given} {one.family}" for one in people(PEOPLE, "run")}


def names_of(records: list[RecordReceived]) -> dict[str, str]:
    """Whom the vendor knows: each record folded by observed time, its name by its address."""
    folded: dict[str, dict[str, Any]] = {}
    for one in sorted(records, key=lambda one: one.observed_at):
        folded.setdefault(one.record_id, {}).update(one.fields)
    return {
        one["email"]: one.get("full_name") or f"{one['given_name']} {one['family_name']}" for one in folded.values()
    }


@pytest.mark.parametrize("vendor", VENDORS)
async def test_forged_deliveries_leave_nothing(house: House, vendor: str) -> None:
    forged = [one for one in deliveries(VENDORS[vendor], Plan(people=3, bad_signatures=1.0)) if one.forged]
    assert forged
    answers = await simulated(house, vendor, Plan(people=3, bad_signatures=1.0))
    assert answers[401] == len(forged)


async def test_a_vendor_whose_source_is_paused_tries_again_and_one_that_is_gone_stops(house: House) -> None:
    def state(hooks: Literal["open", "paused", "gone"]) -> None:
        configured(house, {name: msgspec.structs.replace(one, hooks=hooks) for name, one in sources().items()})

    state("paused")
    answer = await house.post("/hooks/typeform", b"{}", role=None)
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    state("gone")
    assert (await house.post("/hooks/typeform", b"{}", role=None)).status_code == 410
    assert (await house.get("/hooks/typeform", role=None)).status_code == 410


async def test_retries_after_an_outage_lose_nothing_and_double_nothing() -> None:
    tried: Counter[bytes] = Counter()

    async def post(_: str, body: bytes, __: Mapping[str, str]) -> int:
        tried[body] += 1
        return 503 if tried[body] == 1 else 202

    target = Target("brevo", "secret", "http://door/hooks/brevo")
    vendor = VENDORS["brevo"]._replace(pauses_s=(0.0, 0.0))
    answers = await send(vendor, target, Plan(people=5, retries=True), post, "run")
    assert answers == {503: len(tried), 202: len(tried)}
    patient = await send(vendor, target, Plan(people=5, retries=False), post, "other")
    assert set(patient) == {503}


async def test_what_was_set_aside_is_read_again_by_the_connector_of_today_and_brings_all_it_says(house: House) -> None:
    merges = {"data[merges][LNAME]": "Adler"}
    said = {"type": "subscribe", "fired_at": "2026-11-20 21:35:57", "data[email]": "adler@example.de", **merges}
    body, path = urlencode(said).encode(), f"/hooks/newsletter/{STANDARD_SECRET}"
    configured(house, {"newsletter": Source(connector="contact-form-7", secrets=(STANDARD_SECRET,))})
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await house.post(path, body, role=None, headers=headers)
    assert answer.status_code == 202
    (letter,) = house.letters()
    assert (letter.value, dict(letter.headers)["dead-letter-reason"]) == (body, b"nothing-to-go-by")
    await house.follow()
    configured(house, {"newsletter": Source(connector="mailchimp", secrets=(STANDARD_SECRET,))})
    asked = {"stage": "ingest", "reason": "nothing-to-go-by"}
    replayed = await house.post("/v1/dead-letters/replay", asked, Role.OPERATOR)
    assert replayed.json()["replayed"] == 1, replayed.text
    record, subscribed = house.received()
    assert record.id == answer.json()["receipts"][0]["event_id"]
    assert isinstance(record.data, RecordReceived)
    assert record.data.fields == {"email": "adler@example.de", "family_name": "Adler"}
    assert isinstance(subscribed.data, InteractionReceived)
    assert subscribed.data.contact.record_id == record.data.record_id
