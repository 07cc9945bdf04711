"""Compatibility: what of a new schema would break who was written for the old one.

Both sides count: a reader that knows the old schema must understand new values, and one that knows the new schema must
understand values that lie on the topics since. So a key may come and may not go, and what a value can be stays what it
was. Only the codes of an enumeration may become more: readers ignore those they do not know (contract, section 4).
"""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]


def breaches(old: Schema, new: Schema) -> list[str]:
    """What breaks, each as `place: what`, by JSON pointer into the value; empty for a compatible change."""
    return _Comparison(old, new).between(old, new, "", frozenset())


class _Comparison:
    """Two schemas, with the definitions of each."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old = old.get("$defs", {})
        self._new = new.get("$defs", {})

    def between(self, old: Schema, new: Schema, place: str, seen: frozenset[tuple[str, str]]) -> list[str]:
        """What differs for the worse at one place. `seen` are definitions on the way here: they may hold themselves."""
        names = (str(old.get("$ref", "")), str(new.get("$ref", "")))
        if all(names) and names in seen:
            return []
        seen = seen | {names}
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        ways, others = _ways(old, self._old), _ways(new, self._new)
        where = place or "the whole"
        found = [f"{where}: can be {kind} no more" for kind in sorted(ways.keys() - others.keys())]
        found += [f"{where}: can be {kind} now" for kind in sorted(others.keys() - ways.keys())]
        for kind in sorted(ways.keys() & others.keys()):
            found += self._alike(kind, ways[kind], others[kind], place, seen)
        return found

    def _alike(self, kind: str, old: Schema, new: Schema, place: str, seen: frozenset[tuple[str, str]]) -> list[str]:
        where = place or "the whole"
        found = [f"{where}: lacks the code {code!r}" for code in _codes(old) if _codes(new) and code not in _codes(new)]
        if _codes(new) and not _codes(old):
            found.append(f"{where}: is limited to codes")
        found += [
            f"{where}: has another {limit}"
            for limit in ("minimum", "maximum", "minLength", "maxLength", "pattern", "format", "minItems", "maxItems")
            if limit in new and new[limit] != old.get(limit)
        ]
        if kind == "object":
            found += self._keys(old, new, place, seen)
        if kind == "array":
            found += self.between(_part(old, "items"), _part(new, "items"), f"{place}/0", seen)
        return found

    def _keys(self, old: Schema, new: Schema, place: str, seen: frozenset[tuple[str, str]]) -> list[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needs, needed = set(new.get("required", ())), set(old.get("required", ()))
        found = [f"{place}/{key}: is gone" for key in before if key not in after]
        found += [f"{place}/{key}: is required now" for key in sorted(needs - needed)]
        if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
            found.append(f"{place or 'the whole'}: takes no further keys")
        for key in before:
            if key in after:
                found += self.between(before[key], after[key], f"{place}/{key}", seen)
        old_rest, new_rest = _part(old, "additionalProperties"), _part(new, "additionalProperties")
        return found + (self.between(old_rest, new_rest, f"{place}/*", seen) if old_rest and new_rest else [])


def _resolved(schema: Schema, defs: Schema) -> Schema:
    name = schema.get("$ref")
    return defs.get(str(name).rpartition("/")[2], {}) if name is not None else schema


def _part(schema: Schema, key: str) -> Schema:
    found = schema.get(key, {})
    return found if isinstance(found, Mapping) else {}


def _codes(schema: Schema) -> list[Any]:
    return [*schema.get("enum", ())]


def _ways(schema: Schema, defs: Schema) -> dict[str, Schema]:
    """The kinds of JSON that a value may be, each with its schema; a schema that says nothing allows `anything`."""
    found: dict[str, Schema] = {}
    for one in schema.get("anyOf", (schema,)):
        inner = _resolved(one, defs)
        kinds = inner.get("type", "string" if "enum" in inner else "anything")
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            found[str(kind)] = inner
    return found
