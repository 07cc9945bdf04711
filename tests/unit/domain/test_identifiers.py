"""Identifiers: what a source declares as ids, read so that one id written twice is one."""

from typing import Any

import pytest

from shared.domain.configuration import Source
from shared.domain.identifiers import LENGTH_MAX, NAMES_MAX, differ, fault_of, identifiers
from shared.domain.record import Json
from tests.unit.dedup.made import record

NUMBER = ("attributes.number",)


def number(value: Json) -> tuple[tuple[str, str], ...]:
    return identifiers(record("r", attributes={"number": value}), NUMBER)


@pytest.mark.parametrize(
    ("one", "other"),
    [("00123", 123), ("K-12 3", "k123"), (123.0, "123"), (" 7a ", "7A"), ("DE 136 695 976", "de136695976")],
)
def test_one_id_written_twice_is_one(one: Json, other: Json) -> None:
    assert number(one) == number(other) != ()
    assert not differ(number(one), number(other))


@pytest.mark.parametrize(
    "value", ["", "-", "n/a", "unbekannt", "0", "000", 0, None, True, ["1"], "9" * (LENGTH_MAX + 1)]
)
def test_what_stands_for_nothing_is_no_id(value: Json) -> None:
    assert number(value) == ()
    assert not differ(number(value), number("K1"))


def test_ids_differ_only_under_the_same_name() -> None:
    assert differ((("a", "1"), ("b", "2")), (("b", "3"),))
    assert not differ((("a", "1"),), (("b", "2"),))
    assert not differ((("a", "1"), ("b", "2")), (("a", "1"),))


def test_fields_attributes_and_the_id_of_the_record_itself_may_be_ids() -> None:
    one = record("r", source="crm", vat_id="DE 1", attributes={"number": "7"})
    names = ("vat_id", "source_record_id", "attributes.number", "attributes.other")
    assert identifiers(one, names) == (
        ("attributes.number", "7"),
        ("source_record_id", "rofcrm"),
        ("vat_id", "de1"),
    )


@pytest.mark.parametrize(
    ("declared", "fault"),
    [
        ({"unique": ("number",)}, "unique: is a list of fields, of attributes.<key>, or source_record_id"),
        ({"unique_per_person": ("emails",)}, "unique_per_person: is a list of fields"),
        ({"unique_per_person": ("source_record_id",)}, "belongs into unique"),
        ({"unique": ("vat_id",), "unique_per_person": ("vat_id",)}, "vat_id is unique_per_person as well"),
        ({"unique": tuple(f"attributes.{each}" for each in range(NAMES_MAX + 1))}, "more than 8"),
    ],
)
def test_what_is_no_id_is_refused_by_name(declared: dict[str, Any], fault: str) -> None:
    assert fault in (fault_of(Source(**declared)) or "")
    assert fault_of(Source(unique=("source_record_id", *NUMBER), unique_per_person=("vat_id",))) is None
