"""Mapping: what a vendor calls the fields becomes a record as our own senders write it; nothing is thrown away."""

from collections.abc import Mapping
from typing import Final

from shared.domain.record import LIST_FIELDS, TEXT_FIELDS, Json

ATTRIBUTES: Final = "attributes."
_TEXTS: Final = frozenset((*TEXT_FIELDS, "source_record_id", "observed_at"))
_LISTS: Final = frozenset(LIST_FIELDS)


def record_of(payload: Mapping[str, Json], source: str, map_: Mapping[str, str]) -> dict[str, Json]:
    """A record of `source` from a delivery: `map_` says field ← dotted path; what it leaves is taken by its own name,
    so that fields named like ours fit and all others become attributes.

    A text field takes numbers and lists as text; a value that is no text at all becomes an attribute of the same name.
    """
    rest = dict(payload)
    mapped: dict[str, Json] = {}
    for field, path in map_.items():
        value = value_at(payload, path)
        if value is not None:
            mapped[field] = value
        rest = without(rest, path.split("."))
    said_source = rest.pop("source", None)
    attributes = rest.pop("attributes", None)
    record: dict[str, Json] = {}
    loose: dict[str, Json] = dict(attributes) if isinstance(attributes, dict) else {}
    if attributes is not None and not isinstance(attributes, dict):
        loose["attributes"] = attributes
    if said_source not in (None, source):
        loose["source"] = said_source
    for field, value in {**rest, **mapped}.items():
        _place(field, value, record, loose)
    return {**record, "source": source, "attributes": loose}


def value_at(payload: Json, path: str) -> Json:
    """The value at a dotted path (`data.merges.EMAIL`, `answers.0.text`); None where nothing is."""
    found = payload
    if isinstance(found, dict) and path in found:
        return found[path]
    for step in path.split("."):
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def without(payload: Mapping[str, Json], steps: list[str]) -> dict[str, Json]:
    """A copy without the member at this path; containers that this empties go too. Lists stay whole."""
    whole = ".".join(steps)
    if whole in payload:
        return {key: value for key, value in payload.items() if key != whole}
    first, *more = steps
    below = payload.get(first)
    kept = {key: value for key, value in payload.items() if key != first}
    if more and isinstance(below, dict):
        left = without(below, more)
        return {**kept, first: left} if left else kept
    return dict(payload) if more else kept


def _place(field: str, value: Json, record: dict[str, Json], loose: dict[str, Json]) -> None:
    if field.startswith(ATTRIBUTES):
        loose[field.removeprefix(ATTRIBUTES)] = value
    elif field in _TEXTS:
        text = text_of(value)
        if text is None and value is not None:
            loose[field] = value
        else:
            record[field] = text
    elif field in _LISTS:
        record[field] = value if isinstance(value, list) or value is None else [value]
    elif field == "consents" and isinstance(value, list):
        record[field] = value
    else:
        loose[field] = value


def text_of(value: Json) -> str | None:
    """A value as a text: numbers as they are written, lists of such joined; None for what is no text at all."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list):
        texts = [text_of(one) for one in value if not isinstance(one, list)]
        return ", ".join(text for text in texts if text) if len(texts) == len(value) and None not in texts else None
    return None
