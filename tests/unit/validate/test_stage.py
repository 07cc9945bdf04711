"""The stage of validate: snapshots are judged, what is gone or happened passes, the same again is answered alike."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from services.validate.stage import Validate, outcome_of
from shared.domain.contact import Cause, Contact, Email
from shared.domain.events import Data, Decision, Event, InteractionResolved, RefreshRequested, Retired, Snapshot
from shared.domain.outcome import DeadLetter, Drop, DropReason, Forward, LetterReason, Outcome
from shared.runtime import codec
from shared.runtime.broker import Message
from shared.runtime.stage import Taken
from shared.topology import MESSAGE_BYTES_MAX, RESOLVED, VALIDATED, Type
from tests.unit.validate.contacts import NOW, STANDARDS, contact

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def taken(type_: Type, data: Data | None) -> Taken:
    """A message of contacts.resolved as the loop hands it over."""
    event = Event(
        id="e-1", type=type_, source="/kontaktwerk/dedup", time=NOW, subject="c-1", data=data, traceparent=TRACE
    )
    value, headers = codec.encode(event)
    message = Message(
        topic=RESOLVED.name, partition=0, offset=0, timestamp_ms=0, key=b"c-1", value=value, headers=headers
    )
    return Taken(message, event)


def snapshot(**values: Any) -> Taken:
    """A snapshot that answers one accepted event."""
    decision = Decision(event_id="r-1", outcome="resolved", contact_id="c-1", version=7)
    return taken(Type.CONTACT_RESOLVED, Snapshot(contact=contact(**values), decisions=(decision,)))


def said(outcome: Outcome) -> Event:
    """The one event an outcome says."""
    assert isinstance(outcome, Forward)
    (one,) = outcome.says
    assert one.topic is VALIDATED
    return one.event


async def test_a_snapshot_goes_on_judged_with_its_id_version_and_trace() -> None:
    stage = Validate(STANDARDS, messages_max=200)
    settled = await stage.settle([snapshot(emails=(Email(value="n/a"),))])
    event = said(settled.outcomes[0])
    assert (event.type, event.source, event.traceparent) == (
        Type.CONTACT_VALIDATED, "/kontaktwerk/validate", TRACE
    )  # fmt: skip
    assert isinstance(event.data, Snapshot)
    judged = event.data.contact
    assert isinstance(judged, Contact)
    assert (judged.version, judged.emails[0].status) == (7, "invalid")
    assert event.subject == "c-1"


def test_what_ingest_has_read_already_is_not_said_again() -> None:
    event = said(outcome_of(snapshot(), STANDARDS))
    assert isinstance(event.data, Snapshot)
    assert event.data.decisions == ()


def test_a_redelivered_snapshot_is_answered_byte_for_byte_alike() -> None:
    first, second = (said(outcome_of(snapshot(), STANDARDS)) for _ in range(2))
    assert codec.encode(first) == codec.encode(second)


def test_the_next_version_has_another_event_id() -> None:
    ids = {said(outcome_of(snapshot(version=version), STANDARDS)).id for version in (7, 8)}
    assert len(ids) == 2


def test_the_key_is_the_contact_id_so_the_partition_stays() -> None:
    outcome = outcome_of(snapshot(), STANDARDS)
    assert isinstance(outcome, Forward)
    assert outcome.says[0].key == contact().contact_id


PASSING: Sequence[tuple[Type, Data]] = (
    (
        Type.CONTACT_RETIRED,
        Retired(contact_id="c-1", version=8, reason="merged", merged_into="c-2", merged_into_version=3, at=NOW,
                cause=Cause(kind="record", id="r-1")),
    ),
    (
        Type.INTERACTION_RESOLVED,
        InteractionResolved(interaction_id="i-1", event_id="e-9", contact_id="c-1", record_id="r-1", version=7,
                            source="webform", type="call", at=NOW),
    ),
)  # fmt: skip


@pytest.mark.parametrize(("type_", "data"), PASSING, ids=lambda one: one.value if isinstance(one, Type) else "")
def test_what_is_gone_or_happened_passes_unchanged(type_: Type, data: Data) -> None:
    came = taken(type_, data)
    outcome = outcome_of(came, STANDARDS)
    assert said(outcome) == came.event
    assert isinstance(outcome, Forward)
    assert outcome.says[0].key == "c-1"


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        (Type.CONTACT_RESOLVED, Snapshot(contact=None, decisions=(Decision(event_id="r-1", outcome="dropped"),))),
        (Type.REFRESH_REQUESTED, RefreshRequested(contact_id="c-1", cause=Cause(kind="refresh", id="x"))),
        (Type.CONTACT_RESOLVED, None),
    ],
    ids=["decisions alone", "another type", "a tombstone"],
)
def test_what_is_not_ours_is_dropped_and_counted(type_: Type, data: Data | None) -> None:
    assert outcome_of(taken(type_, data), STANDARDS) == Drop(DropReason.NOT_OURS)


def test_a_contact_that_its_findings_would_make_too_large_is_set_aside() -> None:
    """Otherwise the send would fail for ever, and the partition with it."""
    room = MESSAGE_BYTES_MAX - len(msgspec.json.encode(Snapshot(contact=contact()))) - 200
    fits = snapshot(attributes={"note": "x" * room})
    assert len(fits.message.value or b"") < MESSAGE_BYTES_MAX
    outcome = outcome_of(fits, STANDARDS)
    assert isinstance(outcome, DeadLetter)
    assert outcome.reason is LetterReason.TOO_LARGE
