"""Pinning: values that a person fixed. No source replaces them, and they go with the record that founded their contact.

A pin is laid over the golden record (`laying.py`), never into a record: taken away, all is as if it had never been.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from shared.domain.contact import Cause
from shared.domain.events import PinSaid
from shared.domain.ids import derived_id
from shared.domain.record import TEXT_FIELDS, Json
from shared.topology import Type

ATTRIBUTE: Final = "attributes."
"""What stands before the key of an attribute, as in the mappings of sources."""

ADDRESS: Final = "address"
"""A postal address as a whole: an object of these fields of a record."""


class Pin(msgspec.Struct, frozen=True):
    """One value a person fixed. It hangs on a record: whichever contact holds that record has the pin."""

    pin_id: str
    record_id: str
    field: str
    value: Json
    until: datetime | None
    by: str
    at: datetime

    def __repr__(self) -> str:
        return f"Pin({self.pin_id})"


@dataclass(frozen=True, slots=True)
class Fix:
    """Fix this value of the contact's field."""

    contact_id: str
    field: str
    value: Json
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Free:
    """Let the sources decide again about the contact's field. `pin_ids`: only these pins, whose time is over."""

    contact_id: str
    field: str
    pin_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Pinning:
    """What somebody decided about a field, who, and when; `pin_id` is the id of a new pin, and of the cause."""

    wish: Fix | Free
    pin_id: str
    by: str
    at: datetime

    @property
    def cause(self) -> Cause:
        """What makes the version that follows."""
        return Cause(kind="pin", id=self.pin_id, by=self.by)


class Unpinned(Exception):
    """There is nothing to pin to, or no pin to take away; the text says which, naming no value."""


@dataclass(frozen=True, slots=True)
class Repinned:
    """What changes: pins that go, and the one that comes."""

    gone: tuple[Pin, ...]
    come: tuple[Pin, ...]


def repinned(pinning: Pinning, founder: str, there: Iterable[Pin]) -> Repinned:
    """What a decision changes of the pins that a contact has. A new pin hangs on the founding record, in the place of
    the one that hung there; one that came with a merge stays, and is older. Raises Unpinned without a pin to take away.
    """
    wish = pinning.wish
    same = sorted((one for one in there if one.field == wish.field), key=lambda one: one.pin_id)
    match wish:
        case Fix(_, field, value, until):
            pin = Pin(pinning.pin_id, founder, field, value, until, pinning.by, pinning.at)
            return Repinned(tuple(one for one in same if one.record_id == founder), (pin,))
        case Free(_, _, pin_ids):
            gone = tuple(one for one in same if not pin_ids or one.pin_id in pin_ids)
            if not gone:
                raise Unpinned("no value of this field is pinned")
            return Repinned(gone, ())


def is_field(field: str) -> bool:
    """True for what can be pinned: a text of a record, `address`, or `attributes.<key>`."""
    return field in TEXT_FIELDS or field == ADDRESS or (field.startswith(ATTRIBUTE) and len(field) > len(ATTRIBUTE))


def said(type_: Type, pin: Pin, contact_id: str, pinning: Pinning) -> tuple[str, PinSaid]:
    """The id and the data of the event that tells of a pin that was set, or removed, at this moment by this person."""
    data = PinSaid(
        pin_id=pin.pin_id,
        contact_id=contact_id,
        record_id=pin.record_id,
        field=pin.field,
        value=pin.value if type_ is Type.PIN_SET else None,
        until=pin.until,
        by=pinning.by,
        at=pinning.at,
    )
    return derived_id(type_, pin.pin_id), data
