"""Birthdays: from what German and English forms hold to an ISO date."""

import re
from datetime import date
from functools import lru_cache
from typing import Final

from shared.domain.text import fold

TWO_DIGIT_YEARS_FROM: Final = 1911
"""A two-digit year means the century after this: contacts are rarely older than that or born after 2010."""

PLACEHOLDER_DATES: Final = frozenset({
    "1900-01-01", "1970-01-01", "1901-01-01", "1899-12-30", "1899-12-31", "2000-01-01", "1753-01-01", "1600-01-01",
    "1601-01-01", "1800-01-01", "1000-01-01",
})  # fmt: skip
"""What systems and people write where they know no date; among them the first days of several calendars."""

EARLIEST: Final = "1000"
"""Registers and collections hold people of long ago; a year of three digits is a slip."""

_ISO: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[t ].*)?")
_COMPACT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})")
_DAY_FIRST: Final = re.compile(r"(\d{1,2})\s*[./-]\s*(\d{1,2})\s*[./-]\s*(\d{4}|\d{2})(?:[t ].*)?")
_DAY_WORD: Final = re.compile(r"(\d{1,2})(?:\.|st|nd|rd|th)?\s*(?:of\s+)?([a-z]{3,9})\.?,?\s*(\d{4})")
_WORD_DAY: Final = re.compile(r"([a-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")
_MONTHS: Final = {
    "jan": 1, "feb": 2, "mae": 3, "mar": 3, "mrz": 3, "apr": 4, "mai": 5, "may": 5, "jun": 6, "jul": 7, "aug": 8,
    "sep": 9, "okt": 10, "oct": 10, "nov": 11, "dez": 12, "dec": 12, "jae": 1,
}  # fmt: skip


@lru_cache(16_384)
def parse_birthday(text: str | None) -> str | None:
    """The date as ISO 8601, or None for what is no date (31 February, 00.00.0000, words).

    Where day and month are both possible the day comes first, as in Europe; only an impossible month turns them.
    """
    if not text:
        return None
    folded = fold(text)
    if match := _ISO.fullmatch(folded) or _COMPACT.fullmatch(folded):
        return _iso(int(match[1]), int(match[2]), int(match[3]))
    if match := _DAY_FIRST.fullmatch(folded):
        day, month, year = int(match[1]), int(match[2]), _year(match[3])
        return _iso(year, month, day) or (_iso(year, day, month) if month > 12 else None)
    if match := _DAY_WORD.fullmatch(folded):
        return _iso(int(match[3]), _MONTHS.get(match[2][:3], 0), int(match[1]))
    if match := _WORD_DAY.fullmatch(folded):
        return _iso(int(match[3]), _MONTHS.get(match[1][:3], 0), int(match[2]))
    return None


def known_birthday(text: str | None) -> str | None:
    """The birthday as ISO 8601, or None where the date is unreadable or only fills a field (01.01.1900)."""
    read = parse_birthday(text)
    return None if read is None or read in PLACEHOLDER_DATES or read < EARLIEST else read


def _year(digits: str) -> int:
    if len(digits) == 4:
        return int(digits)
    century = TWO_DIGIT_YEARS_FROM // 100 * 100
    return century + int(digits) + (100 if century + int(digits) < TWO_DIGIT_YEARS_FROM else 0)


def _iso(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
