"""Newsletters, CRMs and calendars: what their events say, by their documentation."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from services.ingest.connectors.generic import FORM
from services.ingest.connectors.hook import TakenBack, address_id
from services.ingest.core.interaction import Happening, Reference
from shared.domain.configuration import Source
from shared.domain.record import Consent
from tests.unit.ingest.connectors.bench import read, record

MAIL = "adler@example.de"
MEMBER = address_id(MAIL)
FIRED = datetime(2026, 11, 20, 21, 35, 57, tzinfo=UTC)


def mailchimp(type_: str, **data: str) -> bytes:
    """A body as Mailchimp sends it."""
    fields = {f"data[{name}]" if "[" not in name else f"data{name}": value for name, value in data.items()}
    return urlencode(
        {"type": type_, "fired_at": "2026-11-20 21:35:57", "data[list_id]": "a6b5da1054", **fields}
    ).encode()


def happening(found: Any) -> Happening:
    """The interaction it must be."""
    assert isinstance(found, Happening), found
    return found


def test_who_subscribes_becomes_a_record_with_consent_and_a_line_in_the_timeline() -> None:
    more = {"[merges][EMAIL]": MAIL, "[merges][FNAME]": "Jörg", "[merges][LNAME]": "Adler", "[merges][SIZE]": "M"}
    first, second = read(
        Source(connector="mailchimp"), mailchimp("subscribe", email=MAIL, ip_opt="203.0.113.9", **more), FORM
    )
    said = record(first)
    assert said.fields == {"email": MAIL, "given_name": "Jörg", "family_name": "Adler"}
    assert said.attributes == {"SIZE": "M"}
    assert (said.source_record_id, said.observed.at) == (MEMBER, FIRED)
    (consent,) = said.consents
    assert (consent.purpose, consent.status, consent.address, consent.at) == ("newsletter", "granted", MAIL, FIRED)
    assert consent.proof == {"by": "mailchimp", "ip_opt": "203.0.113.9"}
    subscribed = happening(second)
    assert (subscribed.type, subscribed.at) == ("newsletter.subscribed", FIRED)
    assert subscribed.about == Reference("record", MEMBER, "fair")


def test_who_unsubscribes_is_heard_for_this_address() -> None:
    (found,) = read(
        Source(connector="mailchimp"), mailchimp("unsubscribe", email=MAIL, action="unsub", reason="manual"), FORM
    )
    said = happening(found)
    assert said.type == "newsletter.unsubscribed"
    assert said.detail == {"email": MAIL, "action": "unsub", "reason": "manual"}


def test_a_profile_is_an_update_of_the_record() -> None:
    more = {"[merges][PHONE]": "0171 12345", "[merges][ADDRESS][addr1]": "Hauptstr. 5"}
    (found,) = read(Source(connector="mailchimp"), mailchimp("profile", email=MAIL.upper(), **more), FORM)
    said = record(found)
    assert said.source_record_id == MEMBER
    assert (said.fields["phone"], said.fields["street"]) == ("0171 12345", "Hauptstr. 5")
    assert said.consents == ()


def test_a_new_address_stays_the_same_person_and_takes_the_old_ones_consent() -> None:
    body = mailchimp("upemail", new_id="51da8c3259", new_email="neu@example.de", old_email=MAIL)
    (found,) = read(Source(connector="mailchimp"), body, FORM)
    said = record(found)
    assert said.source_record_id == address_id("neu@example.de")
    assert said.fields == {"email": "neu@example.de", "emails": [{"value": "neu@example.de"}, {"value": MAIL}]}
    proof = {"by": "mailchimp", "type": "upemail"}
    assert said.consents == (Consent("newsletter", "email", "withdrawn", MAIL, FIRED, proof),)


def test_a_cleaned_address_is_a_hard_bounce_and_a_complaint_a_withdrawal() -> None:
    (bounced,) = read(Source(connector="mailchimp"), mailchimp("cleaned", email=MAIL, reason="hard"), FORM)
    assert happening(bounced).type == "email.bounced"
    assert happening(bounced).detail["kind"] == "hard"
    (complained,) = read(Source(connector="mailchimp"), mailchimp("cleaned", email=MAIL, reason="abuse"), FORM)
    assert happening(complained).type == "newsletter.unsubscribed"


def test_a_campaign_says_nothing() -> None:
    assert read(Source(connector="mailchimp"), mailchimp("campaign", id="1", subject="News"), FORM) == []


def brevo(event: str, **more: Any) -> dict[str, Any]:
    """An event as Brevo sends it."""
    return {"id": 309100, "event": event, "email": MAIL, "date": "2026-11-20 22:35:57", "ts": 1795210557, **more}


def test_brevo_tells_lists_changes_and_deletions_of_contacts() -> None:
    content = [{"firstname": "Jörg", "LASTNAME": "Adler", "SMS": "4917112345", "EINTRITT": "2020"}]
    batch = [
        brevo("list_addition", list_id=[34, 12]),
        brevo("contact_updated", content=content),
        brevo("contact_deleted", email=[MAIL]),
        brevo("delivered"),
    ]
    added, subscribed, changed, gone = read(Source(connector="brevo", map={"attributes.since": "eintritt"}), batch)
    assert record(added).fields == {"email": MAIL}
    assert record(added).consents == ()
    assert happening(subscribed).detail == {"email": MAIL, "lists": [34, 12]}
    assert record(changed).fields == {
        "email": MAIL,
        "given_name": "Jörg",
        "family_name": "Adler",
        "phone": "4917112345",
    }
    assert record(changed).attributes == {"since": "2020"}
    assert gone == TakenBack(MEMBER)


def test_brevo_tells_what_happened_with_mails() -> None:
    told = {
        "unsubscribe": ("newsletter.unsubscribed", None),
        "spam": ("newsletter.unsubscribed", None),
        "hard_bounce": ("email.bounced", "hard"),
        "softBounce": ("email.bounced", "soft"),
        "opened": ("email.opened", None),
        "click": ("email.clicked", None),
    }
    for event, (type_, kind) in told.items():
        (found,) = read(Source(connector="brevo"), brevo(event, ts_event=1795206957, camp_id=3))
        said = happening(found)
        assert (said.type, said.detail.get("kind"), said.detail["campaign"]) == (type_, kind, "3")
        assert said.at == datetime.fromtimestamp(1795206957, UTC)


def invitee(event: str, **more: Any) -> dict[str, Any]:
    """An event as Calendly sends it."""
    payload = {
        "uri": "https://api.calendly.com/scheduled_events/AAA/invitees/BBB", "email": MAIL, "name": "Jörg Adler",
        "first_name": None, "last_name": None, "status": "active", "timezone": "Europe/Berlin",
        "text_reminder_number": "+4917112345", "rescheduled": False,
        "questions_and_answers": [{"question": "What about?", "answer": "A boat", "position": 0}],
        "scheduled_event": {"name": "15 Minutes", "start_time": "2026-11-24T10:00:00.000000Z"},
    }  # fmt: skip
    return {"event": event, "created_at": "2026-11-20T21:35:57.000000Z", "payload": {**payload, **more}}


def test_who_books_a_meeting_becomes_a_record_and_the_meeting_stands_in_the_timeline() -> None:
    first, second = read(Source(connector="calendly"), invitee("invitee.created"))
    said = record(first)
    assert said.fields == {
        "email": MAIL, "full_name": "Jörg Adler", "timezone": "Europe/Berlin", "phone": "+4917112345",
    }  # fmt: skip
    assert (said.attributes, said.source_record_id) == ({"What about?": "A boat"}, MEMBER)
    booked = happening(second)
    assert (booked.type, booked.subject, booked.at) == ("meeting.booked", "15 Minutes", FIRED)
    assert booked.about == Reference("record", MEMBER, "fair")


def test_a_meeting_that_is_moved_is_cancelled_and_booked_anew() -> None:
    (found,) = read(Source(connector="calendly"), invitee("invitee.canceled", rescheduled=True))
    said = happening(found)
    assert (said.type, said.detail["rescheduled"]) == ("meeting.canceled", True)
    split = {"first_name": "Jörg", "last_name": "Adler"}
    first, _ = read(Source(connector="calendly"), invitee("invitee.created", **split))
    assert record(first).fields["family_name"] == "Adler"
    assert "full_name" not in record(first).fields
    assert read(Source(connector="calendly"), {"event": "routing_form_submission.created"}) == []


def change(name: str, value: str, **more: Any) -> dict[str, Any]:
    """One event of a batch of HubSpot's."""
    return {
        "eventId": 1, "subscriptionId": 12345, "portalId": 62515, "appId": 54321, "occurredAt": 1795210557000,
        "subscriptionType": "contact.propertyChange", "attemptNumber": 0, "objectId": 123, "changeSource": "CRM",
        "propertyName": name, "propertyValue": value, **more,
    }  # fmt: skip


