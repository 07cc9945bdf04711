"""Eventbrite: who ordered tickets, for whom, and who came; its hooks only say what to look at.

- **Authentic**: Eventbrite signs nothing: a secret in the path, which its documentation asks for as well.
- **Says**: nothing itself. The order, the attendee or the attendees of an event, page after page, are fetched with
  `token` from Eventbrite's own host, whatever a hook says: a record of who ordered and one of each attendee with a name
  or an address, `event.registered` for each ticket, `event.attended` once it is checked in, `event.canceled` for one
  that was canceled or refunded. An order that was never placed, and events, venues and tickets, say nothing.
- **Names**: answers to questions become attributes under the text of the question; `map` names that.
- **Id and time**: `orders/id` and `attendees/id`; `changed` of each, so that neither order nor repetition matters.
- **Retries**: not documented; after 410 Eventbrite switches the hook off. 2,000 calls an hour for each token.
"""

import re
from datetime import timedelta
from typing import Final
from urllib.parse import quote

from services.ingest.connectors.hook import (
    Api,
    Connector,
    Fetch,
    Hook,
    Interaction,
    Payload,
    Record,
    Says,
    Unreadable,
    dict_at,
    dicts_at,
    record_from,
    strange,
    text_at,
)
from services.ingest.connectors.signatures import by_secret
from shared.domain.configuration import Source
from shared.domain.record import Json

ABOUT: Final = ("order.", "attendee.", "barcode.")
"""Actions that concern persons; the last is what older accounts call a check-in."""

HOST: Final = "https://www.eventbriteapi.com"

ORDER: Final = re.compile(r"/v3/orders/[0-9]{1,30}/")
ATTENDEES: Final = re.compile(r"/v3/events/[0-9]{1,30}/attendees/(?:[0-9]{1,30}/)?")

TURN: Final = timedelta(seconds=18)
"""Ten calls each: two thousand an hour."""

UNPLACED: Final = ("started", "abandoned")
"""Somebody began to order and did not: an address that was never given for anything."""

COMING: Final = ("Attending", "Checked In", "")
"""Statuses of an attendee who has a ticket; Eventbrite means to drop the field."""

PROFILE: Final = {
    "company": "company", "job_title": "job_title", "website": "website", "birthday": "birth_date",
    "phone": "cell_phone", "name_prefix": "prefix", "name_suffix": "suffix", "gender": "gender",
    "street": "address_1", "address_extra": "address_2", "postcode": "postal_code", "city": "city",
    "region": "region", "country": "country",
}  # fmt: skip
"""Fields of ours by the names that profiles and addresses have in Eventbrite."""

ADDRESSES: Final = ("home", "work", "ship", "bill")
"""The first that an attendee has is theirs."""

_APART: Final = frozenset(("name", "first_name", "last_name", "email", "addresses"))
_LINES: Final = ("address_1", "address_2", "postal_code", "city", "region", "country")


def _says(payload: Payload, _: Hook, __: Source) -> list[Says] | Unreadable:
    action = text_at(payload, "config.action")
    if not action:
        return strange("config.action")
    if not action.startswith(ABOUT):
        return []
    address = text_at(payload, "api_url")
    path = address.removeprefix(HOST)
    if path == address:
        return strange("api_url at its own host")
    if ORDER.fullmatch(path):
        return [Fetch(f"{path}?expand=attendees,event")]
    if ATTENDEES.fullmatch(path):
        return [Fetch(f"{path}?expand=event")]
    return strange("api_url of an order or of attendees")


def _answer(payload: Payload, hook: Hook, source: Source) -> list[Says] | Unreadable:
    path = hook.url.partition("?")[0]
    if ORDER.fullmatch(path):
        return _order(payload, hook, source)
    attendees = dicts_at(payload, "attendees") if isinstance(payload.get("attendees"), list) else [payload]
    says: list[Says] = []
    for one in attendees:
        found = _attendee(one, None, hook, source)
        if isinstance(found, Unreadable):
            return found
        says += found
    return [*says, *_next(payload, hook)]


