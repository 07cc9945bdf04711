"""Laws of validation: whatever people write, it is answered, the same each time, and nothing they wrote is lost."""

import re
from datetime import date, timedelta

import msgspec
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.validate.core.decide import FINDINGS_MAX, decide
from services.validate.core.emails import is_address
from services.validate.core.mistyped import meant_domain
from services.validate.core.places import read_postcode
from shared.domain.contact import Address, Company, Contact, Email, Finding, Name, Origin, Phone, Quality, Suggestion
from tests.unit.validate.contacts import NOW, STANDARDS, TODAY, contact

written = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["n/a", "-", "Jörg", "anna@gmial.com", "anna@web.de", "0171 1234567", "+4930901820", "10115", "D-1067",
         "Berlin", "Deutschland", "CH", "31.02.1980", "1980-02-29", "--02-29", "info@example.de", "\ud800",
         "x@\ud800.de", "%s"]
    ),
)  # fmt: skip
maybe = st.none() | written
contacts = st.builds(
    contact,
    source=st.sampled_from(["webform", "swiss", "gone"]),
    kind=st.sampled_from(["person", "organisation"]),
    name=st.builds(Name, given=maybe, family=maybe, full=maybe),
    emails=st.lists(st.builds(Email, value=written, preferred=st.booleans()), max_size=3).map(tuple),
    phones=st.lists(st.builds(Phone, value=written, kind=maybe), max_size=3).map(tuple),
    addresses=st.lists(
        st.builds(Address, street=maybe, postcode=maybe, city=maybe, country=maybe, region=maybe), max_size=2
    ).map(tuple),
    birthday=maybe,
    company=st.builds(Company, name=maybe),
    job_title=maybe,
)


@settings(max_examples=100, deadline=None)
@given(contacts)
def test_whatever_is_written_is_answered_and_alike_each_time(one: Contact) -> None:
    assert decide(one, STANDARDS, TODAY) == decide(one, STANDARDS, TODAY)


@settings(max_examples=100, deadline=None)
@given(contacts)
def test_what_was_judged_is_judged_alike_again(one: Contact) -> None:
    once = decide(one, STANDARDS, TODAY)
    assert decide(once, STANDARDS, TODAY) == once


@settings(max_examples=100, deadline=None)
@given(contacts)
def test_no_value_is_lost(one: Contact) -> None:
    """Mails stay as written; of numbers and postcodes the digits and letters stay; countries become their code."""
    found = decide(one, STANDARDS, TODAY)
    assert [email.value for email in found.emails] == [email.value for email in one.emails]
    for before, after in zip(one.phones, found.phones, strict=True):
        assert after.value == before.value or _core(before.value) in _core(after.value)
    for was, now in zip(one.addresses, found.addresses, strict=True):
        assert (was.street, was.city, was.region) == (now.street, now.city, now.region)
        assert (was.country is None) == (now.country is None)
        assert now.postcode == was.postcode or (now.postcode and was.postcode and _ends(was.postcode, now.postcode))
    assert (found.name, found.company, found.job_title) == (one.name, one.company, one.job_title)
    assert (found.contact_id, found.version, found.provenance) == (one.contact_id, one.version, one.provenance)


def _core(number: str) -> str:
    """The digits that carry a number: no calling code, no trunk zero."""
    return re.sub(r"\D", "", number).lstrip("0").removeprefix("49").lstrip("0")


def _ends(was: str, now: str) -> bool:
    return re.sub(r"[\s-]", "", was.upper()).endswith(re.sub(r"[\s-]", "", now))


@settings(max_examples=100, deadline=None)
@given(contacts)
def test_figures_lie_between_nothing_and_all(one: Contact) -> None:
    quality = decide(one, STANDARDS, TODAY).quality
    assert 0.0 <= quality.score <= 1.0
    assert 0.0 <= quality.completeness <= 1.0


@settings(max_examples=200, deadline=None)
@given(st.from_regex(r"[a-z0-9._+'-]{1,12}@([a-z0-9-]{1,8}\.){1,2}[a-z]{1,4}", fullmatch=True))
def test_the_short_way_to_read_an_address_agrees_with_the_long_one(text: str) -> None:
    """The short way is ours, the long one is the library's: where ours says yes, so must the other."""
    try:
        validate_email(text, check_deliverability=False, globally_deliverable=False)
        sound = True
    except EmailNotValidError:
        sound = False
    assert is_address(text) == (sound and len(text.rpartition(".")[2]) > 1)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20), st.text(max_size=3))
def test_a_postcode_of_any_country_is_answered(text: str, country: str) -> None:
    read = read_postcode(text, country)
    assert read.read is None or read_postcode(read.read, country).read == read.read


@pytest.mark.parametrize("domain", ["gmail.com", "web.de", "gmx.net", "example.de", "t-online.de", "me.com"])
def test_what_was_meant_is_itself_no_slip(domain: str) -> None:
    assert meant_domain(domain) is None


@settings(max_examples=200, deadline=None)
@given(st.from_regex(r"[a-z-]{1,9}\.[a-z]{1,4}", fullmatch=True))
@example("we.d")
def test_a_suggestion_is_never_itself_mistyped(domain: str) -> None:
    meant = meant_domain(domain)
    assert meant is None or meant_domain(meant) is None


def test_what_other_stages_found_and_suggested_stays() -> None:
    theirs = Finding(path="/company/name", code="company.gone", severity="error", message="…")
    idea = Suggestion(path="/website", value="https://example.de", why="…", origin="enrich")
    one = contact(quality=Quality(findings=(theirs,)), suggestions=(idea,))
    found = decide(one, STANDARDS, TODAY)
    assert theirs in found.quality.findings
    assert found.suggestions == (idea,)


def test_two_spellings_of_one_number_stay_two_numbers() -> None:
    one = contact(phones=(Phone(value="+491711234567"), Phone(value="0171 1234567")))
    found = decide(one, STANDARDS, TODAY)
    assert [phone.value for phone in found.phones] == ["+491711234567", "0171 1234567"]
    assert {phone.status for phone in found.phones} == {"valid"}


def test_a_contact_of_a_thousand_faults_carries_the_gravest_hundred() -> None:
    many = tuple(Email(value="info@example.de" if index % 2 else "n/a") for index in range(3 * FINDINGS_MAX))
    findings = decide(contact(emails=many), STANDARDS, TODAY).quality.findings
    assert len(findings) == FINDINGS_MAX
    assert {one.severity for one in findings} == {"error"}


def test_a_value_ages_from_the_day_it_was_last_said() -> None:
    def found(days: int) -> list[str]:
        said = Origin(source="webform", observed_at=NOW - timedelta(days=days))
        one = contact(emails=(Email(value="anna@example.de"),), provenance={"/emails/0": said})
        return [f"{f.code} {f.path}" for f in decide(one, STANDARDS, TODAY).quality.findings if f.code == "field.stale"]

    assert found(900) == []
    assert found(901) == ["field.stale /emails/0"]


def test_a_value_without_a_time_is_not_called_stale() -> None:
    one = contact(job_title="Leiter", provenance={"/job_title": Origin(source="webform")})
    assert not any(f.code == "field.stale" for f in decide(one, STANDARDS, date(2099, 1, 1)).quality.findings)


def test_a_repr_of_what_was_judged_shows_no_value() -> None:
    one = decide(contact(emails=(Email(value="anna@gmial.com"),)), STANDARDS, TODAY)
    assert "anna" not in repr((one, one.emails, one.suggestions, one.quality))
    assert "anna" not in "".join(f.message for f in one.quality.findings)
    assert b"anna@gmail.com" in msgspec.json.encode(one)
