"""Plan: a batch sorted by what it asks of the stage, before anything is read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from services.rules.core.decide import awaited_by
from services.rules.core.firing import Noted
from shared.domain.contact import Cause, Contact
from shared.domain.events import Event, Happened, InteractionResolved, Retired, Snapshot
from shared.domain.outcome import DeadLetter, Drop, DropReason, Forward, LetterReason, Outcome
from shared.topology import Type

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Arrived(NamedTuple):
    """One message of a batch: its event, and when the log says it was written."""

    event: Event
    from_clean: bool
    timestamp_ms: int


class Versioned(NamedTuple):
    """A snapshot or a retirement, and its place in the batch."""

    place: int
    contact_id: str
    version: int
    data: Contact | Retired
    traceparent: str | None


class Heard(NamedTuple):
    """What `contacts.clean` said of a contact, and when it was written there."""

    place: int
    contact_id: str
    version: int
    timestamp_ms: int


class Asked(NamedTuple):
    """A version some sender waits for, and what caused it."""

    version: int
    cause: Cause


@dataclass(slots=True)
class Plan:
    """A batch by what it asks. `newest` holds the greatest version of each contact, `oldest` the smallest; `restored`
    are contacts that a restore has just brought back, `fired` what was requested about them before.
    """

    newest: dict[str, Versioned] = field(default_factory=dict)
    oldest: dict[str, int] = field(default_factory=dict)
    awaited: dict[str, Asked] = field(default_factory=dict)
    restored: set[str] = field(default_factory=set)
    places: dict[int, str] = field(default_factory=dict)
    interactions: dict[int, InteractionResolved] = field(default_factory=dict)
    fired: list[Noted] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    settled: dict[int, Outcome] = field(default_factory=dict)

    def contact_ids(self) -> list[str]:
        """All contacts whose rows matter, in order."""
        heard = [one.contact_id for one in self.heard]
        return sorted({*self.newest, *heard, *(one.contact_id for one in self.interactions.values())})

    def touched(self, new: set[tuple[str, str]]) -> dict[str, InteractionResolved]:
        """By contact the last of its new interactions, of contacts that the batch says nothing else about."""
        return {
            one.contact_id: one
            for one in self.interactions.values()
            if (one.source, one.interaction_id) in new and one.contact_id not in self.newest
        }


def planned(batch: Sequence[Arrived]) -> Plan:
    """The batch, sorted. What is no event of ours, or names ids that are none, is settled here."""
    plan = Plan()
    for place, arrived in enumerate(batch):
        if arrived.from_clean:
            _hear(plan, place, arrived)
        else:
            _take(plan, place, arrived.event)
    return plan


def is_id(text: str | None) -> bool:
    """True for a UUID as we write them."""
    return text is not None and _UUID.fullmatch(text) is not None


def _hear(plan: Plan, place: int, arrived: Arrived) -> None:
    event = arrived.event
    version = event.extensions.get("version", "")
    if is_id(event.subject) and version.isdecimal() and len(version) < 19:
        plan.heard.append(Heard(place, event.subject, int(version), arrived.timestamp_ms))
    else:
        plan.settled[place] = Drop(DropReason.NOT_OURS)


def _take(plan: Plan, place: int, event: Event) -> None:
    match event.data:
        case Snapshot(contact=None):
            plan.settled[place] = Drop(DropReason.NOT_OURS)
        case Snapshot(contact=Contact() as contact) if _names_ids(contact):
            _add(plan, Versioned(place, contact.contact_id, contact.version, contact, event.traceparent), contact.cause)
        case Retired() as retired if is_id(retired.contact_id) and (
            retired.merged_into is None or is_id(retired.merged_into)
        ):
            _add(plan, Versioned(place, retired.contact_id, retired.version, retired, event.traceparent), None)
        case InteractionResolved() as one if is_id(one.contact_id) and is_id(one.record_id):
            plan.interactions[place] = one
        case Happened(contact_id=contact_id, rule=str() as rule, part=str() as part, occasion=str() as occasion) if (
            is_id(contact_id)
        ):
            plan.fired.append(Noted(contact_id, rule, part, occasion))
            plan.settled[place] = Forward()
        case None | Contact() if event.type in (Type.CONTACT_CLEANED, Type.CONTACT_RETIRED):
            plan.settled[place] = Drop(DropReason.NOT_OURS)
        case Snapshot() | Retired() | InteractionResolved() | None:
            plan.settled[place] = DeadLetter(LetterReason.INVALID, "an id of the contact or of a record is no UUID")
        case _:
            plan.settled[place] = Drop(DropReason.NOT_OURS)


def _names_ids(contact: Contact) -> bool:
    """True when every id the tables hold is one. `merged_from` and the records are read with it."""
    ids = (contact.contact_id, *contact.merged_from, *(member.record_id for member in contact.records))
    return all(is_id(one) for one in ids)


def _add(plan: Plan, new: Versioned, cause: Cause | None) -> None:
    plan.places[new.place] = new.contact_id
    known = plan.newest.get(new.contact_id)
    if known is None or new.version > known.version:
        plan.newest[new.contact_id] = new
    if cause is not None and cause.kind == "restore":
        plan.restored.add(new.contact_id)
    plan.oldest[new.contact_id] = min(new.version, plan.oldest.get(new.contact_id, new.version))
    if cause is not None and awaited_by(cause):
        asked = plan.awaited.get(new.contact_id)
        if asked is None or new.version > asked.version:
            plan.awaited[new.contact_id] = Asked(new.version, cause)
