"""Restoring: a contact that a restore brings back comes in parts, and is decided at once when all of them are there.

Its records keep the id they had, whatever the evidence says today; its version goes on above any that was ever said. So
nobody sees a contact that is only half there, whose consents would be looser than they were.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import msgspec

from services.dedup.core.arriving import RECORD, RESTORES, Restored, Work, work_of
from services.dedup.core.clustering import Partition
from services.dedup.core.scene import NOTHING, Plan, Row, Scene
from shared.domain.contact import Cause
from shared.domain.events import (
    DATA_OF,
    ErasureAnswered,
    ErasureRequested,
    Event,
    Happened,
    IdentityAssigned,
    Judged,
    PinSaid,
)
from shared.topology import Type

LEAP: Final = 1_000_000
"""Versions between a contact as it was backed up and as it comes back: readers keep the greatest version they have
seen, and what was said after the backup is unknown. No contact changes a million times between two backups."""


class Held(NamedTuple):
    """One part of a contact that is restored: the word who it is made of, or an event of its records."""

    event_id: str
    contact_id: str
    record_id: str | None
    type: str
    body: bytes


def is_request(event: Event) -> bool:
    """True for what operators ask for over the topic, which no batch of records can settle: restores and erasures."""
    return (
        isinstance(event.data, IdentityAssigned | Judged | PinSaid | ErasureRequested | ErasureAnswered)
        or RESTORES in event.extensions
    )


def held_of(event: Event) -> Held | None:
    """The part of a restore that an event is, None for an ordinary one."""
    if isinstance(event.data, IdentityAssigned):
        contact_id, record_id = event.data.contact_id, None
    elif RESTORES in event.extensions:
        contact_id, record_id = event.extensions[RESTORES], event.extensions.get(RECORD)
    else:
        return None
    return Held(event.id, contact_id, record_id, event.type.value, msgspec.json.encode(event.data))


def whole(parts: Sequence[Held]) -> Work | None:
    """What is to be done for a contact whose parts are all there, None while some are missing."""
    said = [part for part in parts if part.type == Type.IDENTITY_ASSIGNED]
    if not said:
        return None
    identity = msgspec.json.decode(said[0].body, type=IdentityAssigned)
    rest = [part for part in parts if part.type != Type.IDENTITY_ASSIGNED]
    if len(rest) < identity.events:
        return None
    events = sorted((_event(part, identity) for part in rest), key=lambda event: (event.time, event.id))
    records = {part.event_id: part.record_id for part in rest}
    work = work_of([event for event in events if not isinstance(event.data, Happened)])
    firings = tuple(event for event in events if isinstance(event.data, Happened))
    return replace(
        work,
        happenings=[replace(one, record_id=records[one.event_id]) for one in work.happenings],
        restored=Restored(identity, said[0].event_id, firings),
    )


def scene_of(scene: Scene, restored: Restored) -> Scene:
    """The scene with the contact as it stood when it was backed up, before its records come back."""
    identity = restored.identity
    contact = identity.contact_id
    row = _row(identity, identity.founder, restored.cause)
    return replace(scene, rows={**scene.rows, contact: row}, regroup=scene.regroup | {contact}, restored=contact)


def plan_of(plan: Plan, scene: Scene, restored: Restored) -> Plan:
    """The plan with the ids that lead to the contact. One without records is gone, as it was."""
    contact = restored.identity.contact_id
    before = scene.rows[contact]
    row = plan.rows.get(contact) or replace(
        before, version=before.version + 1, retired=restored.identity.retired or "deleted"
    )
    formers = {
        one.contact_id: replace(
            _row(one, one.founder, restored.cause),
            updated_at=row.updated_at,
            retired="merged",
            merged_into=contact,
            merged_into_version=row.version,
        )
        for one in restored.identity.formers
    }
    groups = {**plan.groups, **dict.fromkeys(formers, NOTHING)}
    return replace(plan, rows={**plan.rows, contact: row, **formers}, groups={contact: NOTHING, **groups})


def as_they_were(parted: Partition, record_ids: Iterable[str], home: Mapping[str, str | None]) -> Partition:
    """The records at hand grouped as they were, whatever the evidence says; of the offers those that concern groups as
    they were.
    """
    together: dict[str, set[str]] = {}
    for record_id in record_ids:
        together.setdefault(home.get(record_id) or record_id, set()).add(record_id)
    groups = tuple(sorted(map(frozenset, together.values()), key=min))
    return Partition(groups, tuple(one for one in parted.offers if {*map(frozenset, one.groups)} <= {*groups}))


def _row(said: Any, founder: str, cause: Cause) -> Row:
    return Row(said.contact_id, said.version + LEAP, founder, said.created_at, said.created_at, cause)


def _event(part: Held, identity: IdentityAssigned) -> Event:
    data = msgspec.json.decode(part.body, type=DATA_OF[Type(part.type)])
    return Event(
        id=part.event_id,
        type=Type(part.type),
        source="/kontaktwerk/backup",
        time=getattr(data, "received_at", identity.at),
        subject=identity.contact_id,
        data=data,
    )
