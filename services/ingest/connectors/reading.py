"""Reading: what one authentic request of a vendor brings, whoever the vendor is.

What cannot be read is no error of the request (contract section 5, promise 8): it comes back as Bad, and is set aside
byte for byte. A payload is taken whole or set aside whole, so that reading it again later gives all of it.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from services.ingest.connectors.generic import payloads_of
from services.ingest.connectors.hook import (
    Connector,
    Fetch,
    Hook,
    Interaction,
    Payload,
    Record,
    Says,
    TakenBack,
    Unreadable,
)
from services.ingest.core.decide import Deletion, Item
from services.ingest.core.identity import record_id_of
from services.ingest.core.interaction import Happening, read_interaction
from services.ingest.core.limits import Faults
from services.ingest.core.reading import NOTHING_TO_GO_BY, Delivery, read_record
from services.ingest.core.request import RECORD_BYTES_MAX
from shared.domain.configuration import Source
from shared.domain.outcome import LetterReason
from shared.domain.record import LIST_FIELDS, TEXT_FIELDS

FAULTS_TOLD_MAX: Final = 10
"""The detail of a letter is a sentence; names of unknown fields stay out of it, since they may be anybody's."""

_PLACES: Final = frozenset(
    f"/{step}" for step in (*TEXT_FIELDS, *LIST_FIELDS, "source_record_id", "observed_at", "consents", "at", "type")
)

Read = Delivery | Happening | TakenBack
Brought = Read | Fetch
Sources = Mapping[str, Source]


class Bad(NamedTuple):
    """One payload that goes to the dead letters: why, its bytes as they came, and what they are."""

    reason: LetterReason
    detail: str
    body: bytes
    content_type: str


def read_hook(connector: Connector, hook: Hook, sources: Sources) -> list[Brought | Bad]:
    """What one authentic request brings, in order. `hook.source` is configured. Never raises."""
    payloads = payloads_of(hook.content_type, hook.body)
    if isinstance(payloads, Unreadable):
        return [Bad(payloads.reason, payloads.detail, hook.body, hook.content_type)]
    whole = (hook.body, hook.content_type) if len(payloads) == 1 else None
    return [one for payload in payloads for one in _read(connector, payload, whole, hook, sources)]


def read_answer(connector: Connector, hook: Hook, sources: Sources) -> list[Brought | Bad]:
    """What one answer of the vendor's API brings, as `read_hook`."""
    assert connector.api is not None, "only connectors with an API ask for anything"
    return read_hook(connector._replace(says=connector.api.says), hook, sources)


def items_of(read: Iterable[Read], source: str, key: bytes) -> list[Item]:
    """What the door decides on; only the key of the installation knows the id of a record that was taken back."""
    return [
        Deletion(record_id_of(key, source, one.source_record_id), source, one.at) if isinstance(one, TakenBack) else one
        for one in read
    ]


def _read(
    connector: Connector, payload: Payload, whole: tuple[bytes, str] | None, hook: Hook, sources: Sources
) -> list[Brought | Bad]:
    body, content_type = whole or (msgspec.json.encode(payload), "application/json")
    says = connector.says(payload, hook, sources[hook.source])
    if isinstance(says, Unreadable):
        return [Bad(says.reason, says.detail, body, content_type)]
    items: list[Brought | Bad] = []
    for one in says:
        found = _item(one, hook, sources, large=len(body) > RECORD_BYTES_MAX)
        if isinstance(found, Unreadable):
            return [Bad(found.reason, found.detail, body, content_type)]
        items.append(found)
    return items


def _item(says: Says, hook: Hook, sources: Sources, *, large: bool) -> Brought | Unreadable:
    """One item; only in a body that is large can a record be too large."""
    if isinstance(says, TakenBack | Fetch):
        return says
    said = {**says.said, "source": hook.source}
    if large and len(msgspec.json.encode(said)) > RECORD_BYTES_MAX:
        return Unreadable(LetterReason.TOO_LARGE, f"more than {RECORD_BYTES_MAX} bytes")
    match says:
        case Record():
            read: Read | Faults = read_record(said, sources, hook.at, partial=says.partial)
        case Interaction():
            read = read_interaction(said, sources, hook.at)
    if isinstance(read, tuple) and not isinstance(read, TakenBack):
        return _unreadable(read)
    return read


def _unreadable(faults: Faults) -> Unreadable:
    nothing = any(fault.detail == NOTHING_TO_GO_BY for fault in faults)
    reason = LetterReason.NOTHING_TO_GO_BY if nothing else LetterReason.INVALID
    told = [(fault.pointer if fault.pointer in _PLACES else "", fault.detail) for fault in faults[:FAULTS_TOLD_MAX]]
    return Unreadable(reason, "; ".join(f"{place} {detail}".strip() for place, detail in told))