def test_a_batch_of_hubspot_is_one_update_for_each_changed_property() -> None:
    batch = [
        change("lastname", "Adler"),
        change("city", "Berlin"),
        change("zip", ""),
        change("lifecyclestage", "lead"),
        change("", "", subscriptionType="contact.creation"),
        change("", "", subscriptionType="contact.deletion"),
    ]
    name, city, cleared, own, gone = read(Source(connector="hubspot"), batch)
    assert record(name).fields == {"family_name": "Adler"}
    assert record(name).source_record_id == "123"
    assert record(name).observed.at == FIRED
    assert record(city).fields == {"city": "Berlin"}
    assert record(cleared).fields == {"postcode": None}
    assert (record(own).fields, record(own).attributes) == ({}, {"lifecyclestage": "lead"})
    assert gone == TakenBack("123")


def test_a_standard_webhook_is_a_record_from_its_data() -> None:
    body = {
        "type": "contact.updated", "created_at": "2026-11-20T21:35:57.000Z",
        "data": {"id": "e169aa45", "email": MAIL, "first_name": "Jörg", "last_name": "Adler", "profile": {"town": "X"}},
    }  # fmt: skip
    source = Source(connector="standard-webhooks", map={"city": "data.profile.town"})
    (found,) = read(source, body, headers={"webhook-id": "msg_1"})
    said = record(found)
    assert said.fields == {"email": MAIL, "given_name": "Jörg", "family_name": "Adler", "city": "X"}
    assert (said.attributes, said.source_record_id, said.observed.at) == ({}, "e169aa45", FIRED)
    (gone,) = read(source, {**body, "type": "contact.deleted"})
    assert gone == TakenBack("e169aa45")
    without_id = {"type": "x", "data": {"email": MAIL}}
    (by_delivery,) = read(source, without_id, headers={"svix-id": "msg_2"})
    assert record(by_delivery).source_record_id == "msg_2"


def test_a_customer_of_stripe_is_a_record_and_its_money_stays_there() -> None:
    customer = {
        "id": "cus_1", "object": "customer", "balance": 0, "email": MAIL, "name": "Jörg Adler", "phone": None,
        "address": {"line1": "Hauptstr. 5", "line2": None, "city": "Berlin", "postal_code": "10115", "country": "DE"},
        "metadata": {"size": "M"}, "invoice_prefix": "ABC",
    }  # fmt: skip
    body = {"id": "evt_1", "type": "customer.created", "created": 1763674557, "data": {"object": customer}}
    (found,) = read(Source(connector="stripe"), body)
    said = record(found)
    assert said.fields == {
        "email": MAIL, "full_name": "Jörg Adler", "street": "Hauptstr. 5", "city": "Berlin", "postcode": "10115",
        "country": "DE",
    }  # fmt: skip
    assert said.attributes == {"metadata": {"size": "M"}}
    assert (said.source_record_id, said.observed.at) == ("cus_1", datetime.fromtimestamp(1763674557, UTC))
    assert read(Source(connector="stripe"), {**body, "type": "customer.deleted"}) == [TakenBack("cus_1")]
    assert read(Source(connector="stripe"), {**body, "type": "invoice.paid"}) == []
