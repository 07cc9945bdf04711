"""Jotform: a submission of a form.

- **Authentic**: Jotform does not sign; a secret in the path.
- **Says**: one record for each submission, from the JSON text in `rawRequest`; files are no part of it.
- **Names**: `map` names questions as `q3_name` or their parts as `q3_name.first`. Without a map a name, an address, a
  phone number and a mail address are known by their parts.
- **Id and time**: `submissionID`; Jotform names no time, so arrival counts. An edited submission is an update.
- **Retries**: none that are documented: the first answer has to be 202.
"""

import re
from typing import Final

from services.ingest.connectors.hook import (
    Connector,
    Hook,
    Payload,
    Says,
    Unreadable,
    dict_at,
    record_from,
    strange,
    text_at,
)
from services.ingest.connectors.signatures import by_secret
from shared.domain.configuration import Source
from shared.domain.record import Json

PARTS: Final = {
    "prefix": "name_prefix", "first": "given_name", "last": "family_name", "suffix": "name_suffix", "full": "phone",
    "addr_line1": "street", "addr_line2": "address_extra", "postal": "postcode", "city": "city", "state": "region",
    "country": "country",
}  # fmt: skip
"""What the parts of Jotform's own fields (full name, address, phone) are called, and which field of ours each is."""

_QUESTION: Final = re.compile(r"q\d+_.+")


def _says(payload: Payload, hook: Hook, source: Source) -> list[Says] | Unreadable:
    submission = text_at(payload, "submissionID")
    raw = dict_at(payload, "rawRequest")
    if not submission or not raw:
        return strange("submissionID and rawRequest")
    named = {name: _value(value) for name, value in raw.items() if _QUESTION.fullmatch(name)}
    return [record_from(named, _defaults(named), hook, source, source_record_id=submission)]


def _defaults(named: Payload) -> dict[str, str]:
    defaults: dict[str, str] = {}
    for name, value in named.items():
        if isinstance(value, dict):
            for part in value.keys() & PARTS.keys():
                defaults.setdefault(PARTS[part], f"{name}.{part}")
        elif isinstance(value, str) and "@" in value and "mail" in name.lower():
            defaults.setdefault("email", name)
    return defaults


def _value(value: Json) -> Json:
    """A date in three parts becomes one text; everything else stays as it is."""
    if isinstance(value, dict) and set(value) == {"day", "month", "year"} and all(map(value.get, value)):
        year, month, day = (text_at(value, part) for part in ("year", "month", "day"))
        return f"{year}-{month:0>2}-{day:0>2}"
    return value


CONNECTOR: Final = Connector(by_secret, _says)
