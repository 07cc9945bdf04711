"""Differences: what changed in a contact between two of its states, path by path. Paths hold within a state."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

RIDES_ALONG: Final = frozenset(("version", "updated_at", "created_at", "cause", "changed"))
"""What says which state it is, not what the contact is like."""


class Change(NamedTuple):
    """One value that differs; None where it was not there, or is not there any more."""

    path: str
    before: Any
    after: Any


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[Change]:
    """What differs between two states, by path; a state that is None is that of a contact which is not there."""
    old = {key: value for key, value in (before or {}).items() if key not in RIDES_ALONG}
    new = {key: value for key, value in (after or {}).items() if key not in RIDES_ALONG}
    return list(_walked("", old, new))


def _walked(path: str, before: Any, after: Any) -> Iterator[Change]:
    """Objects key by key, lists item by item, everything else as a whole; empty and missing are the same."""
    if before == after or (_is_empty(before) and _is_empty(after)):
        return
    if isinstance(before, dict | None) and isinstance(after, dict | None) and (before or after):
        for key in sorted({**(before or {}), **(after or {})}):
            yield from _walked(f"{path}/{_escaped(key)}", (before or {}).get(key), (after or {}).get(key))
    elif isinstance(before, list | None) and isinstance(after, list | None) and (before or after):
        old, new = before or [], after or []
        for place in range(max(len(old), len(new))):
            yield from _walked(f"{path}/{place}", _at(old, place), _at(new, place))
    else:
        yield Change(path, before, after)


def _is_empty(value: Any) -> bool:
    return value is None or value in ([], {}, "")


def _at(items: list[Any], place: int) -> Any:
    return items[place] if place < len(items) else None


def _escaped(key: str) -> str:
    """A key as a part of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")
