"""Answering: what became of every event of a batch, and what made each change."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, assert_never

from services.dedup.core.arriving import Work
from services.dedup.core.folding import Change, Fate, Stored, Told
from services.dedup.core.interactions import Address, Happening, Holder, Whom, has, moment_of
from services.dedup.core.saying import Decided, interaction
from services.dedup.core.scene import Plan, Scene, led
from shared.domain.contact import Cause
from shared.domain.outcome import DropReason, Outgoing

Memo = dict[tuple[str, tuple[str, ...]], Change]
"""Changes by record and events, kept over the attempts at one batch."""


@dataclass(slots=True)
class Batch:
    """One attempt at a batch while it grows: records as they were, as they are, and where interactions found theirs."""

    work: Work
    before: dict[str, Stored]
    told: dict[str, list[Told]]
    memo: Memo
    changes: dict[str, Change] = field(default_factory=dict[str, Change])
    found: list[tuple[Happening, str]] = field(default_factory=list[tuple[Happening, str]])
    waiting: list[tuple[Happening, int, bool]] = field(default_factory=list[tuple[Happening, int, bool]])
    hopeless: list[Happening] = field(default_factory=list[Happening])
    judgement_ids: list[str] = field(default_factory=list[str])


def decided(batch: Batch, plan: Plan, scene: Scene) -> dict[str, Decided]:
    """The decision about every event of the batch."""
    found = {happening.event_id: record_id for happening, record_id in batch.found}
    answers: dict[str, Decided] = {}
    for change in batch.changes.values():
        for event_id, fate in change.fates:
            if event_id not in found:
                answers[event_id] = _fate(event_id, fate, change, plan, scene)
    for event_id, record_id in found.items():
        contact = plan.home.get(record_id)
        answers[event_id] = (
            Decided(event_id, "resolved", None, record_id, contact, _version(contact, plan, scene))
            if contact is not None
            else Decided(event_id, "dropped", DropReason.UNKNOWN_CONTACT, record_id)
        )
    for happening in batch.hopeless:
        answers[happening.event_id] = Decided(happening.event_id, "dropped", DropReason.UNKNOWN_CONTACT)
    for happening, _, _ in batch.waiting:
        if not happening.waited:
            answers[happening.event_id] = Decided(happening.event_id, "parked")
    for event_id, refresh in batch.work.refreshes.items():
        where = [*led((refresh.contact_id,), scene.rows)]
        answers[event_id] = (
            Decided(event_id, "refreshed", None, None, where[0], _version(where[0], plan, scene))
            if where
            else Decided(event_id, "dropped", DropReason.UNKNOWN_CONTACT)
        )
    return answers


def _fate(event_id: str, fate: Fate, change: Change, plan: Plan, scene: Scene) -> Decided:
    record_id = change.record.record_id
    match fate:
        case Fate.LIVES | Fate.TAKEN:
            home = plan.home[record_id]
            contact = home if home is not None else plan.was.get(record_id)
            outcome: Literal["resolved", "deleted"] = "resolved" if home is not None else "deleted"
            return Decided(event_id, outcome, None, record_id, contact, _version(contact, plan, scene))
        case Fate.SUPERSEDED:
            return Decided(event_id, "dropped", DropReason.SUPERSEDED, record_id)
        case Fate.UNKNOWN:
            return Decided(event_id, "dropped", DropReason.UNKNOWN_RECORD, record_id)
        case Fate.UNCHANGED:
            return Decided(event_id, "dropped", DropReason.UNCHANGED, record_id)
        case _:
            assert_never(fate)


def _version(contact: str | None, plan: Plan, scene: Scene) -> int | None:
    if contact is None:
        return None
    return (plan.rows.get(contact) or scene.rows[contact]).version


def causes(batch: Batch) -> dict[str, Cause]:
    """What made the changes, by record id and by contact id, in the order of the batch; the last of a name holds.

    Refreshes come before all others: a sender waits for a version that a record or an interaction made, and rules says
    a version for whose cause nobody waits only where something changed.
    """
    work = batch.work
    if work.restored is not None:
        return {"": work.restored.cause}
    made: dict[str, Cause] = {}
    if work.pinning is not None:
        made[""] = work.pinning.cause
    if work.again is not None:
        made[""] = work.again.cause
    if work.verdict is not None:
        made[""] = Cause(kind="judgement", id=batch.judgement_ids[0], by=work.verdict.by)
    names = {one.patch.event_id: record_id for record_id, told in batch.told.items() for one in told}
    names |= {event_id: one.contact_id for event_id, one in work.refreshes.items()}
    woken = {
        one.event_id: Cause(kind="interaction", id=one.event_id, source=one.said.source, by=one.said.by)
        for one in work.happenings
        if one.waited
    }
    asked = {event_id: cause for event_id, cause in work.causes.items() if event_id in work.refreshes}
    said = {event_id: cause for event_id, cause in work.causes.items() if event_id not in work.refreshes}
    for event_id, cause in (*asked.items(), *woken.items(), *said.items()):
        if event_id in names:
            made.pop(names[event_id], None)
            made[names[event_id]] = cause
    return made


def told_interaction(happening: Happening, answers: Mapping[str, Decided]) -> Sequence[Outgoing]:
    """The word that an interaction went to its record."""
    one = answers[happening.event_id]
    assert one.record_id is not None, "an interaction that is resolved has a record"
    assert one.contact_id is not None, "and a contact"
    assert one.version is not None, "at a version"
    return interaction(happening, one.record_id, one.contact_id, one.version)


def holders(batch: Batch, stored: Mapping[str, Stored], address: Address) -> Iterable[Holder]:
    """The live records with this address: those of the batch as they are now, the others as they are stored."""
    for record_id, change in batch.changes.items():
        if change.traits is not None and has(change.traits, address):
            yield Holder(record_id, change.record.source, change.contact_id, change.traits)
    for record_id, one in stored.items():
        if record_id not in batch.changes and one.traits is not None and has(one.traits, address):
            yield Holder(record_id, one.traits.source, one.contact_id, one.traits)


def departed(batch: Batch, stored: Mapping[str, Stored], address: Address, happening: Happening) -> str | None:
    """The record that an interaction went to, where that was taken back after it had happened: nobody comes any more
    for whom it could wait. Records of the batch are also found by an address that they had before it.
    """
    at = moment_of(happening.said)
    gone = {record_id: change.record for record_id, change in batch.changes.items() if _meant(change, address)}
    if address.whom is Whom.RECORD and address.value in stored and address.value not in batch.changes:
        gone[address.value] = stored[address.value].record
    later = [record_id for record_id, record in gone.items() if record.deleted is not None and record.deleted.at > at]
    return min(later, default=None)


def _meant(change: Change, address: Address) -> bool:
    if change.traits is not None:
        return False
    before = change.before.traits if change.before is not None else None
    return address.value == change.record.record_id or (before is not None and has(before, address))
