"""A confirmation moves the consent of the record that asked, for the purpose that it names."""

from datetime import UTC, datetime
from typing import Any

from services.dedup.core.interactions import Happening, consenting
from shared.domain.consent import consent_states
from shared.domain.events import InteractionReceived, PersonRef
from shared.domain.record import Consent, Patch, Record, fold

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
RECORD_ID = "0b6f2a52-3c4d-7e8f-9a0b-1c2d3e4f5a6b"
PROOF = {"text": "Ja", "asked": {"source": "fair", "record_id": RECORD_ID}}


def confirmed(type_: str, **detail: Any) -> Happening:
    """What the button says."""
    said = InteractionReceived(
        interaction_id="one", source="fair", type=type_, at=NOW, received_at=NOW, by=None,
        contact=PersonRef(record_id=RECORD_ID), subject=None, detail=detail,
    )  # fmt: skip
    return Happening("event", said)


def record(purpose: str) -> Record:
    """The record of a form that asked for a consent."""
    empty = Record(record_id=RECORD_ID, source="fair", source_record_id=None, first_received_at=NOW)
    wish = Consent(
        purpose=purpose, channel="email", status="pending", address="adler@example.de", at=NOW, proof=PROOF
    )  # fmt: skip
    fields = {"email": "adler@example.de"}
    return fold(empty, Patch(event_id="first", observed_at=NOW, fields=fields, consents=(wish,)))


def test_what_was_asked_for_is_granted_with_both_statements_kept() -> None:
    for type_, purpose, detail in [
        ("newsletter.confirmed", "newsletter", {}),
        ("consent.confirmed", "birthday", {"purpose": "birthday"}),
    ]:
        asked = record(purpose)
        told = consenting(confirmed(type_, **detail), asked)
        assert told is not None
        kept = fold(asked, told.patch)
        (state,) = consent_states(kept.consents)
        assert (state.purpose, state.address, state.status) == (purpose, "adler@example.de", "granted")
        assert (state.since, state.asked) == (NOW, None)
        assert {one.status for one in kept.consents} == {"pending", "granted"}


def test_a_confirmation_without_purpose_moves_nothing() -> None:
    for detail in ({}, {"purpose": " "}, {"purpose": 7}):
        assert consenting(confirmed("consent.confirmed", **detail), record("birthday")) is None
