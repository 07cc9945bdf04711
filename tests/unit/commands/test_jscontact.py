import json
from pathlib import Path
from typing import Any

import pytest

from shared.commands.jscontact import record_of
from shared.commands.reading import recognise

CARD: dict[str, Any] = {
    "@type": "Card",
    "version": "1.0",
    "uid": "urn:uuid:4711",
    "updated": "2026-01-02T10:00:00Z",
    "name": {
        "full": "Dr. Jörg Maria Müller",
        "components": [
            {"kind": "title", "value": "Dr."}, {"kind": "given", "value": "Jörg"}, {"kind": "given2", "value": "Maria"},
            {"kind": "surname", "value": "Müller"},
        ],
    },
    "emails": {
        "a": {"address": "joerg@example.org", "contexts": {"private": True}},
        "b": {"address": "j.mueller@example.de", "contexts": {"work": True}, "pref": 1},
    },
    "phones": {"a": {"number": "tel:+49-176-04069991", "features": {"mobile": True, "voice": True}}},
    "addresses": {
        "a": {
            "components": [
                {"kind": "number", "value": "5a"}, {"kind": "name", "value": "Hauptstr."},
                {"kind": "locality", "value": "Berlin"}, {"kind": "postcode", "value": "10115"},
            ],
            "countryCode": "DE",
        }
    },
    "organizations": {"a": {"name": "Beispiel GmbH", "units": [{"name": "Einkauf"}]}},
    "titles": {"a": {"name": "Leiter"}},
    "anniversaries": {"a": {"kind": "birth", "date": {"year": 1980, "month": 2, "day": 29}}},
}  # fmt: skip


def test_a_card_becomes_the_fields_of_a_record() -> None:
    assert record_of(CARD) == {
        "source_record_id": "4711", "observed_at": "2026-01-02T10:00:00Z",
        "full_name": "Dr. Jörg Maria Müller", "name_prefix": "Dr.", "given_name": "Jörg Maria", "family_name": "Müller",
        "email": "j.mueller@example.de",
        "emails": [{"value": "j.mueller@example.de", "kind": "work"}, {"value": "joerg@example.org", "kind": "home"}],
        "phone": "+49-176-04069991", "phones": [{"value": "+49-176-04069991", "kind": "mobile"}],
        "street": "Hauptstr. 5a", "city": "Berlin", "postcode": "10115", "country": "DE",
        "company": "Beispiel GmbH", "department": "Einkauf", "job_title": "Leiter", "birthday": "1980-02-29",
    }  # fmt: skip


def test_an_address_in_an_order_of_its_own_keeps_it() -> None:
    address = {**CARD["addresses"]["a"], "isOrdered": True}
    assert record_of({"addresses": {"a": address}})["street"] == "5a Hauptstr."


@pytest.mark.parametrize("birth", [{"month": 2, "day": 29}, {"year": 1980}, {}, "1980"])
def test_a_birthday_that_is_not_whole_is_none(birth: Any) -> None:
    assert record_of({"anniversaries": {"a": {"kind": "birth", "date": birth}}}) == {}


def test_what_is_not_as_the_standard_has_it_is_passed_over() -> None:
    assert record_of({"name": [], "emails": {"a": "x"}, "phones": {"a": {"number": 7}}, "addresses": 3}) == {}


@pytest.mark.parametrize("text", [json.dumps([CARD], indent=1), json.dumps(CARD) + "\n"])
def test_cards_are_read_from_an_array_and_one_a_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cards.json"
    path.write_text(text, "utf-8")
    assert [row.values for row in recognise(path).rows()] == [record_of(CARD)]
