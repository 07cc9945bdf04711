"""What is kept of a message follows from the message alone."""

from typing import Any

import msgspec
import pytest

from services.backup.core.decide import Happening, Received, Version, decide
from shared.domain.events import (
    Event,
    Happened,
    InteractionReceived,
    PersonRef,
    RecordDeleted,
    RecordReceived,
    RefreshRequested,
)  # fmt: skip
from shared.domain.outcome import DeadLetter, Drop, DropReason
from shared.topology import Type
from tests.unit.rules.build import NOW, a_cause, a_contact, an_id


def event(type_: Type, data: Any, id_: str | None = None, **extensions: str) -> Event:
    """An event with this data."""
    subject = an_id("anna")
    return Event(
        id=an_id("event") if id_ is None else id_,
        type=type_,
        source="/test",
        time=NOW,
        subject=subject,
        data=data,
        extensions=extensions,
    )


def test_a_clean_contact_is_a_version_with_its_cause() -> None:
    contact = a_contact(version=7, changed=("/phones",))
    kept = decide(event(Type.CONTACT_CLEANED, contact), None)
    assert kept == Version(contact.contact_id, 7, NOW, contact.cause, ("/phones",), records=(an_id("record-anna"),))


def test_a_tombstone_is_a_version_without_document() -> None:
    said = {"version": "8", "reason": "merged", "mergedinto": an_id("bert"), "mergedintoversion": "3"}
    cause = a_cause("judgement")
    kept = decide(event(Type.CONTACT_RETIRED, None, cause=msgspec.json.encode(cause).decode(), **said), None)
    assert kept == Version(an_id("anna"), 8, NOW, cause, (), "merged", an_id("bert"), 3)


@pytest.mark.parametrize("said", [{}, {"version": "x"}, {"version": "9" * 30}, {"version": "1", "mergedinto": "bert"}])
def test_a_tombstone_without_version_or_with_broken_ids_is_set_aside(said: dict[str, str]) -> None:
    assert isinstance(decide(event(Type.CONTACT_RETIRED, None, **said), None), DeadLetter)


def test_an_unreadable_cause_of_a_tombstone_is_no_cause() -> None:
    kept = decide(event(Type.CONTACT_RETIRED, None, version="8", cause="{"), None)
    assert isinstance(kept, Version)
    assert kept.cause is None


RECORD = an_id("record-anna")


@pytest.mark.parametrize(
    ("type_", "data", "subject"),
    [
        (
            Type.RECORD_RECEIVED,
            RecordReceived(record_id=RECORD, source="webform", received_at=NOW, observed_at=NOW),
            RECORD,
        ),
        (
            Type.RECORD_DELETED,
            RecordDeleted(record_id=RECORD, source="webform", received_at=NOW, observed_at=NOW),
            RECORD,
        ),
        (
            Type.INTERACTION_RECEIVED,
            InteractionReceived(
                interaction_id="1",
                source="shop",
                type="call",
                at=NOW,
                received_at=NOW,
                contact=PersonRef(email="a@b.de"),
            ),
            an_id("key"),
        ),
        (Type.REFRESH_REQUESTED, RefreshRequested(contact_id=an_id("anna"), cause=a_cause()), an_id("anna")),
    ],
)
def test_what_is_received_is_archived_under_what_it_is_about(type_: Type, data: Any, subject: str) -> None:
    kept = decide(event(type_, data), an_id("key"))
    assert isinstance(kept, Received)
    assert (kept.event_id, kept.type, kept.subject) == (an_id("event"), type_.value, subject)


def test_what_happened_is_kept_with_what_caused_it() -> None:
    data = Happened(contact_id=an_id("anna"), version=3, at=NOW, cause=a_cause())
    kept = decide(event(Type.CONTACT_UPDATED, data), None)
    assert kept == Happening(an_id("event"), "contact.updated", an_id("anna"), 3, NOW, a_cause().id)


def test_ids_that_are_none_are_set_aside_once_by_dedup_where_dedup_reads_them_too() -> None:
    assert isinstance(decide(event(Type.CONTACT_CLEANED, a_contact(), id_="4711"), None), DeadLetter)
    data = RecordDeleted(record_id="4711", source="webform", received_at=NOW, observed_at=NOW)
    assert decide(event(Type.RECORD_DELETED, data), None) == Drop(DropReason.NOT_OURS)


def test_a_message_without_value_that_is_no_tombstone_is_not_ours() -> None:
    assert isinstance(decide(event(Type.CONTACT_UPDATED, None), None), Drop)
