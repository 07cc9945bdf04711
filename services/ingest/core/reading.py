"""Reading: what a sender wrote becomes a delivery, or faults that say where it is no record at all.

A wrong *value* is no fault (contract section 3): `n/a` as e-mail or 31 February are taken as they come. Faults are what
no reader can take: wrong types, texts too long, a NUL, an unknown source, nothing to go by.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from services.ingest.core.limits import (
    BAD_KEY,
    ITEMS_MAX,
    TEXT_CHARACTERS_MAX,
    Fault,
    Faults,
    check_loose,
    check_text,
    escaped,
    good_key,
)
from shared.domain.configuration import Source
from shared.domain.record import LIST_FIELDS, SOMETHING_TO_GO_BY, TEXT_FIELDS, Consent, Json

AHEAD_MAX: Final = timedelta(minutes=5)
"""A clock may be a little ahead; a time further ahead would win over every true update until then."""

NOTHING_TO_GO_BY: Final = "nothing to go by: no name, email, phone, company, street or birthday"

_TEXT: Final = frozenset(TEXT_FIELDS)
_LISTS: Final = frozenset(LIST_FIELDS)
_OWN: Final = frozenset(("source", "source_record_id", "observed_at", "consents", "attributes", "import_id"))
_NAMES: Final = frozenset(SOMETHING_TO_GO_BY)


class Observed(NamedTuple):
    """When something was observed. `raw` is what was written where it could not be taken as it is.

    `stamp` is empty where nothing was written: only then does arrival decide who this delivery is.
    """

    at: datetime
    raw: str | None
    stamp: str


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What one source says about one record, as it came. Its repr shows the source only."""

    source: str
    source_record_id: str | None
    observed: Observed
    fields: Mapping[str, Json]
    attributes: Mapping[str, Json]
    consents: tuple[Consent, ...]
    import_id: str | None = None

    def __repr__(self) -> str:
        return f"Delivery({self.source})"


def read_record(
    said: Json, sources: Mapping[str, Source], arrived_at: datetime, *, partial: bool = False
) -> Delivery | Faults:
    """The delivery in one decoded JSON value, or all its faults; pointers start at the record.

    Unknown fields become attributes; explicit attributes of the same name hold. `""` is as good as absent unless the
    source says `empty: clear`; null clears. `partial`: a vendor tells one changed field of a record it names, whatever
    field that is.
    """
    if type(said) is not dict:
        return (Fault("", "expected an object"),)
    faults: list[Fault] = []
    source = _source(said, sources, faults)
    record_key = _optional_text(said, "source_record_id", faults)
    clears = source is not None and sources[source].empty == "clear"
    fields, unknown = _fields(said, faults, clears=clears)
    attributes = _attributes(unknown, said.get("attributes"), faults, clears=clears)
    observed = _observed(_optional_text(said, "observed_at", faults), arrived_at)
    consents = _consents(said.get("consents"), arrived_at, faults)
    if not faults and not partial and not _something(fields, updates=record_key is not None):
        faults.append(Fault("", NOTHING_TO_GO_BY))
    if faults or source is None:
        return tuple(faults)
    return Delivery(
        source=source,
        source_record_id=record_key,
        observed=observed,
        fields=fields,
        attributes=attributes,
        consents=consents,
        import_id=_optional_text(said, "import_id", faults),
    )


def read_time(text: str) -> datetime | None:
    """The time in an ISO 8601 text, in UTC (which is also taken where no zone is named); None when there is none."""
    try:
        time = datetime.fromisoformat(text.strip())
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _source(said: Mapping[str, Json], sources: Mapping[str, Source], faults: list[Fault]) -> str | None:
    source = said.get("source")
    if type(source) is not str:
        faults.append(Fault("/source", "expected a text" if "source" in said else "is missing"))
    elif source not in sources:
        faults.append(Fault("/source", "no source of this name is configured"))
    else:
        return source
    return None


def _optional_text(said: Mapping[str, Json], name: str, faults: list[Fault]) -> str | None:
    value = said.get(name)
    if value is None or value == "":
        return None
    if type(value) is not str:
        faults.append(Fault(f"/{name}", "expected a text"))
        return None
    check_text(value, f"/{name}", faults, TEXT_CHARACTERS_MAX)
    return value


def _fields(said: Mapping[str, Json], faults: list[Fault], *, clears: bool) -> tuple[dict[str, Json], dict[str, Json]]:
    """The named fields and, apart, what has no name of ours. The one loop that every record pays for."""
    fields: dict[str, Json] = {}
    unknown: dict[str, Json] = {}
    for name, value in said.items():
        if name in _TEXT:
            if value is None:
                fields[name] = None
            elif type(value) is not str:
                faults.append(Fault(f"/{name}", "expected a text"))
            elif not value or value.isspace():
                if clears:
                    fields[name] = None
            else:
                if len(value) > TEXT_CHARACTERS_MAX or "\0" in value:
                    check_text(value, f"/{name}", faults, TEXT_CHARACTERS_MAX)
                fields[name] = value
        elif name in _LISTS:
            fields[name] = _items(name, value, faults)
        elif name not in _OWN:
            unknown[name] = value
    return fields, unknown


