"""Standard Webhooks: whoever signs by the standard (Svix, Resend, Clerk, …).

- **Authentic**: `webhook-id`, `webhook-timestamp` and `webhook-signature` (or Svix's older `svix-…`): `v1,<base64>` of
  HMAC-SHA256 over id, time and body, not older than five minutes.
- **Says**: one record for each delivery, from `data`; a type that ends in `deleted` takes the record back.
- **Names**: `map` names dotted paths from the top (`data.profile.mail`); of `data` names like ours, and `first_name`
  and `last_name`, need no map.
- **Id and time**: `data.id`, else the delivery's `webhook-id`; `timestamp`, else `created_at`.
- **Retries**: about three days; 410 switches the sender off.
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
    strange,
    text_at,
)
from services.ingest.connectors.signatures import standard
from services.ingest.core.mapping import value_at, without
from shared.domain.configuration import Source

DEFAULTS: Final = {"given_name": "first_name", "family_name": "last_name"}
"""What Resend and Clerk call them."""


def _says(payload: Payload, hook: Hook, source: Source) -> list[Says] | Unreadable:
    data, type_ = dict_at(payload, "data"), text_at(payload, "type")
    if not data:
        return strange("data")
    delivery = hook.headers.get("webhook-id") or hook.headers.get("svix-id", "")
    record_id = text_at(data, "id") or delivery
    if type_.endswith("deleted"):
        return [TakenBack(record_id)] if record_id else strange("data.id")
    rest = dict(data)
    mapped = {}
    for path in source.map.values():
        mapped[path] = value_at(payload, path)
        rest = without(rest, path.removeprefix("data.").split("."))
    named = {**{name: value for name, value in rest.items() if name != "id"}, **mapped}
    at = text_at(payload, "timestamp") or text_at(payload, "created_at")
    return [record_from(named, DEFAULTS, hook, source, source_record_id=record_id, observed_at=at)]


CONNECTOR: Final = Connector(standard, _says)
