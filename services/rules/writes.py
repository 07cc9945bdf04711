"""Writes: what one batch writes, gathered decision by decision and written statement by statement."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import msgspec

from services.rules.core.changes import note_of
from services.rules.core.decide import Gone, Published
from services.rules.core.firing import Firing, due_at, firings, lineages
from services.rules.core.happenings import cleaned, tombstone
from services.rules.core.labels import Differences, labelled_alike, labels_of
from services.rules.core.rulebook import Holding
from services.rules.core.searching import found_alike, search_keys
from services.rules.store import Row, Store, as_json, packed
from shared.domain.contact import Contact
from shared.domain.outcome import DeadLetter, Forward, LetterReason, Outcome, Outgoing
from shared.runtime import erasure, outbox
from shared.runtime.database import Connection
from shared.topology import MESSAGE_BYTES_MAX

T = TypeVar("T")


@dataclass(slots=True)
class Writes:
    """What one batch writes, statement by statement.

    `plans`: there are rules that look ahead. `erased` are contacts of which only the row stays, `forgotten` their
    records.
    """

    now: datetime
    plans: bool
    rows: list[Row] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    keys: Differences[int] = field(default_factory=Differences[int])
    labels: Differences[str] = field(default_factory=Differences[str])
    changes: list[tuple[str, int, datetime, Mapping[str, object]]] = field(default_factory=list)
    timers: dict[str, tuple[int, datetime | None]] = field(default_factory=dict)
    noted: list[Firing] = field(default_factory=list)
    happenings: list[Outgoing] = field(default_factory=list)
    erased: set[str] = field(default_factory=set)
    forgotten: set[str] = field(default_factory=set)

    def plan(self, contact_id: str, version: int, holding: Holding) -> None:
        """Note when the contact is to be looked at again; at once while something is open."""
        if self.plans:
            self.timers[contact_id] = version, due_at(holding, self.now)

    def bring_back(self, contact: Contact, holding: Holding) -> None:
        """Note all that is open for a restored contact as requested: who was told before is not told again."""
        self.noted += firings(contact, holding)
        self.timers[contact.contact_id] = contact.version, holding.next_at

    async def write(self, store: Store, connection: Connection, service: str) -> None:
        """Write everything, in the caller's transaction."""
        await store.write(connection, self.rows)
        await store.see(connection, self.seen)
        await store.index(connection, self.keys)
        await store.relabel(connection, self.labels, self.now)
        await store.note_changes(connection, self.changes)
        await store.plan(connection, self.timers)
        if self.noted:
            await store.fire(connection, lineages(self.noted), self.now)
        await outbox.append(connection, service, self.happenings)
        if self.erased:
            await store.forget(connection, self.erased, self.forgotten)
            await erasure.note(connection, service, self.erased, self.now)


def publish(decided: Published, traceparent: str | None, writes: Writes) -> Outcome:
    """A new clean version, with all that follows from it; a dead letter when it cannot be said."""
    contact = decided.contact
    document = as_json(contact)
    if len(document) > MESSAGE_BYTES_MAX:
        return DeadLetter(LetterReason.TOO_LARGE, f"the clean contact exceeds {MESSAGE_BYTES_MAX} bytes")
    stuck = "\n".join(sorted(decided.holding.stuck))
    writes.rows.append(row_of(contact, stuck, packed(document)))
    writes.plan(contact.contact_id, contact.version, decided.holding)
    _reindex(contact.contact_id, decided.before, contact, writes)
    writes.changes.append((contact.contact_id, contact.version, contact.updated_at, note_of(contact, decided.before)))
    writes.happenings += decided.happenings
    return Forward((cleaned(contact, traceparent),))


def retire(decided: Gone, row: Row | None, traceparent: str | None, writes: Writes) -> Outcome:
    """The end of a contact: its row stays, with the version, and nothing is ahead of it any more."""
    retired = decided.retired
    gone = Row(
        contact_id=retired.contact_id,
        version=retired.version,
        published_version=retired.version,
        updated_at=decided.at if row is None else max(decided.at, row.updated_at),
        retired=retired.reason,
        merged_into=retired.merged_into,
        merged_into_version=retired.merged_into_version,
        document=None,
        stuck="" if row is None else row.stuck,
        cause=msgspec.json.encode(retired.cause).decode(),
    )
    writes.rows.append(gone)
    if writes.plans:
        writes.timers[retired.contact_id] = retired.version, None
    _reindex(retired.contact_id, decided.before, None, writes)
    if retired.reason == "erased":
        writes.erased.update((retired.contact_id, *(() if decided.before is None else decided.before.merged_from)))
        writes.forgotten.update(() if decided.before is None else [one.record_id for one in decided.before.records])
    note = {"version": retired.version, "cause": retired.cause, "retired": retired.reason, "into": retired.merged_into}
    writes.changes.append((retired.contact_id, retired.version, gone.updated_at, note))
    writes.happenings += decided.happenings
    return Forward((tombstone(gone.tombstone(), traceparent),))


def row_of(contact: Contact, stuck: str, document: bytes) -> Row:
    """The row of a published contact."""
    return Row(
        contact_id=contact.contact_id,
        version=contact.version,
        published_version=contact.version,
        updated_at=contact.updated_at,
        retired=None,
        merged_into=None,
        merged_into_version=None,
        document=document,
        stuck=stuck,
    )


def _reindex(contact_id: str, before: Contact | None, after: Contact | None, writes: Writes) -> None:
    """The differences in what a contact is found by and in the labels it bears."""
    if before is None or after is None or not found_alike(before, after):
        writes.keys.differ(contact_id, _of(search_keys, before), _of(search_keys, after))
    if before is None or after is None or not labelled_alike(before, after):
        writes.labels.differ(contact_id, _of(labels_of, before), _of(labels_of, after))


def _of(what: Callable[[Contact], frozenset[T]], contact: Contact | None) -> frozenset[T]:
    return frozenset() if contact is None else what(contact)
