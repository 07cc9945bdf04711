"""Changes of a table, by Debezium's documentation: envelopes with and without schema, all of its operations."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from services.ingest.connectors.debezium import OFFSET, UNSENT
from services.ingest.connectors.hook import TakenBack
from services.ingest.connectors.reading import Bad
from shared.domain.configuration import Source
from shared.domain.outcome import LetterReason
from tests.unit.ingest.connectors.bench import NOW, authentic, hook, read, record

SOURCE = Source(connector="debezium", topic="shop.public.customer", key="id", map={"family_name": "surname"})
ROW = {"id": 7, "surname": "Adler", "email": "adler@example.de", "note": None}
AT_MS = 1_795_348_800_123
AT = datetime.fromtimestamp(AT_MS // 1_000, UTC)


def change(op: str, before: Any = None, after: Any = None, **more: Any) -> dict[str, Any]:
    """One event as the connector for Postgres writes it, without schema."""
    source = {"connector": "postgresql", "name": "shop", "ts_ms": AT_MS, "table": "customer", "lsn": 34_510_232}
    return {"before": before, "after": after, "source": source, "op": op, "ts_ms": AT_MS + 500, **more}


def enveloped(row: dict[str, Any], types: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The same with the schema that the JSON converter adds."""
    fields = [{"field": name, "optional": True, "type": "string", **types.get(name, {})} for name in row]
    sides = [{"type": "struct", "field": side, "fields": fields} for side in ("before", "after")]
    schema = {"type": "struct", "fields": [*sides, {"type": "string", "field": "op"}]}
    return {"schema": schema, "payload": change("c", after=row)}


@pytest.mark.parametrize("op", ["c", "u", "r"])
def test_a_row_becomes_the_record_of_its_key(op: str) -> None:
    (found,) = read(SOURCE, change(op, after=ROW), headers={OFFSET: "41"})
    said = record(found)
    assert said.source_record_id == "7"
    assert said.fields == {"family_name": "Adler", "email": "adler@example.de"}
    assert said.observed.at == AT.replace(microsecond=41)


def test_changes_of_one_second_keep_the_order_of_their_partition() -> None:
    stamps = [
        record(read(SOURCE, change("u", after=ROW), headers={OFFSET: str(offset)})[0]).observed.at
        for offset in (999, 1_000, 1_001)
    ]
    assert stamps == sorted(set(stamps))


def test_null_clears_what_the_map_names() -> None:
    (found,) = read(SOURCE, change("u", after={"id": 7, "surname": None, "email": "adler@example.de"}))
    assert record(found).fields["family_name"] is None


def test_a_value_that_the_database_did_not_send_says_nothing() -> None:
    unsent = {"surname": UNSENT, "photo": base64.b64encode(UNSENT.encode()).decode()}
    (found,) = read(SOURCE, change("u", after={**ROW, **unsent}))
    assert record(found).fields == {"email": "adler@example.de"}
    assert "photo" not in record(found).attributes


def test_a_deleted_row_is_taken_back_when_it_was_deleted() -> None:
    assert read(SOURCE, change("d", before={"id": 7}), headers={OFFSET: "5"}) == [
        TakenBack("7", AT.replace(microsecond=5))
    ]


def test_a_message_that_is_no_row_says_nothing() -> None:
    assert read(SOURCE, change("m")) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (change("t"), LetterReason.INVALID),
        (change("x", after=ROW), LetterReason.INVALID),
        (change("c"), LetterReason.INVALID),
        (change("c", after={"surname": "Adler"}), LetterReason.INVALID),
        ({"op": None}, LetterReason.INVALID),
        (b"\x00\x00\x00\x00\x07binary", LetterReason.UNREADABLE),
    ],
)
def test_what_is_no_change_is_set_aside_as_it_came(body: Any, reason: LetterReason) -> None:
    (found,) = read(SOURCE, body)
    assert isinstance(found, Bad)
    assert found.reason is reason
    assert "Adler" not in found.detail


def test_days_times_and_exact_numbers_are_read_by_their_type() -> None:
    row = {
        **ROW, "birthday": 3_711, "met": 1_529_507_596_945_104, "seen": 1_529_507_596_945, "fee": "AOA=",
        "debt": {"scale": 3, "value": "/w=="}, "none": None, "odd": "x",
    }  # fmt: skip
    types: dict[str, dict[str, Any]] = {
        "birthday": {"type": "int32", "name": "io.debezium.time.Date"},
        "met": {"type": "int64", "name": "io.debezium.time.MicroTimestamp"},
        "seen": {"type": "int64", "name": "org.apache.kafka.connect.data.Timestamp"},
        "fee": {"type": "bytes", "name": "org.apache.kafka.connect.data.Decimal", "parameters": {"scale": "2"}},
        "debt": {"type": "struct", "name": "io.debezium.data.VariableScaleDecimal"},
        "none": {"type": "int32", "name": "io.debezium.time.Date"},
        "odd": {"type": "int32", "name": "io.debezium.time.Date"},
    }
    (found,) = read(SOURCE, enveloped(row, types))
    said = record(found)
    assert said.fields["birthday"] == "1980-02-29"
    assert said.attributes["met"] == "2018-06-20T15:13:16.945104"
    assert said.attributes["seen"] == "2018-06-20T15:13:16.945000"
    assert said.attributes["fee"] == "2.24"
    assert said.attributes["debt"] == "-0.001"
    assert said.attributes["odd"] == "x"


def test_without_a_time_it_is_now_and_nobody_posts_it() -> None:
    (found,) = read(SOURCE, {"op": "c", "after": ROW, "source": {"ts_ms": 10**30}, "ts_ms": "soon"})
    assert record(found).observed.at == NOW
    assert authentic(SOURCE, hook(change("c", after=ROW))) is False
