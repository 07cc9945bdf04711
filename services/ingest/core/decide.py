"""Decide: have we had it, and if not, what does its receipt and its event say.

Two pure halves: `plan` names what must be known, `decide` folds the deliveries of one request over it, so that what the
first said, the second knows. With Postgres away nothing is known; then nothing is called a duplicate, and nothing that
may be new is given the id of something old (interleaving 5). A request that carries a key of its own gives its events
ids by that key, whoever can be asked: sent again, it says the same events (docs/decisions/0019-ids-by-request.md).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from services.ingest.core import identity
from services.ingest.core.interaction import Happening, Reference
from services.ingest.core.reading import Delivery
from shared.domain import opt_in
from shared.domain.events import Data, Event, InteractionReceived, PersonRef, RecordDeleted, RecordReceived
from shared.domain.outcome import Outgoing
from shared.topology import RECEIVED, Type

EVENT_SOURCE: Final = "/kontaktwerk/ingest"
DELETED: Final = b""
"""The content of a record that was taken back: no delivery has it, so whatever comes next is news."""

_TICK: Final = timedelta(microseconds=1)


class Deletion(NamedTuple):
    """A source takes a record back; `at` is when it did, None for now."""

    record_id: str
    source: str
    at: datetime | None = None


Item = Delivery | Deletion | Happening
"""What one request may bring."""


class State(msgspec.Struct, frozen=True):
    """The last accepted state of a record: the update that holds when all are folded by observed time."""

    record_id: str
    source: str
    event_id: str
    content: bytes
    observed_at: datetime
    received_at: datetime

    def after(self, other: "State") -> bool:
        """True when this one holds over the other, by the same order in which dedup folds."""
        return (self.observed_at, self.event_id) >= (other.observed_at, other.event_id)


class Known(msgspec.Struct, frozen=True):
    """What was accepted before, as far as it was asked for. `complete` is False when nobody could be asked."""

    states: Mapping[str, State] = {}
    events: frozenset[str] = frozenset()
    complete: bool = True


class Receipt(msgspec.Struct, frozen=True):
    """Our word to a sender: it is durable, and here is the id to ask by."""

    event_id: str
    record_id: str | None
    duplicate: bool


class Accepted(msgspec.Struct, frozen=True):
    """What one delivery comes to: its receipt, and for news what to say and what to remember."""

    receipt: Receipt
    source: str
    kind: str
    says: Outgoing | None = None
    state: State | None = None


class Identified(NamedTuple):
    """One item with the ids that follow from it alone. Several record ids: an earlier window comes second."""

    item: Item
    record_ids: tuple[str, ...]
    content: bytes
    event_id: str
    """Empty where it depends on the event before."""
    arrived_at: datetime


def plan(items: Sequence[Item], key: bytes, arrived_at: datetime, request: str = "") -> list[Identified]:
    """Every item with its ids. Each arrives a microsecond after the one before, so that one record said twice in one
    request is folded in the order of the request. `request` is the id of a request that carries a key, else empty.
    """
    return [
        _identified(item, key, arrived_at + place * _TICK, f"{request} {place}" if request else "")
        for place, item in enumerate(items)
    ]


def decide(planned: Sequence[Identified], known: Known, trace: str | None) -> list[Accepted]:
    """What each item comes to, in order."""
    states, events = dict(known.states), set(known.events)
    accepted: list[Accepted] = []
    for one in planned:
        decision = _decided(one, states, events, trace, complete=known.complete)
        accepted.append(decision)
        events.add(decision.receipt.event_id)
        state = decision.state
        if state is not None and (state.record_id not in states or state.after(states[state.record_id])):
            states[state.record_id] = state
    return accepted


def foreseen(planned: Sequence[Identified], known: Known) -> list[str]:
    """What each item would be: `new`, `updated` or the `same`, the earlier ones of the request counted in."""
    had = set(known.states)
    words: list[str] = []
    for one, accepted in zip(planned, decide(planned, known, None), strict=True):
        there = any(record_id in had for record_id in one.record_ids)
        words.append("same" if accepted.receipt.duplicate else "updated" if there else "new")
        had.update(one.record_ids[:1])
    return words


def _identified(item: Item, key: bytes, arrived_at: datetime, asked: str) -> Identified:
    """An item with its ids; `asked` is its place in a request that carries a key, else empty."""
    match item:
        case Deletion():
            after = asked if item.at is None else item.at.isoformat()
            said = identity.deletion_id_of(item.record_id, after) if after else ""
            return Identified(item, (item.record_id,), DELETED, said, arrived_at)
        case Happening():
            interaction_id = identity.interaction_id_of(key, item.source, item.interaction_id)
            return Identified(
                item,
                (interaction_id, *_record_about(item.about, key)),
                DELETED,
                identity.interaction_event_id_of(interaction_id),
                arrived_at,
            )
        case Delivery():
            content = identity.content_of(item)
            if item.source_record_id is None:
                ids = identity.submission_ids_of(key, item.source, content, arrived_at)
                said = identity.update_id_of(ids[0], content, asked) if asked else ""
                return Identified(item, ids, content, said, arrived_at)
            record_id = identity.record_id_of(key, item.source, item.source_record_id)
            after = item.observed.stamp or asked
            said = identity.update_id_of(record_id, content, after) if after else ""
            return Identified(item, (record_id,), content, said, arrived_at)


def _record_about(about: Reference, key: bytes) -> tuple[str, ...]:
    return (identity.record_id_of(key, about.source, about.value),) if about.kind == "record" else ()


def _decided(
    one: Identified, states: Mapping[str, State], events: set[str], trace: str | None, *, complete: bool
) -> Accepted:
    match one.item:
        case Deletion():
            if one.event_id in events:
                return Accepted(Receipt(one.event_id, one.item.record_id, duplicate=True), one.item.source, "deletion")
            return _deletion(one, one.item, states.get(one.item.record_id), trace, complete=complete)
        case Happening():
            return _happening(one, one.item, events, trace)
        case Delivery():
            return _delivery(one, one.item, states, events, trace, complete=complete)


def _delivery(
    one: Identified,
    item: Delivery,
    states: Mapping[str, State],
    events: set[str],
    trace: str | None,
    *,
    complete: bool,
) -> Accepted:
    for record_id in one.record_ids:
        state = states.get(record_id)
        if state is not None and _same(item, one, state):
            return Accepted(Receipt(state.event_id, record_id, duplicate=True), item.source, "record")
    record_id = one.record_ids[0]
    before = states.get(record_id)
    event_id = one.event_id or identity.update_id_of(record_id, one.content, _after(before, one, complete=complete))
    if event_id in events:
        return Accepted(Receipt(event_id, record_id, duplicate=True), item.source, "record")
    observed_at = item.observed.at if item.observed.stamp and item.observed.raw is None else one.arrived_at
    asked = opt_in.Asked(item.source, record_id)
    data = RecordReceived(
        record_id=record_id,
        source=item.source,
        source_record_id=item.source_record_id,
        received_at=one.arrived_at,
        observed_at=observed_at,
        observed_raw=item.observed.raw,
        fields=item.fields,
        attributes=item.attributes,
        consents=tuple(opt_in.asking(consent, asked, observed_at) for consent in item.consents),
        import_id=item.import_id,
    )
    return Accepted(
        Receipt(event_id, record_id, duplicate=False),
        item.source,
        "record",
        _says(event_id, record_id, Type.RECORD_RECEIVED, one.arrived_at, data, trace),
        State(record_id, item.source, event_id, one.content, observed_at, one.arrived_at),
    )


def _same(item: Delivery, one: Identified, state: State) -> bool:
    """True for a delivery that says what the record's last accepted state says; without a record id of the source only
    within the time in which a repetition is a retry.
    """
    if state.content != one.content:
        return False
    return item.source_record_id is not None or state.received_at > one.arrived_at - identity.RETRY_WINDOW


def _after(before: State | None, one: Identified, *, complete: bool) -> str:
    """What an event without a named time comes after: the event before; where nobody could be asked, its arrival."""
    if before is not None:
        return before.event_id
    return "" if complete else one.arrived_at.isoformat()


def _deletion(one: Identified, item: Deletion, before: State | None, trace: str | None, *, complete: bool) -> Accepted:
    if item.at is None and before is not None and before.content == DELETED:
        return Accepted(Receipt(before.event_id, item.record_id, duplicate=True), item.source, "deletion")
    event_id = one.event_id or identity.deletion_id_of(item.record_id, _after(before, one, complete=complete))
    # A record may have been observed a little ahead of our clock; what the source takes back goes all the same.
    observed_at = item.at or (one.arrived_at if before is None else max(one.arrived_at, before.observed_at + _TICK))
    data = RecordDeleted(
        record_id=item.record_id, source=item.source, received_at=one.arrived_at, observed_at=observed_at
    )
    return Accepted(
        Receipt(event_id, item.record_id, duplicate=False),
        item.source,
        "deletion",
        _says(event_id, item.record_id, Type.RECORD_DELETED, one.arrived_at, data, trace),
        State(item.record_id, item.source, event_id, DELETED, observed_at, one.arrived_at),
    )


def _happening(one: Identified, item: Happening, events: set[str], trace: str | None) -> Accepted:
    interaction_id, *about = one.record_ids
    record_id = about[0] if about else None
    if one.event_id in events:
        return Accepted(Receipt(one.event_id, record_id, duplicate=True), item.source, "interaction")
    data = InteractionReceived(
        interaction_id=interaction_id,
        source=item.source,
        type=item.type,
        at=item.at,
        received_at=one.arrived_at,
        by=item.by,
        contact=_person(item.about, record_id),
        subject=item.subject,
        detail=item.detail,
    )
    key = record_id or (item.about.value if item.about.kind in ("record_id", "contact_id") else interaction_id)
    return Accepted(
        Receipt(one.event_id, record_id, duplicate=False),
        item.source,
        "interaction",
        _says(one.event_id, key, Type.INTERACTION_RECEIVED, one.arrived_at, data, trace),
    )


def _person(about: Reference, record_id: str | None) -> PersonRef:
    match about.kind:
        case "record":
            return PersonRef(record_id=record_id)
        case "record_id":
            return PersonRef(record_id=about.value)
        case "email":
            return PersonRef(email=about.value)
        case "phone":
            return PersonRef(phone=about.value)
        case _:
            return PersonRef(contact_id=about.value)


def _says(event_id: str, key: str, type_: Type, at: datetime, data: Data, trace: str | None) -> Outgoing:
    event = Event(id=event_id, type=type_, source=EVENT_SOURCE, time=at, subject=key, data=data, traceparent=trace)
    return Outgoing(RECEIVED, key, event)
