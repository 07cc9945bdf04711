from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.core.following import (
    VERSION_UNKNOWN,
    Answered,
    Belongs,
    Letter,
    Note,
    Received,
    Seen,
    Told,
    notes_of,
    sorted_notes,
)
from shared.topology import CLEAN, DEAD_LETTERS, RECEIVED, RESOLVED, TOPICS

ID, OTHER, THIRD = (f"00000000-0000-8000-8000-00000000000{number}" for number in (1, 2, 3))
AT = datetime(2026, 11, 22, tzinfo=UTC)


def told(topic: str, value: Any, key: str = ID, **headers: str) -> Told:
    """A message on a topic."""
    encoded = [(name.replace("letter_", "dead-letter-"), text.encode()) for name, text in headers.items()]
    return Told(topic, 1, 7, 1_000, key.encode(), None if value is None else msgspec.json.encode(value), encoded)


def test_what_was_received_is_told_by_its_headers_and_few_members() -> None:
    value = {"record_id": OTHER, "source": "crm", "received_at": AT, "observed_at": AT, "fields": {"email": "x"}}
    note = Received(ID, "record", "crm", OTHER, AT, AT)
    assert list(notes_of(told(RECEIVED.name, value, ce_id=ID, ce_type="kontaktwerk.record.received.v1"))) == [note]
    refresh = told(RECEIVED.name, value, ce_id=ID, ce_type="kontaktwerk.refresh.requested.v1")
    assert list(notes_of(refresh)) == []


def test_decisions_are_told_by_snapshots_tombstones_and_interactions_alike() -> None:
    decision = {"event_id": ID, "outcome": "resolved", "contact_id": OTHER, "version": 3}
    answered = Answered(ID, "resolved", None, OTHER, 3)
    for value in ({"contact": {"anything": 1}, "decisions": [decision]}, {"reason": "merged", "decisions": [decision]}):
        assert list(notes_of(told(RESOLVED.name, value))) == [answered]
    redelivered = {"decisions": [{"event_id": ID, "outcome": "dropped", "reason": "redelivered"}]}
    assert list(notes_of(told(RESOLVED.name, redelivered))) == []
    assert list(notes_of(told(RESOLVED.name, {"event_id": ID, "record_id": OTHER}))) == [Belongs(ID, OTHER)]


def test_a_contact_is_seen_alive_or_gone() -> None:
    assert list(notes_of(told(CLEAN.name, {"contact_id": ID, "version": 4, "name": {}}))) == [Seen(ID, 4)]
    merged = told(CLEAN.name, None, ce_version="5", ce_reason="merged", ce_mergedinto=OTHER, ce_mergedintoversion="9")
    assert list(notes_of(merged)) == [Seen(ID, 5, "merged", OTHER, 9)]
    assert list(notes_of(told(CLEAN.name, None, ce_version="5", ce_reason="deleted"))) == [Seen(ID, 5, "deleted")]
    nowhere = told(CLEAN.name, None, ce_version="5", ce_reason="merged")
    assert list(notes_of(nowhere)) == [Seen(ID, 5, "deleted")], "a merge into nobody can be followed by nobody"
    assert list(notes_of(told(CLEAN.name, None, ce_version="x"))) == []


def letter(stage: str, value: Any, **headers: str) -> Letter:
    """The one note of a letter."""
    (note,) = notes_of(told(DEAD_LETTERS[stage].name, value, letter_reason="poison", **headers))
    assert isinstance(note, Letter)
    return note


def test_a_letter_means_an_event_or_a_version_by_its_stage() -> None:
    dedup = letter("dedup", {}, ce_id=OTHER)
    assert (dedup.event_id, dedup.contact_id) == (OTHER, None)
    validate = letter("validate", {"contact": {"contact_id": ID, "version": 3}}, ce_id=OTHER)
    assert (validate.event_id, validate.contact_id, validate.version) == (None, ID, 3)
    retired = letter("rules", {"contact_id": ID, "version": 4})
    assert (retired.contact_id, retired.version) == (ID, 4)
    assert letter("enrich", {"contact": 7}).version == VERSION_UNKNOWN
    interaction = letter("rules", {"event_id": OTHER, "version": 1}, ce_type="kontaktwerk.interaction.resolved.v1")
    assert (interaction.event_id, interaction.contact_id) == (OTHER, None)
    backup = letter("backup", {"contact_id": ID, "version": 4}, ce_id=OTHER)
    assert (backup.event_id, backup.contact_id) == (None, None)
    assert letter("ingest", {}, ce_source="/hooks/fair").source == "fair"


def test_of_one_contact_only_the_newest_counts_and_rows_come_in_order() -> None:
    notes: list[Note] = [
        Seen(OTHER, 1),
        Seen(ID, 3),
        Seen(ID, 2),
        Seen(THIRD, 2),
        Seen(THIRD, 2, "deleted"),
        Belongs(ID, ID),
    ]
    assert sorted_notes(notes, Seen) == [Seen(ID, 3), Seen(OTHER, 1), Seen(THIRD, 2, "deleted")]


@given(
    st.sampled_from([topic.name for topic in TOPICS]),
    st.none() | st.binary(max_size=30) | st.just(b'{"decisions":[{"event_id":"x","outcome":"resolved"}]}'),
    st.none() | st.binary(max_size=10),
    st.lists(
        st.tuples(
            st.sampled_from(["ce_id", "ce_type", "ce_version", "ce_source", "dead-letter-attempt"]),
            st.binary(max_size=25),
        ),
        max_size=4,
    ),
)
def test_no_message_raises(topic: str, value: bytes | None, key: bytes | None, headers: Any) -> None:
    notes_of(Told(topic, 0, 0, 0, key, value, headers))
