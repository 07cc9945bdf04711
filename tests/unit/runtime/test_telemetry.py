"""Telemetry: numbers and places, and nothing of any person, whoever logs."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import structlog

from shared.domain.outcome import DeadLetter, Drop, DropReason, Forward, LetterReason
from shared.runtime import telemetry
from shared.runtime.broker import Backlog, TopicPartition
from shared.runtime.telemetry import Metrics, Quietly, configure_logging, logger, place_of

SECRET = "jane.doe@example.org"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging("json", "info", {"instance": "dedup-1"})
    yield stream
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def fails() -> None:
    raise ValueError(SECRET)


def test_a_line_is_json_with_its_service_and_instance(lines: io.StringIO) -> None:
    logger("dedup").info("merged", contact_id="c-1")
    (line,) = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert line["event"] == "merged"
    assert (line["service"], line["instance"], line["contact_id"], line["level"]) == ("dedup", "dedup-1", "c-1", "info")


def test_an_exception_is_logged_by_type_and_place_whoever_logs_it(lines: io.StringIO) -> None:
    try:
        fails()
    except ValueError:
        logging.getLogger("some.library").exception("failed")
        logger("dedup").exception("failed")
    assert SECRET not in lines.getvalue()
    for line in map(json.loads, lines.getvalue().splitlines()):
        assert line["error"] == "ValueError"
        assert "test_telemetry.py" in line["at"]
        assert line["at"].endswith("in fails")


def test_chained_exceptions_show_no_text_either(lines: io.StringIO) -> None:
    try:
        try:
            fails()
        except ValueError as error:
            raise KeyError(SECRET) from error
    except KeyError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    assert SECRET not in lines.getvalue()
    assert "KeyError" in lines.getvalue()


def test_below_the_level_nothing_is_said(lines: io.StringIO) -> None:
    logger("dedup").debug("detail")
    logging.getLogger("aiokafka").info("Sending (key=%s)", SECRET)
    assert lines.getvalue() == ""


def test_a_library_that_repeats_itself_is_heard_once(lines: io.StringIO) -> None:
    for number in range(100):
        logging.getLogger("aiokafka.conn").error("Connect attempt to %s failed", number)
    assert len(lines.getvalue().splitlines()) == 1


def test_what_we_say_ourselves_is_never_swallowed() -> None:
    record = logging.LogRecord("ours", logging.INFO, "", 0, {"event": "x"}, (), None)
    quietly = Quietly()
    assert all(quietly.filter(record) for _ in range(10))


def test_an_exception_without_a_traceback_was_raised_nowhere() -> None:
    assert place_of(ValueError()) == "nowhere"


def test_outcomes_are_counted_by_reason() -> None:
    metrics = Metrics("dedup")
    metrics.taken(4, 0)
    metrics.done(
        [
            Forward(),
            Drop(DropReason.STALE),
            DeadLetter(LetterReason.POISON, SECRET),
            DeadLetter(LetterReason.POISON, ""),
        ],
        0.5,
    )
    text = metrics.exposition().decode()
    assert 'kontaktwerk_messages_total{outcome="forwarded",reason="",stage="dedup"} 1.0' in text
    assert 'kontaktwerk_messages_total{outcome="dropped",reason="stale",stage="dedup"} 1.0' in text
    assert 'kontaktwerk_messages_total{outcome="dead-lettered",reason="poison",stage="dedup"} 2.0' in text
    assert SECRET not in text
    assert metrics.letters == 2
    assert metrics.rate() > 0


def test_waiting_and_halting_are_seen_and_the_last_error_stays() -> None:
    metrics = Metrics("dedup")
    seen: list[str | None] = []
    for error in ("ConnectionRefusedError", None):
        metrics.waiting(error)
        seen.append(metrics.waits_for)
    assert seen == ["ConnectionRefusedError", None]
    assert metrics.last_error == "ConnectionRefusedError"
    metrics.halted("too many letters")
    assert "kontaktwerk_halted" in metrics.exposition().decode()
    assert metrics.last_error == "too many letters"
    metrics.halted(None)
    assert metrics.why_halted is None
    assert 'kontaktwerk_failures_total{stage="dedup"} 2.0' in metrics.exposition().decode()


def test_an_error_that_is_long_over_is_forgotten_and_one_that_lasts_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics("dedup")
    metrics.failed("lag: ConnectionRefusedError")
    monkeypatch.setattr(telemetry, "ERROR_TOLD_S", -1.0)
    assert metrics.last_error is None
    metrics.halted("too many letters")
    assert metrics.last_error == "too many letters"


def test_how_far_the_group_is_behind_is_shown_by_topic() -> None:
    metrics, now = Metrics("dedup"), datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    stamp = int(now.timestamp() * 1000)
    metrics.behind(
        {
            TopicPartition("contacts.received", 0): Backlog(messages=3, oldest_ms=stamp - 5_000),
            TopicPartition("contacts.received", 1): Backlog(messages=4, oldest_ms=stamp - 7_000),
            TopicPartition("contacts.clean", 0): Backlog(messages=0),
        },
        now,
    )
    text = metrics.exposition().decode()
    assert 'kontaktwerk_lag_messages{stage="dedup",topic="contacts.received"} 7.0' in text
    assert 'kontaktwerk_lag_seconds{stage="dedup",topic="contacts.received"} 7.0' in text
    assert 'kontaktwerk_lag_messages{stage="dedup",topic="contacts.clean"} 0.0' in text
    assert metrics.oldest_s() == 7.0
