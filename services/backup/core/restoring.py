"""Restoring: what is said to bring a contact back: who it is made of, then everything ever said of its records.

All of it carries the ids it had, so that what is said twice is taken once. The parts name the contact they belong to
(`ce_restores`), and the first says how many follow: it is decided when all are there.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from shared.domain.events import DATA_OF, Event, Former, IdentityAssigned
from shared.domain.ids import derived_id
from shared.domain.outcome import Outgoing
from shared.topology import RECEIVED, Type

SOURCE: Final = "/kontaktwerk/backup"


class Part(NamedTuple):
    """An event of a contact's records, or of the contact itself: as it was kept."""

    event_id: str
    type: str
    record_id: str | None
    at: datetime
    value: bytes


class Labels(msgspec.Struct, frozen=True):
    """The labels of a clean contact, as its document has them."""

    categories: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()


def bundle(
    identity: IdentityAssigned,
    formers: Iterable[IdentityAssigned],
    parts: Sequence[Part],
    labels: Labels,
    run_id: str,
) -> list[Outgoing]:
    """What is said for one contact, which bore these labels."""
    known = [one for one in parts if one.type in _TYPES]
    first = msgspec.structs.replace(
        identity,
        formers=tuple(
            Former(contact_id=one.contact_id, version=one.version, founder=one.founder, created_at=one.created_at)
            for one in formers
        ),
        events=len(known),
        categories=labels.categories,
        segments=labels.segments,
    )
    contact = identity.contact_id
    id_ = derived_id("restore", run_id, contact)
    return [_says(id_, Type.IDENTITY_ASSIGNED, contact, identity.at, first), *(_part(one, contact) for one in known)]


def alone(part: Part, key: str) -> Outgoing:
    """An event that belongs to no contact yet: it is decided as if it came now."""
    return _says(part.event_id, Type(part.type), key, part.at, _data(part))


def said_before(kind: str, id_: str, at: datetime, value: bytes) -> Outgoing:
    """A judgement, the word that it was withdrawn, a pin, or who was erased and must never come back."""
    type_ = _SAID[kind]
    data = msgspec.json.decode(value, type=DATA_OF[type_])
    return _says(derived_id("restore", kind, id_), type_, id_, at, data)


_SAID: Final = {
    "judgement": Type.JUDGEMENT_GIVEN,
    "withdrawal": Type.JUDGEMENT_WITHDRAWN,
    "erasure": Type.ERASURE_ANSWERED,
    "pin": Type.PIN_SET,
}
"""What stands for itself, by the kind under which it is kept."""

_TYPES: Final = frozenset(
    type_.value
    for type_ in (
        Type.RECORD_RECEIVED,
        Type.RECORD_DELETED,
        Type.INTERACTION_RECEIVED,
        Type.NOTIFICATION_REQUESTED,
    )
)
"""What a restored contact is made from."""


def _part(part: Part, contact: str) -> Outgoing:
    key = part.record_id or contact
    extensions = {"restores": contact} if part.record_id is None else {"restores": contact, "record": part.record_id}
    return _says(part.event_id, Type(part.type), key, part.at, _data(part), extensions)


def _data(part: Part) -> Any:
    return msgspec.json.decode(part.value, type=DATA_OF[Type(part.type)])


def _says(
    id_: str, type_: Type, key: str, at: datetime, data: Any, extensions: dict[str, str] | None = None
) -> Outgoing:
    event = Event(id=id_, type=type_, source=SOURCE, time=at, subject=key, data=data, extensions=extensions or {})
    return Outgoing(RECEIVED, key, event)
