"""Laying: a pinned value is shown as a record's own word would be, and nothing beside it moves."""

from typing import Any

import pytest

from services.dedup.core.candidates import SourceView
from services.dedup.core.laying import fault_of, laid_over
from services.dedup.core.pinning import Pin, is_field
from services.dedup.core.survivorship import golden_record
from shared.domain.contact import Cause, Contact
from shared.domain.record import TEXT_FIELDS
from tests.unit.dedup.made import START, day, record

SAID: dict[str, Any] = {
    "given_name": "Karin", "family_name": "Weber", "email": "karin@example.de", "phone": "0171 1234567",
    "street": "Hauptstr. 5a", "postcode": "10115", "city": "Berlin", "country": "DE", "company": "Beispiel GmbH",
}  # fmt: skip


def golden() -> Contact:
    return golden_record(
        "c",
        [record("r", attributes={"size": "M"}, **SAID)],
        {"webform": SourceView()},
        version=1,
        cause=Cause(kind="record", id="e"),
        created_at=START,
        updated_at=START,
    )


def pin(field: str, value: Any, on: int = 1) -> Pin:
    return Pin(f"p{on}", "r", field, value, None, "somebody", day(on))


def with_pins(*pins: Pin) -> Contact:
    return laid_over(golden(), pins)


def test_without_pins_nothing_moves() -> None:
    assert with_pins() == golden()


@pytest.mark.parametrize(
    ("field", "value", "path", "shown"),
    [
        ("given_name", "sabine", "/name/given", "Sabine"),
        ("birthday", "1.2.1980", "/birthday", "1980-02-01"),
        ("company", "Andere AG", "/company/name", "Andere AG"),
        ("vat_id", "DE136695976", "/company/vat_id", "DE136695976"),
        ("gender", "w", "/gender", "female"),
        ("owner", "anna", "/owner", "anna"),
        ("attributes.size", "XL", "/attributes/size", "XL"),
        ("attributes.new/key", 3, "/attributes/new~1key", 3),
    ],
)
def test_a_pin_is_shown_at_its_path_and_says_that_it_is_pinned(field: str, value: Any, path: str, shown: Any) -> None:
    contact = with_pins(pin(field, value))
    found: Any = contact
    for step in path.split("/")[1:]:
        key = step.replace("~1", "/")
        found = found[key] if isinstance(found, dict) else getattr(found, key)
    assert found == shown
    assert (contact.provenance[path].why, contact.provenance[path].observed_at) == ("pinned", day(1))


def test_the_full_name_follows_its_parts() -> None:
    assert with_pins(pin("family_name", "Weber-Kern"), pin("name_prefix", "Dr.", 2)).name.full == "Dr. Karin Weber-Kern"


def test_a_pinned_street_without_a_number_keeps_none_of_the_old_one() -> None:
    (address,) = with_pins(pin("street", "Nebenweg")).addresses
    assert (address.street, address.house_number, address.city) == ("Nebenweg", None, "Berlin")


def test_a_pinned_address_stands_before_the_one_that_was_and_a_part_of_it_may_be_pinned_besides() -> None:
    whole = {"street": "Am Markt 1", "postcode": "24103", "city": "Kiel", "country": "DE"}
    first, second = with_pins(pin("address", whole), pin("city", "Lübeck", 2)).addresses
    assert (first.street, first.house_number, first.city) == ("Am Markt", "1", "Lübeck")
    assert second.city == "Berlin"


def test_a_pinned_number_is_read_in_the_country_of_the_contact_and_leads() -> None:
    contact = with_pins(pin("phone", "0172 7654321"))
    assert [(one.value, one.preferred) for one in contact.phones] == [("+491727654321", True), ("+491711234567", False)]


def test_of_two_pins_on_one_field_the_newer_holds_and_the_older_is_suggested() -> None:
    older, newer = pin("email", "alt@example.de", 1), pin("email", "neu@example.de", 2)
    for pins in ((older, newer), (newer, older)):
        contact = with_pins(*pins)
        assert [one.value for one in contact.emails] == ["neu@example.de", "karin@example.de"]
        assert [(one.path, one.value) for one in contact.suggestions] == [("/emails/0", "alt@example.de")]


@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_every_text_of_a_record_can_be_pinned(field: str) -> None:
    value = {"gender": "w", "birthday": "1980-02-01", "email": "a@example.de", "language": "de"}.get(field, "Weber")
    assert (is_field(field), fault_of(field, value, 1_000)) == (True, None)
    assert "pinned" in {origin.why for origin in with_pins(pin(field, value)).provenance.values()}
