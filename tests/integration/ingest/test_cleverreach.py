"""Goal: CleverReach is answered as it wants while it registers, and the receiver that a hook names becomes what it is.

Method: the real front door with its tables, and an API of CleverReach by us after its documentation, on a real socket.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.domain.configuration import Source
from shared.domain.events import RecordDeleted
from tests.integration.ingest.house import House
from tests.integration.ingest.vendor_api import Fetched, VendorApi, served

CALL_TOKEN = "c" * 64
PATH = "/v3/groups.json/1939/receivers/4285"
JOINED, LEFT, BOUNCED = 1_795_210_557, 1_795_310_557, 1_795_410_557


def receiver(**more: Any) -> dict[str, Any]:
    """A receiver as CleverReach tells it."""
    return {
        "id": "4285", "email": "adler@example.org", "imported": 0, "bounced": 0, "group_id": "1939",
        "activated": JOINED, "registered": JOINED - 60, "deactivated": 0, "last_ip": "", "points": 0, "stars": 0,
        "source": "https://www.example.org/", "attributes": {"size": "M"}, "active": True, "open_rate": 0,
        "global_attributes": {"salutation": "", "firstname": "Jörg", "lastname": "Adler", "zip": "01067", "shopid": ""},
        "tags": ["Fair"], "events": [], "orders": [], **more,
    }  # fmt: skip


def moment(seconds: int) -> datetime:
    """A Unix time."""
    return datetime.fromtimestamp(seconds, UTC)


class Bench(Fetched):
    """A front door whose source is this CleverReach."""

    async def hook(self, event: str, pool: Any = "4285", token: str = CALL_TOKEN) -> int:
        """What CleverReach sends; the status it is answered."""
        said = {"condition": "1939", "event": event, "payload": {"group_id": "1939", "pool_id": pool}}
        answer = await self.house.post("/hooks/letter", said, role=None, headers={"X-CR-CALLTOKEN": token})
        return answer.status_code


@pytest.fixture
async def api() -> AsyncIterator[VendorApi]:
    """CleverReach."""
    async with served(VendorApi({PATH: receiver()})) as api:
        yield api


@pytest.fixture
def bench(house: House, api: VendorApi) -> Bench:
    """The bench."""
    letter = Source(
        connector="cleverreach", secrets=("an-old-token", CALL_TOKEN), api=api.url, token="oauth", key="verify-token"
    )
    return Bench(house, {"letter": letter, "form": Source(secrets=("s",))})


async def test_while_it_registers_it_hears_its_verify_token_and_its_secret(bench: Bench) -> None:
    answer = await bench.house.get("/hooks/letter?secret=1029384756", role=None)
    assert (answer.status_code, answer.text) == (200, "verify-token 1029384756")
    assert answer.headers["content-type"].startswith("text/plain")
    for question in ("", "?secret=", "?secret=a%20b", "?secret=%3Cb%3E%0A", f"?secret={'x' * 201}"):
        said = await bench.house.get(f"/hooks/letter{question}", role=None)
        assert (said.status_code, said.json()) == (200, {"status": "ready"})
    other = await bench.house.get("/hooks/form?secret=1029384756", role=None)
    assert other.json() == {"status": "ready"}


async def test_a_receiver_becomes_a_record_with_consent_and_a_line_in_the_timeline(
    bench: Bench, api: VendorApi
) -> None:
    for event in ("receiver.created", "receiver.subscribed", "receiver.updated"):
        assert await bench.hook(event) == 202
    assert api.asked == [], "the hook is answered before anybody is asked"
    await bench.work()
    assert api.asked == [(PATH, "Bearer oauth")]
    (record,) = bench.records()
    assert record.fields == {
        "email": "adler@example.org", "given_name": "Jörg", "family_name": "Adler", "postcode": "01067",
    }  # fmt: skip
    assert (record.source_record_id, record.attributes) == ("1939/4285", {"size": "M", "tags": ["Fair"]})
    (consent,) = record.consents
    assert (consent.purpose, consent.status, consent.address) == ("newsletter", "granted", "adler@example.org")
    assert (consent.at, consent.proof) == (
        moment(JOINED),
        {"by": "cleverreach", "list": "1939", "source": "https://www.example.org/"},
    )
    (subscribed,) = bench.interactions()
    assert (subscribed.type, subscribed.at) == ("newsletter.subscribed", moment(JOINED))


async def test_who_leaves_bounces_or_has_not_confirmed_is_told_as_that(bench: Bench, api: VendorApi) -> None:
    states = {
        "left": {"active": False, "deactivated": LEFT},
        "bounced": {"active": False, "bounced": BOUNCED},
        "waits": {"active": False, "activated": 0},
    }
    for number, (name, state) in enumerate(states.items()):
        api.answers[f"{PATH}{number}"] = receiver(id=f"4285{number}", email=f"{name}@example.org", **state)
        assert await bench.hook("receiver.unsubscribed", f"4285{number}") == 202
    await bench.work()
    assert [one.consents for one in bench.records()] == [(), (), ()]
    told = [(one.type, one.at, one.detail["email"]) for one in bench.interactions()]
    assert sorted(told) == [
        ("email.bounced", moment(BOUNCED), "bounced@example.org"),
        ("newsletter.unsubscribed", moment(LEFT), "left@example.org"),
    ]


async def test_a_receiver_that_is_deleted_is_taken_back_and_other_events_concern_nobody(
    bench: Bench, api: VendorApi
) -> None:
    await bench.hook("receiver.subscribed")
    await bench.work()
    assert await bench.hook("receiver.deleted") == 202
    for event in ("form.created", "group.updated", "automation.activated"):
        assert await bench.hook(event) == 202
    await bench.work()
    assert len(api.asked) == 1
    assert [type(one.data) for one in bench.house.received()].count(RecordDeleted) == 1
    assert bench.house.letters() == []


@pytest.mark.parametrize("pool", ["../../groups.json", "1?token=x", "", "1/2", None, "%2e%2e"])
async def test_no_hook_chooses_what_is_asked_beside_receivers(bench: Bench, api: VendorApi, pool: Any) -> None:
    assert await bench.hook("receiver.updated", pool) == 202
    await bench.work()
    assert api.asked == []
    assert len(bench.house.letters()) == 1


async def test_another_call_token_is_not_heard_and_the_old_one_still_is(bench: Bench) -> None:
    assert await bench.hook("receiver.updated", token="c" * 63 + "d") == 401
    assert await bench.hook("receiver.updated", token="") == 401
    assert await bench.hook("receiver.updated", token="an-old-token") == 202
    assert await bench.waiting() == 1
