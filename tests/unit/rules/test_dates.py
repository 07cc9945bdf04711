"""When a dated rule has its occasions: days of the calendar in the contact's zone, gaps and leap years decided."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rules.core.activity import NO_ACTIVITY, Activity
from services.rules.core.dates import Around, Window, dated, fires, holds
from services.rules.core.days import moment, stated_day, time_of_day, zone_of
from shared.domain.configuration import At
from shared.domain.contact import Address, Former, Member, Phone
from tests.unit.rules.build import a_contact

BERLIN = ZoneInfo("Europe/Berlin")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def windows(at: At, now: str, activity: Activity = NO_ACTIVITY, zone: ZoneInfo = BERLIN, **what: Any) -> list[Window]:
    """The occasions at a time, of a contact we have known for long."""
    values: dict[str, Any] = {"created_at": LONG_AGO}
    contact = a_contact(**(values | what))
    return list(dated(at).windows(Around(contact, activity, datetime.fromisoformat(now), zone)))


def test_a_birthday_comes_each_year_at_its_time_in_the_zone() -> None:
    found = windows(At(anniversary="birthday", time="09:30"), "2026-06-01T00:00:00Z", birthday="1980-07-15")
    assert [(one.occasion, one.opens.isoformat()) for one in found] == [
        ("2025", "2025-07-15T07:30:00+00:00"),
        ("2026", "2026-07-15T07:30:00+00:00"),
        ("2027", "2027-07-15T07:30:00+00:00"),
    ]


def test_a_birthday_mail_comes_at_eight_holds_the_day_and_is_made_up_for_four_days() -> None:
    this = windows(At(anniversary="birthday"), "2026-07-15T12:00:00Z", birthday="1980-07-15")[1]
    assert this.opens == datetime(2026, 7, 15, 6, tzinfo=UTC)
    assert this.holds_until == datetime(2026, 7, 15, 22, tzinfo=UTC)
    assert this.fires_until == datetime(2026, 7, 19, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("leap_day", "year", "day"),
    [("02-28", 2026, "2026-02-28"), ("03-01", 2026, "2026-03-01"), ("02-28", 2028, "2028-02-29"),
     ("03-01", 2028, "2028-02-29"), ("02-28", 2100, "2100-02-28")],
)  # fmt: skip
def test_the_29th_of_february_is_the_28th_in_common_years_unless_the_rule_says_the_1st(
    leap_day: Any, year: int, day: str
) -> None:
    at = At(anniversary="birthday", leap_day=leap_day)
    found = {one.occasion: one for one in windows(at, f"{year}-02-01T00:00:00Z", birthday="1980-02-29")}
    assert found[str(year)].opens.astimezone(BERLIN).date().isoformat() == day


@pytest.mark.parametrize(
    ("day", "at", "utc"),
    [
        ("2026-03-29", "02:30", "2026-03-29T01:30:00+00:00"),
        ("2026-03-29", "03:30", "2026-03-29T01:30:00+00:00"),
        ("2026-10-25", "02:30", "2026-10-25T00:30:00+00:00"),
        ("2026-03-28", "02:30", "2026-03-28T01:30:00+00:00"),
    ],
)
def test_a_time_that_is_skipped_comes_later_and_one_that_comes_twice_counts_the_first_time(
    day: str, at: str, utc: str
) -> None:
    assert moment(date.fromisoformat(day), time_of_day(at), BERLIN).isoformat() == utc


def test_whom_we_did_not_know_on_the_day_is_not_congratulated_afterwards_unless_the_rule_says_how_long() -> None:
    known: dict[str, Any] = {"birthday": "1980-07-15", "created_at": datetime(2026, 7, 16, tzinfo=UTC)}
    now = "2026-07-16T12:00:00Z"
    assert [one.occasion for one in windows(At(anniversary="birthday"), now, **known)] == ["2027"]
    assert "2026" in [one.occasion for one in windows(At(anniversary="birthday", valid_for="3d"), now, **known)]


def test_who_comes_on_the_very_day_is_congratulated_on_it() -> None:
    came = datetime(2026, 7, 15, 20, tzinfo=UTC)
    found = windows(At(anniversary="birthday"), "2026-07-15T20:00:00Z", birthday="1980-07-15", created_at=came)
    assert [one.occasion for one in found if fires(one, came)] == ["2026"]


def test_nobody_has_an_anniversary_on_the_day_itself() -> None:
    assert "2025" not in [one.occasion for one in windows(At(anniversary="attributes.since"), "2025-06-01T00:00:00Z",
                                                           attributes={"since": "2025-05-01"})]  # fmt: skip


def test_before_opens_by_whole_days_of_the_calendar_and_ends_with_the_day() -> None:
    (one,) = windows(At(before="attributes.contract_end", by="30d"), "2026-11-01T00:00:00Z",
                     attributes={"contract_end": "2026-11-10"})  # fmt: skip
    assert one.occasion == "2026-11-10"
    assert one.opens == datetime(2026, 10, 10, 22, tzinfo=UTC), "midnight, before the clocks change"
    assert one.holds_until == one.fires_until == datetime(2026, 11, 10, 23, tzinfo=UTC)


def test_valid_for_ends_both_what_holds_and_what_may_be_made_up_for() -> None:
    (one,) = windows(At(before="attributes.contract_end", by="30d", valid_for="10d"), "2026-11-01T00:00:00Z",
                     attributes={"contract_end": "2027-01-31"})  # fmt: skip
    assert one.opens == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert one.holds_until == one.fires_until == one.opens + timedelta(days=10)


def test_after_holds_for_good_and_is_made_up_for_four_days() -> None:
    (one,) = windows(At(after="attributes.visit", by="12h", time="10:00"), "2026-11-01T00:00:00Z",
                     attributes={"visit": "03.12.26"})  # fmt: skip
    assert one.opens == datetime(2026, 12, 3, 21, tzinfo=UTC)
    assert (one.holds_until, one.fires_until) == (None, one.opens + timedelta(days=4))


def test_inactive_counts_from_the_last_activity_or_from_the_day_we_met() -> None:
    quiet = At(inactive="180d")
    (met,) = windows(quiet, "2026-11-22T00:00:00Z")
    (seen,) = windows(quiet, "2026-11-22T00:00:00Z", Activity((), datetime(2026, 1, 1, tzinfo=UTC)))
    assert met.opens == LONG_AGO + timedelta(days=180)
    assert (seen.occasion, seen.opens) == ("2026-01-01", datetime(2026, 6, 30, tzinfo=UTC))
    assert holds(seen, datetime(2031, 1, 1, tzinfo=UTC))


def test_missing_counts_from_the_day_we_met_or_from_the_last_time_it_was_said() -> None:
    at = At(missing="phone", for_="14d")
    (never,) = windows(at, "2026-11-22T00:00:00Z")
    lost = Former(path="/phones/0", value="+49", source="crm", until=datetime(2026, 11, 1, tzinfo=UTC))
    (once,) = windows(at, "2026-11-22T00:00:00Z", former=(lost,))
    assert never.opens == LONG_AGO + timedelta(days=14)
    assert once.opens == datetime(2026, 11, 15, tzinfo=UTC)
    assert not windows(at, "2026-11-22T00:00:00Z", phones=(Phone(value="+4930123"),))


@pytest.mark.parametrize(
    ("text", "day"),
    [("2027-01-31", "2027-01-31"), ("31.01.2027", "2027-01-31"), ("31.1.27", "2027-01-31"),
     ("2027-01-31T10:00:00+01:00", "2027-01-31"), ("31.02.2027", None), ("bald", None), (20270131, None), ("", None)],
)  # fmt: skip
def test_a_day_is_read_as_people_and_systems_write_it(text: Any, day: str | None) -> None:
    assert stated_day(text) == (None if day is None else date.fromisoformat(day))


@pytest.mark.parametrize(
    ("what", "zone"),
    [
        ({"timezone": "America/New_York", "addresses": (Address(country="DE"),)}, "America/New_York"),
        ({"timezone": "Nowhere/At_All", "addresses": (Address(country="AT"),)}, "Europe/Vienna"),
        ({"timezone": "../etc/passwd"}, "Europe/London"),
        ({"addresses": (Address(city="Paris"), Address(country="Frankreich"))}, "Europe/Paris"),
        ({}, "Europe/London"),
        ({"records": (Member(source="other", record_id="1"),)}, "Europe/Berlin"),
    ],
)
def test_a_contact_lives_in_its_own_zone_its_countrys_its_sources_or_berlin(what: dict[str, Any], zone: str) -> None:
    assert zone_of(a_contact(**what), {"webform": "GB", "other": None}).key == zone


@given(
    st.dates(date(1910, 1, 1), date(2020, 12, 31)),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Pacific/Auckland", "Pacific/Kiritimati", "UTC"]),
    st.sampled_from(["00:00", "02:30", "08:00", "23:59"]),
    st.integers(0, 3 * 366 * 24),
)
def test_at_any_hour_at_most_one_birthday_is_open_and_the_next_is_known(
    born: date, zone: str, at: str, hours: int
) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    found = windows(
        At(anniversary="birthday", time=at), now.isoformat(), zone=ZoneInfo(zone), birthday=born.isoformat()
    )
    assert sum(fires(one, now) for one in found) <= 1
    assert any(one.opens > now for one in found)
    days = {one.opens.astimezone(ZoneInfo(zone)).date() for one in found}
    assert all((day.month, day.day) in ((born.month, born.day), (2, 28)) for day in days)
