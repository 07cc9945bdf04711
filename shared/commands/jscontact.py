"""JSContact cards (RFC 9553) as records: the properties that say something about a person."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

LEAST: Final = 101
"""Behind every preference that RFC 9553 knows (1 to 100, 1 the best)."""

DAY: Final = 3
"""Year, month and day."""

_KINDS: Final = {"mobile": "mobile", "fax": "fax", "work": "work", "private": "home"}
_NAMES: Final = {
    "title": "name_prefix", "given": "given_name", "given2": "given_name", "surname": "family_name",
    "surname2": "family_name", "generation": "name_suffix", "credential": "name_suffix",
}  # fmt: skip
_PLACES: Final = {
    "name": "street", "number": "street", "locality": "city", "region": "region", "postcode": "postcode",
    "country": "country", "apartment": "address_extra", "floor": "address_extra", "building": "address_extra",
}  # fmt: skip


def is_card(value: Mapping[str, Any]) -> bool:
    """Whether an object of a file is a card: each says so itself."""
    return value.get("@type") == "Card"


def record_of(card: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a card fills; what it leaves empty, and what is not as RFC 9553 has it, is absent."""
    name, address = _dict(card.get("name")), next(iter(_preferred(card, "addresses")), {})
    organization, title = (next(iter(_preferred(card, one)), {}) for one in ("organizations", "titles"))
    record: dict[str, Any] = {
        "source_record_id": _text(card.get("uid")).removeprefix("urn:uuid:"),
        "full_name": _text(name.get("full")),
        "company": _text(organization.get("name")),
        "department": " ".join(_text(one.get("name")) for one in _dicts(organization.get("units"))),
        "job_title": _text(title.get("name")),
        "birthday": _birthday(card),
        "language": _text(card.get("language")),
        "observed_at": _text(card.get("updated")),
        **_joined(_dicts(name.get("components")), _NAMES),
        **_joined(_in_our_order(address), _PLACES),
    }
    record.setdefault("country", _text(address.get("countryCode")))
    for field, values, value in (("email", "emails", "address"), ("phone", "phones", "number")):
        items = [_item(one, value) for one in _preferred(card, values) if _text(one.get(value))]
        if items:
            record[field], record[values] = items[0]["value"], items
    return {field: said for field, said in record.items() if said}


def _in_our_order(address: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parts of an address as they were written; where no order is meant, the number after the street."""
    parts = _dicts(address.get("components"))
    return parts if address.get("isOrdered") is True else sorted(parts, key=lambda one: one.get("kind") == "number")


def _joined(parts: Sequence[Mapping[str, Any]], fields: Mapping[str, str]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for one in parts:
        field = fields.get(_text(one.get("kind")))
        if field is not None:
            joined[field] = f"{joined.get(field, '')} {_text(one.get('value'))}".strip()
    return joined


def _item(one: Mapping[str, Any], value: str) -> dict[str, str]:
    marks = {**_dict(one.get("features")), **_dict(one.get("contexts"))}
    kind = next((ours for theirs, ours in _KINDS.items() if marks.get(theirs) is True), None)
    said = {"value": _text(one.get(value)).removeprefix("tel:")}
    return said if kind is None else {**said, "kind": kind}


def _birthday(card: Mapping[str, Any]) -> str:
    """The day of birth; one without its year, month or day is none."""
    for one in _preferred(card, "anniversaries"):
        date = _dict(one.get("date"))
        if one.get("kind") == "birth":
            parts = [date[part] for part in ("year", "month", "day") if isinstance(date.get(part), int)]
            return "{:04}-{:02}-{:02}".format(*parts) if len(parts) == DAY else _text(date.get("utc"))[:10]
    return ""


def _preferred(card: Mapping[str, Any], property_: str) -> list[dict[str, Any]]:
    """The objects of a map by id, the preferred one first."""
    found = [one for one in _dict(card.get(property_)).values() if isinstance(one, dict)]
    return sorted(found, key=lambda one: one["pref"] if isinstance(one.get("pref"), int) else LEAST)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
