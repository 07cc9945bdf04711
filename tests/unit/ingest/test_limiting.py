"""Limiting: a timetable of one visitor, and how little is remembered."""

import pytest

from services.ingest.core.limiting import VISITORS_MAX, Visits


def test_within_any_minute_no_more_than_the_limit_counts() -> None:
    visits = Visits(b"salt")
    assert [visits.wait_s("a", "2/min", at) for at in (0.0, 10.0)] == [0.0, 0.0]
    assert visits.wait_s("a", "2/min", 30.0) == 30.0
    assert visits.wait_s("b", "2/min", 30.0) == 0.0
    assert visits.wait_s("a", "2/min", 60.0) == 0.0
    assert visits.wait_s("a", "2/min", 60.0) == 10.0


@pytest.mark.parametrize(("limit", "span_s"), [("1/s", 1.0), ("1/min", 60.0), ("1/h", 3600.0)])
def test_a_limit_names_its_span(limit: str, span_s: float) -> None:
    visits = Visits(b"salt")
    assert visits.wait_s("a", limit, 5.0) == 0.0
    assert visits.wait_s("a", limit, 5.0) == span_s
    assert visits.wait_s("a", limit, 5.0 + span_s) == 0.0


def test_whoever_came_longest_ago_is_forgotten_first() -> None:
    visits = Visits(b"salt")
    for number in range(VISITORS_MAX + 1):
        visits.wait_s(str(number), "1/h", 0.0)
    assert visits.wait_s(str(VISITORS_MAX), "1/h", 1.0) > 0
    assert visits.wait_s("0", "1/h", 1.0) == 0.0
