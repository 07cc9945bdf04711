"""What one row of a table says, whether it is new, and where a watermark goes on."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.ingest.core.pulling import (
    OVERLAP,
    Bad,
    Said,
    compared,
    definition_of,
    mark_of,
    plain,
    said_by,
    too_many,
    value_of,
)
from shared.domain.configuration import Source

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
SOURCE = Source(connector="sql", key="id", watermark="changed", map={"family_name": "surname"})
SOURCES = {"billing": SOURCE}


def said(**row: Any) -> Said | Bad:
    """What a row says."""
    return said_by(row, "billing", SOURCES, b"key", NOW)


def test_a_row_says_the_same_whenever_it_is_read_and_whatever_its_watermark() -> None:
    one, other = said(id=1, surname="Berg", changed=NOW), said(id=1, surname="Berg", changed=None)
    assert isinstance(one, Said)
    assert isinstance(other, Said)
    assert (one.record_id, one.content) == (other.record_id, other.content)
    assert one.content != getattr(said(id=1, surname="Burg"), "content", b"")


def test_null_clears_a_mapped_field_and_the_key_names_the_record() -> None:
    one = said(id=1, surname=None)
    assert isinstance(one, Said)
    assert (one.delivery.fields, one.delivery.source_record_id) == ({"family_name": None}, "1")


def test_a_row_without_a_key_is_none_and_a_bad_one_names_no_value() -> None:
    assert said(surname="Berg") == Bad(None, "has no key")
    bad = said(id=1, surname="x" * 1_001)
    assert isinstance(bad, Bad)
    assert "xx" not in bad.fault


def test_a_key_twice_counts_once_and_the_second_row_is_refused() -> None:
    one, two = said(id=1, surname="Berg"), said(id=1, surname="Burg")
    page = compared([one, two], {}, ())
    assert [page.counts[name] for name in ("read", "new", "updated", "same", "refused")] == [2, 1, 0, 0, 1]
    assert compared([one], {}, {one.record_id or ""}).counts["refused"] == 1, "on a later page, too"


def test_a_row_that_cannot_be_read_now_is_there_still() -> None:
    bad = said(id=1, surname="x" * 1_001)
    assert compared([bad], {bad.record_id or "": b"before"}, ()).seen == [bad.record_id]
    assert compared([bad], {}, ()).seen == []


@pytest.mark.parametrize(
    ("value", "on"),
    [(NOW, NOW - OVERLAP), (date(2026, 1, 2), date(2026, 1, 2)), (7, 7), (Decimal("7.5"), Decimal("7.5")),
     ("2026-01-02 10:00", "2026-01-02 10:00")],
)  # fmt: skip
def test_a_watermark_goes_on_where_it_was_in_its_own_type(value: Any, on: Any) -> None:
    mark = mark_of([{"changed": 1}, {"changed": value}, {"changed": None}], "changed")
    assert mark is not None
    assert (value_of(mark), type(value_of(mark))) == (on, type(on))


def test_what_is_no_watermark_is_none() -> None:
    assert mark_of([{"changed": None}], "changed") is None
    assert mark_of([{"changed": 1.5}], "changed") is None


def test_another_mapping_or_query_is_another_definition() -> None:
    other = Source(connector="sql", key="id", watermark="changed", map={"family_name": "name"})
    assert definition_of(SOURCE) == definition_of(SOURCES["billing"])
    assert definition_of(SOURCE) != definition_of(other)


@pytest.mark.parametrize(("gone", "held", "asks"), [(0, 0, False), (10, 100, False), (11, 100, True), (1, 1, True)])
def test_more_than_the_share_asks(gone: int, held: int, asks: bool) -> None:
    assert too_many(gone, held, 0.1) is asks


def test_values_of_a_database_are_written_as_they_are() -> None:
    told = plain({"a": Decimal("1.50"), "b": NOW, "c": b"\x00", "d": float("nan"), "e": [True, None]})
    assert told == {"a": "1.50", "b": NOW.isoformat(), "c": "AA==", "d": None, "e": [True, None]}
