"""The stage of enrich: snapshots are enriched, what is gone or happened passes, the same again is answered alike."""

import msgspec
import pytest

from services.enrich.core.decide import plan
from services.enrich.stage import Enrich, outcome_of
from shared.domain.contact import Cause, Email
from shared.domain.events import Data, Event, InteractionResolved, RefreshRequested, Retired, Snapshot
from shared.domain.ids import event_id_of
from shared.domain.outcome import DeadLetter, Drop, DropReason, Forward, LetterReason, Outcome
from shared.runtime import codec
from shared.runtime.broker import Message
from shared.runtime.stage import Taken
from shared.topology import ENRICHED, MESSAGE_BYTES_MAX, VALIDATED, Type
from tests.unit.enrich.test_decide import NOW, contact

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def taken(type_: Type, data: Data | None) -> Taken:
    """A message of contacts.validated as the loop hands it over."""
    event = Event(
        id="e-1", type=type_, source="/kontaktwerk/validate", time=NOW, subject="c-1", data=data, traceparent=TRACE
    )
    value, headers = codec.encode(event)
    message = Message(
        topic=VALIDATED.name, partition=0, offset=0, timestamp_ms=0, key=b"c-1", value=value, headers=headers
    )
    return Taken(message, event)


def said(outcome: Outcome) -> Event:
    """The one event an outcome says, to contacts.enriched under the contact's id."""
    assert isinstance(outcome, Forward)
    (one,) = outcome.says
    assert (one.topic, one.key) == (ENRICHED, "c-1")
    return one.event


async def test_a_snapshot_goes_on_enriched_and_redelivered_it_is_the_same() -> None:
    came = taken(
        Type.CONTACT_VALIDATED,
        Snapshot(contact=contact(emails=(Email(value="j.mueller@beispiel.de", status="valid"),))),
    )
    settled = await Enrich(messages_max=200).settle([came, came])
    first, again = (said(outcome) for outcome in settled.outcomes)
    assert codec.encode(first) == codec.encode(again)
    assert first.id == event_id_of("contact.enriched", "c-1", 7)
    assert (first.type, first.source, first.traceparent) == (Type.CONTACT_ENRICHED, "/kontaktwerk/enrich", TRACE)
    assert isinstance(first.data, Snapshot)
    assert first.data.contact is not None
    assert (first.data.contact.version, first.data.contact.company.domain) == (7, "beispiel.de")


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        (
            Type.CONTACT_RETIRED,
            Retired(contact_id="c-1", version=8, reason="deleted", at=NOW, cause=Cause(kind="record", id="r")),
        ),
        (
            Type.INTERACTION_RESOLVED,
            InteractionResolved(
                interaction_id="i-1", event_id="e-9", contact_id="c-1", record_id="r-1", version=7, source="webform",
                type="call", at=NOW,
            ),
        ),
    ],
    ids=["retired", "interaction"],
)  # fmt: skip
def test_what_is_gone_or_happened_passes_unchanged(type_: Type, data: Data) -> None:
    came = taken(type_, data)
    assert said(outcome_of(came, None)) == came.event


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        (Type.CONTACT_VALIDATED, Snapshot(contact=None)),
        (Type.REFRESH_REQUESTED, RefreshRequested(contact_id="c-1", cause=Cause(kind="refresh", id="x"))),
        (Type.CONTACT_VALIDATED, None),
    ],
    ids=["no contact", "another type", "a tombstone"],
)
def test_what_is_not_ours_is_dropped_and_counted(type_: Type, data: Data | None) -> None:
    assert outcome_of(taken(type_, data), None) == Drop(DropReason.NOT_OURS)


def test_a_contact_that_would_become_too_large_is_set_aside() -> None:
    """Otherwise the send would fail for ever, and the partition with it."""
    one = contact(emails=(Email(value="j.mueller@beispiel.de", status="valid"),))
    room = MESSAGE_BYTES_MAX - len(msgspec.json.encode(Snapshot(contact=one))) - 20
    large = msgspec.structs.replace(one, attributes={"n": "x" * room})
    outcome = outcome_of(taken(Type.CONTACT_VALIDATED, Snapshot(contact=large)), plan(large))
    assert isinstance(outcome, DeadLetter)
    assert outcome.reason is LetterReason.TOO_LARGE
