"""Tally: a response to a form.

- **Authentic**: `Tally-Signature: <base64 HMAC-SHA256 of the body>`, keyed with the signing secret. It carries no time;
  what is sent again is known by its response.
- **Says**: one record for each `FORM_RESPONSE`; other events say nothing.
- **Names**: `map` names the `key` of a question; the first mail address and phone number need no map. Choices become
  the texts of their options.
- **Id and time**: `data.responseId` and `data.createdAt`.
"""

from typing import Final

from services.ingest.connectors.hook import (
    Connector,
    Hook,
    Payload,
    Says,
    Unreadable,
    dicts_at,
    record_from,
    strange,
    text_at,
)
from services.ingest.connectors.signatures import base64_of_body
from shared.domain.configuration import Source
from shared.domain.record import Json

DEFAULTS: Final = {"INPUT_EMAIL": "email", "INPUT_PHONE_NUMBER": "phone"}
"""Types of questions that are fields of ours by themselves."""


def _says(payload: Payload, hook: Hook, source: Source) -> list[Says] | Unreadable:
    if text_at(payload, "eventType") not in ("", "FORM_RESPONSE"):
        return []
    response = text_at(payload, "data.responseId")
    if not response:
        return strange("data.responseId")
    named: dict[str, Json] = {}
    defaults: dict[str, str] = {}
    for field in dicts_at(payload, "data.fields"):
        key = text_at(field, "key")
        if key and field.get("value") is not None:
            named[key] = _value(field)
            if text_at(field, "type") in DEFAULTS:
                defaults.setdefault(DEFAULTS[text_at(field, "type")], key)
    at = text_at(payload, "data.createdAt") or text_at(payload, "createdAt")
    return [record_from(named, defaults, hook, source, source_record_id=response, observed_at=at)]


def _value(field: Payload) -> Json:
    """A choice comes as ids of options."""
    value = field["value"]
    texts = {text_at(option, "id"): text_at(option, "text") for option in dicts_at(field, "options")}
    if isinstance(value, list):
        return [texts.get(one, one) if isinstance(one, str) else one for one in value]
    return texts.get(value, value) if isinstance(value, str) else value


CONNECTOR: Final = Connector(base64_of_body("tally-signature"), _says)
