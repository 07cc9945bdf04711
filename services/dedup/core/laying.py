"""Laying: a contact with its pins laid over it, each shown as a record's own word would be."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from services.dedup.core.candidates import SourceView
from services.dedup.core.pinning import ADDRESS, ATTRIBUTE, Pin
from services.dedup.core.survivorship import golden_record
from shared.domain.contact import Address, Cause, Contact, Email, Origin, Phone, Suggestion
from shared.domain.record import TEXT_FIELDS, Json, Record, Said

ADDRESS_FIELDS: Final = ("street", "address_extra", "postcode", "city", "region", "country")

SOURCE: Final = "pin"
"""What provenance names as the source of a pinned value."""

_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of what is looked at and not kept."""


def fault_of(field: str, value: Json, text_max: int) -> str | None:
    """What is wrong with a value for this field, None for one that can be pinned."""
    if field == ADDRESS:
        if not isinstance(value, Mapping) or not value or not all(name in ADDRESS_FIELDS for name in value):
            return "an address is an object of " + ", ".join(ADDRESS_FIELDS)
        texts: list[Any] = [*value.values()]
    elif field.startswith(ATTRIBUTE):
        small = len(msgspec.json.encode(value)) <= text_max
        return None if value is not None and small else f"an attribute is a value of at most {text_max} bytes"
    else:
        texts = [value]
    if not all(isinstance(one, str) and one.strip() and len(one) <= text_max for one in texts):
        return f"this is a text of at most {text_max} characters"
    empty = _Shown({field: value}, None, _NEVER)
    return None if empty.paths(field) else "this value means nothing"


def laid_over(contact: Contact, pins: Iterable[Pin]) -> Contact:
    """The contact with its pins: of two on one field the newer holds, the other is suggested."""
    held: dict[str, Pin] = {}
    late: list[Pin] = []
    for pin in sorted(pins, key=lambda one: (one.at, one.pin_id), reverse=True):
        late.append(pin) if pin.field in held else held.setdefault(pin.field, pin)
    for field in (ADDRESS, *TEXT_FIELDS):
        if field in held:
            contact = _one(contact, held[field])
    for field in sorted(held.keys() - {ADDRESS, *TEXT_FIELDS}):
        contact = _one(contact, held[field])
    for pin in late:
        contact = _suggested(contact, pin)
    return contact


def _one(contact: Contact, pin: Pin) -> Contact:
    shown = _Shown({pin.field: pin.value}, _country(contact), pin.at)
    paths = shown.paths(pin.field)
    origin = Origin(source=SOURCE, observed_at=pin.at, confidence=1.0, why="pinned")
    for path, value in paths.items():
        contact = _put(contact, path, value)
    provenance = contact.provenance | dict.fromkeys(_said_at(paths), origin)
    former = tuple(one for one in contact.former if paths.get(one.path) != one.value)
    return msgspec.structs.replace(contact, provenance=dict(sorted(provenance.items())), former=former)


def _suggested(contact: Contact, pin: Pin) -> Contact:
    shown = _Shown({pin.field: pin.value}, _country(contact), pin.at).paths(pin.field)
    more = tuple(
        Suggestion(path=path, value=_plain(value), why="pinned before the value that is pinned now", origin="dedup")
        for path, value in shown.items()
    )
    return msgspec.structs.replace(contact, suggestions=(*contact.suggestions, *more))


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Email | Phone) else msgspec.to_builtins(value)


def _said_at(paths: Mapping[str, Any]) -> list[str]:
    """Where provenance speaks of these: postal addresses have one origin each."""
    return ["/addresses/0" if path.startswith("/addresses/0") else path for path in paths]


def _country(contact: Contact) -> str | None:
    return contact.addresses[0].country if contact.addresses else None


class _Shown:
    """What a value is shown as: the golden record of a record that says nothing else."""

    def __init__(self, said: Mapping[str, Json], country: str | None, at: datetime) -> None:
        fields, attributes = dict(said), dict[str, Json]()
        for field, value in said.items():
            if field.startswith(ATTRIBUTE):
                attributes[field.removeprefix(ATTRIBUTE)] = fields.pop(field)
            if field == ADDRESS:
                fields.pop(field)
                fields |= dict(value)
        record = Record(
            record_id=SOURCE,
            source=SOURCE,
            fields={field: Said(value, at, SOURCE) for field, value in fields.items()},
            attributes={key: Said(value, at, SOURCE) for key, value in attributes.items()},
            first_received_at=at,
        )
        view = {SOURCE: SourceView(100, country)}
        cause = Cause(kind="pin", id=SOURCE)
        self._said = fields
        self._contact = golden_record(SOURCE, [record], view, version=0, cause=cause, created_at=at, updated_at=at)

    def paths(self, field: str) -> dict[str, Any]:
        """By path of a contact what is shown there; empty for a value that means nothing."""
        if field.startswith(ATTRIBUTE):
            key = field.removeprefix(ATTRIBUTE)
            return {f"/attributes/{_escaped(key)}": self._contact.attributes[key]}
        found = _READ[field](self._contact)
        if field in ADDRESS_FIELDS:
            found = found or {f"/addresses/0/{_PART_OF.get(field, field)}": self._said[field]}
        # A street that is pinned without a number has none: the number of the street before would be another house.
        return {path: value for path, value in found.items() if value is not None or path.endswith("/house_number")}


