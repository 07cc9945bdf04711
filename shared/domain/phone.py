"""Telephone numbers: from what people write to E.164, by the rules of libphonenumber."""

import re
from functools import cache, lru_cache
from typing import Final, Literal

import msgspec
import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberType

PhoneKind = Literal["mobile", "fixed"]

READINGS_MAX: Final = 16_384
"""Numbers kept as read: a source sends the same number many times, and reading one costs 140 µs."""

DIGITS_MIN: Final = 7
"""Digits with calling code below which nobody can be called from abroad: what is shorter is an extension."""

_SIGNS: Final = re.compile(r"[\s()/.\-–—·]+")
_STAYS_AT_HOME: Final = re.compile(r"\(0\)")
_PLACEHOLDER: Final = re.compile(r"(?:49)?0*(?:(\d)\1*|1234567?8?9?0?|9?87654321|12341234)")
_CALLING_CODE_ALONE: Final = re.compile(r"49(?:1[567]\d{8,9}|[2-9]\d{8,10})")
"""German numbers written in full but without plus or zeros, as spreadsheets leave them."""


class PhoneReading(msgspec.Struct, frozen=True):
    """A number as read: E.164 where it can be one at all, mobile or fixed, and whether its range is in use."""

    e164: str | None
    kind: PhoneKind | None
    valid: bool

    def __repr__(self) -> str:
        return f"PhoneReading(kind={self.kind}, valid={self.valid})"


_NOTHING: Final = PhoneReading(None, None, valid=False)


@lru_cache(READINGS_MAX)
def parse_phone(text: str | None, country: str | None = "DE") -> PhoneReading:
    """Read a number; country is the alpha-2 region for numbers without a calling code.

    `e164` is None for what cannot be a number (too short, letters, placeholders such as 0000 or 0123456789); a number
    may be readable and yet not valid, when its range is not in use.
    """
    if not text:
        return _NOTHING
    bare = _SIGNS.sub("", _STAYS_AT_HOME.sub("", text))
    digits = bare.removeprefix("+").removeprefix("00")
    if _PLACEHOLDER.fullmatch(digits):
        return _NOTHING
    if (country == "DE" or bare.startswith("+49")) and (swift := _german(bare)) is not None:
        return swift
    if country == "DE" and _CALLING_CODE_ALONE.fullmatch(bare):
        bare = "+" + bare
    return _read(bare if bare.strip("+").isdigit() else text, country)


def _german(bare: str) -> PhoneReading | None:
    if bare.startswith("+49"):
        national = bare[3:]
    elif bare.startswith("0049"):
        national = bare[4:]
    elif bare.startswith("0") and not bare.startswith("00"):
        national = bare[1:]
    elif _CALLING_CODE_ALONE.fullmatch(bare):
        national = bare[2:]
    else:
        return None
    national = national.removeprefix("0")
    mobile, fixed = _german_ranges()
    if mobile.fullmatch(national):
        return PhoneReading("+49" + national, "mobile", valid=True)
    if fixed.fullmatch(national) and len(national) >= 6:
        return PhoneReading("+49" + national, "fixed", valid=True)
    return None


@cache
def _german_ranges() -> tuple[re.Pattern[str], re.Pattern[str]]:
    metadata = PhoneMetadata.metadata_for_region("DE")
    assert metadata is not None
    assert metadata.mobile is not None
    assert metadata.fixed_line is not None
    return (
        re.compile(metadata.mobile.national_number_pattern or "", re.ASCII),
        re.compile(metadata.fixed_line.national_number_pattern or "", re.ASCII),
    )


def _read(text: str, country: str | None) -> PhoneReading:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return _NOTHING
    if not phonenumbers.is_possible_number(number):
        return _NOTHING
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if len(written) <= DIGITS_MIN:
        return _NOTHING
    kind = phonenumbers.number_type(number)
    return PhoneReading(written, _KINDS.get(kind), valid=kind != PhoneNumberType.UNKNOWN)


_KINDS: Final[dict[int, PhoneKind]] = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "fixed",
}
