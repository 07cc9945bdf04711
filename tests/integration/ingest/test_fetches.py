"""Goal: what a hook of pretix points to is fetched after the hook was answered, whatever the vendor's API does.

Method: the real front door with its tables, and an API of pretix by us after its documentation, on a real socket.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from services.ingest.core.fetching import ATTEMPTS_MAX, BATCH, TURN
from services.ingest.fetches.store import LEASE, Fetches
from shared.domain.configuration import Source
from shared.runtime.access import Role
from tests.integration.ingest.house import House
from tests.integration.ingest.vendor_api import Fetched, VendorApi, served

SECRET = "a-secret-in-the-path"
TOKEN = "token-of-pretix"
LATER = timedelta(hours=2)


def order(code: str, **more: Any) -> dict[str, Any]:
    """An order as pretix tells it."""
    return {
        "code": code, "event": "conf", "status": "p", "email": f"buyer.{code}@example.org", "phone": None,
        "locale": "de", "datetime": "2026-11-01T10:00:00Z", "last_modified": "2026-11-02T10:00:00Z",
        "invoice_address": {"is_business": True, "company": "Beispiel GmbH", "name": "Jörg Adler", "name_parts": {},
                            "street": "Hauptstr. 5", "zipcode": "01067", "city": "Dresden", "country": "DE",
                            "vat_id": ""},
        "positions": [
            {"positionid": 1, "attendee_name": "Ida Brandt", "attendee_email": f"ida.{code}@example.org",
             "attendee_name_parts": {"_scheme": "given_family", "given_name": "Ida", "family_name": "Brandt"},
             "answers": [{"question_identifier": "DIET", "answer": "vegan"}],
             "checkins": [{"list": 44, "datetime": "2026-11-20T09:00:00Z", "type": "entry"},
                          {"list": 44, "datetime": "2026-11-20T12:00:00Z", "type": "exit"},
                          {"list": 44, "datetime": "2026-11-20T13:00:00Z", "type": "entry"}]},
            {"positionid": 2, "attendee_name": None, "attendee_email": None, "answers": [], "checkins": []},
        ],
        **more,
    }  # fmt: skip


class Vendor(VendorApi):
    """The API of pretix: orders by code."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: dict[str, dict[str, Any]] = {}

    def told(self, path: str) -> Any:
        """One order."""
        return self.orders.get(path.rstrip("/").rpartition("/")[2])


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    """The vendor on a port of its own."""
    async with served(Vendor()) as vendor:
        yield vendor


class Bench(Fetched):
    """A front door whose source is this pretix, and the worker by a clock of ours."""

    async def hook(self, code: str, action: str = "pretix.event.order.placed", **more: Any) -> int:
        """What pretix sends; the status it is answered."""
        said = {"notification_id": 1, "organizer": "acme", "event": "conf", "code": code, "action": action, **more}
        return (await self.house.post(f"/hooks/tickets/{SECRET}", said, role=None)).status_code


@pytest.fixture
def bench(house: House, vendor: Vendor) -> Bench:
    """The bench."""
    return Bench(house, {"tickets": Source(connector="pretix", secrets=(SECRET,), api=vendor.url, token=TOKEN)})


async def test_an_order_becomes_its_persons_and_what_they_did(bench: Bench, vendor: Vendor) -> None:
    vendor.orders["ABC12"] = order("ABC12")
    assert await bench.hook("ABC12") == 202
    assert vendor.asked == [], "the hook is answered before anybody is asked"
    await bench.work()
    assert vendor.asked == [("/api/v1/organizers/acme/events/conf/orders/ABC12/", f"Token {TOKEN}")]
    buyer, ida = sorted(bench.records(), key=lambda one: one.source_record_id or "")
    assert buyer.source_record_id == "conf/ABC12"
    assert buyer.fields == {
        "full_name": "Jörg Adler", "email": "buyer.ABC12@example.org", "language": "de", "company": "Beispiel GmbH",
        "street": "Hauptstr. 5", "postcode": "01067", "city": "Dresden", "country": "DE",
    }  # fmt: skip
    assert ida.source_record_id == "conf/ABC12-1"
    assert ida.fields == {"given_name": "Ida", "family_name": "Brandt", "email": "ida.ABC12@example.org"}
    assert ida.attributes == {"DIET": "vegan"}
    told = sorted((one.type, one.detail["ticket"], one.at.isoformat()) for one in bench.interactions())
    assert told == [
        ("event.attended", "conf/ABC12-1", "2026-11-20T09:00:00+00:00"),
        ("event.registered", "conf/ABC12-1", "2026-11-01T10:00:00+00:00"),
        ("event.registered", "conf/ABC12-2", "2026-11-01T10:00:00+00:00"),
    ]
    assert await bench.waiting() == 0


async def test_hooks_of_one_order_ask_once_and_an_order_told_again_is_no_news(bench: Bench, vendor: Vendor) -> None:
    vendor.orders["ABC12"] = order("ABC12")
    for action in ("pretix.event.order.placed", "pretix.event.order.paid", "pretix.event.checkin"):
        assert await bench.hook("ABC12", action) == 202
    await bench.work()
    assert len(vendor.asked) == 1
    first = len(bench.house.received())
    await bench.hook("ABC12")
    await bench.work()
    assert (len(vendor.asked), len(bench.house.received())) == (2, first)