def _items(name: str, value: Json, faults: list[Fault]) -> list[Json] | None:
    """The items of a list field: objects with `value` for addresses and numbers, plain texts for profiles."""
    if value is None:
        return None
    if type(value) is not list:
        faults.append(Fault(f"/{name}", "expected an array"))
        return None
    if len(value) > ITEMS_MAX:
        faults.append(Fault(f"/{name}", f"more than {ITEMS_MAX} items"))
        return None
    items = [_item(item, f"/{name}/{place}", faults) for place, item in enumerate(value)]
    some = [item for item in items if item is not None]
    return [item["value"] for item in some] if name == "social_profiles" else some


def _item(item: Json, pointer: str, faults: list[Fault]) -> dict[str, Json] | None:
    if item is None:
        return None
    said = {"value": item} if type(item) is str else item
    if type(said) is not dict:
        faults.append(Fault(pointer, "expected an object or a text"))
        return None
    text = said.get("value")
    if text is not None and type(text) is not str:
        faults.append(Fault(f"{pointer}/value", "expected a text"))
        return None
    if not text or text.isspace():
        return None
    check_text(text, f"{pointer}/value", faults, TEXT_CHARACTERS_MAX)
    if type(said.get("kind", "")) not in (str, type(None)):
        faults.append(Fault(f"{pointer}/kind", "expected a text"))
    check_loose(said, pointer, faults)
    return said


def _attributes(unknown: dict[str, Json], said: Json, faults: list[Fault], *, clears: bool) -> dict[str, Json]:
    if said is not None and type(said) is not dict:
        faults.append(Fault("/attributes", "expected an object"))
        return {}
    if not unknown and not said:
        return {}
    named: dict[str, Json] = said or {}
    _check_attributes(unknown, "", faults)
    _check_attributes(named, "/attributes", faults)
    both = {**unknown, **named}
    return {name: (None if value == "" else value) for name, value in both.items() if value != "" or clears}


def _check_attributes(said: Mapping[str, Json], pointer: str, faults: list[Fault]) -> None:
    for name, value in said.items():
        if good_key(name):
            check_loose(value, f"{pointer}/{escaped(name)}", faults)
        else:
            faults.append(Fault(pointer, BAD_KEY))


def _observed(text: str | None, arrived_at: datetime) -> Observed:
    if text is None:
        return Observed(arrived_at, None, "")
    time = read_time(text)
    if time is None:
        return Observed(arrived_at, text, text)
    if time > arrived_at + AHEAD_MAX:
        return Observed(arrived_at, text, time.isoformat())
    return Observed(time, None, time.isoformat())


def _consents(said: Json, arrived_at: datetime, faults: list[Fault]) -> tuple[Consent, ...]:
    if said is None:
        return ()
    if type(said) is not list or len(said) > ITEMS_MAX:
        faults.append(Fault("/consents", f"expected an array of at most {ITEMS_MAX}"))
        return ()
    read = (_consent(one, f"/consents/{place}", arrived_at, faults) for place, one in enumerate(said))
    return tuple(one for one in read if one is not None)


def _consent(said: Json, pointer: str, arrived_at: datetime, faults: list[Fault]) -> Consent | None:
    """One statement. A time nobody can read stays readable in its proof; one in the future counts as arrival."""
    if type(said) is not dict:
        faults.append(Fault(pointer, "expected an object"))
        return None
    texts = {name: said.get(name) for name in ("purpose", "channel", "status", "address", "at")}
    before = len(faults)
    for name, value in texts.items():
        if type(value) is str:
            check_text(value, f"{pointer}/{name}", faults, TEXT_CHARACTERS_MAX)
        elif value is not None or name in ("purpose", "channel", "status"):
            faults.append(Fault(f"{pointer}/{name}", "expected a text" if name in said else "is missing"))
    check_loose(said.get("proof"), f"{pointer}/proof", faults)
    if len(faults) > before:
        return None
    raw = texts["at"]
    at = read_time(raw) if raw else None
    proof = said.get("proof")
    if raw and at is None:
        proof = {"at": raw, "proof": proof}
    if at is not None and at > arrived_at + AHEAD_MAX:
        at = arrived_at
    return Consent(
        purpose=str(texts["purpose"]),
        channel=str(texts["channel"]),
        status=str(texts["status"]),
        address=texts["address"],
        at=at,
        proof=proof,
    )


def _something(fields: Mapping[str, Json], *, updates: bool) -> bool:
    """True when there is something to go by; an update may also only clear what was there."""
    if updates:
        return not _NAMES.isdisjoint(fields)
    return any(map(fields.get, SOMETHING_TO_GO_BY))
