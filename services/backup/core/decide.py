"""Decide: what is kept of one message: a version of a contact, what was received, or what happened.

The law: what is kept is insert-once by its id (a version by contact and number), and the bytes are those that came.
"""

import re
from datetime import datetime
from typing import Any, Final, NamedTuple, assert_never

import msgspec

from shared.domain.contact import Cause, Contact
from shared.domain.events import (
    ErasureAnswered,
    Event,
    Happened,
    IdentityAssigned,
    InteractionReceived,
    InteractionResolved,
    Judged,
    PinSaid,
    RecordDeleted,
    RecordReceived,
    RefreshRequested,
)
from shared.domain.outcome import DeadLetter, Drop, DropReason, LetterReason
from shared.topology import Type

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_INVALID: Final = DeadLetter(LetterReason.INVALID, "an id in it is no UUID")
_PASSED_OVER: Final = Drop(DropReason.NOT_OURS)
"""What was received with an id that is none: dedup sets it aside, and one message is one letter."""
_DEDUPS: Final = (RecordReceived, RecordDeleted, InteractionReceived, RefreshRequested)


class Version(NamedTuple):
    """One version of a contact; without document where `retired` says that it is gone. `records` are those it names."""

    contact_id: str
    version: int
    at: datetime
    cause: Cause | None
    changed: tuple[str, ...] = ()
    retired: str | None = None
    merged_into: str | None = None
    merged_into_version: int | None = None
    records: tuple[str, ...] = ()


class Received(NamedTuple):
    """One event as it was received; `subject` is the record it is about, or the contact for a refresh."""

    event_id: str
    type: str
    subject: str
    source: str | None
    received_at: datetime


class Happening(NamedTuple):
    """One entry of `contacts.events`."""

    event_id: str
    type: str
    contact_id: str
    version: int
    at: datetime
    cause_id: str | None


class Decided(NamedTuple):
    """What dedup has decided: the newest of a kind and an id holds. `subject` is where a former id leads, or the record
    of an interaction; `records` are those of an identity; `value` is kept where it is not the message's own; `erases`
    is what is to be forgotten here, too.
    """

    kind: str
    id: str
    subject: str | None
    version: int
    at: datetime
    records: tuple[str, ...] = ()
    value: bytes | None = None
    erases: ErasureAnswered | None = None


Kept = Version | Received | Happening | Decided
"""What can be kept."""


def decide(event: Event, key: str | None) -> Kept | Drop | DeadLetter:
    """What is kept of an event; `key` is the key of its message."""
    if not is_id(event.id):
        return _PASSED_OVER if isinstance(event.data, _DEDUPS) else _INVALID
    match event.data:
        case Contact() as contact:
            version = _version(contact)
            kept: Kept = version
            ids: list[Any] = [contact.contact_id, *version.records]
        case None if event.type is Type.CONTACT_RETIRED:
            return _tombstone(event)
        case Happened() as one:
            kept = Happening(event.id, event.type.value, one.contact_id, one.version, one.at, one.cause.id)
            ids = [one.contact_id]
        case RecordReceived() | RecordDeleted() as said:
            kept = Received(event.id, event.type.value, said.record_id, said.source, said.received_at)
            ids = [said.record_id]
        case InteractionReceived() as said:
            kept = Received(event.id, event.type.value, _about(said, key), said.source, said.received_at)
            ids = [kept.subject]
        case RefreshRequested() as asked:
            kept = Received(event.id, event.type.value, asked.contact_id, None, event.time)
            ids = [asked.contact_id]
        case IdentityAssigned() | Judged() | InteractionResolved() | ErasureAnswered() | PinSaid() as said:
            kept, ids = _decided(said, event.type)
        case _:
            return Drop(DropReason.NOT_OURS)
    if all(map(is_id, ids)):
        return kept
    return _PASSED_OVER if isinstance(kept, Received) else _INVALID


def _decided(
    said: IdentityAssigned | Judged | InteractionResolved | ErasureAnswered | PinSaid, type_: Type
) -> tuple[Decided, list[Any]]:
    """What dedup has decided, and the ids in it."""
    match said:
        case IdentityAssigned() as one:
            ids = [one.contact_id, one.merged_into or one.contact_id, *one.records]
            return Decided("identity", one.contact_id, one.merged_into, one.version, one.at, one.records), ids
        case Judged() as one:
            kind = "judgement" if type_ is Type.JUDGEMENT_GIVEN else "withdrawal"
            return Decided(kind, one.judgement_id, None, 1, one.at), [one.judgement_id]
        case InteractionResolved() as one:
            ids = [one.event_id, one.record_id]
            return Decided("interaction", one.event_id, one.record_id, one.version, one.at, value=b"{}"), ids
        case PinSaid() as one:
            version = 1 if type_ is Type.PIN_SET else 2
            return Decided("pin", one.pin_id, one.record_id, version, one.at), [one.pin_id, one.record_id]
        case ErasureAnswered() as one:
            ids = [one.erasure_id, *one.contact_ids, *one.records, *one.events]
            return Decided("erasure", one.erasure_id, None, 1, one.at, erases=one), ids
        case _:
            assert_never(said)


def is_id(text: str | None) -> bool:
    """True for a UUID as we write them."""
    return text is not None and _UUID.fullmatch(text) is not None


def _version(contact: Contact) -> Version:
    return Version(
        contact.contact_id,
        contact.version,
        contact.updated_at,
        contact.cause,
        contact.changed,
        records=tuple(member.record_id for member in contact.records),
    )


def _tombstone(event: Event) -> Version | DeadLetter:
    """A message without value: everything is in its headers."""
    said = event.extensions
    into, into_version = said.get("mergedinto"), said.get("mergedintoversion")
    numbers = [said.get("version", ""), *([] if into_version is None else [into_version])]
    if not all(number.isdecimal() and len(number) < 19 for number in numbers):
        return DeadLetter(LetterReason.INVALID, "a version in its headers is no number")
    if not is_id(event.subject) or not (into is None or is_id(into)):
        return _INVALID
    return Version(
        event.subject,
        int(numbers[0]),
        event.time,
        _cause(said.get("cause", "")),
        retired=said.get("reason", "deleted"),
        merged_into=into,
        merged_into_version=None if into_version is None else int(into_version),
    )


def _cause(said: str) -> Cause | None:
    """The cause in a header; none where it is missing or says something else."""
    try:
        return msgspec.json.decode(said, type=Cause)
    except msgspec.DecodeError:
        return None


def _about(said: InteractionReceived, key: str | None) -> str:
    """The record an interaction names, else the contact, else what its message is keyed by."""
    return said.contact.record_id or said.contact.contact_id or key or ""
