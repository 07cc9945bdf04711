"""What the APIs of vendors tell about simulated people, after the documentation of each: what the hooks point to."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from shared.commands.vendors_people import UNSUBSCRIBES_EACH, Person

Answers = Mapping[str, Any]
"""By path and query, or by the path alone."""

EVENT = "17937020110"


def pretix(person: Person) -> Answers:
    """An order whose one ticket names nobody; every fourth comes."""
    at, code = _iso(person, 0), f"S{person.number}"
    checkins = [{"list": 44, "datetime": _iso(person, 9), "type": "entry"}] if _fourth(person) else []
    order = {
        "code": code, "event": "simulated", "status": "p", "email": person.email, "phone": person.phone,
        "locale": "de", "datetime": at, "last_modified": at,
        "invoice_address": {"name_parts": {"given_name": person.given, "family_name": person.family}},
        "positions": [{"positionid": 1, "attendee_name": None, "attendee_email": None, "checkins": checkins}],
    }  # fmt: skip
    return {f"/api/v1/organizers/example/events/simulated/orders/{code}/": order}


def eventbrite(person: Person) -> Answers:
    """An order and its attendee, who is who ordered; every fourth comes."""
    at, number = _iso(person, 0), 1_000_000 + person.number
    names = {"first_name": person.given, "last_name": person.family, "email": person.email}
    attendee = {
        "id": f"{number}1", "created": at, "changed": at, "checked_in": _fourth(person), "cancelled": False,
        "refunded": False, "status": "Attending", "event_id": EVENT, "order_id": str(number), "profile": names,
        "barcodes": [{"status": "used" if _fourth(person) else "unused", "changed": _iso(person, 9)}],
    }  # fmt: skip
    order = {"id": str(number), "created": at, "changed": at, "status": "placed", "attendees": [attendee], **names}
    return {
        f"/v3/orders/{number}/?expand=attendees,event": order,
        f"/v3/events/{EVENT}/attendees/{number}1/?expand=event": attendee,
    }


def cleverreach(person: Person) -> Answers:
    """A receiver; every fourth has left again."""
    joined, number = int(person.at.timestamp()), 5_000 + person.number
    receiver = {
        "id": str(number), "email": person.email, "registered": joined - 60, "activated": joined, "bounced": 0,
        "deactivated": joined + 60 if _fourth(person) else 0, "active": not _fourth(person), "source": "Form",
        "attributes": {}, "global_attributes": {"firstname": person.given, "lastname": person.family}, "tags": [],
    }  # fmt: skip
    return {f"/v3/groups.json/1939/receivers/{number}": receiver}


def hubspot(person: Person) -> Answers:
    """A contact whole, with what is empty."""
    at, number = _iso(person, 1), str(10_000 + person.number)
    properties = {
        "firstname": person.given, "lastname": person.family, "email": person.email, "city": "Berlin", "zip": None,
        "hs_object_id": number, "createdate": at, "lastmodifieddate": at,
    }  # fmt: skip
    contact = {"id": number, "properties": properties, "createdAt": at, "updatedAt": at, "archived": False}
    return {f"/crm/v3/objects/contacts/{number}": contact}


def _fourth(person: Person) -> bool:
    return person.number % UNSUBSCRIBES_EACH == 0


def _iso(person: Person, hours: int) -> str:
    return (person.at + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


ANSWERS: Mapping[str, Callable[[Person], Answers]] = {
    "pretix": pretix, "eventbrite": eventbrite, "cleverreach": cleverreach, "hubspot": hubspot,
}  # fmt: skip
"""By the name of the vendor."""
