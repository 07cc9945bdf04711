"""Saying: the events that tell what was decided. Ids follow from what is said, so what is said again keeps its id."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec

from services.dedup.core.clustering import Judgement
from services.dedup.core.interactions import Happening
from services.dedup.core.judging import Verdict
from services.dedup.core.scene import Plan, Row
from shared.domain.contact import Contact
from shared.domain.events import (
    Data,
    Decision,
    Event,
    Happened,
    IdentityAssigned,
    InteractionResolved,
    Judged,
    Retired,
    Snapshot,
)
from shared.domain.ids import derived_id, event_id_of
from shared.domain.outcome import Outgoing
from shared.topology import DECIDED, EVENTS, RESOLVED, Topic, Type

SOURCE: Final = "/kontaktwerk/dedup"


class Decided(msgspec.Struct, frozen=True):
    """What was decided about one event, as it is stored. parked: it waits for its person; refreshed: nobody waits for
    the answer.
    """

    event_id: str
    outcome: Literal["resolved", "deleted", "dropped", "parked", "refreshed"]
    reason: str | None = None
    record_id: str | None = None
    contact_id: str | None = None
    version: int | None = None

    @property
    def answer(self) -> Decision | None:
        """What its receipt will show, None where there is nothing to show (yet)."""
        match self.outcome:
            case "parked" | "refreshed":
                return None
            case "resolved" | "deleted" | "dropped" as outcome:
                pass
        return Decision(
            event_id=self.event_id,
            outcome=outcome,
            reason=self.reason,
            contact_id=self.contact_id,
            version=self.version,
        )


def resolved(row: Row, contact: Contact, decisions: Sequence[Decision] = (), trace: str | None = None) -> Outgoing:
    """The snapshot of a living contact."""
    data = Snapshot(contact=contact, decisions=tuple(decisions))
    return _event(RESOLVED, Type.CONTACT_RESOLVED, row, data, trace)


def retired(row: Row, decisions: Sequence[Decision] = (), trace: str | None = None) -> Outgoing:
    """The word that a contact is gone, and where to."""
    assert row.retired is not None, "only a contact that is gone is said to be"
    data = Retired(
        contact_id=row.contact_id,
        version=row.version,
        reason=row.retired,
        merged_into=row.merged_into,
        merged_into_version=row.merged_into_version,
        at=row.updated_at,
        cause=row.cause,
        decisions=tuple(decisions),
    )
    return _event(RESOLVED, Type.CONTACT_RETIRED, row, data, trace)


def decided(decisions: Sequence[Decision], at: datetime) -> list[Outgoing]:
    """The outcomes of events that no snapshot tells, by the contact they are about; each group as one message."""
    by_key: dict[str, list[Decision]] = {}
    for decision in decisions:
        by_key.setdefault(decision.contact_id or decision.event_id, []).append(decision)
    return [
        Outgoing(
            RESOLVED,
            key,
            _of(Type.CONTACT_RESOLVED, _decisions_id(some), key, at, Snapshot(contact=None, decisions=tuple(some))),
        )
        for key, some in by_key.items()
    ]


def assigned(row: Row, records: Iterable[str], trace: str | None = None) -> Outgoing:
    """Which records a contact is made of now: for the archive, from which a restore gives it its id back."""
    data = IdentityAssigned(
        contact_id=row.contact_id,
        version=row.version,
        founder=row.founder,
        created_at=row.created_at,
        at=row.updated_at,
        records=tuple(sorted(records)),
        retired=row.retired,
        merged_into=row.merged_into,
    )
    return _event(DECIDED, Type.IDENTITY_ASSIGNED, row, data, trace)


def judged(type_: Type, one: Judgement, verdict: Verdict) -> Outgoing:
    """What a person said about records, or took back."""
    data = Judged(
        judgement_id=one.judgement_id,
        same=one.same,
        left=one.left,
        right=one.right,
        reason=verdict.reason,
        by=verdict.by,
        at=verdict.at,
    )
    event = _of(type_, derived_id(type_, one.judgement_id), one.judgement_id, verdict.at, data)
    return Outgoing(DECIDED, one.judgement_id, event)


def interaction(happening: Happening, record_id: str, contact_id: str, version: int) -> Sequence[Outgoing]:
    """An interaction with the record it belongs to: for the chain, and for the archive."""
    said = happening.said
    data = InteractionResolved(
        interaction_id=said.interaction_id,
        event_id=happening.event_id,
        contact_id=contact_id,
        record_id=record_id,
        version=version,
        source=said.source,
        type=said.type,
        at=said.at,
        by=said.by,
        subject=said.subject,
        detail=said.detail,
        address=said.contact.email,
    )
    event_id = derived_id(Type.INTERACTION_RESOLVED, happening.event_id)
    event = _of(Type.INTERACTION_RESOLVED, event_id, contact_id, said.received_at, data, happening.traceparent)
    return [Outgoing(RESOLVED, contact_id, event), Outgoing(DECIDED, contact_id, event)]


def happenings(plan: Plan, opened: Mapping[str, Sequence[str]]) -> list[Outgoing]:
    """What happened besides, for `contacts.events`: merges, splits, revivals, and reviews that were opened.

    `opened` maps the id of each new review to its record ids.
    """
    says = [_happened(Type.CONTACT_MERGED, row, into=row.merged_into) for row in plan.merged]
    says += [_happened(Type.CONTACT_SPLIT, plan.rows[contact], records=went) for contact, went in plan.splits.items()]
    says += [_happened(Type.CONTACT_REVIVED, plan.rows[contact]) for contact in sorted(plan.revived)]
    return says + [one for review_id, records in opened.items() for one in _opened(plan, review_id, records)]


def _opened(plan: Plan, review_id: str, records: Sequence[str]) -> Iterable[Outgoing]:
    contacts = sorted({contact for record in records if (contact := plan.home.get(record)) in plan.rows and contact})
    for contact in contacts[:1]:
        row = plan.rows[contact]
        data = Happened(
            contact_id=contact, version=row.version, at=row.updated_at, cause=row.cause, review_id=review_id
        )
        event_id = event_id_of(Type.REVIEW_OPENED, review_id, row.version)
        yield Outgoing(EVENTS, contact, _of(Type.REVIEW_OPENED, event_id, contact, row.updated_at, data))


def _happened(type_: Type, row: Row, *, into: str | None = None, records: Mapping[str, str] | None = None) -> Outgoing:
    data = Happened(
        contact_id=row.contact_id, version=row.version, at=row.updated_at, cause=row.cause, into=into, records=records
    )
    return _event(EVENTS, type_, row, data, None)


def _event(topic: Topic, type_: Type, row: Row, data: Data, trace: str | None) -> Outgoing:
    event_id = event_id_of(type_, row.contact_id, row.version)
    return Outgoing(topic, row.contact_id, _of(type_, event_id, row.contact_id, row.updated_at, data, trace))


def _of(type_: Type, event_id: str, subject: str, at: datetime, data: Data, trace: str | None = None) -> Event:
    return Event(id=event_id, type=type_, source=SOURCE, time=at, subject=subject, data=data, traceparent=trace)


def _decisions_id(decisions: Sequence[Decision]) -> str:
    return derived_id("decisions", *(decision.event_id for decision in decisions))
