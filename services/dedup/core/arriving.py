"""Arriving: what a batch of messages asks of identity, and what ends a message at the door."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, assert_never
from uuid import UUID

import msgspec

from services.dedup.core.folding import Told
from services.dedup.core.interactions import Happening, key_of
from services.dedup.core.judging import Verdict
from services.dedup.core.pinning import Pinning
from shared.domain.contact import Cause, Contact
from shared.domain.events import (
    ErasureAnswered,
    ErasureRequested,
    Event,
    Happened,
    IdentityAssigned,
    InteractionReceived,
    Judged,
    PinSaid,
    RecordDeleted,
    RecordReceived,
    RefreshRequested,
)
from shared.domain.outcome import DeadLetter, Drop, DropReason, LetterReason
from shared.domain.record import Patch

RESTORES: Final = "restores"
RECORD: Final = "record"
"""Headers (`ce_restores`, `ce_record`) of a part of a restore: its contact, and the record of an interaction."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A contact that comes back from a backup, the event that says so, and what was requested about it before."""

    identity: IdentityAssigned
    event_id: str
    firings: tuple[Event, ...] = ()

    def labelled(self, contact: Contact) -> Contact:
        """The contact with the labels it had: rules that stick go by them."""
        return msgspec.structs.replace(contact, categories=self.identity.categories, segments=self.identity.segments)

    @property
    def cause(self) -> Cause:
        """What makes its version."""
        return Cause(kind="restore", id=self.event_id)


@dataclass(frozen=True, slots=True)
class Erasing:
    """A contact whose person is forgotten: its records, and the keys of their addresses."""

    request: ErasureRequested
    contact_id: str
    records: tuple[str, ...]
    keys: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Again:
    """Contacts whose records are grouped again though nobody said anything about them, and what asks for it."""

    contact_ids: frozenset[str]
    cause: Cause


@dataclass(frozen=True, slots=True)
class Work:
    """What one identity transaction has to do. `causes` by event id, in the order of the batch."""

    told: Sequence[Told] = ()
    happenings: Sequence[Happening] = ()
    refreshes: Mapping[str, RefreshRequested] = field(default_factory=dict[str, RefreshRequested])
    causes: Mapping[str, Cause] = field(default_factory=dict[str, Cause])
    traces: Mapping[str, str] = field(default_factory=dict[str, str])
    verdict: Verdict | None = None
    restored: Restored | None = None
    pinning: Pinning | None = None
    erasing: Erasing | None = None
    again: Again | None = None
    dry_run: bool = False

    def without(self, event_ids: Collection[str]) -> "Work":
        """The work without these events."""
        return replace(
            self,
            told=[one for one in self.told if one.patch.event_id not in event_ids],
            happenings=[one for one in self.happenings if one.event_id not in event_ids],
            refreshes={event_id: one for event_id, one in self.refreshes.items() if event_id not in event_ids},
        )


def at_the_door(event: Event) -> DeadLetter | Drop | None:
    """What ends a message before it is looked at: a type that is none of ours, or ids that no store could hold."""
    match event.data:
        case RecordReceived(record_id=named) | RecordDeleted(record_id=named) | RefreshRequested(contact_id=named):
            ids = [named]
        case InteractionReceived(contact=ref):
            ids = [one for one in (ref.record_id, ref.contact_id) if one is not None]
        case IdentityAssigned() | Judged() | PinSaid() | ErasureRequested() | ErasureAnswered() as asked:
            ids = _ids_in(asked)
        case Happened(contact_id=named) if RESTORES in event.extensions:
            ids = [named]
        case None:
            return DeadLetter(LetterReason.INVALID, "the message has no value")
        case _:
            return Drop(DropReason.NOT_OURS)
    ids += [event.extensions[name] for name in (RESTORES, RECORD) if name in event.extensions]
    if all(is_uuid(one) for one in (event.id, *ids)):
        return None
    return DeadLetter(LetterReason.INVALID, "an id is no UUID")


def _ids_in(asked: IdentityAssigned | Judged | PinSaid | ErasureRequested | ErasureAnswered) -> list[str]:
    """The ids in what restores and erasures ask for."""
    match asked:
        case IdentityAssigned() as one:
            return [one.contact_id, one.founder, *(id_ for f in one.formers for id_ in (f.contact_id, f.founder))]
        case Judged() as one:
            return [one.judgement_id, *one.left, *one.right]
        case PinSaid() as one:
            return [one.pin_id, one.record_id]
        case ErasureAnswered() as one:
            return [one.erasure_id, *one.contact_ids, *one.records, *one.subjects]
        case ErasureRequested() as one:
            return [one.erasure_id, *(id_ for id_ in (one.contact_id, one.record_id) if id_ is not None)]
        case _:
            assert_never(asked)


def is_uuid(text: str) -> bool:
    """True for the usual text of a UUID, in lower case: any other spelling would be another id to whoever compares."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def work_of(events: Sequence[Event]) -> Work:
    """What a batch of events asks for; every one has passed the door."""
    told: list[Told] = []
    happenings: list[Happening] = []
    refreshes: dict[str, RefreshRequested] = {}
    causes: dict[str, Cause] = {}
    for event in events:
        event_id = event.id
        match event.data:
            case RecordReceived() as data:
                told.append(_received(event_id, data))
                causes[event_id] = Cause(kind="record", id=event_id, source=data.source)
            case RecordDeleted() as data:
                patch = Patch(event_id=event_id, observed_at=data.observed_at, deletes=True)
                told.append(Told(data.record_id, data.source, None, data.received_at, patch))
                causes[event_id] = Cause(kind="record", id=event_id, source=data.source)
            case InteractionReceived() as data:
                happenings.append(Happening(event_id, data, traceparent=event.traceparent))
                causes[event_id] = Cause(kind="interaction", id=event_id, source=data.source, by=data.by)
            case RefreshRequested() as data:
                refreshes[event_id] = data
                causes[event_id] = data.cause
            case _:
                raise AssertionError("settled at the door")
    traces = {causes[event.id].id: event.traceparent for event in events if event.traceparent is not None}
    return Work(told, happenings, refreshes, causes, traces)


def _received(event_id: str, data: RecordReceived) -> Told:
    patch = Patch(
        event_id=event_id,
        observed_at=data.observed_at,
        fields=data.fields,
        attributes=data.attributes,
        consents=data.consents,
    )
    return Told(data.record_id, data.source, data.source_record_id, data.received_at, patch)


def record_of(event: Event) -> str | None:
    """The record that an event is about, None for events about none."""
    match event.data:
        case RecordReceived(record_id=record_id) | RecordDeleted(record_id=record_id):
            return record_id
        case _:
            return None


def event_keys(work: Work) -> list[int]:
    """Keys of events that are about no record, so that one delivered twice at once is decided once."""
    keys = [key_of(f"event|{one}") for one in (*(h.event_id for h in work.happenings), *work.refreshes)]
    return keys if work.restored is None else [*keys, contact_key(work.restored.identity.contact_id)]


def contact_key(contact_id: str) -> int:
    """The key that is locked by whoever restores this contact."""
    return key_of(f"contact|{contact_id}")
