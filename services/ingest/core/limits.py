"""Limits: how long, deep and many the parts of a delivery may be, and the faults of what goes beyond."""

import re
from typing import Any, Final, NamedTuple

from shared.domain.record import Json

TEXT_CHARACTERS_MAX: Final = 1_000
"""No name, street or address is longer; what is, was pasted into the wrong field (contract section 3)."""

LOOSE_CHARACTERS_MAX: Final = 10_000
"""Inside `attributes` and `proof` a sender may keep a message or the wording of a consent (contract section 3)."""

KEY_CHARACTERS_MAX: Final = 200
"""A key of `attributes` is a name, and stands in paths and provenance."""

DEPTH_MAX: Final = 20
"""Nobody nests an attribute deeper, and every later reader can follow this far without a thought."""

ITEMS_MAX: Final = 100
"""Addresses, numbers, profiles or consents of one record."""

WHOLE_BITS_MAX: Final = 64
"""Larger whole numbers survive neither JavaScript nor most databases; send them as texts."""


_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Fault(NamedTuple):
    """What is wrong at one place; `pointer` is a JSON pointer (RFC 6901), empty for the whole."""

    pointer: str
    detail: str


Faults = tuple[Fault, ...]


def check_loose(value: Json, pointer: str, faults: list[Fault], depth: int = 1) -> None:
    """Add the faults of a value of any shape: too long, too deep, a NUL, a number nobody can hold."""
    kind = type(value)
    if kind is str:
        check_text(value, pointer, faults, LOOSE_CHARACTERS_MAX)
    elif kind is int and value.bit_length() > WHOLE_BITS_MAX:
        faults.append(Fault(pointer, f"a whole number of more than {WHOLE_BITS_MAX} bits: send it as a text"))
    elif kind is dict or kind is list:
        if depth >= DEPTH_MAX:
            faults.append(Fault(pointer, f"nested deeper than {DEPTH_MAX} levels"))
            return
        pairs = value.items() if kind is dict else enumerate(value)
        for key, item in pairs:
            if kind is dict and not good_key(key):
                faults.append(Fault(pointer, BAD_KEY))
            else:
                check_loose(item, f"{pointer}/{escaped(key)}", faults, depth + 1)


def escaped(key: str | int) -> str:
    """One step of a JSON pointer (RFC 6901, section 3)."""
    return str(key).replace("~", "~0").replace("/", "~1")


BAD_KEY: Final = f"a key is longer than {KEY_CHARACTERS_MAX} characters or holds a NUL character"


def is_id(text: str) -> bool:
    """True for a UUID in its usual text form, as all ids of ours are written."""
    return _ID.fullmatch(text) is not None


def good_key(key: Any) -> bool:
    """True for a key of an object that may stand in a path."""
    return len(key) <= KEY_CHARACTERS_MAX and "\0" not in key


def check_text(value: str, pointer: str, faults: list[Fault], characters_max: int) -> None:
    """Add the fault of a text that is too long or holds a NUL, which Postgres cannot hold."""
    if len(value) > characters_max:
        faults.append(Fault(pointer, f"longer than {characters_max} characters"))
    elif "\0" in value:
        faults.append(Fault(pointer, "holds a NUL character"))