def _put(contact: Contact, path: str, value: Any) -> Contact:
    """The contact with this value at this path; lists begin with it, and have it once."""
    match path.split("/")[1:]:
        case ["name", part]:
            name = msgspec.structs.replace(contact.name, **{part: value})
            full = " ".join(filter(None, (name.prefix, name.given, name.family, name.suffix))) or None
            return msgspec.structs.replace(
                contact, name=msgspec.structs.replace(name, full=full), kind=_kind(contact, part)
            )
        case ["emails", _]:
            return _first(contact, "emails", value)
        case ["phones", _]:
            return _first(contact, "phones", value)
        case ["addresses", "0", part]:
            first = contact.addresses[0] if contact.addresses else Address()
            changed = msgspec.structs.replace(first, **{part: value})
            return msgspec.structs.replace(contact, addresses=(changed, *contact.addresses[1:]))
        case ["addresses", _]:
            return msgspec.structs.replace(
                contact, addresses=(value, *(one for one in contact.addresses if one != value))
            )
        case ["company", part]:
            return msgspec.structs.replace(contact, company=msgspec.structs.replace(contact.company, **{part: value}))
        case ["attributes", key]:
            plain = key.replace("~1", "/").replace("~0", "~")
            return msgspec.structs.replace(contact, attributes={**contact.attributes, plain: value})
        case [name]:
            return msgspec.structs.replace(contact, **{name: value})
        case _:
            raise AssertionError("a path that nothing is pinned to")


def _kind(contact: Contact, part: str) -> Any:
    return "person" if part in ("given", "family") else contact.kind


def _first(contact: Contact, name: str, value: Any) -> Contact:
    """A channel that begins with this value; where each of the others came from moves with it."""
    items: Sequence[Any] = getattr(contact, name)
    rest = [(place, one) for place, one in enumerate(items) if one.value != value.value]
    moved = {
        f"/{name}/{place}": contact.provenance[f"/{name}/{was}"]
        for place, (was, _) in enumerate(rest, start=1)
        if f"/{name}/{was}" in contact.provenance
    }
    kept = {path: origin for path, origin in contact.provenance.items() if not path.startswith(f"/{name}/")}
    others = tuple(msgspec.structs.replace(one, preferred=False) for _, one in rest)
    return msgspec.structs.replace(contact, provenance=kept | moved, **{name: (value, *others)})


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


Read = Callable[[Contact], dict[str, Any]]


def _name(*parts: str) -> Read:
    return lambda contact: {f"/name/{part}": getattr(contact.name, part) for part in parts}


def _first_of(path: str, items: Sequence[Any]) -> dict[str, Any]:
    return {path: items[0]} if items else {}


def _street(contact: Contact) -> dict[str, Any]:
    return {
        f"/addresses/0/{part}": getattr(one, part) for one in contact.addresses for part in ("street", "house_number")
    }


def _place(field: str) -> Read:
    return lambda contact: {
        f"/addresses/0/{_PART_OF.get(field, field)}": getattr(one, _PART_OF.get(field, field))
        for one in contact.addresses
    }


_PART_OF: Final = {"address_extra": "extra"}

_READ: Final[Mapping[str, Read]] = {
    **{field: _place(field) for field in ADDRESS_FIELDS},
    "street": _street,
    ADDRESS: lambda contact: _first_of("/addresses/0", contact.addresses),
    "salutation": _name("salutation"),
    "name_prefix": _name("prefix"),
    "given_name": _name("given"),
    "family_name": _name("family"),
    "name_suffix": _name("suffix"),
    "full_name": _name("given", "family"),
    "email": lambda contact: _first_of("/emails/0", contact.emails),
    "phone": lambda contact: _first_of("/phones/0", contact.phones),
    "company": lambda contact: {"/company/name": contact.company.name},
    "vat_id": lambda contact: {"/company/vat_id": contact.company.vat_id},
    "gender": lambda contact: {"/gender": contact.gender},
    "birthday": lambda contact: {"/birthday": contact.birthday},
    "department": lambda contact: {"/department": contact.department},
    "job_title": lambda contact: {"/job_title": contact.job_title},
    "website": lambda contact: {"/website": contact.website},
    "language": lambda contact: {"/language": contact.language},
    "timezone": lambda contact: {"/timezone": contact.timezone},
    "owner": lambda contact: {"/owner": contact.owner},
}
