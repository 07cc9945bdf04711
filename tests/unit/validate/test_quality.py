"""Completeness and score: what they count, by hand."""

from pathlib import Path

import pytest

from services.validate.core.decide import decide
from services.validate.core.standards import days_of, standards_of
from shared.domain.configuration import Fields
from shared.domain.contact import Address, Company, Contact, Email, Name
from shared.runtime.configuration import load
from tests.unit.validate.contacts import STANDARDS, TODAY, contact

HOME = Address(street="Hauptstr.", house_number="5a", postcode="10115", city="Berlin", country="DE")


def missing(one: Contact) -> list[str]:
    """Paths of what is missing."""
    found = decide(one, STANDARDS, TODAY).quality.findings
    return [finding.path for finding in found if finding.code == "field.missing"]


def figures(one: Contact) -> tuple[float, float]:
    """Completeness and score."""
    quality = decide(one, STANDARDS, TODAY).quality
    return quality.completeness, quality.score


def test_a_whole_contact_is_whole() -> None:
    one = contact(name=Name(family="Müller"), emails=(Email(value="joerg@example.de"),), addresses=(HOME,))
    assert figures(one) == (1.0, 1.0)


def test_a_field_that_two_purposes_need_counts_twice() -> None:
    """Mail needs 2 fields, post 4; the family name is in both: 6 - 2 = 4 of 6 remain without it."""
    one = contact(emails=(Email(value="joerg@example.de"),), addresses=(HOME,))
    assert missing(one) == ["/name/family"]
    assert figures(one) == (0.67, 0.83)


def test_missing_fields_lower_completeness_and_not_soundness() -> None:
    assert missing(contact()) == [
        "/emails", "/name/family", "/addresses/0/street", "/addresses/0/postcode", "/addresses/0/city"
    ]  # fmt: skip
    assert figures(contact()) == (0.0, 0.5)


def test_a_wrong_address_is_there_and_yet_of_no_use() -> None:
    """1 of 6 needs is unusable, and one error costs 0.2 of soundness: (5/6 + 0.8) / 2."""
    one = contact(name=Name(family="Müller"), emails=(Email(value="n/a"),), addresses=(HOME,))
    assert missing(one) == []
    assert figures(one) == (0.83, 0.82)


def test_the_message_of_a_missing_field_names_what_needs_it() -> None:
    found = decide(contact(), STANDARDS, TODAY).quality.findings
    by_path = {finding.path: finding.message for finding in found}
    assert by_path["/name/family"].startswith("Nothing is here, needed for mail and post.")
    assert by_path["/emails"].startswith("Nothing is here, needed for mail.")


def test_an_organisation_needs_no_family_name() -> None:
    one = contact(kind="organisation", company=Company(name="Beispiel GmbH"))
    assert "/name/family" not in missing(one)


def test_soundness_never_falls_below_nothing() -> None:
    one = contact(emails=tuple(Email(value=f"n/a {index}") for index in range(30)))
    assert figures(one) == (0.0, 0.0)


def test_where_nothing_is_needed_everything_is_there() -> None:
    assert decide(contact(), standards_of(Fields(), {}), TODAY).quality.completeness == 1.0


def test_a_field_that_does_not_exist_is_refused_with_what_was_meant() -> None:
    with pytest.raises(ValueError, match=r"required\.mail: `emial` is no field of a record, did you mean `email`\?"):
        standards_of(Fields(required={"mail": ("emial",)}), {})


@pytest.mark.parametrize("text", ["900", "d", "-1d", "900 d", "1w", "", "٣d"])
def test_a_duration_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"fields\.yaml: half_life\.email: a duration is a number with s, m, h or d"):
        days_of(text, "half_life.email")


def test_durations_are_read_in_days() -> None:
    assert [days_of(text, "x") for text in ("900d", "12h", "36h", "1440m", "86400s")] == [900, 0.5, 1.5, 1, 1]


def test_the_configuration_that_is_shipped_is_one_to_judge_by() -> None:
    shipped = load(Path(__file__).parents[3] / "deploy" / "config")
    standards = standards_of(shipped.fields, shipped.sources)
    assert standards.needs == STANDARDS.needs
    assert standards.half_life_days == STANDARDS.half_life_days
    assert standards.homes["webform"] == "DE"
