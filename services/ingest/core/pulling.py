"""Pulling: what one row of somebody's table says, whether that is new, and when a compare deletes too much. Pure."""

import base64
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from services.ingest.core.identity import digest, record_id_of
from services.ingest.core.limits import Fault
from services.ingest.core.mapping import record_of, text_of
from services.ingest.core.reading import Delivery, read_record
from services.ingest.core.request import RECORD_BYTES_MAX
from shared.domain.configuration import Source
from shared.domain.record import LIST_FIELDS, TEXT_FIELDS, Json

OVERLAP: Final = timedelta(minutes=10)
"""A watermark that is a time is read again from so long before: who writes the time first and commits later would be
missed for ever. What has not changed since is not sent again."""

FAULTS_MAX: Final = 20
"""Kinds of faults that a run remembers with their number; whoever mends the first ones runs it again."""

KEY_AWAY: Final = "has no key"
KEY_TWICE: Final = "has the key of another row"
TOO_LARGE: Final = f"is more than {RECORD_BYTES_MAX} bytes"

_OURS: Final = frozenset((*TEXT_FIELDS, *LIST_FIELDS))
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")

Row = Mapping[str, Any]


class Said(NamedTuple):
    """What one row says: the record, and a digest that changes when any of it does."""

    record_id: str
    content: bytes
    delivery: Delivery


class Bad(NamedTuple):
    """A row that is no record; `record_id` None where it has no key."""

    record_id: str | None
    fault: str


@dataclass(slots=True)
class Page:
    """What a page of rows comes to, after it was compared with what was known."""

    rows: int
    news: list[Said] = field(default_factory=list[Said])
    known: set[str] = field(default_factory=set[str])
    """Records of `news` that were there before."""
    seen: list[str] = field(default_factory=list[str])
    """Records that say what they said, or that cannot be read now: they are there still."""
    faults: Counter[str] = field(default_factory=Counter[str])

    @property
    def counts(self) -> dict[str, int]:
        """For the log of runs; every row is in exactly one of the last four."""
        updated = len(self.known)
        refused = self.faults.total()
        new = len(self.news) - updated
        return {
            "read": self.rows,
            "new": new,
            "updated": updated,
            "same": self.rows - new - updated - refused,
            "refused": refused,
        }


def definition_of(source: Source) -> bytes:
    """Stands for what is read and how: another query or mapping begins at the beginning."""
    return digest(_ENCODER.encode((source.query or source.path, source.key, source.watermark, source.map)))


def said_by(row: Row, name: str, sources: Mapping[str, Source], key: bytes, now: datetime) -> Said | Bad:
    """What a row of this source says. The columns of key and watermark are no part of it unless `map` names them; NULL
    clears. Never raises, and what it tells of a bad row is no value of it.
    """
    source = sources[name]
    own_id = text_of(plain(row.get(source.key or "")))
    if not own_id:
        return Bad(None, KEY_AWAY)
    record_id = record_id_of(key, name, own_id)
    said = row_said({column: plain(value) for column, value in row.items()}, own_id, name, source)
    if len(encoded := _ENCODER.encode(said)) > RECORD_BYTES_MAX:
        return Bad(record_id, TOO_LARGE)
    read = read_record(said, sources, now)
    return Bad(record_id, _told(read[0])) if isinstance(read, tuple) else Said(record_id, digest(encoded), read)


def row_said(columns: Mapping[str, Json], own_id: str, name: str, source: Source) -> dict[str, Json]:
    """A row as a record of the source of this name is said."""
    payload = {column: value for column, value in columns.items() if _tells(column, source)}
    said = record_of(payload, name, source.map) | {"source_record_id": own_id}
    for target, column in source.map.items():
        if target in _OURS and _is_null(columns, column):
            said[target] = None
    return said


def compared(said: Sequence[Said | Bad], known: Mapping[str, bytes], taken: Collection[str]) -> Page:
    """What is new of a page: `known` is what its records said last, `taken` what this attempt has had already."""
    page = Page(len(said))
    had = set(taken)
    for one in said:
        if one.record_id is not None and one.record_id in had:
            page.faults[KEY_TWICE] += 1
            continue
        if one.record_id is not None:
            had.add(one.record_id)
        if isinstance(one, Bad):
            page.faults[one.fault] += 1
            if one.record_id is not None and one.record_id in known:
                page.seen.append(one.record_id)
        elif known.get(one.record_id) == one.content:
            page.seen.append(one.record_id)
        else:
            page.news.append(one)
            if one.record_id in known:
                page.known.add(one.record_id)
    return page


def too_many(deletions: int, held: int, share_max: float) -> bool:
    """Whether a compare would take back more than this share of what it held: then it asks first."""
    return deletions > held * share_max


def mark_of(rows: Sequence[Row], column: str) -> str | None:
    """The greatest watermark of rows in its order, as a text for `value_of`; None where none has any."""
    values = [row[column] for row in rows if row.get(column) is not None]
    if not values:
        return None
    value = values[-1]
    kind = next((name for name, (type_, _) in _KINDS.items() if type(value) is type_), None)
    return None if kind is None else f"{kind} {value.isoformat() if isinstance(value, date) else value}"


def value_of(mark: str) -> Any:
    """Where to read on: the value that was noted; of a time a little earlier."""
    kind, _, text = mark.partition(" ")
    value = _KINDS[kind][1](text)
    return value - OVERLAP if isinstance(value, datetime) else value


def plain(value: Any) -> Json:
    """A value of a database as JSON has it: times by ISO 8601, exact numbers as they are written."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case datetime() | date() | time():
            return value.isoformat()
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode()
        case dict():
            return {str(name): plain(one) for name, one in value.items()}
        case list() | tuple():
            return [plain(one) for one in value]
        case _:
            return str(value)


def _tells(column: str, source: Source) -> bool:
    return column not in (source.key, source.watermark) or column in source.map.values()


def _is_null(row: Mapping[str, Json], path: str) -> bool:
    """Whether a row says NULL there, a column or a dotted path; what is not there says nothing."""
    *way, last = [path] if path in row else path.split(".")
    at: Json = dict(row)
    for step in way:
        at = at.get(step) if isinstance(at, dict) else None
    return isinstance(at, dict) and last in at and at[last] is None


def _told(fault: Fault) -> str:
    """A fault in words; where names a field of ours, since other names may be anybody's."""
    place = fault.pointer.removeprefix("/").partition("/")[0]
    return f"{place if place in _OURS else 'a value'} {fault.detail}" if fault.pointer else fault.detail


_KINDS: Final[dict[str, tuple[type, Any]]] = {
    "time": (datetime, datetime.fromisoformat),
    "day": (date, date.fromisoformat),
    "number": (int, int),
    "decimal": (Decimal, Decimal),
    "text": (str, str),
}
"""What a watermark may be, by the name it is kept under."""
