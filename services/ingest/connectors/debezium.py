"""Debezium: every change of a table, as Kafka Connect writes it to a topic (debezium.io, *Data change events*).

- **Authentic**: what stands on the topic; nobody posts it, so hooks of such a source are refused.
- **Says**: `op` c, u and r (of a snapshot) are the row as it is in `after`, d takes the record back that `before`
  names, m is no row. A table that was emptied (t) names no rows, so it is set aside for somebody to look at. With and
  without the schema envelope of the JSON converter; with it, days, times and exact numbers are read by their semantic
  type.
- **Names**: `key` is the column that names a row; `map` as everywhere. NULL clears; a large value that Postgres did not
  send, since the change did not touch it (`__debezium_unavailable_value`), says nothing.
- **Id and time**: the row's key; the second of the change, and within it the place in the partition, so that changes
  within one transaction keep their order and whoever reads a message twice says the same.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from services.ingest.connectors.hook import (
    Connector,
    Hook,
    Payload,
    Record,
    Says,
    TakenBack,
    Unreadable,
    dict_at,
    dicts_at,
    strange,
)
from services.ingest.core.mapping import text_of
from services.ingest.core.pulling import row_said
from shared.domain.configuration import Source
from shared.domain.outcome import LetterReason
from shared.domain.record import Json

OFFSET: Final = "kafka-offset"
"""The header of a hook that was a message: where in its partition."""

UNSENT: Final = "__debezium_unavailable_value"
"""What stands for a value that the database did not send (`unavailable.value.placeholder`)."""

EMPTIED: Final = (
    "the table was emptied, and the event names no rows: take their records back (POST /v1/record-deletions), "
    "or drop this"
)
_UNSENT: Final = frozenset({UNSENT, base64.b64encode(UNSENT.encode()).decode()})
_MICROSECONDS: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 (days and local times have no zone)
_ROW: Final = {"c": "after", "u": "after", "r": "after", "d": "before"}


def _authentic(hook: Hook, source: Source) -> bool:  # noqa: ARG001 (nobody posts it)
    return False


def _says(payload: Payload, hook: Hook, source: Source) -> list[Says] | Unreadable:
    wrapped = "schema" in payload and "payload" in payload
    envelope = dict_at(payload, "payload") if wrapped else payload
    op = envelope.get("op")
    if op == "m":
        return []
    if op == "t":
        return Unreadable(LetterReason.INVALID, EMPTIED)
    side = _ROW.get(op) if isinstance(op, str) else None
    if side is None:
        return strange("op")
    row = envelope.get(side)
    if not isinstance(row, dict):
        return strange(side)
    types = _types(dict_at(payload, "schema"), side) if wrapped else {}
    columns = {name: _read(value, types.get(name, {})) for name, value in row.items() if not _unsent(value)}
    own_id = text_of(columns.get(source.key or ""))
    if not own_id:
        return strange("the column that is named as key")
    at = _observed(envelope, hook)
    if op == "d":
        return [TakenBack(own_id, at)]
    return [Record({**row_said(columns, own_id, hook.source, source), "observed_at": at.isoformat()})]


def _observed(envelope: Payload, hook: Hook) -> datetime:
    """When the database did it. In UTC."""
    for said in (dict_at(envelope, "source").get("ts_ms"), envelope.get("ts_ms")):
        if isinstance(said, int) and not isinstance(said, bool):
            try:
                at = datetime.fromtimestamp(said // 1_000, UTC)
            except (ValueError, OverflowError, OSError):
                continue
            return at + timedelta(microseconds=int(hook.headers.get(OFFSET, "0")) % _MICROSECONDS)
    return hook.at


def _types(schema: Mapping[str, Json], side: str) -> dict[str, Mapping[str, Json]]:
    """The schemas of the columns by name."""
    (*_, row) = ({}, *(one for one in dicts_at(schema, "fields") if one.get("field") == side))
    return {str(one.get("field")): one for one in dicts_at(row, "fields")}


def _unsent(value: Json) -> bool:
    return isinstance(value, str) and value in _UNSENT


def _read(value: Json, schema: Mapping[str, Json]) -> Json:
    """A value by its semantic type; what has none, or is none of it, is what it was."""
    reading = _READINGS.get(str(schema.get("name")))
    if reading is None or value is None:
        return value
    try:
        return reading(value, schema)
    except (TypeError, ValueError, KeyError, OverflowError, binascii.Error):
        return value


def _day(value: Any, _: Mapping[str, Json]) -> Json:
    return (_EPOCH + timedelta(days=value)).date().isoformat()


def _time(per_second: int) -> Callable[[Any, Mapping[str, Json]], Json]:
    def read(value: Any, _: Mapping[str, Json]) -> Json:
        return (_EPOCH + timedelta(microseconds=value * _MICROSECONDS // per_second)).isoformat()

    return read


def _exact(value: Any, schema: Mapping[str, Json]) -> Json:
    parameters: Any = schema["parameters"]
    return _decimal(value, int(parameters["scale"]))


def _scaled(value: Any, _: Mapping[str, Json]) -> Json:
    return _decimal(value["value"], int(value["scale"]))


def _decimal(text: str, scale: int) -> Json:
    unscaled = int.from_bytes(base64.b64decode(text, validate=True), "big", signed=True)
    return f"{Decimal(unscaled).scaleb(-scale):f}"


_READINGS: Final[Mapping[str, Callable[[Any, Mapping[str, Json]], Json]]] = {
    "io.debezium.time.Date": _day,
    "io.debezium.time.Timestamp": _time(1_000),
    "io.debezium.time.MicroTimestamp": _time(1_000_000),
    "io.debezium.time.NanoTimestamp": _time(1_000_000_000),
    "io.debezium.data.VariableScaleDecimal": _scaled,
    "org.apache.kafka.connect.data.Date": _day,
    "org.apache.kafka.connect.data.Timestamp": _time(1_000),
    "org.apache.kafka.connect.data.Decimal": _exact,
}
"""Semantic types whose plain value no person would read; zoned times are texts already."""

CONNECTOR: Final = Connector(_authentic, _says)
