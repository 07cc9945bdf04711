"""Dates: when a dated rule has its occasions for one contact, how long they hold, and how long they are made up for.

An occasion is a window of time. What a rule gives (category, segment, points) holds within it; what it requests (mail,
notification) is requested once, when the window opens or, after a downtime, as long as it may be made up for:

    kind          opens                              holds until            is made up for until
    anniversary   on the day, each year, at `time`   the end of the day     CATCH_UP_DAYS later
    before        `by` before the day, at `time`     the end of the day     the end of the day
    after         `by` after the day, at `time`      for good               CATCH_UP_DAYS later
    inactive      so long after the last activity    the next activity      the next activity
    missing       so long without the field          the field is there     the field is there
    (asked)       when a form asked for a consent    it is answered         its link would be too old

With `valid_for` both end so long after the opening. Everything is computed from the contact as it is: a corrected date
moves its occasions, and there is no list of them that could be wrong.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from services.rules.core.activity import Activity
from services.rules.core.days import duration, in_year, moment, stated_day, time_of_day
from services.rules.core.schema import meant
from shared.domain.configuration import At
from shared.domain.contact import Contact

CATCH_UP_DAYS: Final = 4
"""A birthday mail is made up for after a downtime over Easter (Friday to Monday), and is not a week late."""

SHIFT_DAYS_MAX: Final = 36_500
"""A hundred years, for every duration: dates stay within the calendar."""

ANNIVERSARY_TIME: Final = time(8)
"""Congratulations come in the morning."""

_MIDNIGHT: Final = time(0)
_DAY: Final = timedelta(days=1)
_CATCH_UP: Final = timedelta(days=CATCH_UP_DAYS)


class Window(NamedTuple):
    """One occasion: its name (the same for ever), and when it opens and ends; None is never."""

    occasion: str
    opens: datetime
    holds_until: datetime | None = None
    fires_until: datetime | None = None


ALWAYS: Final = Window("once", datetime.fromisoformat("0001-01-02T00:00:00+00:00"))
"""The window of a rule without a date: open, and requested once."""


def holds(window: Window, now: datetime) -> bool:
    """True while what the rule gives holds."""
    return window.opens <= now and (window.holds_until is None or now < window.holds_until)


def fires(window: Window, now: datetime) -> bool:
    """True while what the rule requests may be requested."""
    return window.opens <= now and (window.fires_until is None or now < window.fires_until)


def turns(window: Window, now: datetime) -> list[datetime]:
    """The moments ahead at which something about a window changes."""
    return [turn for turn in (window.opens, window.holds_until) if turn is not None and turn > now]


class Around(NamedTuple):
    """What occasions are computed from."""

    contact: Contact
    activity: Activity
    now: datetime
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Dated:
    """A date of a rule, checked. `windows` are the occasions that may be open or come next."""

    windows: Callable[[Around], Sequence[Window]]
    reads_timeline: bool = False


def dated(at: At) -> Dated:
    """The date, ready to be asked. Raises ValueError that names the key and what is wrong."""
    kinds = {"anniversary": at.anniversary, "before": at.before, "after": at.after, "inactive": at.inactive,
             "missing": at.missing}  # fmt: skip
    named = {kind: value for kind, value in kinds.items() if value is not None}
    if len(named) != 1:
        raise ValueError(f"names exactly one of {', '.join(kinds)}")
    ((kind, value),) = named.items()
    _refuse_idle(at, kind)
    valid_for = None if at.valid_for is None else _duration("valid_for", at.valid_for)
    match kind:
        case "inactive":
            return Dated(_inactive(_duration(kind, value), valid_for), reads_timeline=True)
        case "missing":
            if at.for_ is None:
                raise ValueError("for: says how long the field has to be missing, such as 14d")
            return Dated(_missing(value, _duration("for", at.for_), valid_for))
        case "anniversary":
            return Dated(_anniversary(_reader(kind, value), _time(at, ANNIVERSARY_TIME), at.leap_day, valid_for))
        case _:
            by = timedelta(0) if at.by is None else _duration("by", at.by)
            turn = _before if kind == "before" else _after
            return Dated(turn(_reader(kind, value), by, _time(at, _MIDNIGHT), valid_for))


_KEYS: Final = {
    "anniversary": {"time", "leap_day"},
    "before": {"by", "time"},
    "after": {"by", "time"},
    "inactive": set[str](),
    "missing": {"for"},
}
"""Which keys go with which kind; `valid_for` goes with all."""


def _refuse_idle(at: At, kind: str) -> None:
    """Refuse a key that would say nothing."""
    said = {"by": at.by, "for": at.for_, "time": at.time, "leap_day": None if at.leap_day == "02-28" else at.leap_day}
    for key, value in said.items():
        if value is not None and key not in _KEYS[kind]:
            raise ValueError(f"{key}: says nothing beside {kind}")


def _duration(key: str, text: str) -> timedelta:
    try:
        found = duration(text)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None
    if not timedelta(0) < found <= timedelta(days=SHIFT_DAYS_MAX):
        raise ValueError(f"{key}: is more than nothing and at most {SHIFT_DAYS_MAX:,} days")
    return found


def _time(at: At, usual: time) -> time:
    try:
        return usual if at.time is None else time_of_day(at.time)
    except ValueError as error:
        raise ValueError(f"time: {error}") from None


DAYS: Final = ("birthday", "created_at", "attributes.<name>")
"""What of a contact is a day."""

FIELDS: Final[dict[str, str]] = {
    "email": "emails", "emails": "emails", "phone": "phones", "phones": "phones", "address": "addresses",
    "street": "addresses", "birthday": "birthday", "gender": "gender", "department": "department",
    "job_title": "job_title", "language": "language", "timezone": "timezone", "owner": "owner", "website": "website",
    "social_profiles": "social_profiles", "company": "company.name", "vat_id": "company.vat_id",
    "industry": "company.industry", "salutation": "name.salutation", "given_name": "name.given",
    "family_name": "name.family", "full_name": "name.full",
}  # fmt: skip
"""The fields that may be missing, as records name them, and where a contact has them."""


def _reader(key: str, path: str) -> Callable[[Contact], date | None]:
    """What reads the day at a path. Raises ValueError for a path that is none."""
    if path == "birthday":
        return lambda contact: stated_day(contact.birthday)
    if path == "created_at":
        return lambda contact: contact.created_at.date()
    first, *steps = path.split(".")
    if first != "attributes" or not steps or not all(steps):
        raise ValueError(f"{key}: {path} is no date of a contact; known are {', '.join(DAYS)}")
    return lambda contact: stated_day(_below(contact.attributes, steps))


def _below(value: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _anniversary(
    day_of: Callable[[Contact], date | None], at: time, leap_day: str, valid_for: timedelta | None
) -> Callable[[Around], Sequence[Window]]:
    def windows(around: Around) -> list[Window]:
        born = day_of(around.contact)
        if born is None:
            return []
        this = around.now.astimezone(around.zone).year
        found: list[Window] = []
        for year in range(max(this - 1, born.year + 1), min(this + 2, date.max.year)):
            day = in_year(born, year, leap_day)
            opens = moment(day, at, around.zone)
            ends = opens + valid_for if valid_for else None
            over = moment(day + _DAY, _MIDNIGHT, around.zone)
            if ends is None and over <= around.contact.created_at:
                continue  # whom we did not know on the day is not congratulated afterwards
            found.append(Window(str(year), opens, ends or over, ends or opens + _CATCH_UP))
        return found

    return windows


def _before(
    day_of: Callable[[Contact], date | None], by: timedelta, at: time, valid_for: timedelta | None
) -> Callable[[Around], Sequence[Window]]:
    def windows(around: Around) -> list[Window]:
        day = _within(day_of(around.contact))
        if day is None:
            return []
        opens = _earlier(day, by, at, around.zone)
        ends = opens + valid_for if valid_for else moment(day + _DAY, _MIDNIGHT, around.zone)
        return [Window(day.isoformat(), opens, ends, ends)]

    return windows


def _after(
    day_of: Callable[[Contact], date | None], by: timedelta, at: time, valid_for: timedelta | None
) -> Callable[[Around], Sequence[Window]]:
    def windows(around: Around) -> list[Window]:
        day = _within(day_of(around.contact))
        if day is None:
            return []
        opens = _earlier(day, -by, at, around.zone)
        ends = opens + valid_for if valid_for else None
        return [Window(day.isoformat(), opens, ends, ends or opens + _CATCH_UP)]

    return windows


def _inactive(for_: timedelta, valid_for: timedelta | None) -> Callable[[Around], Sequence[Window]]:
    def windows(around: Around) -> list[Window]:
        contact = around.contact
        last = max(
            (time for time in (contact.last_activity_at, around.activity.last_at) if time is not None),
            default=contact.created_at,
        )
        return [_since(last, for_, valid_for)]

    return windows


def _missing(field: str, for_: timedelta, valid_for: timedelta | None) -> Callable[[Around], Sequence[Window]]:
    path = FIELDS.get(field)
    if path is None:
        raise ValueError(f"missing: unknown field {field}{meant(field, list(FIELDS))}")
    steps = path.split(".")

    def windows(around: Around) -> list[Window]:
        contact = around.contact
        if _there(contact, steps):
            return []
        pointer = "/" + "/".join(steps)
        lost = [one.until for one in contact.former if one.path == pointer or one.path.startswith(f"{pointer}/")]
        return [_since(max([contact.created_at, *lost]), for_, valid_for)]

    return windows


def _there(contact: Contact, steps: Sequence[str]) -> bool:
    value: Any = contact
    for step in steps:
        value = getattr(value, step)
    return value not in (None, "", ())


def _since(last: datetime, for_: timedelta, valid_for: timedelta | None) -> Window:
    """The window that opens so long after something."""
    opens = last + for_
    ends = opens + valid_for if valid_for else None
    return Window(last.date().isoformat(), opens, ends, ends)


def _within(day: date | None) -> date | None:
    """A day with a hundred years to either end of the calendar, None for any other: it is a slip."""
    return day if day is not None and 200 <= day.year <= 9_000 else None


def _earlier(day: date, by: timedelta, at: time, zone: ZoneInfo) -> datetime:
    """So long before a day: whole days by the calendar, so that a change of clocks moves no time of day; then hours."""
    days = timedelta(days=by.days)
    return moment(day - days, at, zone) - (by - days)


def as_plain(at: At) -> dict[str, Any]:
    """The date as it was configured, for people to read."""
    said = msgspec.to_builtins(at)
    usual = msgspec.to_builtins(At())
    return {key: value for key, value in said.items() if value != usual.get(key)}
