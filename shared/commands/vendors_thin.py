"""Vendors whose web hooks only say what to look at, as they send them: what their APIs would tell is not in them."""

from collections.abc import Iterator

from shared.commands.proofs import Body, json_body
from shared.commands.vendors_people import UNSUBSCRIBES_EACH, Person


def pretix(person: Person) -> Iterator[Body]:
    """An order, placed and paid."""
    for number, action in enumerate(("order.placed", "order.paid")):
        yield json_body({
            "notification_id": person.number * 10 + number, "organizer": "example", "event": "simulated",
            "code": f"S{person.number}", "action": f"pretix.event.{action}",
        })  # fmt: skip


def eventbrite(person: Person) -> Iterator[Body]:
    """An order that is placed, and its attendee, who comes."""
    number = 1_000_000 + person.number
    order = f"https://www.eventbriteapi.com/v3/orders/{number}/"
    attendee = f"https://www.eventbriteapi.com/v3/events/17937020110/attendees/{number}1/"
    for action, url in (("order.placed", order), ("attendee.updated", attendee), ("attendee.checked_in", attendee)):
        config = {"action": action, "user_id": "163054428874", "endpoint_url": "", "webhook_id": "147601"}
        yield json_body({"config": config, "api_url": url})


def cleverreach(person: Person) -> Iterator[Body]:
    """A receiver that is made, confirms, and every fourth time leaves again."""
    about = {"group_id": "1939", "pool_id": str(5_000 + person.number)}
    left = ("receiver.unsubscribed",) if person.number % UNSUBSCRIBES_EACH == 0 else ()
    for event in ("receiver.created", "receiver.subscribed", *left):
        yield json_body({"condition": "1939", "event": event, "payload": about})
