"""What vendors hear while a source is closed, how they try again, and what was set aside and is read again.

What their deliveries become: test_simulated_vendors.py; how they prove themselves: test_every_connector.py.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlencode

import msgspec

from shared.commands.simulate import Plan, Target, send
from shared.commands.vendors import VENDORS
from shared.domain.configuration import Source
from shared.domain.events import InteractionReceived, RecordReceived
from shared.runtime.access import Role
from tests.integration.ingest.house import House

STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


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
