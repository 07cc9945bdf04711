"""Calendly: who booked a meeting, and who cancelled it.

- **Authentic**: `Calendly-Webhook-Signature: t=<unix>,v1=<hex HMAC-SHA256 of t.body>`, not older than three minutes.
- **Says**: *invitee.created* a record and `meeting.booked`; *invitee.canceled* `meeting.canceled` (`rescheduled` in its
  detail when a new booking follows). Other events say nothing.
- **Names**: answers to questions become attributes by the text of the question; `map` names that text.
- **Id and time**: the person is the mail address, since every booking has a new invitee; `created_at` of the event. A
  booking is `payload.uri`.
- **Retries**: for 24 hours, then Calendly switches the subscription off and tells nobody.
"""

from typing import Final

from services.ingest.connectors.hook import (
    Connector,
    Hook,
    Interaction,
    Payload,
    Says,
    Unreadable,
    address_id,
    dict_at,
    dicts_at,
    record_from,
    strange,
    text_at,
)
from services.ingest.connectors.signatures import timed_hex
from shared.domain.configuration import Source
from shared.domain.record import Json

TOLERANCE_S: Final = 180.0
"""Calendly's documentation names three minutes."""

EVENTS: Final = {"invitee.created": "meeting.booked", "invitee.canceled": "meeting.canceled"}
DEFAULTS: Final = {
    "given_name": "first_name", "family_name": "last_name", "phone": "text_reminder_number", "timezone": "timezone",
}  # fmt: skip
"""Members of an invitee that are fields of ours; a `name` in one piece counts where there is no first and last."""


def _says(payload: Payload, hook: Hook, source: Source) -> list[Says] | Unreadable:
    type_ = EVENTS.get(text_at(payload, "event"))
    if type_ is None:
        return [] if text_at(payload, "event") else strange("event")
    invitee = dict_at(payload, "payload")
    uri, email, at = text_at(invitee, "uri"), text_at(invitee, "email"), text_at(payload, "created_at")
    if not uri or not email:
        return strange("payload.uri and payload.email")
    meeting = _meeting(invitee, hook, type_, uri, email, at)
    if type_ == "meeting.canceled":
        return [meeting]
    named = {text_at(one, "question"): one.get("answer") for one in dicts_at(invitee, "questions_and_answers")}
    named |= {name: invitee.get(name) for name in DEFAULTS.values() if invitee.get(name)}
    whole = "" if invitee.get("last_name") else text_at(invitee, "name")
    person = address_id(email)
    record = record_from(
        named, DEFAULTS, hook, source, email=email, full_name=whole, source_record_id=person, observed_at=at
    )
    return [record, meeting]


def _meeting(invitee: Payload, hook: Hook, type_: str, uri: str, email: str, at: str) -> Interaction:
    detail: dict[str, Json] = {
        "start": text_at(invitee, "scheduled_event.start_time"),
        "end": text_at(invitee, "scheduled_event.end_time"),
        "reason": text_at(invitee, "cancellation.reason"),
        "rescheduled": invitee.get("rescheduled") is True,
        "uri": uri,
    }
    return Interaction(
        {
            "source": hook.source,
            "interaction_id": f"{type_}:{uri}",
            "type": type_,
            "at": at or hook.at.isoformat(),
            "contact": {"record": {"source": hook.source, "source_record_id": address_id(email)}},
            "subject": text_at(invitee, "scheduled_event.name") or None,
            "detail": {name: value for name, value in detail.items() if value},
        }
    )


CONNECTOR: Final = Connector(timed_hex("calendly-webhook-signature", TOLERANCE_S), _says)
