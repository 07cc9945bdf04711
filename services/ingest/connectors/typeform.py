"""Typeform: a response to a form.

- **Authentic**: `Typeform-Signature: sha256=<base64 HMAC-SHA256 of the body>`, keyed with the webhook's secret.
- **Says**: one record for each `form_response`; a response not yet sent off (`form_response_partial`) says nothing.
- **Names**: `map` names the `ref` of a question, never its title; the first mail address and phone number need no map.
- **Id and time**: `form_response.token`, which stays the same over retries, and `submitted_at`.
- **Retries**: 404 and 410 switch the webhook off, so neither is ever answered for a source that is configured.
"""

from typing import Final

from services.ingest.connectors.hook import (
    Connector,
    Hook,
    Payload,
    Says,
    Unreadable,
    dict_at,
    dicts_at,
    record_from,
    strange,
    text_at,
)
from services.ingest.connectors.signatures import base64_of_body
from services.ingest.core.mapping import value_at
from shared.domain.configuration import Source
from shared.domain.record import Json

DEFAULTS: Final = {"email": "email", "phone_number": "phone"}
"""Types of answers that are fields of ours by themselves."""


def _says(payload: Payload, hook: Hook, source: Source) -> list[Says] | Unreadable:
    response = dict_at(payload, "form_response")
    if text_at(payload, "event_type") == "form_response_partial":
        return []
    token = text_at(response, "token")
    if not token:
        return strange("form_response.token")
    named: dict[str, Json] = {"hidden": dict_at(response, "hidden")} if dict_at(response, "hidden") else {}
    defaults: dict[str, str] = {}
    for answer in dicts_at(response, "answers"):
        ref = text_at(answer, "field.ref") or text_at(answer, "field.id")
        type_ = text_at(answer, "type")
        if ref and type_:
            named[ref] = _value(answer, type_)
            if type_ in DEFAULTS:
                defaults.setdefault(DEFAULTS[type_], ref)
    at = text_at(response, "submitted_at")
    return [record_from(named, defaults, hook, source, source_record_id=token, observed_at=at)]


def _value(answer: Payload, type_: str) -> Json:
    """The value stands under the name of its type; choices by their labels, and what was written beside them."""
    match type_:
        case "choice":
            return text_at(answer, "choice.label") or text_at(answer, "choice.other")
        case "choices":
            labels = value_at(answer, "choices.labels")
            other = text_at(answer, "choices.other")
            return [*(labels if isinstance(labels, list) else []), *([other] if other else [])]
        case _:
            return answer.get(type_)


CONNECTOR: Final = Connector(base64_of_body("typeform-signature", "sha256="), _says)
