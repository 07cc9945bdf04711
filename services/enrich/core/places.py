"""Places in an answer: the small part of JSONPath (RFC 9535) that names one value, such as `$.offices[0].city`."""

import re
from typing import Any, Final

Place = tuple[str | int, ...]
"""Keys and indexes from the root down."""

STEPS_MAX: Final = 16
"""Deeper than any provider nests; an answer is walked once for each place."""

_STEP: Final = re.compile(r"\.([A-Za-z_][\w-]*)|\[([0-9]{1,4})\]|\['([^'\\]{1,100})'\]")


def place_of(text: str) -> Place | None:
    """The place a text names, None where it is none of `$`, `.key`, `['key']` and `[0]`."""
    if not text.startswith("$"):
        return None
    steps: list[str | int] = []
    at = 1
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None or len(steps) == STEPS_MAX:
            return None
        steps.append(int(match[2]) if match[2] is not None else match[1] or match[3])
        at = match.end()
    return tuple(steps)


def value_at(document: Any, place: Place) -> Any:
    """The value at a place, None where there is none."""
    found = document
    for step in place:
        match found, step:
            case dict(), str():
                found = found.get(step)
            case list(), int() if step < len(found):
                found = found[step]
            case _:
                return None
    return found
