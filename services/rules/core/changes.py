"""Changes: what differs between two states of a contact, as JSON pointers (RFC 6901), and what counts as a difference.

`quality.score`, `priority` and `last_activity_at` ride along: they never are a reason to speak (contract section 4).
"""

from operator import attrgetter
from typing import Any, Final

import msgspec

from shared.domain.contact import Company, Contact, Name, Quality

NO_CONTENT: Final = frozenset(
    ("contact_id", "version", "created_at", "updated_at", "cause", "changed", "priority", "last_activity_at")
)
"""Top-level fields that are no content: who and when, and what rides along."""

_APART: Final = {
    name: tuple((part, f"/{name}/{part}") for part in kind.__struct_fields__ if (name, part) != ("quality", "score"))
    for name, kind in (("name", Name), ("company", Company), ("quality", Quality))
}
"""Fields whose parts are told apart, and the pointers to these."""

_TOLD_APART: Final = frozenset((*_APART, "attributes"))


def changed_paths(before: Contact | None, after: Contact) -> tuple[str, ...]:
    """The paths that differ, in the order of the contact's fields; for a new contact all that is not empty."""
    paths: list[str] = []
    old_values = _EMPTY if before is None else _VALUES(before)
    for name, pointer, new, old in zip(_CONTENT, _POINTERS, _VALUES(after), old_values, strict=True):
        if new is old or new == old:
            continue
        if name in _TOLD_APART:
            paths += _paths(name, old, new)
        else:
            paths.append(pointer)
    return tuple(paths)


def _paths(name: str, old: Any, new: Any) -> list[str]:
    if name in _APART:
        return [pointer for part, pointer in _APART[name] if getattr(old, part) != getattr(new, part)]
    keys = sorted({*old, *new})
    return [f"/attributes/{_escaped(key)}" for key in keys if old.get(key) != new.get(key)]


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def drifted(before: Contact, after: Contact) -> bool:
    """True where what rides along differs: it is no reason to speak by itself, but for once a day."""
    return (before.quality.score, before.priority, before.last_activity_at) != (
        after.quality.score,
        after.priority,
        after.last_activity_at,
    )


def _defaults() -> dict[str, Any]:
    empty: dict[str, Any] = {}
    for field in msgspec.structs.fields(Contact):
        if field.default is not msgspec.NODEFAULT:
            empty[field.name] = field.default
        elif field.default_factory is not msgspec.NODEFAULT:
            empty[field.name] = field.default_factory()
        else:
            empty[field.name] = None
    return empty


_CONTENT: Final = tuple(name for name in Contact.__struct_fields__ if name not in NO_CONTENT)
_POINTERS: Final = tuple(f"/{name}" for name in _CONTENT)
_VALUES: Final = attrgetter(*_CONTENT)
_EMPTY: Final = tuple(_defaults()[name] for name in _CONTENT)


def note_of(contact: Contact, before: Contact | None) -> dict[str, object]:
    """What the timeline shows of a version: codes and paths, no values."""
    return {
        "version": contact.version,
        "cause": contact.cause,
        "changed": contact.changed if before is not None else (),
        "created": before is None,
    }