async def test_an_unwell_vendor_is_left_alone_as_long_as_it_asks_and_nothing_is_lost(
    bench: Bench, vendor: Vendor
) -> None:
    vendor.orders = {code: order(code) for code in ("AAA", "BBB")}
    vendor.ill = [(429, {"Retry-After": "600"})]
    assert [await bench.hook(code) for code in vendor.orders] == [202, 202]
    await bench.work()
    assert len(vendor.asked) == 1, "after the first refusal nobody asks on"
    await bench.work(5, timedelta(seconds=100))
    assert len(vendor.asked) == 1, "it asked for ten minutes"
    await bench.work(2, timedelta(minutes=2))
    assert (await bench.waiting(), len(vendor.asked), len(bench.records())) == (0, 3, 4)
    assert bench.house.letters() == []


async def test_a_vendor_that_fails_again_and_again_is_asked_ever_less(bench: Bench, vendor: Vendor) -> None:
    vendor.orders = {f"O{n}": order(f"O{n}") for n in range(3)}
    vendor.ill = [(503, {})] * 100
    for code in vendor.orders:
        await bench.hook(code)
    await bench.work(100, timedelta(seconds=6))
    assert 3 < len(vendor.asked) < 12, "ten minutes: without the breaker each order asks six times"
    vendor.ill = []
    await bench.work(2 * len(vendor.orders), LATER)
    assert (await bench.waiting(), len(bench.records())) == (0, 6)


async def test_an_order_that_is_not_to_be_had_is_set_aside_and_a_replay_fetches_it(
    bench: Bench, vendor: Vendor
) -> None:
    await bench.hook("GONE1")
    await bench.work()
    (letter,) = bench.house.letters()
    headers = dict(letter.headers)
    assert headers["dead-letter-reason"] == b"unfetched"
    assert headers["dead-letter-detail"] == b"the vendor answered 404"
    assert msgspec.json.decode(letter.value or b"")["code"] == "GONE1"
    assert await bench.waiting() == 0
    await bench.house.follow()
    (item,) = (await bench.house.get("/v1/dead-letters", Role.OPERATOR)).json()["items"]
    asked = {"ids": [item["id"]]}
    still = (await bench.house.post("/v1/dead-letters/replay", asked, Role.OPERATOR)).json()
    assert still["skipped"][0]["why"] == "still cannot be fetched: the vendor answered 404"
    vendor.orders["GONE1"] = order("GONE1")
    done = (await bench.house.post("/v1/dead-letters/replay", asked, Role.OPERATOR)).json()
    assert done["replayed"] == 1
    assert len(bench.records()) == 2


async def test_what_fails_for_hours_is_set_aside_with_the_reason(bench: Bench, vendor: Vendor) -> None:
    vendor.ill = [(401, {})] * ATTEMPTS_MAX
    await bench.hook("ABC12")
    await bench.work(ATTEMPTS_MAX - 1, LATER)
    assert bench.house.letters() == []
    await bench.work(1, LATER)
    (letter,) = bench.house.letters()
    assert dict(letter.headers)["dead-letter-detail"] == b"the vendor answered 401"


async def test_who_dies_while_fetching_leaves_it_to_the_next(bench: Bench, vendor: Vendor) -> None:
    vendor.orders["ABC12"] = order("ABC12")
    await bench.hook("ABC12")
    dead = await Fetches(bench.house.world.database).take({"tickets": TURN}, bench.clock.now())
    assert len(dead) == 1
    await bench.work()
    assert vendor.asked == []
    await bench.work(1, LEASE)
    assert len(vendor.asked) == 1
    await Fetches(bench.house.world.database).done(dead[0])
    assert (await bench.waiting(), len(bench.records())) == (0, 2)


async def test_one_turn_fetches_a_batch_and_the_next_waits(bench: Bench, vendor: Vendor) -> None:
    vendor.orders = {f"O{n}": order(f"O{n}") for n in range(2 * BATCH)}
    for code in vendor.orders:
        await bench.hook(code)
    await bench.work()
    await bench.work(1, timedelta(seconds=1))
    assert len(vendor.asked) == BATCH
    await bench.work()
    assert len(vendor.asked) == 2 * BATCH


@pytest.mark.parametrize("code", ["../../../secrets", "A%2fB", "a?b=c", "", "//evil.example"])
async def test_no_hook_chooses_what_is_asked_beside_orders(bench: Bench, vendor: Vendor, code: str) -> None:
    assert await bench.hook(code) == 202
    await bench.work()
    assert vendor.asked == []
    assert len(bench.house.letters()) == 1


async def test_a_vendor_that_sends_us_elsewhere_gets_no_token_there(bench: Bench, vendor: Vendor) -> None:
    vendor.ill = [(302, {"Location": f"{vendor.url}/api/v1/organizers/acme/events/conf/orders/OTHER/"})]
    await bench.hook("ABC12")
    await bench.work()
    assert len(vendor.asked) == 1
    assert dict(bench.house.letters()[0].headers)["dead-letter-detail"] == b"the vendor answered 302"


async def test_events_of_the_shop_concern_nobody_and_a_forger_is_not_heard(bench: Bench) -> None:
    assert await bench.hook("", "pretix.event.changed") == 202
    answer = await bench.house.post("/hooks/tickets/another-secret", {"action": "pretix.event.order.paid"}, role=None)
    assert answer.status_code == 401
    assert await bench.waiting() == 0
