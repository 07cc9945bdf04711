"""Vendors whose web hooks only say what to look at, as they send them: what their APIs would tell is not in them."""

from collections.abc import Iterator

from shared.commands.proofs import Body, json_body
from shared.commands.vendors_people import Person


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
