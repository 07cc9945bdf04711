"""Form: a plain HTML form on any page, which posts straight to `/hooks/{source}`.

- **Authentic**: the public key (`key: pk_…`) in the hidden field `key` or in the path, and, where a browser names the
  page it comes from, one of `origins`. The key stands in the page for everybody to read, so it can only add: a
  submission is a record of its own and changes none that is there.
- **Says**: one record for each submission; who fills the field `honeypot`, which people do not see, says nothing.
- **Names**: `map` names the fields of the form; those named like ours need no map, others become attributes.
- **Id and time**: none; the same again within ten minutes, as from a second click, is a retry.
- **Consent**: with `opt_in` a pending one, which a mail asks the address to confirm; the box that stands for it is no
  attribute, and without its tick nobody is asked.
"""

from typing import Final

from services.ingest.connectors.generic import FORM, MULTIPART, payloads_of
from services.ingest.connectors.hook import Connector, Hook, Payload, Record, Says, Unreadable, record_from, text_at
from services.ingest.connectors.signatures import any_equal
from shared.domain.configuration import Source
from shared.domain.opt_in import ASKED
from shared.domain.record import Json

KEY: Final = "key"
NOT_THEIRS: Final = frozenset(("source_record_id", "observed_at", "consents"))
"""What a visitor may not say, whatever the map: which record it is, when it was, and what holds as consent."""


def is_form(content_type: str) -> bool:
    """True for the two ways in which a browser sends a form with text fields."""
    return content_type.partition(";")[0].strip().lower() in (FORM, MULTIPART)


def _authentic(hook: Hook, source: Source) -> bool:
    origin = hook.headers.get("origin")
    if origin is not None and source.origins and origin not in source.origins:
        return False
    said = hook.secret
    if said is None:
        payloads = payloads_of(hook.content_type, hook.body) if is_form(hook.content_type) else []
        said = text_at(payloads[0], KEY) if isinstance(payloads, list) and payloads else ""
    return any_equal([said], [source.key or ""])


def _says(payload: Payload, hook: Hook, source: Source) -> list[Says] | Unreadable:
    if source.honeypot is not None and text_at(payload, source.honeypot):
        return []
    box = None if source.opt_in is None else source.opt_in.field
    named = {name: value for name, value in payload.items() if name not in (KEY, source.honeypot, box)}
    record = record_from(named, {}, hook, source)
    said = {field: value for field, value in record.said.items() if field not in NOT_THEIRS}
    asks = box is None or bool(text_at(payload, box))
    return [Record({**said, "consents": _asked(said.get("email"), hook, source)} if asks else said)]


def _asked(email: Json, hook: Hook, source: Source) -> list[Json]:
    """The consent that is asked for: pending, with the words that were agreed to; none without an address."""
    if source.opt_in is None or not isinstance(email, str) or not email.strip():
        return []
    proof = {"text": source.opt_in.text, ASKED: {"source": hook.source}}
    asks = {"purpose": source.opt_in.purpose, "channel": "email", "status": "pending", "address": email}
    return [{**asks, "proof": proof}]


CONNECTOR: Final = Connector(_authentic, _says)
