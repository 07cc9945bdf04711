"""Standards: what a contact is measured by, made once from the configuration.

Configuration names the fields of a record (`email`, `family_name`); findings name paths of the clean contact
(`/emails`, `/name/family`). The table of both stands here.
"""

import difflib
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from shared.domain.configuration import Fields, Source

PATHS: Final[Mapping[str, str]] = {
    "salutation": "/name/salutation",
    "name_prefix": "/name/prefix",
    "given_name": "/name/given",
    "family_name": "/name/family",
    "name_suffix": "/name/suffix",
    "full_name": "/name/full",
    "gender": "/gender",
    "email": "/emails",
    "phone": "/phones",
    "address": "/addresses",
    "street": "/addresses/0/street",
    "postcode": "/addresses/0/postcode",
    "city": "/addresses/0/city",
    "region": "/addresses/0/region",
    "country": "/addresses/0/country",
    "birthday": "/birthday",
    "company": "/company/name",
    "vat_id": "/company/vat_id",
    "department": "/department",
    "job_title": "/job_title",
    "website": "/website",
    "language": "/language",
    "timezone": "/timezone",
    "owner": "/owner",
}
"""Where the field of a record lies in the clean contact; lists by their own path, an address's parts by its first."""

_DAYS: Final[Mapping[str, float]] = {"s": 1 / 86_400, "m": 1 / 1_440, "h": 1 / 24, "d": 1.0}
_DURATION: Final = re.compile(r"([0-9]{1,9})([smhd])")


class Need(NamedTuple):
    """One field, its path, and the purposes that need it."""

    field: str
    path: str
    purposes: tuple[str, ...]


class Standards(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed for what, after how many days a value is stale, and where sources are at home (alpha-2)."""

    needs: tuple[Need, ...] = ()
    half_life_days: Mapping[str, float] = {}
    homes: Mapping[str, str | None] = {}


def standards_of(fields: Fields, sources: Mapping[str, Source]) -> Standards:
    """The standards that these configuration files set. Raises ValueError for a field or duration that is none."""
    purposes: dict[str, list[str]] = {}
    for purpose, names in fields.required.items():
        for name in names:
            purposes.setdefault(_known(name, f"required.{purpose}"), []).append(purpose)
    return Standards(
        needs=tuple(Need(name, PATHS[name], tuple(why)) for name, why in purposes.items()),
        half_life_days={
            _known(name, "half_life"): days_of(text, f"half_life.{name}") for name, text in fields.half_life.items()
        },
        homes={name: source.country for name, source in sources.items()},
    )


def days_of(duration: str, place: str) -> float:
    """A duration such as `90s`, `10m`, `12h`, `180d` in days. Raises ValueError, naming the place, for any other."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise ValueError(f"fields.yaml: {place}: a duration is a number with s, m, h or d, such as 180d")
    return int(match[1]) * _DAYS[match[2]]


def _known(name: str, place: str) -> str:
    if name in PATHS:
        return name
    near = difflib.get_close_matches(name, PATHS, n=1)
    meant = f", did you mean `{near[0]}`?" if near else f"; known are {', '.join(PATHS)}"
    raise ValueError(f"fields.yaml: {place}: `{name}` is no field of a record{meant}")
