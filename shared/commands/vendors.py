"""Vendors as they send: bodies, proofs and patience of each, after its documentation, for people without an account.

It shares no code with the front door, so that the two check each other. People are made up, their addresses at the
reserved domain example.org.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec

from shared.commands.proofs import (
    Body,
    Sign,
    bearer,
    body_signed,
    hubspot_signed,
    in_header,
    in_path,
    json_body,
    standard_signed,
    time_signed,
)
from shared.commands.vendors_people import UNSUBSCRIBES_EACH, Person
from shared.commands.vendors_thin import cleverreach, eventbrite, pretix

FORM: Final = "application/x-www-form-urlencoded"
BOUNDARY: Final = "kontaktwerk-simulated"


class Vendor(NamedTuple):
    """One vendor: what it tells about a person in order, how it proves itself, after which answers it tries again.

    `pauses_s` are the vendor's own; `retries` says whether it sends again after an answer of this status (0: none).
    """

    bodies: Callable[[Person], Iterator[Body]]
    sign: Sign
    pauses_s: tuple[float, ...] = ()
    retries: Callable[[int], bool] = lambda _: False


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _ms(at: datetime) -> int:
    return int(at.timestamp()) * 1000


def _typeform(person: Person) -> Iterator[Body]:
    answers = [
        {"type": "text", "text": person.given, "field": {"id": "a", "type": "short_text", "ref": "given_name"}},
        {"type": "text", "text": person.family, "field": {"id": "b", "type": "short_text", "ref": "family_name"}},
        {"type": "email", "email": person.email, "field": {"id": "c", "type": "email", "ref": "mail"}},
    ]
    response = {
        "form_id": "lT4Z3j", "token": person.id("token"), "landed_at": _iso(person.at), "submitted_at": _iso(person.at),
        "definition": {"id": "lT4Z3j", "title": "Simulated", "fields": []}, "answers": answers,
    }  # fmt: skip
    yield json_body({"event_id": person.id("event"), "event_type": "form_response", "form_response": response})


def _tally(person: Person) -> Iterator[Body]:
    fields = [
        {"key": "given_name", "label": "Given", "type": "INPUT_TEXT", "value": person.given},
        {"key": "family_name", "label": "Family", "type": "INPUT_TEXT", "value": person.family},
        {"key": "question_c", "label": "Mail", "type": "INPUT_EMAIL", "value": person.email},
    ]
    data = {
        "responseId": person.id("response"), "submissionId": person.id("response"), "formId": "VwbNEw",
        "formName": "Simulated", "createdAt": _iso(person.at), "fields": fields,
    }  # fmt: skip
    event = {"eventId": person.id("event"), "eventType": "FORM_RESPONSE", "createdAt": _iso(person.at), "data": data}
    yield json_body(event)


def _jotform(person: Person) -> Iterator[Body]:
    raw = {
        "q3_name": {"first": person.given, "last": person.family}, "q4_email": person.email,
        "q5_phone": {"full": person.phone},
    }  # fmt: skip
    fields = {
        "formID": "240000000000001", "submissionID": str(5_000_000_000 + person.number), "type": "WEB",
        "rawRequest": msgspec.json.encode(raw).decode(),
    }  # fmt: skip
    parts = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    yield Body(f"multipart/form-data; boundary={BOUNDARY}", f"{''.join(parts)}--{BOUNDARY}--\r\n".encode())


def _gravity_forms(person: Person) -> Iterator[Body]:
    yield json_body({
        "id": str(person.number), "form_id": "3", "date_created": person.at.strftime("%Y-%m-%d %H:%M:%S"),
        "given_name": person.given, "family_name": person.family, "email": person.email,
    })  # fmt: skip


def _contact_form_7(person: Person) -> Iterator[Body]:
    yield json_body(
        {"your-name": f"{person.given} {person.family}", "your-email": person.email, "your-message": "Hello"}
    )


def _form(person: Person) -> Iterator[Body]:
    fields = {"given_name": person.given, "family_name": person.family, "email": person.email}
    fields["newsletter"] = "yes"  # the box of a double opt-in
    yield Body(FORM, urlencode(fields).encode())


def _mailchimp(person: Person) -> Iterator[Body]:
    def event(type_: str, minutes: int, **more: str) -> Body:
        at = (person.at + timedelta(minutes=minutes)).strftime("%Y-%m-%d %H:%M:%S")
        member = {"data[id]": person.id("member")[:10], "data[list_id]": "a6b5da1054", "data[email]": person.email}
        return Body(FORM, urlencode({"type": type_, "fired_at": at, **member, **more}).encode())

    merges = {
        "data[merges][EMAIL]": person.email, "data[merges][FNAME]": person.given, "data[merges][LNAME]": person.family,
    }  # fmt: skip
    yield event("subscribe", 0, **{"data[ip_opt]": "203.0.113.9"}, **merges)
    yield event("profile", 1, **merges, **{"data[merges][PHONE]": person.phone})
    if person.number % UNSUBSCRIBES_EACH == 0:
        yield event("unsubscribe", 2, **{"data[action]": "unsub", "data[reason]": "manual"})


def _brevo(person: Person) -> Iterator[Body]:
    def event(name: str, minutes: int, **more: Any) -> Body:
        seconds = int((person.at + timedelta(minutes=minutes)).timestamp())
        return json_body({"id": 309100, "event": name, "email": person.email, "ts": seconds, **more})

    yield event("list_addition", 0, list_id=[34])
    yield event("contact_updated", 1, content=[{"FIRSTNAME": person.given, "LASTNAME": person.family}])
    if person.number % UNSUBSCRIBES_EACH == 0:
        yield event("unsubscribe", 2, ts_event=int((person.at + timedelta(minutes=2)).timestamp()), camp_id=3)


def _calendly(person: Person) -> Iterator[Body]:
    def event(name: str, minutes: int, **more: Any) -> Body:
        payload = {
            "uri": f"https://api.calendly.com/scheduled_events/E/invitees/{person.id('invitee')}",
            "email": person.email, "name": f"{person.given} {person.family}", "first_name": person.given,
            "last_name": person.family, "timezone": "Europe/Berlin", "rescheduled": False,
            "questions_and_answers": [],
            "scheduled_event": {"name": "15 Minutes", "start_time": _iso(person.at + timedelta(days=3))}, **more,
        }  # fmt: skip
        return json_body(
            {"event": name, "created_at": _iso(person.at + timedelta(minutes=minutes)), "payload": payload}
        )

    yield event("invitee.created", 0)
    if person.number % UNSUBSCRIBES_EACH == 0:
        yield event("invitee.canceled", 1, status="canceled", cancellation={"reason": "ill"})


def _hubspot(person: Person) -> Iterator[Body]:
    def event(number: int, name: str, value: str, type_: str = "contact.propertyChange") -> dict[str, Any]:
        return {
            "eventId": person.number * 10 + number, "subscriptionId": 12345, "portalId": 62515, "appId": 54321,
            "occurredAt": _ms(person.at) + number, "subscriptionType": type_, "attemptNumber": 0,
            "objectId": 10_000 + person.number, "changeSource": "CRM",
            **({"propertyName": name, "propertyValue": value} if name else {"changeFlag": "NEW"}),
        }  # fmt: skip

    yield json_body([
        event(0, "", "", "contact.creation"), event(1, "firstname", person.given),
        event(2, "lastname", person.family), event(3, "email", person.email),
    ])  # fmt: skip
    yield json_body([event(4, "city", "Berlin")])


def _standard(person: Person) -> Iterator[Body]:
    for minutes, type_ in enumerate(("contact.created", "contact.updated")):
        at = _iso(person.at + timedelta(minutes=minutes))
        data = {
            "id": person.id("contact"), "email": person.email, "first_name": person.given,
            "last_name": person.family, "unsubscribed": minutes > 0,
        }  # fmt: skip
        yield json_body({"type": type_, "timestamp": at, "data": data})


def _stripe(person: Person) -> Iterator[Body]:
    for minutes, type_ in enumerate(("customer.created", "customer.updated")):
        customer = {
            "id": f"cus_{person.id('customer')}", "object": "customer", "email": person.email,
            "name": f"{person.given} {person.family}", "phone": person.phone if minutes else None, "balance": 0,
        }  # fmt: skip
        created = int((person.at + timedelta(minutes=minutes)).timestamp())
        yield json_body({
            "id": f"evt_{person.id(type_)}", "type": type_, "created": created, "data": {"object": customer},
        })  # fmt: skip


def _unless_2xx(status: int) -> bool:
    return not 200 <= status < 300


def _if_worth_it(status: int) -> bool:
    """HubSpot and Brevo send again after silence, 429 and 5xx alone."""
    return status in (0, 429) or status >= 500


def _unless_gone(status: int) -> bool:
    """Typeform, Mailchimp, pretix and Eventbrite stop for good after these."""
    return _unless_2xx(status) and status not in (404, 410)


MINUTE: Final = 60.0
HOUR: Final = 3_600.0
VENDORS: Final[Mapping[str, Vendor]] = {
    "typeform": Vendor(
        _typeform, body_signed("Typeform-Signature", "sha256="), (5 * MINUTE, 10 * MINUTE, 20 * MINUTE), _unless_gone
    ),
    "tally": Vendor(
        _tally, body_signed("Tally-Signature"), (5 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR), _unless_2xx
    ),
    "jotform": Vendor(_jotform, in_path),
    "gravity-forms": Vendor(_gravity_forms, in_path),
    "contact-form-7": Vendor(_contact_form_7, in_path),
    "form": Vendor(_form, in_path),
    "mailchimp": Vendor(_mailchimp, in_path, (MINUTE, 10 * MINUTE, HOUR), _unless_gone),
    "brevo": Vendor(_brevo, bearer, (10 * MINUTE, HOUR, 2 * HOUR, 8 * HOUR), _if_worth_it),
    "cleverreach": Vendor(cleverreach, in_header("X-CR-CALLTOKEN"), (MINUTE, HOUR), _unless_2xx),
    "eventbrite": Vendor(eventbrite, in_path, (MINUTE, 10 * MINUTE, HOUR), _unless_gone),
    "calendly": Vendor(_calendly, time_signed("Calendly-Webhook-Signature"), (MINUTE,) * 5, _unless_2xx),
    "hubspot": Vendor(_hubspot, hubspot_signed, (MINUTE,) * 10, _if_worth_it),
    "pretix": Vendor(pretix, in_path, (MINUTE, 10 * MINUTE, HOUR), _unless_gone),
    "standard-webhooks": Vendor(_standard, standard_signed, (5.0, 5 * MINUTE, 30 * MINUTE, 2 * HOUR), _unless_2xx),
    "stripe": Vendor(_stripe, time_signed("Stripe-Signature"), (MINUTE, HOUR, 2 * HOUR), _unless_2xx),
}
"""Every vendor whose web hooks are read, by its name in sources.yaml. Pauses are those of its documentation, where it
names none a minute or an hour."""
