"""HubSpot: changes of contacts, up to a hundred in one array.

- **Authentic**: `X-HubSpot-Signature-v3` over method, URI, body and time, not older than five minutes; apps of before
  sign by v1 or v2. Behind a proxy `public_url` of the source says the URI that HubSpot was told.
- **Says**: *contact.propertyChange* an update of one field; *contact.deletion* and *contact.privacyDeletion* take the
  record back. *contact.creation* names nobody: the changes that follow do. With a `token` all of them but deletions
  say nothing themselves: the contact is fetched, once for all events of it that wait, with every property known here.
  HubSpot's own merges take nothing back: the records that become one there are one person here by what they hold.
- **Names**: `map` names properties; HubSpot's own need no map, others become attributes.
- **Id and time**: `objectId` and `occurredAt` (`updatedAt` of what is fetched), so that neither order nor repetition
  matters.
- **Retries**: ten within 24 hours after 5xx and 429; any other 4xx loses the batch. The answer is due in five seconds.
"""

import re
from typing import Final

from services.ingest.connectors.hook import (
    MS,
    Api,
    Connector,
    Fetch,
    Hook,
    Payload,
    Record,
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
from services.ingest.connectors.signatures import hubspot
from shared.domain.configuration import Source

DEFAULTS: Final = {
    "salutation": "salutation", "given_name": "firstname", "family_name": "lastname", "email": "email",
    "phone": "phone", "street": "address", "postcode": "zip", "city": "city", "region": "state", "country": "country",
    "birthday": "date_of_birth", "company": "company", "job_title": "jobtitle", "website": "website",
}  # fmt: skip
"""Properties of a contact that every account has."""

CHANGE: Final = "contact.propertyChange"
ABOUT: Final = frozenset((CHANGE, "contact.creation", "contact.merge", "contact.restore"))
"""Events after which a contact is fetched."""

NUMBER: Final = re.compile(r"[0-9]{1,20}")
"""Contacts; anything else could lead elsewhere on its host."""

PROPERTY: Final = re.compile(r"[a-z0-9_]+")
"""Names of properties, as HubSpot makes them of labels."""

NOISE: Final = frozenset(("createdate", "lastmodifieddate", "hs_object_id"))
"""What HubSpot tells of every contact whether it was asked or not."""

GONE: Final = frozenset(("contact.deletion", "contact.privacyDeletion"))


def _says(payload: Payload, hook: Hook, source: Source) -> list[Says] | Unreadable:
    type_, contact = text_at(payload, "subscriptionType"), text_at(payload, "objectId")
    if not type_ or not contact:
        return strange("subscriptionType and objectId")
    if type_ in GONE:
        return [TakenBack(contact)]
    if source.token is not None and type_ in ABOUT:
        return [Fetch(_path(contact, source))] if NUMBER.fullmatch(contact) else strange("objectId")
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


def _path(contact: str, source: Source) -> str:
    names = {*DEFAULTS.values(), *source.map.values()}
    known = ",".join(sorted(name for name in names if PROPERTY.fullmatch(name)))
    return f"/crm/v3/objects/contacts/{contact}?properties={known}"


def _contact(payload: Payload, hook: Hook, source: Source) -> list[Says] | Unreadable:
    contact, at = text_at(payload, "id"), text_at(payload, "updatedAt")
    if not contact or not at:
        return strange("id and updatedAt")
    # What is empty in HubSpot is null in its answer; here null clears.
    named = {key: value or None for key, value in dict_at(payload, "properties").items() if key not in NOISE}
    if not any(named.values()):
        return []  # made, and nobody yet
    record = record_from(named, DEFAULTS, hook, source, source_record_id=contact, observed_at=at)
    cleared = [_cleared(name, value, source) for name, value in named.items()]
    return [Record({**record.said, **{field: None for one in cleared for field in one}}, partial=True)]


CONNECTOR: Final = Connector(hubspot, _says, api=Api(_contact, "Bearer", "https://api.hubapi.com"))
