"""Which backups stay."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.backup.core.keeping import Period, outlived

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEEP: dict[Period, int] = {"daily": 7, "weekly": 5, "monthly": 12}


def every_day(days: int) -> dict[str, datetime]:
    """A set each day, the newest first."""
    return {f"set-{day:04}": NOON - timedelta(days=day) for day in range(days)}


def test_the_last_of_each_day_week_and_month_stay() -> None:
    sets = every_day(800)
    stay = sets.keys() - outlived(sets, KEEP)
    assert {f"set-{day:04}" for day in range(7)} <= stay
    assert len(stay) == 7 + (5 - 1) + (12 - 1), "the newest week and the newest month have the newest day"


def test_of_several_sets_of_one_day_the_newest_stays() -> None:
    sets = {f"set-{hour}": NOON + timedelta(hours=hour) for hour in range(5)}
    assert outlived(sets, {"daily": 7}) == ["set-0", "set-1", "set-2", "set-3"]


def test_without_rules_everything_stays() -> None:
    assert outlived(every_day(50), {}) == []


@given(st.lists(st.integers(0, 5_000), unique=True), st.integers(0, 3), st.integers(0, 3))
def test_the_newest_always_stays_and_no_more_than_asked_for(hours: list[int], daily: int, monthly: int) -> None:
    sets = {f"{hour:05}": NOON + timedelta(hours=hour) for hour in hours}
    gone = outlived(sets, {"daily": daily, "monthly": monthly})
    stay = sets.keys() - gone
    assert len(stay) <= max(1, daily + monthly)
    assert not sets or max(sets, key=lambda name: sets[name]) in stay


@given(st.lists(st.integers(0, 5_000), unique=True))
def test_what_was_kept_is_kept_again(hours: list[int]) -> None:
    sets = {f"{hour:05}": NOON + timedelta(hours=hour) for hour in hours}
    stay = {name: at for name, at in sets.items() if name not in outlived(sets, KEEP)}
    assert outlived(stay, KEEP) == []
