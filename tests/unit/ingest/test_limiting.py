"""Limiting: a timetable of one visitor or source, and how little is remembered."""

import pytest

from services.ingest.core.limiting import VISITORS_MAX, Allowances, Visits


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


def test_a_source_may_send_what_its_limit_gives_at_once_and_then_as_it_fills() -> None:
    allowances = Allowances()
    assert allowances.wait_s("crm", "10/s", 6, 5.0) == 0.0
    assert allowances.wait_s("crm", "10/s", 6, 5.0) == pytest.approx(0.2)
    assert allowances.wait_s("crm", "10/s", 4, 5.0) == 0.0, "what was refused took nothing"
    assert allowances.wait_s("crm", "10/s", 1, 5.0) == pytest.approx(0.1)
    assert allowances.wait_s("crm", "10/s", 1, 5.1) == 0.0
    assert allowances.wait_s("form", "10/s", 10, 5.1) == 0.0, "another source notices nothing"


def test_a_list_longer_than_the_limit_passes_once_the_store_is_full_and_is_paid_for() -> None:
    allowances = Allowances()
    assert allowances.wait_s("crm", "10/s", 1, 0.0) == 0.0
    assert allowances.wait_s("crm", "10/s", 50, 0.0) == pytest.approx(0.1)
    assert allowances.wait_s("crm", "10/s", 50, 0.1) == 0.0
    assert allowances.wait_s("crm", "10/s", 1, 0.1) == pytest.approx(4.1)


def test_in_any_stretch_of_time_no_more_passes_than_the_limit_and_one_span_besides() -> None:
    allowances = Allowances()
    passed = sum(allowances.wait_s("crm", "60/min", 1, at / 10) == 0.0 for at in range(3_000))
    assert 300 <= passed <= 360
