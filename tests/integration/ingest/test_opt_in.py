"""A form with double opt-in: what is asked for, and the page behind the link in the mail."""

from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from services.ingest.stage import Door
from shared.domain.configuration import OptIn, Source
from shared.domain.events import InteractionReceived, RecordReceived
from shared.domain.opt_in import VALID_FOR, asked_in, link
from shared.runtime.http import unavailable
from tests.integration.ingest.house import House

KEY, SECRET = "pk_12345678", "s" * 32
TEXT = 'Ja, ich möchte <den> "Newsletter".'
FORM = Source(
    connector="form", key=KEY, secrets=(SECRET,), public_url="https://crm.example.org/hooks/fair",
    opt_in=OptIn(purpose="newsletter", text=TEXT, field="newsletter"), map={"email": "mail"},
)  # fmt: skip
BIRTHDAYS = msgspec.structs.replace(FORM, opt_in=OptIn(purpose="birthday", text="Ja."))
FILLED = {"key": KEY, "mail": "adler@example.de", "family_name": "Adler", "newsletter": "yes"}


@pytest.fixture(name="page")
def page_fixture(house: House) -> House:
    """A house with two forms."""
    sources = {"fair": FORM, "birthdays": BIRTHDAYS, "plain": Source(connector="form", key=KEY)}
    house.world.configuration = msgspec.structs.replace(house.world.configuration, sources=sources)
    return house


async def asked(page: House, method: str, path: str, **more: Any) -> httpx.Response:
    """One request of a visitor."""
    async with page.client(role=None) as client:
        return await client.request(method, path, **more)


async def wished(page: House, source: str = "fair", **more: str) -> RecordReceived:
    """A form is sent; the record that it becomes."""
    assert (await asked(page, "POST", f"/hooks/{source}", data={**FILLED, **more})).status_code == 202
    data = page.received()[-1].data
    assert isinstance(data, RecordReceived)
    return data


def path_of(source: str, configured: Source, record: RecordReceived) -> str:
    """The path of the link that this record is mailed."""
    made = link(source, configured, record.record_id, record.observed_at)
    assert made is not None
    return f"/hooks/{source}/{made.rpartition('/')[2]}"


async def test_a_tick_becomes_a_pending_consent_with_the_words_and_the_record_that_asks(page: House) -> None:
    record = await wished(page)
    (consent,) = record.consents
    assert (consent.purpose, consent.channel, consent.status) == ("newsletter", "email", "pending")
    assert (consent.address, consent.at) == ("adler@example.de", record.observed_at)
    assert consent.proof["text"] == TEXT
    assert asked_in(consent.proof) == ("fair", record.record_id)
    assert record.attributes == {}, "the box is no attribute"


@pytest.mark.parametrize("filled", [{"newsletter": ""}, {"newsletter": " "}, {"mail": ""}])
async def test_without_tick_or_address_nobody_is_asked(page: House, filled: dict[str, str]) -> None:
    assert (await wished(page, **filled)).consents == ()


async def test_a_second_click_asks_once(page: House) -> None:
    first = await wished(page)
    again = await asked(page, "POST", "/hooks/fair", data=FILLED)
    assert again.json()["receipts"][0] == {
        "event_id": page.received()[0].id, "record_id": first.record_id, "duplicate": True,
    }  # fmt: skip
    assert len(page.received()) == 1


async def test_opening_the_link_confirms_nothing_and_the_button_does_once(page: House) -> None:
    record = await wished(page)
    path = path_of("fair", FORM, record)
    for method in ("GET", "HEAD"):
        assert (await asked(page, method, path)).status_code == 200
    assert len(page.received()) == 1
    for _ in range(2):
        answer = await asked(page, "POST", path)
        assert answer.status_code == 200
        assert "Danke" in answer.text
    (_, event) = page.received()
    assert isinstance(event.data, InteractionReceived)
    assert (event.data.type, event.data.source) == ("newsletter.confirmed", "fair")
    assert event.data.contact.record_id == record.record_id
    assert event.data.detail == {}


async def test_another_purpose_is_named(page: House) -> None:
    record = await wished(page, "birthdays")
    await asked(page, "POST", path_of("birthdays", BIRTHDAYS, record))
    data = page.received()[-1].data
    assert isinstance(data, InteractionReceived)
    assert (data.type, data.detail) == ("consent.confirmed", {"purpose": "birthday"})


async def test_the_page_speaks_the_visitors_language_and_shows_what_is_agreed_to(page: House) -> None:
    path = path_of("fair", FORM, await wished(page))
    german = await asked(page, "GET", path, headers={"accept-language": "de-AT,de;q=0.9,en;q=0.8"})
    english = await asked(page, "GET", path, headers={"accept-language": "fr, en;q=0.5"})
    assert "Bitte bestätigen Sie" in german.text
    assert "Please confirm" in english.text
    assert "Ja, ich möchte &lt;den&gt; &quot;Newsletter&quot;." in german.text
    assert "adler" not in german.text
    assert german.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in german.headers["content-security-policy"]
    assert (german.headers["cache-control"], german.headers["referrer-policy"]) == ("no-store", "no-referrer")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_link_that_is_forged_old_or_another_forms_confirms_nothing_and_says_so(
    page: House, method: str
) -> None:
    record = await wished(page)
    path = path_of("fair", FORM, record)
    old = link("fair", FORM, record.record_id, record.observed_at - VALID_FOR - timedelta(seconds=1)) or ""
    seal = path.rpartition("/")[2]
    for wrong, word in [
        (f"/hooks/fair/{seal[:-2]}", "not valid"),
        (f"/hooks/birthdays/{seal}", "not valid"),
        (f"/hooks/plain/{seal}", "not valid"),
        ("/hooks/fair/opt_", "not valid"),
        (f"/hooks/fair/{old.rpartition('/')[2]}", "expired"),
    ]:
        answer = await asked(page, method, wrong, headers={"accept-language": "en"})
        assert (answer.status_code, word in answer.text) == (403, True), wrong
    assert len(page.received()) == 1


async def test_consents_in_the_form_are_not_believed(page: House) -> None:
    record = await wished(page, newsletter="", consents="granted")
    assert record.consents == ()


async def test_with_neither_kafka_nor_spool_the_visitor_is_asked_to_come_back(
    page: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = path_of("fair", FORM, await wished(page))

    async def full(*_: Any) -> None:
        raise unavailable("Neither Kafka nor the spool takes it.")

    monkeypatch.setattr(Door, "accept", full)
    answer = await asked(page, "POST", path, headers={"accept-language": "en"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "try again" in answer.text
