"""Days: which zone a contact lives in, and at which moment a day of the calendar comes to its time there.

Decided: a time that a change of clocks skips comes as much later as the gap is long (02:30 is 03:30 on such a day), one
that comes twice counts the first time (PEP 495, fold 0); 29 February is the 28th in common years, or 1 March where the
rule says so.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from shared.domain.contact import Contact
from shared.domain.countries import country_code
from shared.domain.dates import parse_birthday
from shared.domain.tables import mapping

HOME_ZONE: Final = "Europe/Berlin"
"""Where nothing tells otherwise: the zone of who wrote the default configuration."""

_SHORT_YEAR: Final = re.compile(r"(\s*\d{1,2}\s*\.\s*\d{1,2}\s*\.\s*)(\d{2})\s*")
_TIME_OF_DAY: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_DURATION: Final = re.compile(r"(\d{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def zone_of(contact: Contact, countries: Mapping[str, str | None]) -> ZoneInfo:
    """The zone a contact lives in: its own, that of its address, that of its sources' country, Berlin.

    `countries` are those of the sources. A country of several zones stands for the one most of its people live in.
    """
    if contact.timezone and (zone := _zone(contact.timezone)) is not None:
        return zone
    for address in contact.addresses:
        if (zone := _zone_in(address.country)) is not None:
            return zone
    for member in contact.records:
        if (zone := _zone_in(countries.get(member.source))) is not None:
            return zone
    return ZoneInfo(HOME_ZONE)


@lru_cache(maxsize=1_024)
def _zone(name: str) -> ZoneInfo | None:
    """There are about six hundred zones; a name that is none gives None."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


@lru_cache(maxsize=1_024)
def _zone_in(country: str | None) -> ZoneInfo | None:
    zones = mapping("zones").get(country_code(country) or "")
    return None if zones is None else _zone(zones[0])


def moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """When a day comes to a time in a zone, in UTC."""
    return datetime.combine(day, at, zone).astimezone(UTC)


def in_year(born: date, year: int, leap_day: str) -> date:
    """The anniversary of a day in a year; `leap_day` (02-28 or 03-01) stands for 29 February in common years."""
    try:
        return born.replace(year=year)
    except ValueError:
        return date.fromisoformat(f"{year:04}-{leap_day}")


def stated_day(value: Any) -> date | None:
    """The day that a value of a contact names, None for what is none; a year of two digits is of this century."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    short = _SHORT_YEAR.fullmatch(value)
    read = parse_birthday(f"{short[1]}20{short[2]}" if short else value)
    return None if read is None else date.fromisoformat(read)


def time_of_day(text: str) -> time:
    """A time such as 08:00. Raises ValueError for what is none."""
    match = _TIME_OF_DAY.fullmatch(text)
    if match is None:
        raise ValueError("is a time of day such as 08:00")
    return time(int(match[1]), int(match[2]))


def duration(text: str) -> timedelta:
    """A duration such as 90s, 10m, 12h or 180d. Raises ValueError for what is none."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("is a duration such as 12h or 30d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
