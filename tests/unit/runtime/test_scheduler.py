"""When timed work is due: by the clock of a zone, whatever that clock does in spring and autumn."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.runtime.scheduler import Job, Run, planned_after, planned_before


@pytest.mark.parametrize(
    ("now", "planned"),
    [
        ("2026-11-22T01:29:59", "2026-11-21T01:30:00"),
        ("2026-11-22T01:30:00", "2026-11-22T01:30:00"),
        ("2026-11-22T01:30:40", "2026-11-22T01:30:00"),
        ("2026-11-25T12:00:00", "2026-11-25T01:30:00"),
        ("2026-07-01T12:00:00", "2026-07-01T00:30:00"),
    ],
)
def test_the_last_planned_time_is_that_of_its_zone_and_missed_ones_before_it_are_left_out(
    now: str, planned: str
) -> None:
    job = Job("nightly", "30 2 * * *", "Europe/Berlin", None, _nothing)
    found = planned_before(job, datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(planned).replace(tzinfo=UTC)


def test_every_so_many_seconds_counts_from_one_moment_for_all() -> None:
    job = Job("often", None, "UTC", 600.0, _nothing)
    now = datetime(2026, 11, 22, 1, 29, 59, tzinfo=UTC)
    assert planned_before(job, now) == datetime(2026, 11, 22, 1, 20, tzinfo=UTC)
    assert planned_after(job, now) == datetime(2026, 11, 22, 1, 30, tzinfo=UTC)


async def _nothing(run: Run) -> None:
    """No work."""


@pytest.mark.parametrize(
    ("cron", "day", "times"),
    [
        ("30 2 * * *", datetime(2026, 10, 25, tzinfo=UTC), ["00:30"]),
        ("30 * * * *", datetime(2026, 10, 25, tzinfo=UTC), ["00:30", "01:30", "02:30"]),
        ("30 2 * * *", datetime(2026, 3, 29, tzinfo=UTC), ["01:00"]),
    ],
)
def test_daylight_saving_neither_doubles_nor_loses_a_night(cron: str, day: datetime, times: list[str]) -> None:
    job = Job("nightly", cron, "Europe/Berlin", None, _nothing)
    seen = {planned_before(job, day + timedelta(minutes=n)) for n in range(31, 180)}
    seen |= {planned_after(job, day + timedelta(minutes=n)) for n in range(149)}
    assert sorted(f"{one:%H:%M}" for one in seen if one.date() == day.date() and one.hour < 3) == times
