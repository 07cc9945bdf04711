"""Brevo: marketing web hooks about contacts and campaigns, single or batched as an array.

- **Authentic**: Brevo does not sign; a bearer token, user and password, or a secret in the path.
- **Says**: *list_addition* a record and `newsletter.subscribed`; *contact_updated* the attributes that changed;
  *contact_deleted* takes the record back; *unsubscribe* and *spam* `newsletter.unsubscribed`; hard and soft bounces
  `email.bounced`; *opened* and *click* `email.opened` and `email.clicked`. Other events say nothing. Being put on a
  list is no consent: Brevo does not tell how it came about.
- **Names**: `map` names attributes as Brevo writes them (`FIRSTNAME`), in capitals or not; FIRSTNAME, LASTNAME and SMS
  need no map.
- **Id and time**: the MD5 of the address in lower case, since Brevo names only its web hook; `ts_event`, else `ts`.
- **Retries**: four, after 429 and 5xx alone: every other error loses the event, so none is ever given.
"""

from typing import Final

from services.ingest.connectors.hook import (
    Connector,
    Hook,
    Payload,
    Record,
    Says,
    TakenBack,
    Unreadable,
    address_id,
    dict_at,
    dicts_at,
    happened,
    record_from,
    seconds_of,
    strange,
    text_at,
    time_of,
)
from services.ingest.connectors.signatures import by_secret
from shared.domain.configuration import Source
from shared.domain.record import Json

DEFAULTS: Final = {"given_name": "FIRSTNAME", "family_name": "LASTNAME", "phone": "SMS"}
"""The attributes that every account begins with."""

HAPPENINGS: Final = {
    "unsubscribe": ("newsletter.unsubscribed", {}),
    "spam": ("newsletter.unsubscribed", {"reason": "spam"}),
    "hard_bounce": ("email.bounced", {"kind": "hard"}),
    "hardBounce": ("email.bounced", {"kind": "hard"}),
    "soft_bounce": ("email.bounced", {"kind": "soft"}),
    "softBounce": ("email.bounced", {"kind": "soft"}),
    "opened": ("email.opened", {}),
    "click": ("email.clicked", {}),
}
"""Events about a mail, and what each is among ours; of bounces both spellings are in use."""


def _says(payload: Payload, hook: Hook, source: Source) -> list[Says] | Unreadable:
    event, email = text_at(payload, "event"), text_at(payload, "email")
    if not event or not email:
        return strange("event and email")
    at = time_of(seconds_of(text_at(payload, "ts_event") or text_at(payload, "ts")))
    person = address_id(email)
    match event:
        case "contact_deleted":
            return [TakenBack(person)]
        case "contact_updated":
            return [_record(payload, hook, source, email, at)]
        case "list_addition":
            subscribed = happened(hook, person, "newsletter.subscribed", at, email, lists=payload.get("list_id"))
            return [_record(payload, hook, source, email, at), subscribed]
        case _ if event in HAPPENINGS:
            type_, detail = HAPPENINGS[event]
            campaign = text_at(payload, "camp_id")
            return [happened(hook, person, type_, at, email, campaign=campaign, **detail)]
        case _:
            return []


def _record(payload: Payload, hook: Hook, source: Source, email: str, at: str) -> Record:
    """What is known of the contact; names of attributes count in any case."""
    said: dict[str, Json] = {}
    for part in (dict_at(payload, "content"), *dicts_at(payload, "content")):
        below = part.get("attributes")
        said.update(below if isinstance(below, dict) else part)
    names = {name.lower(): name for name in (*DEFAULTS.values(), *source.map.values())}
    named = {names.get(name.lower(), name): value for name, value in said.items() if value is not None}
    return record_from(named, DEFAULTS, hook, source, email=email, source_record_id=address_id(email), observed_at=at)


CONNECTOR: Final = Connector(by_secret, _says)
