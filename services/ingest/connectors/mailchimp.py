"""Mailchimp: what happens with the members of an audience.

- **Authentic**: Mailchimp does not sign; a secret in the path. It looks by GET before it sends, and wants 200.
- **Says**: *subscribe* a record with consent, and `newsletter.subscribed`; *profile* a record; *unsubscribe*
  `newsletter.unsubscribed`; *cleaned* a hard bounce (`email.bounced`; a complaint is a withdrawal besides); *upemail* a
  change of identity: a record under the new address that keeps the old one, so that both stay one person, and
  withdraws the old one's consent. Campaigns say nothing.
- **Names**: `map` names merge tags (`FNAME`); EMAIL, FNAME, LNAME, PHONE, ADDRESS and BIRTHDAY need no map.
- **Id and time**: the MD5 of the address in lower case, as Mailchimp's API names a member; `fired_at`, taken as UTC.
- **Retries**: three; 410 switches the webhook off. It names no delivery: id, type and time tell a repetition.
"""

from typing import Final

from services.ingest.connectors.hook import (
    Connector,
    Hook,
    Payload,
    Record,
    Says,
    Unreadable,
    address_id,
    dict_at,
    happened,
    record_from,
    strange,
    text_at,
)
from services.ingest.connectors.signatures import by_secret
from shared.domain.configuration import Source
from shared.domain.record import Json

DEFAULTS: Final = {
    "given_name": "FNAME", "family_name": "LNAME", "phone": "PHONE", "street": "ADDRESS.addr1",
    "address_extra": "ADDRESS.addr2", "postcode": "ADDRESS.zip", "city": "ADDRESS.city", "region": "ADDRESS.state",
    "country": "ADDRESS.country", "birthday": "BIRTHDAY",
}  # fmt: skip
"""The merge tags that every audience begins with."""


def _says(payload: Payload, hook: Hook, source: Source) -> list[Says] | Unreadable:
    type_, at = text_at(payload, "type"), text_at(payload, "fired_at")
    if type_ == "upemail":
        return _moved(payload, at)
    email = text_at(payload, "data.email")
    if type_ not in ("subscribe", "profile", "unsubscribe", "cleaned"):
        return [] if type_ == "campaign" else strange("type")
    if not email:
        return strange("data.email")
    member = address_id(email)
    if type_ == "unsubscribe":
        how, why = text_at(payload, "data.action"), text_at(payload, "data.reason")
        return [happened(hook, member, "newsletter.unsubscribed", at, email, action=how, reason=why)]
    if type_ == "cleaned":
        return _cleaned(hook, member, at, email, text_at(payload, "data.reason"))
    record = _record(payload, hook, source, email, at)
    if type_ == "profile":
        return [record]
    proof: dict[str, Json] = {
        name: text_at(payload, f"data.{name}") for name in ("ip_opt", "ip_signup") if text_at(payload, f"data.{name}")
    }
    consented = Record({**record.said, "consents": [_consent(email, "granted", at, proof)]})
    return [consented, happened(hook, member, "newsletter.subscribed", at, email)]


def _record(payload: Payload, hook: Hook, source: Source, email: str, at: str) -> Record:
    merges = dict(dict_at(payload, "data.merges"))
    merges.pop("EMAIL", None)
    return record_from(merges, DEFAULTS, hook, source, email=email, source_record_id=address_id(email), observed_at=at)


def _cleaned(hook: Hook, member: str, at: str, email: str, reason: str) -> list[Says]:
    if reason == "abuse":
        return [happened(hook, member, "newsletter.unsubscribed", at, email, reason="abuse")]
    return [happened(hook, member, "email.bounced", at, email, kind="hard", reason=reason)]


def _moved(payload: Payload, at: str) -> list[Says] | Unreadable:
    new, old = text_at(payload, "data.new_email"), text_at(payload, "data.old_email")
    if not new or not old:
        return strange("data.new_email and data.old_email")
    said: dict[str, Json] = {
        "source_record_id": address_id(new),
        "observed_at": at,
        "email": new,
        "emails": [{"value": new}, {"value": old}],
        "consents": [_consent(old, "withdrawn", at, {"type": "upemail"})],
    }
    return [Record(said)]


def _consent(email: str, status: str, at: str, proof: dict[str, Json]) -> dict[str, Json]:
    said: dict[str, Json] = {"purpose": "newsletter", "channel": "email", "address": email, "status": status}
    return {**said, "proof": {"by": "mailchimp", **proof}, **({"at": at} if at else {})}


CONNECTOR: Final = Connector(by_secret, _says)
