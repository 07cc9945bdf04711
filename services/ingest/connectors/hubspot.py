"""HubSpot: changes of contacts, up to a hundred in one array.

- **Authentic**: `X-HubSpot-Signature-v3` over method, URI, body and time, not older than five minutes; apps of before
  sign by v1 or v2. Behind a proxy `public_url` of the source says the URI that HubSpot was told.
- **Says**: *contact.propertyChange* an update of one field; *contact.deletion* and *contact.privacyDeletion* take the
  record back. *contact.creation* names nobody: the changes that follow do. HubSpot's own merges say nothing: the
  records that become one there are one person here by what they hold.
- **Names**: `map` names properties; HubSpot's own need no map, others become attributes.
- **Id and time**: `objectId` and `occurredAt`, so that neither order nor repetition matters.
- **Retries**: ten within 24 hours after 5xx and 429; any other 4xx loses the batch. The answer is due in five seconds.
"""

from typing import Final

from services.ingest.connectors.hook import (
    MS,
    Connector,
    Hook,
    Payload,
    Record,
    Says,
    TakenBack,
    Unreadable,
    record_from,
    seconds_of,
    strange,
    text_at,
    time_of,
)
from services.ingest.connectors.signatures import hubspot
from shared.domain.configuration import Source

DEFAULTS: Final = {
    "salutation": "salutation", "given_name": "firstname", "family_name": "lastname", "email": "email",
    "phone": "phone", "street": "address", "postcode": "zip", "city": "city", "region": "state", "country": "country",
    "birthday": "date_of_birth", "company": "company", "job_title": "jobtitle", "website": "website",
}  # fmt: skip
"""Properties of a contact that every account has."""

CHANGE: Final = "contact.propertyChange"
GONE: Final = frozenset(("contact.deletion", "contact.privacyDeletion"))


def _says(payload: Payload, hook: Hook, source: Source) -> list[Says] | Unreadable:
    type_, contact = text_at(payload, "subscriptionType"), text_at(payload, "objectId")
    if not type_ or not contact:
        return strange("subscriptionType and objectId")
    if type_ in GONE:
        return [TakenBack(contact)]
    name = text_at(payload, "propertyName")
    if type_ != CHANGE or not name:
        return []
    occurred_ms = seconds_of(text_at(payload, "occurredAt"))
    at = time_of(None if occurred_ms is None else occurred_ms / MS)
    # HubSpot says an emptied property as an empty text; here an empty text says nothing, null clears.
    named = {name: payload.get("propertyValue") or None}
    record = record_from(named, DEFAULTS, hook, source, source_record_id=contact, observed_at=at)
    return [Record({**record.said, **_cleared(name, named[name], source)}, partial=True)]


def _cleared(name: str, value: object, source: Source) -> dict[str, None]:
    """The field that a property without value empties."""
    fields = [field for field, one in {**DEFAULTS, **source.map}.items() if one == name]
    return {field: None for field in fields if value is None and not field.startswith("attributes.")}


CONNECTOR: Final = Connector(hubspot, _says)
