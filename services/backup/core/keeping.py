"""Keeping: which sets stay. The newest of each of the last days, weeks and months that have one; the newest always."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

Period = Literal["daily", "weekly", "monthly"]

PERIODS: Final[Mapping[Period, Callable[[datetime], str]]] = {
    "daily": lambda at: f"{at:%Y-%m-%d}",
    "weekly": lambda at: f"{at:%G-%V}",
    "monthly": lambda at: f"{at:%Y-%m}",
}
"""By period the name of the one that a time lies in; weeks are those of ISO 8601."""


def outlived(sets: Mapping[str, datetime], keep: Mapping[Period, int]) -> list[str]:
    """The names of the sets that no rule keeps, oldest first. Without rules everything stays."""
    if not keep:
        return []
    newest_first = sorted(sets, key=lambda name: (sets[name], name), reverse=True)
    kept = {*newest_first[:1]}
    for period, number in keep.items():
        kept.update(_newest_of(newest_first, sets, PERIODS[period], number))
    return [name for name in reversed(newest_first) if name not in kept]


def _newest_of(
    newest_first: Sequence[str], sets: Mapping[str, datetime], period_of: Callable[[datetime], str], number: int
) -> list[str]:
    """The newest set of each of the last so many periods that have one."""
    by_period: dict[str, str] = {}
    for name in newest_first:
        by_period.setdefault(period_of(sets[name]), name)
    return list(by_period.values())[:number]
