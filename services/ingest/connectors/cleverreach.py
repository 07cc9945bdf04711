"""CleverReach: who is on a list; its hooks only say which receiver to look at.

- **Authentic**: the call token that CleverReach tells when the hook is registered, in the header `X-CR-CALLTOKEN`.
  While it registers it asks by GET, and wants `key` (the verify token it was told) and its question's secret back.
- **Says**: *receiver.deleted* takes the record back; the other events of receivers nothing themselves. The receiver is
  fetched with `token`: a record, with consent and `newsletter.subscribed` while active, `newsletter.unsubscribed` since
  it left, `email.bounced` since it bounced. Forms, filters, groups and automations say nothing.
- **Names**: `map` names fields of the list or of the account; those that every account begins with need no map, others
  become attributes.
- **Id and time**: `group/receiver`; the times that the receiver bears, so that neither order nor repetition matters.
- **Retries**: not documented. It names no delivery.
"""

import re
from typing import Final

from services.ingest.connectors.hook import (
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
    happened,
    record_from,
    seconds_of,
    strange,
    text_at,
    time_of,
)
from services.ingest.connectors.signatures import in_header
from shared.domain.configuration import Source
from shared.domain.record import Json

NUMBER: Final = re.compile(r"[0-9]{1,20}")
"""Lists and receivers; anything else could lead elsewhere on its host."""

PATH: Final = re.compile(r"/v3/groups\.json/([0-9]+)/receivers/[0-9]+")
CHALLENGE: Final = re.compile(r"[!-~]{1,200}")
"""What is echoed to whoever asks: printable, and no more than a question of CleverReach's has."""

DEFAULTS: Final = {
    "salutation": "salutation", "name_prefix": "title", "given_name": "firstname", "family_name": "lastname",
    "street": "street", "postcode": "zip", "city": "city", "region": "state", "country": "country", "phone": "phone",
    "birthday": "birthday", "company": "company", "language": "language",
}  # fmt: skip
"""The fields that CleverReach proposes for an account."""


def _greets(challenge: str, source: Source) -> str | None:
    return f"{source.key} {challenge}" if source.key and CHALLENGE.fullmatch(challenge) else None


def _says(payload: Payload, _: Hook, __: Source) -> list[Says] | Unreadable:
    event = text_at(payload, "event")
    if not event:
        return strange("event")
    if not event.startswith("receiver."):
        return []
    group, receiver = text_at(payload, "payload.group_id"), text_at(payload, "payload.pool_id")
    if not NUMBER.fullmatch(group) or not NUMBER.fullmatch(receiver):
        return strange("payload.group_id and payload.pool_id")
    if event == "receiver.deleted":
        return [TakenBack(f"{group}/{receiver}")]
    return [Fetch(f"/v3/groups.json/{group}/receivers/{receiver}")]


def _receiver(payload: Payload, hook: Hook, source: Source) -> list[Says] | Unreadable:
    asked = PATH.fullmatch(hook.url)
    receiver, email = text_at(payload, "id"), text_at(payload, "email")
    if asked is None or not receiver or not email:
        return strange("id and email of a receiver")
    name = f"{asked[1]}/{receiver}"
    named: dict[str, Json] = {**dict_at(payload, "global_attributes"), **dict_at(payload, "attributes")}
    said = {key: value for key, value in named.items() if value or source.empty == "clear"}
    if payload.get("tags"):
        said["tags"] = payload["tags"]
    record = record_from(
        said, DEFAULTS, hook, source, email=email, source_record_id=name, observed_at=_at(payload, "last_changed")
    )
    joined = _at(payload, "activated") or _at(payload, "registered")
    left, bounced = _at(payload, "deactivated"), _at(payload, "bounced")
    if payload.get("active") is True and joined:
        consent = _consent(email, joined, asked[1], text_at(payload, "source"))
        record = Record({**record.said, "consents": [consent]})
        return [record, happened(hook, name, "newsletter.subscribed", joined, email)]
    gone = [happened(hook, name, "newsletter.unsubscribed", left, email)] if left else []
    broken = [happened(hook, name, "email.bounced", bounced, email)] if bounced else []
    return [record, *gone, *broken]


def _at(receiver: Payload, name: str) -> str:
    """A moment of the receiver's; empty for 0, which means never."""
    return time_of(seconds_of(text_at(receiver, name)) or None)


def _consent(email: str, at: str, group: str, how: str) -> dict[str, Json]:
    proof: dict[str, Json] = {"by": "cleverreach", "list": group, **({"source": how} if how else {})}
    return {
        "purpose": "newsletter", "channel": "email", "address": email, "status": "granted", "at": at, "proof": proof,
    }  # fmt: skip


CONNECTOR: Final = Connector(
    in_header("x-cr-calltoken"), _says, api=Api(_receiver, "Bearer", "https://rest.cleverreach.com"), greets=_greets
)
