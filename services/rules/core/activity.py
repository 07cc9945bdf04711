"""Activity: what happened with a contact, as counts by type and day; what `timeline.count` and the priority look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

DAYS_BACK: Final = 365
"""The priority looks one year back: what lies further does not tell who deserves attention today."""

DAYS_MAX: Final = 36_525
"""A hundred years: the widest window of `timeline.count`."""


class Tally(NamedTuple):
    """So many interactions of one type on one day (UTC)."""

    type: str
    day: int
    """Proleptic Gregorian ordinal, `date.toordinal()`."""
    times: int


@dataclass(frozen=True, slots=True)
class Activity:
    """All interactions of one contact up to now; `last_at` is None where there are none."""

    tallies: Sequence[Tally] = ()
    last_at: datetime | None = None

    def within(self, days: int, today: date) -> int:
        """How many there were in the last so many days."""
        since = today.toordinal() - days
        return sum(tally.times for tally in self.tallies if tally.day > since)

    def view(self, today: str) -> dict[str, Any]:
        """What conditions get as `timeline`."""
        counts: dict[str, Any] = {
            "day": date.fromisoformat(today).toordinal(),
            "counts": [[tally.type, tally.day, tally.times] for tally in self.tallies],
        }
        return counts if self.last_at is None else counts | {"last": self.last_at.date().isoformat()}


NO_ACTIVITY: Final = Activity()
"""Nothing has happened yet."""
