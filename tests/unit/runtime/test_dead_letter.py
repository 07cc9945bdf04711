"""Dead letters: whole, with the reason; and the limit that stops a stage instead of its data."""

from shared.domain.events import Event
from shared.domain.outcome import DeadLetter, Drop, DropReason, Forward, LetterReason, Outcome
from shared.runtime.broker import Message
from shared.runtime.dead_letter import (
    CONSECUTIVE_MAX,
    DETAIL_LENGTH_MAX,
    RATIO_MAX,
    WINDOW_MESSAGES,
    LetterLimit,
    attempt_of,
    letter,
)
from shared.topology import Type, step_of
from tests.unit.runtime.fixtures import NOW, message

LETTER: Outcome = DeadLetter(LetterReason.UNREADABLE, "x")
GOOD: Outcome = Forward()
DROPPED: Outcome = Drop(DropReason.STALE)


def test_a_letter_holds_the_message_byte_for_byte_and_says_what_happened() -> None:
    one = message(b"\xff\x00", (("ce_id", b"\xfe"), ("x", b"")), offset=9, partition=2)
    set_aside = letter(one, DeadLetter(LetterReason.UNREADABLE, "is broken"), step_of("dedup"), NOW, "1.2.3")
    assert (set_aside.topic, set_aside.key, set_aside.value) == ("contacts.dead-letter.dedup", b"key", b"\xff\x00")
    assert set_aside.partition == 2
    assert set_aside.headers[:2] == one.headers
    assert dict(set_aside.headers[2:]) == {
        "dead-letter-reason": b"unreadable",
        "dead-letter-stage": b"dedup",
        "dead-letter-topic": b"contacts.received",
        "dead-letter-partition": b"2",
        "dead-letter-offset": b"9",
        "dead-letter-at": NOW.isoformat().encode(),
        "dead-letter-attempt": b"1",
        "dead-letter-detail": b"is broken",
        "dead-letter-release": b"1.2.3",
    }


def test_a_letter_of_a_letter_counts_its_attempts_and_keeps_one_reason() -> None:
    first = letter(message(), DeadLetter(LetterReason.UNREADABLE, "a"), step_of("dedup"), NOW, "1")
    again = Message(topic="t", partition=0, offset=0, timestamp_ms=0, key=b"k", value=b"", headers=first.headers)
    second = letter(again, DeadLetter(LetterReason.POISON, "b"), step_of("dedup"), NOW, "1")
    assert [value for name, value in second.headers if name == "dead-letter-reason"] == [b"poison"]
    assert dict(second.headers)["dead-letter-attempt"] == b"2"


def test_an_attempt_that_is_no_number_counts_as_none() -> None:
    assert attempt_of(message(headers=(("dead-letter-attempt", b"many"),))) == 0
    assert attempt_of(message(headers=(("dead-letter-attempt", b"\xc2\xb2"),))) == 0


def test_a_detail_has_a_length() -> None:
    long = letter(message(), DeadLetter(LetterReason.INVALID, "x" * 5_000), step_of("dedup"), NOW, "1")
    assert len(dict(long.headers)["dead-letter-detail"]) == DETAIL_LENGTH_MAX


def test_a_few_letters_stop_nobody() -> None:
    limit = LetterLimit()
    for _ in range(100):
        limit = limit.after([LETTER, *[GOOD] * 30, DROPPED])
    assert limit.passed() is None


def test_letters_in_a_row_stop_the_stage() -> None:
    limit = LetterLimit().after([LETTER] * CONSECUTIVE_MAX)
    assert limit.passed() is None
    assert "in a row" in (limit.after([LETTER]).passed() or "")


def test_one_good_message_breaks_the_row() -> None:
    limit = LetterLimit().after([LETTER] * CONSECUTIVE_MAX).after([GOOD]).after([LETTER])
    assert limit.passed() is None


def test_a_share_of_letters_stops_the_stage_once_the_window_is_full() -> None:
    bad = int(RATIO_MAX * WINDOW_MESSAGES) + 1
    spread: list[Outcome] = [
        LETTER if place % (WINDOW_MESSAGES // bad) == 0 else GOOD for place in range(WINDOW_MESSAGES)
    ]
    assert LetterLimit().after(spread[: WINDOW_MESSAGES // 2]).passed() is None
    assert "of the last" in (LetterLimit().after(spread).passed() or "")


def test_old_letters_are_forgotten() -> None:
    limit = LetterLimit().after([LETTER, GOOD] * 40).after([GOOD] * WINDOW_MESSAGES)
    assert sum(limit.recent) == 0


def test_an_event_shows_ids_only() -> None:
    shown = repr(Event(id="e", type=Type.RECORD_RECEIVED, source="/s", time=NOW, subject="r", data=None))
    assert shown == "Event(record.received, id=e, subject=r)"
