"""Stripe: customers, as they are made, changed and deleted.

- **Authentic**: `Stripe-Signature: t=<unix>,v1=<hex HMAC-SHA256 of t.body>,…`, not older than five minutes; while a
  secret is rolled Stripe sends a signature for each.
- **Says**: *customer.created* and *customer.updated* a record; *customer.deleted* takes it back. Other events, of
  subscriptions and invoices, say nothing.
- **Names**: `map` names members of the customer by dotted paths; name, mail, phone and address need no map.
- **Id and time**: the customer's id and `created` of the event.
- **Retries**: for up to three days.
"""

from typing import Final

from services.ingest.connectors.hook import (
    Connector,
    Hook,
    Payload,
    Says,
    TakenBack,
    Unreadable,
    dict_at,
    record_from,
    seconds_of,
    strange,
    text_at,
    time_of,
)
from services.ingest.connectors.signatures import TOLERANCE_S, timed_hex
from shared.domain.configuration import Source

DEFAULTS: Final = {
    "full_name": "name", "street": "address.line1", "address_extra": "address.line2", "postcode": "address.postal_code",
    "city": "address.city", "region": "address.state", "country": "address.country",
}  # fmt: skip
"""Members of a customer that are fields of ours; `email` and `phone` are called the same."""

KEPT: Final = frozenset(("email", "phone", "name", "address", "description", "metadata", "preferred_locales"))
"""What concerns the person; balances, sources and prefixes of invoices stay with Stripe."""


def _says(payload: Payload, hook: Hook, source: Source) -> list[Says] | Unreadable:
    type_, customer = text_at(payload, "type"), dict_at(payload, "data.object")
    if type_ not in ("customer.created", "customer.updated", "customer.deleted"):
        return [] if type_ else strange("type")
    record_id = text_at(customer, "id")
    if not record_id:
        return strange("data.object.id")
    if type_ == "customer.deleted":
        return [TakenBack(record_id)]
    steps = KEPT | {path.partition(".")[0] for path in source.map.values()}
    named = {name: value for name, value in customer.items() if name in steps and value is not None}
    at = time_of(seconds_of(text_at(payload, "created")))
    return [record_from(named, DEFAULTS, hook, source, source_record_id=record_id, observed_at=at)]


CONNECTOR: Final = Connector(timed_hex("stripe-signature", TOLERANCE_S), _says)
