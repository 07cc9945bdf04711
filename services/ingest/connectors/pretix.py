"""pretix: who ordered tickets, for whom, and who came; its hooks only say which order to look at.

- **Authentic**: pretix signs nothing: a secret in the path, or user and password in the URL that pretix is told.
- **Says**: nothing itself. The order is fetched from `api` with `token`: a record of who ordered and one of each
  attendee with a name or an address, `event.registered` for each ticket, `event.attended` for its first check-in on
  each list, `event.canceled` for those of an order that was canceled.
- **Names**: answers to questions become attributes by the identifier of the question; `map` names that.
- **Id and time**: an order is `event/code`, an attendee `event/code-position`; `last_modified` of the order, so that
  neither order nor repetition of hooks matters.
- **Retries**: up to three days after anything but 2xx; after 410 pretix switches the hook off.
"""

import re
from typing import Final

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

ABOUT: Final = ("pretix.event.order", "pretix.event.checkin")
"""Actions that change what an order says; all others concern shops and products."""

SLUG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What pretix allows in the names of organizers, events and orders; anything else could lead elsewhere on its host."""

PATH: Final = re.compile(r"/api/v1/organizers/[^/]+/events/([^/]+)/orders/[^/]+/")
CANCELED: Final = ("c", "r")
"""Canceled, and refunded as versions before 2.0 say it."""

EXPIRED: Final = "e"
"""Never paid: nobody is registered by it."""

ADDRESS: Final = {
    "company": "company", "street": "street", "postcode": "zipcode", "city": "city", "country": "country",
    "vat_id": "vat_id",
}  # fmt: skip
"""Fields of ours by the names that invoice addresses and positions have in pretix."""


def _says(payload: Payload, _: Hook, __: Source) -> list[Says] | Unreadable:
    action = text_at(payload, "action")
    if not action:
        return strange("action")
    if not action.startswith(ABOUT):
        return []
    organizer, event, code = (text_at(payload, name) for name in ("organizer", "event", "code"))
    if not all(SLUG.fullmatch(one) for one in (organizer, event, code)):
        return strange("organizer, event and code")
    return [Fetch(f"/api/v1/organizers/{organizer}/events/{event}/orders/{code}/")]


def _order(payload: Payload, hook: Hook, source: Source) -> list[Says] | Unreadable:
    asked = PATH.fullmatch(hook.url)
    code, at = text_at(payload, "code"), text_at(payload, "last_modified")
    if asked is None or not code or not at:
        return strange("code and last_modified")
    event = asked[1]
    buyer = _buyer(payload, f"{event}/{code}", at, hook, source)
    says: list[Says] = [] if buyer is None else [buyer]
    for position in dicts_at(payload, "positions"):
        name = f"{event}/{code}-{text_at(position, 'positionid')}"
        attendee = _attendee(position, name, at, hook, source)
        if attendee is not None:
            says.append(attendee)
        elif buyer is None:
            continue
        whose = f"{event}/{code}" if attendee is None else name
        says += _happened(payload, position, event, name, whose, hook)
    return says


def _buyer(order: Payload, name: str, at: str, hook: Hook, source: Source) -> Record | None:
    email, phone = text_at(order, "email"), text_at(order, "phone")
    if not email and not phone:
        return None
    invoice = dict_at(order, "invoice_address")
    return record_from(
        _address(invoice), ADDRESS, hook, source, source_record_id=name, observed_at=at, email=email, phone=phone,
        language=text_at(order, "locale"), **_name(invoice, "name"),
    )  # fmt: skip


def _attendee(position: Payload, name: str, at: str, hook: Hook, source: Source) -> Record | None:
    """None for a ticket that names nobody: it is the buyer's."""
    email, names = text_at(position, "attendee_email"), _name(position, "attendee_name")
    if not email and not names:
        return None
    named: dict[str, Json] = {
        text_at(one, "question_identifier"): one.get("answer") for one in dicts_at(position, "answers")
    }
    return record_from(
        {**named, **_address(position)}, ADDRESS, hook, source, source_record_id=name, observed_at=at, email=email,
        **names,
    )  # fmt: skip


def _address(holder: Payload) -> dict[str, Json]:
    return {name: holder[name] for name in ADDRESS.values() if holder.get(name)}


def _name(holder: Payload, member: str) -> dict[str, str]:
    """Given and family name where the shop asks for them apart, else the name in one piece."""
    parts = dict_at(holder, f"{member}_parts")
    given, family = text_at(parts, "given_name"), text_at(parts, "family_name")
    whole = "" if given and family else text_at(holder, member)
    found = {"full_name": whole} if whole else {"given_name": given, "family_name": family}
    return {field: value for field, value in found.items() if value}


def _happened(order: Payload, position: Payload, event: str, ticket: str, whose: str, hook: Hook) -> list[Interaction]:
    def interaction(type_: str, at: str, id_: str, **detail: str) -> Interaction:
        return Interaction(
            {
                "source": hook.source,
                "interaction_id": f"{type_}:{id_}",
                "type": type_,
                "at": at,
                "contact": {"record": {"source": hook.source, "source_record_id": whose}},
                "subject": event,
                "detail": {"ticket": ticket, **detail},
            }
        )

    status, ordered = text_at(order, "status"), text_at(order, "datetime")
    found = [interaction("event.registered", ordered, ticket)] if ordered and status != EXPIRED else []
    if status in CANCELED:
        found.append(interaction("event.canceled", text_at(order, "last_modified"), ticket))
    first: dict[str, str] = {}
    for checkin in dicts_at(position, "checkins"):
        if text_at(checkin, "type") == "exit":
            continue
        list_, at = text_at(checkin, "list"), text_at(checkin, "datetime")
        first[list_] = min(at, first.get(list_, at))
    attended = [interaction("event.attended", at, f"{ticket}:{list_}", list=list_) for list_, at in first.items() if at]
    return [*found, *attended]


CONNECTOR: Final = Connector(by_secret, _says, api=Api(_order, "Token"))