def _order(order: Payload, hook: Hook, source: Source) -> list[Says] | Unreadable:
    number, at = text_at(order, "id"), text_at(order, "changed")
    if not number or not at:
        return strange("id and changed of an order")
    if text_at(order, "status") in UNPLACED:
        return []
    email, names = text_at(order, "email"), _names(order)
    buyer = f"orders/{number}" if email or names else None
    says: list[Says] = []
    if buyer is not None:
        says.append(record_from({}, {}, hook, source, source_record_id=buyer, observed_at=at, email=email, **names))
    for one in dicts_at(order, "attendees"):
        found = _attendee({"event": order.get("event"), **one}, buyer, hook, source)
        if isinstance(found, Unreadable):
            return found
        says += found
    return [*says, *_next(order, hook)]


def _attendee(attendee: Payload, buyer: str | None, hook: Hook, source: Source) -> list[Says] | Unreadable:
    """A ticket: whom it names, and what happened with them; what names nobody is the buyer's."""
    number, at = text_at(attendee, "id"), text_at(attendee, "changed")
    if not number or not at:
        return strange("id and changed of an attendee")
    record = _person(attendee, f"attendees/{number}", at, hook, source)
    whose = buyer if record is None else f"attendees/{number}"
    happened = [] if whose is None else _happened(attendee, number, at, whose, hook)
    return [*([] if record is None else [record]), *happened]


def _person(attendee: Payload, name: str, at: str, hook: Hook, source: Source) -> Record | None:
    profile = dict_at(attendee, "profile")
    email, names = text_at(profile, "email"), _names(profile)
    if not email and not names:
        return None
    address = next((found for kind in ADDRESSES if (found := dict_at(profile, f"addresses.{kind}"))), {})
    named: dict[str, Json] = {
        text_at(one, "question"): one.get("answer") for one in dicts_at(attendee, "answers") if one.get("answer")
    }
    named |= {key: value for key, value in profile.items() if key not in _APART and value}
    named |= {key: address[key] for key in _LINES if address.get(key)}
    return record_from(
        named, PROFILE, hook, source, source_record_id=name, observed_at=at, email=email, **names,
    )  # fmt: skip


def _names(holder: Payload) -> dict[str, str]:
    """Given and family name where both are there, else the name in one piece."""
    given, family = text_at(holder, "first_name"), text_at(holder, "last_name")
    whole = "" if given and family else text_at(holder, "name")
    found = {"full_name": whole} if whole else {"given_name": given, "family_name": family}
    return {field: value for field, value in found.items() if value}


def _happened(attendee: Payload, number: str, changed: str, whose: str, hook: Hook) -> list[Interaction]:
    event = text_at(attendee, "event_id")

    def interaction(type_: str, at: str) -> Interaction:
        return Interaction(
            {
                "source": hook.source,
                "interaction_id": f"{type_}:{number}",
                "type": type_,
                "at": at,
                "contact": {"record": {"source": hook.source, "source_record_id": whose}},
                "subject": text_at(attendee, "event.name.text") or event,
                "detail": {"event": event, "ticket": text_at(attendee, "ticket_class_name")},
            }
        )

    gone = attendee.get("cancelled") is True or attendee.get("refunded") is True
    found: list[Interaction] = []
    if gone or text_at(attendee, "status") in COMING:
        found.append(interaction("event.registered", text_at(attendee, "created") or changed))
    if attendee.get("checked_in") is True:
        used = [text_at(one, "changed") for one in dicts_at(attendee, "barcodes") if text_at(one, "status") == "used"]
        found.append(interaction("event.attended", min((at for at in used if at), default=changed)))
    if gone:
        found.append(interaction("event.canceled", changed))
    return found


def _next(answer: Payload, hook: Hook) -> list[Fetch]:
    """The page after this one: the same request with the token that leads there."""
    token = text_at(answer, "pagination.continuation")
    more = dict_at(answer, "pagination").get("has_more_items") is True
    if not more or not token or not dicts_at(answer, "attendees"):
        return []
    return [Fetch(f"{hook.url.partition('&continuation=')[0]}&continuation={quote(token, safe='')}")]


CONNECTOR: Final = Connector(by_secret, _says, api=Api(_answer, "Bearer", HOST, TURN))
