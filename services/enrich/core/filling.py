"""Filling: a provider's answer goes into gaps with its provenance; where something is, it is only suggested."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from shared.domain.contact import Contact, Origin, Suggestion

TEXT_LETTERS_MAX: Final = 1_000
"""The contract's limit of a value (section 3)."""

SUGGESTED_LETTERS_MAX: Final = 200
"""Longer texts differ by wording, and a person has nothing to choose."""

_ANY: Final = r"[^\x00-\x1f\x7f]+"
FILLABLE: Final[Mapping[str, re.Pattern[str]]] = {
    path: re.compile(pattern)
    for path, pattern in {
        "company.name": _ANY,
        "company.industry": _ANY,
        "company.status": _ANY,
        "company.domain": r"(?i:[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8})",
        "company.vat_id": r"[A-Z]{2}[0-9A-Z+*. -]{2,20}",
        "department": _ANY,
        "job_title": _ANY,
        "language": r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*",
        "timezone": r"[A-Z][A-Za-z_]+(?:/[A-Za-z0-9_+-]+){1,2}",
        "website": r"https?://[^\s<>\"]+",
        "name.salutation": _ANY,
        "name.prefix": _ANY,
        "name.given": _ANY,
        "name.family": _ANY,
        "gender": _ANY,
        "attributes.…": _ANY,
    }.items()
}
"""What a provider may fill, by path of the clean contact, and what such a value looks like. Lists (mails, numbers,
addresses) are not among them: who is written to is never an outsider's word."""

_ATTRIBUTE: Final = re.compile(r"attributes\.([A-Za-z0-9_][\w-]{0,63})")


class Answer(NamedTuple):
    """What one provider answered about a contact: checked values by path. Its repr holds none of them."""

    provider: str
    confidence: float
    asks: str
    values: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Answer({self.provider})"


def is_fillable(path: str) -> bool:
    """True for a path that a provider may fill."""
    return (path in FILLABLE and path != "attributes.…") or _ATTRIBUTE.fullmatch(path) is not None


def checked(path: str, value: Any) -> Any:
    """A provider's value as it may stand at a path, None for nothing. Raises ValueError for what cannot be meant."""
    if value is None or value == "":
        return None
    if path.startswith("attributes.") and isinstance(value, bool | int | float):
        return value
    text = value.strip() if isinstance(value, str) else None
    if text == "":
        return None
    pattern = FILLABLE.get(path, FILLABLE["attributes.…"])
    if text is None or len(text) > TEXT_LETTERS_MAX or not pattern.fullmatch(text) or not text.isprintable():
        raise ValueError("no such value")
    return text


def gaps(contact: Contact, paths: Sequence[str]) -> list[str]:
    """Those of the paths where the contact has nothing."""
    return [path for path in paths if _present(contact, path) is None]


def fill(contact: Contact, answers: Sequence[Answer], ours: str) -> Contact:
    """The contact with the answers' values: in gaps, and in place of what we ourselves had guessed with less.

    `answers` come surest first, so of two for one gap the surer fills it and the other is suggested. `ours` begins the
    provenance of what enrich derived itself. What a source, a person or a pin said is never replaced.
    """
    for answer in answers:
        for path, value in answer.values.items():
            contact = _one(contact, answer, path, value, ours)
    return contact


def _one(contact: Contact, answer: Answer, path: str, value: Any, ours: str) -> Contact:
    pointer = "/" + path.replace(".", "/")
    there = _present(contact, path)
    if there is not None and _same(there, value):
        return contact
    origin = contact.provenance.get(pointer)
    guessed = origin is not None and origin.source.startswith(ours) and origin.confidence < answer.confidence
    if there is None or guessed:
        return _put(contact, path, value, _origin(answer), pointer)
    if isinstance(value, str) and len(value) > SUGGESTED_LETTERS_MAX:
        return contact
    why = f"{answer.provider} answered so when asked for the {_ASKED[answer.asks]}"
    idea = Suggestion(path=pointer, value=value, why=why, origin=f"provider:{answer.provider}")
    return msgspec.structs.replace(contact, suggestions=(*contact.suggestions, idea))


_ASKED: Final = {
    "company_domain": "company's domain",
    "email": "mail address",
    "vat_id": "VAT number",
    "phone": "phone number",
}


def _origin(answer: Answer) -> Origin:
    return Origin(source=f"provider:{answer.provider}", confidence=answer.confidence, why="only one")


def _present(contact: Contact, path: str) -> Any:
    parent, _, name = path.rpartition(".")
    match parent:
        case "attributes":
            return contact.attributes.get(name)
        case "":
            return getattr(contact, name)
        case _:
            return getattr(getattr(contact, parent), name)


def _put(contact: Contact, path: str, value: Any, origin: Origin, pointer: str) -> Contact:
    parent, _, name = path.rpartition(".")
    provenance = {**contact.provenance, pointer: origin}
    match parent:
        case "attributes":
            changed: dict[str, Any] = {"attributes": {**contact.attributes, name: value}}
        case "":
            changed = {name: value}
        case _:
            changed = {parent: msgspec.structs.replace(getattr(contact, parent), **{name: value})}
    return msgspec.structs.replace(contact, provenance=provenance, **changed)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.strip().casefold() == other.strip().casefold()
    return bool(one == other)
