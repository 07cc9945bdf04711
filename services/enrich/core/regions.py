"""Regions and forms of address: what a country or a salutation says for certain."""

import json
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

from shared.domain.contact import Contact
from shared.domain.names import sex_of
from shared.domain.text import words_of


class Manner(NamedTuple):
    """What a salutation tells: the language it is in, and the gender it is for."""

    language: str
    gender: str


_MANNERS: Final = {
    "herr": Manner("de", "male"),
    "herrn": Manner("de", "male"),
    "frau": Manner("de", "female"),
    "mr": Manner("en", "male"),
    "mister": Manner("en", "male"),
    "mrs": Manner("en", "female"),
    "ms": Manner("en", "female"),
    "miss": Manner("en", "female"),
    "monsieur": Manner("fr", "male"),
    "madame": Manner("fr", "female"),
}
_SALUTATIONS: Final = {
    ("de", "male"): "Herr",
    ("de", "female"): "Frau",
    ("en", "male"): "Mr",
    ("en", "female"): "Ms",
}
_GENDERS: Final = {"m": "male", "f": "female"}


def timezone_of(contact: Contact) -> str | None:
    """The time zone (IANA) of all addresses' countries, None where they differ or a country has several."""
    countries = {address.country for address in contact.addresses}
    if len(countries) != 1:
        return None
    country = countries.pop()
    return _zones().get(country) if country is not None else None


def manner_of(salutation: str | None) -> Manner | None:
    """What the first word of a salutation tells (Frau Dr., Mr), None where it tells nothing for certain."""
    spoken = words_of(salutation) if salutation else ()
    return _MANNERS.get(spoken[0]) if spoken else None


def salutation_of(gender: str | None, language: str | None) -> str | None:
    """How somebody of this gender (as anybody writes it) is addressed in this language, None where that is open."""
    known = _GENDERS.get(sex_of(gender) or "")
    spoken = (language or "").partition("-")[0].lower()
    return _SALUTATIONS.get((spoken, known)) if known is not None else None


@cache
def _zones() -> dict[str, str]:
    read = json.loads(resources.files("services.enrich.core").joinpath("timezones.json").read_text("utf-8"))
    zones: dict[str, str] = read["zones"]
    return zones
