"""vCard 3 and 4 (RFC 2426, RFC 6350) as records: the properties that say something about a person."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

LINES_MAX: Final = 10_000
"""Of one card; a photo in base64 has a few thousand lines."""

_KINDS: Final = {"cell": "mobile", "work": "work", "home": "home", "fax": "fax"}
_ESCAPED: Final = re.compile(r"\\(.)")


class Property(NamedTuple):
    """One line of a card, unfolded: name, parameters as one lower-case text, value still escaped."""

    name: str
    parameters: str
    value: str


def cards(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every card as a record's fields, with the line it begins on."""
    begun = 0
    card: list[Property] = []
    for number, line in _unfolded(lines):
        property_ = _property(line)
        if property_ is None:
            continue
        if property_.name == "BEGIN":
            begun, card = number, []
        elif property_.name == "END":
            yield begun, record_of(card)
        elif len(card) < LINES_MAX:
            card.append(property_)


def record_of(card: Iterable[Property]) -> dict[str, Any]:
    """The fields that a card fills; what it leaves empty is absent."""
    record: dict[str, Any] = {}
    emails: list[dict[str, str]] = []
    phones: list[dict[str, str]] = []
    for one in card:
        match one.name:
            case "EMAIL":
                emails.append(_item(one))
            case "TEL":
                phones.append(_item(one))
            case "ADR":
                record = _address(one) | record
            case name if name in _SIMPLE:
                record |= _SIMPLE[name](one)
            case _:
                pass
    for name, items in (("email", emails), ("phone", phones)):
        if items:
            items.sort(key=lambda item: "pref" not in item.pop("pref", ""))
            record[name] = items[0]["value"]
            if len(items) > 1 or "kind" in items[0]:
                record[name + "s"] = items
    return {name: value for name, value in record.items() if value}


def _unfolded(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Logical lines: one that begins with a blank goes on from the line before."""
    begun, held = 0, ""
    for number, raw in enumerate(lines, start=1):
        line = raw.rstrip("\r\n")
        if line[:1] in (" ", "\t"):
            held += line[1:]
            continue
        if held:
            yield begun, held
        begun, held = number, line
    if held:
        yield begun, held


def _property(line: str) -> Property | None:
    head, colon, value = line.partition(":")
    while colon and head.count('"') % 2:  # a colon inside a quoted parameter
        more, colon, value = value.partition(":")
        head = f"{head}:{more}"
    name, _, parameters = head.partition(";")
    return Property(name.rpartition(".")[2].strip().upper(), parameters.lower(), value) if colon else None


def _parts(value: str) -> list[str]:
    """The components between semicolons, unescaped."""
    return [_plain(part) for part in re.split(r"(?<!\\);", value)]


def _plain(value: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value).strip()


def _item(one: Property) -> dict[str, str]:
    kind = next((ours for theirs, ours in _KINDS.items() if theirs in one.parameters), None)
    value = _plain(one.value).removeprefix("tel:").removeprefix("mailto:")
    return {"value": value, "pref": one.parameters} | ({} if kind is None else {"kind": kind})


def _name(one: Property) -> dict[str, str]:
    parts = [*_parts(one.value), "", "", "", "", ""]
    return {
        "family_name": parts[0],
        "given_name": " ".join(filter(None, (parts[1], parts[2].replace(",", " ")))),
        "name_prefix": parts[3],
        "name_suffix": parts[4],
    }


def _address(one: Property) -> dict[str, str]:
    parts = [*_parts(one.value), "", "", "", "", "", "", ""]
    extra = " ".join(filter(None, parts[:2]))
    found = {
        "address_extra": extra, "street": parts[2], "city": parts[3], "region": parts[4], "postcode": parts[5],
        "country": parts[6],
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def _organisation(one: Property) -> dict[str, str]:
    company, *department = _parts(one.value)
    return {"company": company, "department": " ".join(department)}


def _birthday(one: Property) -> dict[str, str]:
    """19800229 and 1980-02-29T00:00:00Z as 1980-02-29; what names no year (--0229) stays as it is."""
    text = _plain(one.value).partition("T")[0]
    return {"birthday": f"{text[:4]}-{text[4:6]}-{text[6:]}" if re.fullmatch(r"\d{8}", text) else text}


_SIMPLE: Final[dict[str, Callable[[Property], dict[str, str]]]] = {
    "N": _name,
    "FN": lambda one: {"full_name": _plain(one.value)},
    "ORG": _organisation,
    "TITLE": lambda one: {"job_title": _plain(one.value)},
    "BDAY": _birthday,
    "UID": lambda one: {"source_record_id": _plain(one.value).removeprefix("urn:uuid:")},
    "URL": lambda one: {"website": _plain(one.value)},
    "LANG": lambda one: {"language": _plain(one.value)},
    "GENDER": lambda one: {"gender": _parts(one.value)[0].lower()},
    "REV": lambda one: {"observed_at": _plain(one.value)},
}  # fmt: skip
