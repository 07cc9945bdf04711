"""Composing: what a transaction has to say, from its plan: snapshots, retired contacts, and the answers they carry."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from services.dedup.core import saying
from services.dedup.core.answering import told_interaction
from services.dedup.core.arriving import Work
from services.dedup.core.candidates import DEFAULT_ORDER, Criterion, SourceView
from services.dedup.core.folding import Change
from services.dedup.core.laying import laid_over
from services.dedup.core.pinning import Pin
from services.dedup.core.saying import Decided
from services.dedup.core.scene import Plan, Row, Scene, led
from services.dedup.core.survivorship import golden_record
from shared.domain.configuration import Configuration
from shared.domain.contact import Contact
from shared.domain.events import Decision, Retired, Snapshot
from shared.domain.outcome import Outgoing
from shared.domain.record import Record
from shared.topology import MESSAGE_BYTES_MAX

LARGE_BYTES: Final = MESSAGE_BYTES_MAX // 4
"""Records that together are smaller than this cannot make a contact larger than a message: only then it is measured."""

ENVELOPE_BYTES: Final = 16 * 1024
"""Room in a message for what stands beside the contact: decisions and headers."""


class TooLarge(Exception):
    """A contact would not fit into a message; these records of the batch are in it."""

    def __init__(self, record_ids: Collection[str]) -> None:
        super().__init__("contact")
        self.record_ids = frozenset(record_ids)


@dataclass(frozen=True, slots=True)
class Result:
    """What a transaction did: the plan it carried out, what it decided about events, and what there is to say."""

    plan: Plan
    decided: Mapping[str, Decided]
    redelivered: Mapping[str, Decided]
    says: Sequence[Outgoing]
    judgement_ids: Sequence[str] = ()
    versions: Mapping[str, int] = field(default_factory=dict[str, int])


class Composer:
    """Makes golden records and what is said of them, by the configuration that holds."""

    def __init__(self, configuration: Configuration) -> None:
        self._sources = {
            name: SourceView(source.trust, source.country, source.language)
            for name, source in configuration.sources.items()
        }
        self._orders = _orders(configuration.fields.survivorship)

    def says(
        self, result: Result, scene: Scene, changes: Mapping[str, Change], work: Work, now: datetime
    ) -> list[Outgoing]:
        """Snapshots of all that has a new version, with the decisions they answer, and the decisions that are left."""
        plan = result.plan
        formers = _formers(plan, scene)
        answers: dict[str, list[Decision]] = {}
        left: list[Decision] = []
        waited = {happening.event_id for happening in work.happenings if happening.waited}
        for event_id, decided in result.decided.items():
            answer = decided.answer
            if answer is None or event_id in waited:
                continue
            row = plan.rows.get(decided.contact_id) if decided.contact_id is not None else None
            (left if row is None else answers.setdefault(row.contact_id, [])).append(answer)
        says: list[Outgoing] = []
        reassigned = plan.reassigned
        for contact, row in plan.rows.items():
            trace = work.traces.get(row.cause.id)
            if row.retired is not None:
                says.append(saying.retired(row, answers.get(contact, ()), trace))
            else:
                golden = self._golden(row, plan, scene, changes, formers.get(contact, ()))
                if work.restored is not None and contact == work.restored.identity.contact_id:
                    golden = work.restored.labelled(golden)
                says.append(saying.resolved(row, golden, answers.get(contact, ()), trace))
        says += saying.decided(left, now)
        for happening in work.happenings:
            one = result.decided.get(happening.event_id)
            if one is not None and one.outcome == "resolved" and not happening.waited:
                says += told_interaction(happening, result.decided)
        return says + [
            saying.assigned(
                plan.rows[contact], plan.groups.get(contact, ()), work.traces.get(plan.rows[contact].cause.id)
            )
            for contact in plan.rows
            if contact in reassigned or plan.rows[contact].retired is not None
        ]

    def measure(self, plan: Plan, scene: Scene, changes: Mapping[str, Change]) -> None:
        """Raises TooLarge for a contact that no message could carry, before anything is written."""
        for contact, row in plan.rows.items():
            group = plan.groups[contact]
            if sum(_size(record_id, scene, changes) for record_id in group) <= LARGE_BYTES:
                continue
            golden = self._golden(row, plan, scene, changes, ())
            if len(msgspec.json.encode(golden)) > MESSAGE_BYTES_MAX - ENVELOPE_BYTES:
                raise TooLarge(group & changes.keys())

    def _golden(
        self, row: Row, plan: Plan, scene: Scene, changes: Mapping[str, Change], former: Sequence[str]
    ) -> Contact:
        group = plan.groups[row.contact_id]
        records = [
            changes[record_id].record if record_id in changes else scene.members[record_id].record
            for record_id in group
        ]
        return self.golden(row, records, former, [pin for pin in scene.pins if pin.record_id in group])

    def golden(self, row: Row, records: Sequence[Record], former: Iterable[str], pins: Sequence[Pin] = ()) -> Contact:
        """The golden record of a contact at its present version, from its records, its former ids and its pins."""
        made = golden_record(
            row.contact_id,
            records,
            self._sources,
            version=row.version,
            cause=row.cause,
            created_at=row.created_at,
            updated_at=row.updated_at,
            merged_from=sorted(former),
            orders=self._orders,
        )
        return laid_over(made, pins) if pins else made


def versions_of(says: Iterable[Outgoing]) -> dict[str, int]:
    """The contact versions that these events say."""
    versions: dict[str, int] = {}
    for one in says:
        match one.event.data:
            case Snapshot(contact=Contact(contact_id=contact_id, version=version)):
                versions[contact_id] = version
            case Retired(contact_id=contact_id, version=version):
                versions[contact_id] = version
            case _:
                pass
    return versions


def _formers(plan: Plan, scene: Scene) -> dict[str, list[str]]:
    """By contact the former ids that lead to it, after the plan."""
    leads = {**scene.formers, **{one.contact_id: one.merged_into for one in plan.rows.values()}}
    formers: dict[str, list[str]] = {}
    for former, into in leads.items():
        if into is not None:
            formers.setdefault(into, []).append(former)
    return formers


def versions_after(work: Work, plan: Plan, scene: Scene) -> dict[str, int]:
    """The versions of all living contacts that changed, and of those that hold what a verdict is about."""
    versions = {contact: row.version for contact, row in plan.rows.items() if row.retired is None}
    if work.verdict is not None:
        named = {plan.home.get(record_id) for record_id in work.verdict.record_ids} | led(
            work.verdict.contact_ids, {**scene.rows, **plan.rows}
        )
        for contact in named - versions.keys():
            if contact is not None and contact in scene.rows:
                versions[contact] = scene.rows[contact].version
    return versions


def _size(record_id: str, scene: Scene, changes: Mapping[str, Change]) -> int:
    change = changes.get(record_id)
    return len(change.packed_body if change is not None else scene.members[record_id].packed_body)


def _orders(configured: Mapping[str, Sequence[str]]) -> dict[str, list[Criterion]]:
    """The criteria of survivorship as configured; pins stand above all of them anyway."""
    known: dict[str, Criterion] = {one: one for one in DEFAULT_ORDER}
    return {name: [known[one] for one in order if one in known] for name, order in configured.items()}
