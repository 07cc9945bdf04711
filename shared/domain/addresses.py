"""Postal addresses: street and house number, postcode, city and company in comparable form."""

import re
from functools import lru_cache
from typing import Final

from shared.domain.text import fold, words_of

READINGS_MAX: Final = 16_384
"""Streets, cities and companies kept as read: they repeat far more often than persons."""

_NUMBER: Final = r"\d{1,5}\s?[a-zA-Z]?(?:\s?[-–/+]\s?\d{0,5}\s?[a-zA-Z]?)?"
_NUMBER_LAST: Final = re.compile(
    rf"(.*[^\d\s,].*?)[\s,]+(?:nr\.?\s*)?({_NUMBER})|(.*[^\W\d]\.?)({_NUMBER})", re.IGNORECASE
)
_NUMBER_FIRST: Final = re.compile(rf"({_NUMBER})[\s,]+(.*[^\W\d].*)")
_STREET_FORMS: Final = (
    (re.compile(r"(?:strasse|strase|str|straat)\b\.?"), "str"),
    (re.compile(r"\bstreet\b"), "st"),
    (re.compile(r"\broad\b"), "rd"),
    (re.compile(r"\bavenue\b"), "ave"),
    (re.compile(r"\b(?:drive)\b"), "dr"),
    (re.compile(r"\blane\b"), "ln"),
    (re.compile(r"platz\b|pl\."), "pl"),
    (re.compile(r"\bsankt\b"), "st"),
)
_PLACE_TAIL: Final = frozenset({"am", "an", "a", "im", "i", "in", "bei", "ob", "v", "vor", "unter", "b"})
_LEGAL_FORMS: Final = frozenset({
    "gmbh", "mbh", "gesmbh", "ggmbh", "ag", "kg", "kgaa", "ohg", "ug", "haftungsbeschraenkt", "ek", "ev", "gbr", "se",
    "eu", "og", "inc", "incorporated", "ltd", "limited", "llc", "llp", "lp", "corp", "corporation", "co", "company",
    "plc", "sa", "sas", "sarl", "srl", "spa", "bv", "nv", "vof", "oy", "oyj", "ab", "as", "aps", "asa", "sro", "doo",
    "kft", "spzoo", "pty", "partg", "partgmbb", "mbb", "holding", "group", "gruppe", "cie", "the", "und", "and",
    "eg", "fa", "firma", "aktiengesellschaft", "kommanditgesellschaft", "ooo", "oao", "zao", "epe",
})  # fmt: skip
_WRITTEN_OUT: Final = re.compile(
    r"\bges(?:ellschaft)?\.?\s?m\.?\s?b\.?\s?h\b|\bgesellschaft mit beschraenkter haftung\b"
    r"|\boffene handelsgesellschaft\b|\beingetragene[rs]?\s(?:kaufmann|kauffrau|verein|genossenschaft)\b"
    r"|\bs\.?\s?a\.?\s?r\.?\s?l\b|\bsp\.?\s?z\.?\s?o\.?\s?o\b|\be\.\s?k(?:fm|fr)?\b|\be\.\s?[vg]\b|\ba/s\b"
    r"|\bi\.\s?(?:l|g|gr)\b"
)
"""Legal forms of several words or letters, and what is said of a firm that begins or ends (i. G., i. L.)."""

_DOTTED: Final = re.compile(r"(?<!^)\b(?:[a-z]\.\s?){2,}")
"""Letters with dots behind the name (S.p.A., d.o.o.); at its beginning they are somebody's initials."""

_POSTCODE_PREFIX: Final = re.compile(r"^[A-Z]{1,2}[-\s](?=\d)")
_RANGE: Final = re.compile(r"(?<=\d)\s*([-–/+])\s*(?=\d)")


@lru_cache(READINGS_MAX)
def split_street(text: str | None) -> tuple[str | None, str | None]:
    """Street and house number as written, either None where it is missing; the number may stand before or after."""
    if not text or not (bare := " ".join(text.split()).strip(" ,")):
        return None, None
    bare = _RANGE.sub(r"\1", bare)
    if match := _NUMBER_LAST.fullmatch(bare):
        street, number = (match[1], match[2]) if match[1] else (match[3], match[4])
        return street.strip(" ,"), number.strip()
    if match := _NUMBER_FIRST.fullmatch(bare):
        return match[2].strip(), match[1].strip()
    return bare, None


@lru_cache(READINGS_MAX)
def street_key(street: str) -> str:
    """A street so written that Hermann-Löns-Straße, Hermann Loens Str. and hermannlönsstrasse are the same."""
    folded = fold(street)
    for form, short in _STREET_FORMS:
        folded = form.sub(short, folded)
    return "".join(sign for sign in folded if sign.isalnum())


@lru_cache(READINGS_MAX)
def house_key(number: str) -> str:
    """A house number without blanks, in lower case."""
    return "".join(sign for sign in fold(number) if sign.isalnum() or sign in "-/")


@lru_cache(READINGS_MAX)
def postcode_key(text: str, country: str | None) -> str | None:
    """A postcode without country prefix and blanks; German ones get back the zero that spreadsheets remove."""
    bare = _POSTCODE_PREFIX.sub("", text.strip().upper())
    bare = "".join(sign for sign in bare if sign.isalnum())
    if country == "DE" and len(bare) == 4 and bare.isdigit():
        bare = "0" + bare
    return bare or None


@lru_cache(READINGS_MAX)
def city_key(text: str) -> str:
    """A city by its bare name: Frankfurt am Main, Frankfurt/Main and Frankfurt a. M. are the same."""
    head = re.split(r"[/(,]", text, maxsplit=1)[0] or text
    kept: list[str] = []
    for word in words_of(head):
        if kept and word in _PLACE_TAIL:
            break
        kept.append("st" if word in ("sankt", "st") else word)
    return "".join(kept)


@lru_cache(READINGS_MAX)
def company_key(text: str) -> str:
    """A company without its legal form, punctuation and small words; the name in full where nothing else is left."""
    folded = fold(text)
    bare = _WRITTEN_OUT.sub(" ", folded)
    folded = _DOTTED.sub(_undotted, bare if words_of(bare) else folded)
    spoken = words_of(folded)
    kept = [word for word in spoken if word not in _LEGAL_FORMS]
    return " ".join(kept or spoken)


def _undotted(letters: re.Match[str]) -> str:
    return letters[0].replace(".", "").replace(" ", "") + " "
