"""When a backup is due."""

from datetime import UTC, datetime

import pytest

from services.backup.jobs.schedule import planned_before
from shared.domain.configuration import Backups

NIGHTLY = Backups(schedule="30 2 * * *", to="/srv/backups")


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
    found = planned_before(NIGHTLY, datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert found is not None
    assert found.astimezone(UTC) == datetime.fromisoformat(planned).replace(tzinfo=UTC)


@pytest.mark.parametrize("backups", [Backups(), Backups(schedule="30 2 * * *"), Backups(to="/srv/backups")])
def test_nothing_is_planned_without_a_schedule_and_an_address(backups: Backups) -> None:
    assert planned_before(backups, datetime(2026, 11, 22, tzinfo=UTC)) is None
