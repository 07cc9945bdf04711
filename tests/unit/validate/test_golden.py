"""The golden tables: what is said about some two hundred values, one line each."""

from typing import Any

import pytest

from services.validate.core.decide import decide
from services.validate.core.standards import Standards
from shared.domain.contact import Address, Company, Contact, Email, Name, Phone
from tests.unit.validate.contacts import NOTHING_NEEDED, TODAY, cases, contact


def said(found: Contact) -> list[str]:
    """Codes with their paths, in order."""
    return [f"{one.code} {one.path}" for one in found.quality.findings]


@pytest.mark.parametrize("case", cases("emails"), ids=lambda case: f"{case['email']}·{case.get('company', '')}")
def test_a_mail_address_is_judged_as_in_the_table(case: dict[str, Any]) -> None:
    one = contact(
        emails=(Email(value=case["email"], preferred=True),),
        company=Company(name=case.get("company")),
        kind=case.get("kind", "person"),
    )
    found = decide(one, NOTHING_NEEDED, TODAY)
    assert found.emails == (Email(value=case["email"], preferred=True, status=case["status"]),)
    assert said(found) == ([f"{case['code']} /emails/0"] if "code" in case else [])
    assert [(one.path, one.value, one.origin) for one in found.suggestions] == (
        [("/emails/0", case["meant"], "validate")] if "meant" in case else []
    )


@pytest.mark.parametrize("case", cases("phones"), ids=lambda case: f"{case['phone']}·{case.get('country', '')}")
def test_a_number_is_judged_as_in_the_table(case: dict[str, Any]) -> None:
    standards = Standards(homes={"webform": case.get("home", "DE")})
    addresses = (Address(country=case["country"]),) if "country" in case else ()
    found = decide(contact(phones=(Phone(value=case["phone"]),), addresses=addresses), standards, TODAY)
    assert found.phones == (Phone(value=case["value"], kind=case.get("kind"), status=case["status"]),)
    assert said(found) == (["phone.invalid /phones/0"] if case["status"] == "invalid" else [])


@pytest.mark.parametrize("case", cases("addresses"), ids=str)
def test_an_address_is_judged_as_in_the_table(case: dict[str, Any]) -> None:
    written = Address(
        street="Hauptstr.", postcode=case.get("postcode"), city=case.get("city"), country=case.get("country")
    )
    found = decide(contact(addresses=(written,)), Standards(homes={"webform": case.get("home")}), TODAY)
    judged = found.addresses[0]
    assert judged.status == case["status"]
    assert judged.postcode == case.get("written", case.get("postcode"))
    assert judged.country == case.get("written_country", case.get("country"))
    path = case.get("path", "/addresses/0/postcode")
    assert said(found) == ([f"{case['code']} {path}"] if "code" in case else [])
    assert [one.value for one in found.suggestions] == ([case["meant"]] if "meant" in case else [])


@pytest.mark.parametrize("case", cases("people"), ids=str)
def test_a_name_and_a_birthday_are_judged_as_in_the_table(case: dict[str, Any]) -> None:
    one = contact(
        name=Name(given=case.get("given"), family=case.get("family"), full=case.get("full")),
        company=Company(name=case.get("company")),
        birthday=case.get("birthday"),
        kind=case.get("kind", "person"),
    )
    found = decide(one, NOTHING_NEEDED, TODAY)
    assert said(found) == case["codes"]
    if "severity" in case:
        assert [one.severity for one in found.quality.findings] == [case["severity"]]
    assert found.birthday == case.get("written", case.get("birthday"))
