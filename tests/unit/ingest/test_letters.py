from datetime import UTC, datetime

from services.ingest.core.letters import MASK, Reread, Resend, Skip, again_of, masked, shown
from shared.domain.outcome import Outgoing
from shared.topology import RECEIVED, VALIDATED

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ID, OTHER = (f"00000000-0000-8000-8000-00000000000{number}" for number in (1, 2))


def test_what_died_at_dedup_goes_out_as_it_came_with_its_attempts() -> None:
    headers = [("ce_id", b"x"), ("dead-letter-attempt", b"2"), ("dead-letter-reason", b"poison")]
    assert again_of("dedup", headers, None, ID, NOW, None) == Resend(RECEIVED.name, [headers[0], headers[1]])


def test_what_died_after_dedup_is_refreshed_and_asking_twice_is_asking_once() -> None:
    first, again = (again_of("rules", [("ce_type", b"x")], OTHER, ID, NOW, None) for _ in range(2))
    assert isinstance(first, Outgoing)
    assert isinstance(again, Outgoing)
    assert (first.topic, first.key, first.event.id) == (RECEIVED, OTHER, again.event.id)
    assert isinstance(again_of("backup", [], None, ID, NOW, None), Skip)


def test_an_interaction_is_part_of_no_snapshot_and_goes_out_again_itself() -> None:
    headers = [("ce_type", b"kontaktwerk.interaction.resolved.v1"), ("dead-letter-topic", VALIDATED.name.encode())]
    assert again_of("enrich", headers, OTHER, ID, NOW, None) == Resend(VALIDATED.name, headers[:1])
    elsewhere = [headers[0], ("dead-letter-topic", b"somebody.elses")]
    assert isinstance(again_of("enrich", elsewhere, OTHER, ID, NOW, None), Outgoing)


def test_only_a_vendors_body_is_read_again() -> None:
    assert again_of("ingest", [("ce_source", b"/hooks/fair")], None, ID, NOW, None) == Reread("fair")
    assert isinstance(again_of("ingest", [], None, ID, NOW, None), Skip)


def test_masked_a_letter_keeps_its_shape_and_shows_nobody() -> None:
    assert masked({"a": ["x", 7, None, True], "b": {"c": 1.5}}) == {"a": [MASK, MASK, None, True], "b": {"c": MASK}}
    seen = shown([("h", b"\xff")], b'{"a": "J"}', reveal=False)
    assert (seen["value"], seen["bytes"], seen["headers"]) == ({"a": MASK}, 10, {"h": "�"})
    assert shown([], b"\xffrubbish", reveal=False)["value"] == MASK
    assert shown([], b"\xffrubbish", reveal=True)["value"] == "�rubbish"
    assert shown([], None, reveal=True)["value"] is None
