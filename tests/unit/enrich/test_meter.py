"""The meter as a timetable: when a provider is asked, when it is left alone, and that nobody overspends."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from services.enrich.core.asking import Limits
from services.enrich.core.meter import (
    OPEN_FIRST_S,
    OPEN_MAX_S,
    TRIAL_S,
    WAIT_MAX_S,
    WINDOW_ASKED_MIN,
    WINDOW_S,
    Kind,
    Meter,
    Result,
    noted,
    reserve,
    room,
    state,
    used,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FAST = Limits(rate_per_s=100.0, day=None)
WELL, FAILED, REJECTED = Result(Kind.WELL), Result(Kind.FAILED), Result(Kind.REJECTED)


def at(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def opened() -> Meter:
    """A meter that opened at noon."""
    return noted(Meter(), [FAILED] * WINDOW_ASKED_MIN, NOON)


def test_one_failure_is_everybodys() -> None:
    meter = noted(Meter(), [FAILED] * (WINDOW_ASKED_MIN - 1), NOON)
    assert state(meter, NOON) == "closed"


def test_half_in_vain_opens_only_above() -> None:
    assert state(noted(Meter(), [WELL] * 5 + [FAILED] * 5, NOON), NOON) == "closed"
    assert state(noted(Meter(), [WELL] * 5 + [FAILED] * 6, NOON), NOON) == "open"


def test_what_is_long_ago_does_not_count() -> None:
    meter = noted(Meter(), [FAILED] * 4, NOON)
    assert state(noted(meter, [FAILED], at(WINDOW_S - 1)), at(WINDOW_S - 1)) == "open"
    assert state(noted(meter, [FAILED], at(WINDOW_S)), at(WINDOW_S)) == "closed"


def test_rejected_questions_never_open() -> None:
    assert state(noted(Meter(), [REJECTED] * 100, NOON), NOON) == "closed"


def test_open_lets_nobody_through_until_its_time() -> None:
    meter = opened()
    assert room(meter, FAST, at(OPEN_FIRST_S - 1)) == (0, at(OPEN_FIRST_S))
    assert state(meter, at(OPEN_FIRST_S)) == "half-open"
    assert room(meter, FAST, at(OPEN_FIRST_S)).questions == 1


def test_half_open_lets_one_through_and_waits_for_its_answer() -> None:
    meter, granted = reserve(opened(), FAST, at(30), 20)
    assert granted == 1
    assert reserve(meter, FAST, at(31), 20)[1] == 0
    assert room(meter, FAST, at(31)).again_at == at(30 + TRIAL_S)
    assert reserve(meter, FAST, at(30 + TRIAL_S), 20)[1] == 1, "whoever tried has died"


def test_a_trial_closes_or_opens_for_twice_as_long() -> None:
    meter, _ = reserve(opened(), FAST, at(30), 1)
    assert state(noted(meter, [WELL], at(31)), at(31)) == "closed"
    again = noted(meter, [FAILED], at(31))
    assert room(again, FAST, at(32)).again_at == at(31 + 2 * OPEN_FIRST_S)


def test_the_pause_grows_up_to_its_limit() -> None:
    meter, now = opened(), NOON
    for _ in range(12):
        assert meter.open_until is not None
        now = meter.open_until
        meter = noted(reserve(meter, FAST, now, 1)[0], [FAILED], now)
    assert room(meter, FAST, now).again_at == now + timedelta(seconds=OPEN_MAX_S)


def test_answers_to_what_was_asked_before_do_not_close_it() -> None:
    assert state(noted(opened(), [WELL] * 20, at(1)), at(1)) == "open"


def test_retry_after_is_heeded_and_bounded() -> None:
    meter = noted(Meter(), [Result(Kind.FAILED, 77.0), WELL], NOON)
    assert room(meter, FAST, at(1)).again_at == at(77)
    assert state(noted(reserve(meter, FAST, at(77), 1)[0], [WELL], at(78)), at(78)) == "closed"
    assert noted(Meter(), [Result(Kind.FAILED, 1e9)], NOON).open_until == at(WAIT_MAX_S)


def test_a_shorter_wait_does_not_shorten_a_longer_one() -> None:
    meter = noted(Meter(), [Result(Kind.FAILED, 500.0)], NOON)
    assert noted(meter, [Result(Kind.FAILED, 5.0)], at(1)).open_until == at(500)


def test_the_rate_is_kept_over_any_time() -> None:
    limits, meter, asked = Limits(rate_per_s=5.0, day=None), Meter(), 0
    for tenth in range(101):
        meter, granted = reserve(meter, limits, at(tenth / 10), 20)
        asked += granted
    assert 50 <= asked <= 5 + 50


def test_a_slow_rate_lets_one_through_at_a_time() -> None:
    limits = Limits(rate_per_s=1 / 60, day=None)
    meter, granted = reserve(Meter(), limits, NOON, 20)
    assert granted == 1
    assert room(meter, limits, at(20)) == (0, at(60))


def test_a_clock_that_goes_back_gives_nothing_twice() -> None:
    meter, _ = reserve(Meter(), Limits(5.0, None), NOON, 5)
    assert reserve(meter, Limits(5.0, None), at(-100), 5)[1] == 0


@pytest.mark.parametrize("seed", range(20))
def test_a_budget_is_never_overspent_and_ends_at_midnight(seed: int) -> None:
    """Also for processes whose clocks differ by up to ten seconds."""
    dice = random.Random(seed)
    limits, meter = Limits(rate_per_s=100.0, day=37), Meter()
    days: dict[object, int] = {}
    for step in range(1000):
        now = at(step * 100 + dice.random() * 10)
        meter, granted = reserve(meter, limits, now, dice.randrange(1, 30))
        days[meter.day] = days.get(meter.day, 0) + granted
    assert list(days.values()) == [37, 37]


def test_a_spent_budget_says_when_to_look_again() -> None:
    meter, granted = reserve(Meter(), Limits(100.0, 3), NOON, 20)
    assert (granted, used(meter, NOON)) == (3, 3)
    assert room(meter, Limits(100.0, 3), at(1)) == (0, datetime(2026, 11, 24, tzinfo=UTC))
    assert used(meter, NOON + timedelta(days=1)) == 0
