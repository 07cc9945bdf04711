"""Erasing: a person's records are taken back for good; of them only hashes stay, and what is older never comes back."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from services.dedup.core.arriving import Erasing, Work
from services.dedup.core.folding import Stored, Told
from services.dedup.core.interactions import Happening, address_keys, addressed, record_key
from services.dedup.core.saying import SOURCE
from services.dedup.core.scene import Plan
from shared.domain.contact import Cause
from shared.domain.events import ErasureAnswered, ErasureRequested, Event
from shared.domain.ids import derived_id
from shared.domain.outcome import Outgoing
from shared.domain.record import Patch
from shared.topology import DECIDED, Type


def subject_of(key: int) -> str:
    """An address, by the key under which interactions wait for it."""
    return f"address|{key}"


def work_of(request: ErasureRequested, contact_id: str, records: Mapping[str, Stored], now: datetime) -> Work:
    """Take these records back: all there are of a contact."""
    told: list[Told] = []
    causes: dict[str, Cause] = {}
    for record_id in sorted(records):
        record = records[record_id].record
        event_id = derived_id("erasure", request.erasure_id, record_id)
        patch = Patch(event_id=event_id, observed_at=max(now, record.observed_at), deletes=True)
        told.append(Told(record_id, record.source, record.source_record_id, request.requested_at, patch))
        causes[event_id] = Cause(kind="record", id=request.erasure_id)
    keys = {key for stored in records.values() for key in address_keys(stored.traits)}
    return Work(told, causes=causes, erasing=Erasing(request, contact_id, tuple(sorted(records)), tuple(sorted(keys))))


def plan_of(plan: Plan) -> Plan:
    """The plan in which a contact without records is erased instead of deleted."""
    rows = {
        contact: replace(row, retired="erased") if row.retired == "deleted" else row
        for contact, row in plan.rows.items()
    }
    return replace(plan, rows=rows)


def named_by(work: Work, countries: Mapping[str, str | None]) -> dict[str, tuple[list[str], datetime]]:
    """By event the subjects whose erasure would end it, and when it was received."""
    found = {one.patch.event_id: ([one.record_id], one.received_at) for one in work.told}
    return found | {one.event_id: (_whom(one, countries), one.said.received_at) for one in work.happenings}


def answered(
    request: ErasureRequested, outcome: str, at: datetime, contact_ids: Iterable[str] = (), **left: tuple[str, ...]
) -> Outgoing:
    """What came of a request, for the archive and for its receipt: ids and hashes only."""
    data = ErasureAnswered(
        erasure_id=request.erasure_id,
        outcome=outcome,  # type: ignore[arg-type]
        at=at,
        contact_ids=tuple(contact_ids),
        **left,
    )
    event_id = derived_id(Type.ERASURE_ANSWERED, request.erasure_id, outcome, *data.contact_ids)
    event = Event(
        id=event_id, type=Type.ERASURE_ANSWERED, source=SOURCE, time=at, subject=request.erasure_id, data=data
    )
    return Outgoing(DECIDED, request.erasure_id, event)


def _whom(happening: Happening, countries: Mapping[str, str | None]) -> list[str]:
    address = addressed(happening.said, countries.get(happening.said.source))
    if address is None:
        return []
    return [address.value] if address.key == record_key(address.value) else [subject_of(address.key)]
