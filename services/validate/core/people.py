"""Names and birthdays: is something typed only to fill the field, or cannot be so?"""

import re
from datetime import date
from functools import lru_cache
from typing import Final

from services.validate.core.codes import Code, finding
from shared.domain.contact import Contact, Finding, Name
from shared.domain.dates import PLACEHOLDER_DATES, parse_birthday
from shared.domain.text import is_placeholder, words_of

AGE_YEARS_MAX: Final = 120
"""Two persons are known to have grown older; a list that holds more of them holds mistakes."""

NAMES_MAX: Final = 16_384
"""Parts of names kept as judged; they repeat."""

_NO_NAME: Final = re.compile(r"[\d@<>{}\[\]|\\^~*_=+%$§#€\"]|https?:|www\.", re.IGNORECASE)
_SPECIMENS: Final = frozenset({("max", "muster"), ("maxi", "muster"), ("john", "doe"), ("jane", "doe"),
                               ("otto", "normalverbraucher"), ("lieschen", "mueller")})  # fmt: skip
"""Names that stand for nobody in particular."""

_WITHOUT_YEAR: Final = re.compile(r"--([0-9]{2})-?([0-9]{2})")
_LEAP_YEAR: Final = 2000


def judge_names(contact: Contact) -> list[Finding]:
    """What is found about the parts of a name; an organisation's name is its company's."""
    name = contact.name
    if _is_specimen(name):
        return [finding(Code.NAME_PLACEHOLDER, "/name/full")]
    parts = [("/name/given", name.given), ("/name/family", name.family)]
    if name.given is None and name.family is None:
        parts.append(("/name/full", name.full))
    if contact.kind == "organisation":
        parts.append(("/company/name", contact.company.name))
    return [finding(code, path) for path, text in parts if text is not None and (code := judge_name(text, path))]


def judge_name(text: str, path: str) -> Code | None:
    """What there is to say about one part of a name; companies may have any sign."""
    return _judge(text) if path != "/company/name" else (Code.NAME_PLACEHOLDER if is_placeholder(text) else None)


@lru_cache(NAMES_MAX)
def _judge(text: str) -> Code | None:
    if is_placeholder(text):
        return Code.NAME_PLACEHOLDER
    return Code.NAME_IMPLAUSIBLE if _NO_NAME.search(text) else None


def _is_specimen(name: Name) -> bool:
    if name.given is None or name.family is None:
        return False
    given, family = words_of(name.given), words_of(name.family)
    return len(given) == 1 and len(family) == 1 and (given[0], family[0]) in _SPECIMENS


def judge_birthday(birthday: str | None, today: date) -> tuple[str | None, list[Finding]]:
    """The birthday in ISO 8601 where it can be read, as written where not, and what is found."""
    if birthday is None:
        return None, []
    if (without := _WITHOUT_YEAR.fullmatch(birthday)) is not None:
        exists = _exists(_LEAP_YEAR, int(without[1]), int(without[2]))
        return birthday, [] if exists else [finding(Code.BIRTHDAY_IMPLAUSIBLE, "/birthday", "There is no such day.")]
    read = parse_birthday(birthday)
    if why := _impossible(read, today):
        return read or birthday, [finding(Code.BIRTHDAY_IMPLAUSIBLE, "/birthday", why)]
    if read in PLACEHOLDER_DATES:
        why = "Systems fill in this date where none is known."
        return read, [finding(Code.BIRTHDAY_IMPLAUSIBLE, "/birthday", why, "warning")]
    return read, []


def _impossible(read: str | None, today: date) -> str:
    """Why a date (ISO, None: unreadable) cannot be a birthday, empty if it can."""
    if read is None:
        return "There is no such date."
    if read > today.isoformat():
        return "This day is still to come."
    if int(read[:4]) < today.year - AGE_YEARS_MAX:
        return f"This is more than {AGE_YEARS_MAX} years ago."
    return ""


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
