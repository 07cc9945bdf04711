"""Identifiers: ids that a person has only once, as a source declares them; two that differ are two persons.

`unique` are ids that a source gives out (its customer number): they are compared among the records of that source, and
two that differ keep people from being joined alone, since a source may have met somebody twice. `unique_per_person` is
what somebody has once whoever asks (a tax id): it is compared among all sources that declare it by the same name, and
two that differ are never one.
"""

import re
from collections.abc import Sequence
from typing import Final

from shared.domain.configuration import Source
from shared.domain.record import TEXT_FIELDS, Json, Record
from shared.domain.text import meant, words_of

ATTRIBUTE: Final = "attributes."
"""Before the key of an attribute; without it a name is that of a field."""

RECORD_ID: Final = "source_record_id"
"""For sources that hold everybody once: the id by which they call a record."""

NAMES_MAX: Final = 8
"""Ids that one source may declare of each kind: each is compared for every pair."""

LENGTH_MAX: Final = 64
"""Signs of an id that are compared; what is longer is a text, and not compared at all."""

Identifiers = tuple[tuple[str, str], ...]

_ZEROS: Final = re.compile(r"0+(?=[0-9]+\Z)")


def identifiers(record: Record, names: Sequence[str]) -> Identifiers:
    """What the record says under these names, in comparable form: name and value, by name.

    Case, blanks and punctuation do not count, nor do zeros before a number: spreadsheets drop them. What stands for
    nothing (n/a, -, 0) is no id.
    """
    return tuple((name, value) for name in sorted(names) if (value := _value(record, name)) is not None)


def differ(one: Identifiers, other: Identifiers) -> bool:
    """True when both say an id of one name, and not the same."""
    if not one or not other:
        return False
    said = dict(one)
    return any(said.get(name, value) != value for name, value in other)


def _value(record: Record, name: str) -> str | None:
    text = meant(_text(_said(record, name)))
    value = _ZEROS.sub("", "".join(words_of(text))) if text is not None else ""
    return value if value.strip("0") and len(value) <= LENGTH_MAX else None


def _said(record: Record, name: str) -> Json:
    if name == RECORD_ID:
        return record.source_record_id
    key = name.removeprefix(ATTRIBUTE)
    said = record.fields.get(name) if key == name else record.attributes.get(key)
    return said.value if said is not None else None


def _text(value: Json) -> str | None:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def fault_of(source: Source) -> str | None:
    """What is wrong with the ids that a source declares, the key first; None where nothing is."""
    for key, names in (("unique", source.unique), ("unique_per_person", source.unique_per_person)):
        if len(names) > NAMES_MAX:
            return f"{key}: names {len(names)}, more than {NAMES_MAX}"
        for name in names:
            if name not in TEXT_FIELDS and name != RECORD_ID and name.removeprefix(ATTRIBUTE) == name:
                return f"{key}: is a list of fields, of attributes.<key>, or source_record_id"
    if RECORD_ID in source.unique_per_person:
        return f"unique_per_person: {RECORD_ID} means something else in every source; it belongs into unique"
    if twice := {*source.unique} & {*source.unique_per_person}:
        return f"unique: {min(twice)} is unique_per_person as well; one of them holds"
    return None
