"""Interaction: what happened with somebody, as a sender writes it, or faults that say where it is none."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from services.ingest.core.limits import TEXT_CHARACTERS_MAX, Fault, Faults, check_loose, is_id
from services.ingest.core.reading import AHEAD_MAX, read_time
from shared.domain.configuration import Source
from shared.domain.record import Json

REFERENCES: Final = ("record", "email", "phone", "contact_id")
"""Whom it is about: exactly one of these."""

_OWN: Final = frozenset(("source", "interaction_id", "type", "at", "by", "contact", "subject", "detail"))
_REQUIRED: Final = ("source", "interaction_id", "type", "at")


class Reference(NamedTuple):
    """Whom an interaction is about; for a record, the source and what it calls the record. What this installation calls
    it (`record_id`) no sender can name.
    """

    kind: str
    value: str
    source: str = ""


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One interaction as a source tells it. Its repr shows source and type only."""

    source: str
    interaction_id: str
    type: str
    at: datetime
    by: str | None
    about: Reference
    subject: str | None
    detail: Mapping[str, Json]

    def __repr__(self) -> str:
        return f"Happening({self.source}, {self.type})"


def read_interaction(said: Json, sources: Mapping[str, Source], arrived_at: datetime) -> Happening | Faults:
    """The interaction in one decoded JSON value, or all its faults. Unknown fields go to `detail`.

    A time more than five minutes ahead counts as arrival; one that nobody can read is a fault, since a timeline is
    nothing without times.
    """
    if type(said) is not dict:
        return (Fault("", "expected an object"),)
    faults: list[Fault] = []
    texts = _texts(said, faults)
    if texts.get("source") is not None and texts["source"] not in sources:
        faults.append(Fault("/source", "no source of this name is configured"))
    at = read_time(texts.get("at") or "")
    if texts.get("at") and at is None:
        faults.append(Fault("/at", "expected a time in ISO 8601"))
    about = _about(said.get("contact"), faults)
    detail = _detail(said, faults)
    if faults or at is None or about is None:
        return tuple(faults)
    return Happening(
        source=str(texts["source"]),
        interaction_id=str(texts["interaction_id"]),
        type=str(texts["type"]),
        at=min(at, arrived_at) if at > arrived_at + AHEAD_MAX else at,
        by=texts["by"],
        about=about,
        subject=texts["subject"],
        detail=detail,
    )


def _texts(said: Mapping[str, Json], faults: list[Fault]) -> dict[str, str | None]:
    texts: dict[str, str | None] = {}
    for name in (*_REQUIRED, "by", "subject"):
        value = said.get(name)
        texts[name] = None
        if value is None or value == "":
            if name in _REQUIRED:
                faults.append(Fault(f"/{name}", "is missing"))
        elif type(value) is not str:
            faults.append(Fault(f"/{name}", "expected a text"))
        elif len(value) > TEXT_CHARACTERS_MAX or "\0" in value:
            faults.append(Fault(f"/{name}", f"longer than {TEXT_CHARACTERS_MAX} characters or holds a NUL character"))
        else:
            texts[name] = value
    return texts


def _about(said: Json, faults: list[Fault]) -> Reference | None:
    if type(said) is not dict:
        faults.append(Fault("/contact", "expected an object" if said is not None else "is missing"))
        return None
    named = [kind for kind in REFERENCES if said.get(kind)]
    if len(named) != 1 or len(named) != len([key for key, value in said.items() if value is not None]):
        faults.append(Fault("/contact", f"name exactly one of {', '.join(REFERENCES)}"))
        return None
    kind = named[0]
    if kind == "record":
        return _record(said["record"], faults)
    if not _is_text(said[kind]):
        faults.append(Fault(f"/contact/{kind}", "expected a text"))
        return None
    if kind == "contact_id" and not is_id(said[kind]):
        faults.append(Fault("/contact/contact_id", "expected a contact id"))
        return None
    return Reference(kind, said[kind])


def _record(said: Json, faults: list[Fault]) -> Reference | None:
    names = ("source", "source_record_id")
    if type(said) is not dict or set(said) != set(names) or not all(_is_text(said[name]) for name in names):
        faults.append(Fault("/contact/record", "expected an object with the texts source and source_record_id"))
        return None
    return Reference("record", said["source_record_id"], said["source"])


def _is_text(value: Json) -> bool:
    return type(value) is str and 0 < len(value) <= TEXT_CHARACTERS_MAX and "\0" not in value


def _detail(said: Mapping[str, Json], faults: list[Fault]) -> dict[str, Json]:
    detail = said.get("detail")
    if detail is not None and type(detail) is not dict:
        faults.append(Fault("/detail", "expected an object"))
        return {}
    both = {**{name: value for name, value in said.items() if name not in _OWN}, **(detail or {})}
    check_loose(both, "/detail", faults)
    return both
