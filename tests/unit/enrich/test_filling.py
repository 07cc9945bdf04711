"""Filling: an answer goes into gaps, or is only suggested; what is better is never replaced."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.enrich.core.asking import Asked, asked_of
from services.enrich.core.decide import decide, plan
from services.enrich.core.filling import Answer
from shared.domain.configuration import Provider
from shared.domain.contact import Company, Contact, Email, Origin, Phone, Suggestion
from tests.unit.enrich.test_decide import at, contact


def answer(provider: str = "companies", confidence: float = 0.8, **values: Any) -> Answer:
    """What a provider answered; `company__industry` is company.industry."""
    return Answer(provider, confidence, "company_domain", {key.replace("__", "."): it for key, it in values.items()})


def with_answers(one: Contact, *answers: Answer) -> Contact:
    """The contact as enriched with these answers."""
    return decide(plan(one), answers)


def suggested(one: Contact) -> list[tuple[str, Any, str]]:
    """What providers suggest."""
    return [(it.path, it.value, it.origin) for it in one.suggestions if it.origin.startswith("provider:")]


def test_a_gap_is_filled_and_says_by_whom_and_how_sure() -> None:
    found = with_answers(contact(), answer(company__industry="insurance", attributes__size=40))
    assert found.company.industry == "insurance"
    assert found.attributes == {"size": 40}
    origin = found.provenance["/company/industry"]
    assert (origin.source, origin.confidence, origin.record_id) == ("provider:companies", 0.8, None)
    assert suggested(found) == []


def test_what_a_source_said_is_never_replaced_but_the_other_is_suggested() -> None:
    one = contact(
        company=Company(industry="banking"),
        provenance={"/company/industry": Origin(source="webform", confidence=0.01, why="only one")},
    )
    found = with_answers(one, answer(company__industry="insurance", confidence=1.0))
    assert found.company == one.company
    assert found.provenance == one.provenance
    assert suggested(found) == [("/company/industry", "insurance", "provider:companies")]


def test_the_same_in_other_letters_is_no_suggestion() -> None:
    found = with_answers(contact(company=Company(industry="Insurance")), answer(company__industry="insurance "))
    assert suggested(found) == []


def test_a_surer_answer_replaces_only_what_we_had_guessed_ourselves() -> None:
    """The mail address names a domain by guess (0.7); a provider that is surer may correct it."""
    one = contact(emails=at("anna@beispiel.de"))
    assert with_answers(one, answer(company__domain="beispiel.com", confidence=0.9)).company.domain == "beispiel.com"
    unsure = with_answers(one, answer(company__domain="beispiel.com", confidence=0.5))
    assert unsure.company.domain == "beispiel.de"
    assert suggested(unsure) == [("/company/domain", "beispiel.com", "provider:companies")]


def test_of_two_providers_the_surer_fills_and_the_other_is_suggested() -> None:
    found = with_answers(
        contact(), answer("sure", 0.9, company__industry="a"), answer("unsure", 0.5, company__industry="b")
    )
    assert found.company.industry == "a"
    assert suggested(found) == [("/company/industry", "b", "provider:unsure")]


def test_a_filled_company_is_not_guessed_any_more() -> None:
    one = contact(emails=at("anna@beispiel.de"))
    assert "/company/name" in {it.path for it in with_answers(one).suggestions}
    assert "/company/name" not in {it.path for it in with_answers(one, answer(company__name="Beispiel AG")).suggestions}


def test_suggestions_of_providers_are_made_anew_and_those_of_others_stay() -> None:
    theirs = Suggestion(path="/x", value="y", why="z", origin="validate")
    stale = Suggestion(path="/company/industry", value="old", why="", origin="provider:companies")
    found = with_answers(contact(suggestions=(theirs, stale)))
    assert found.suggestions == (theirs,)


@given(
    industry=st.none() | st.text(min_size=1, max_size=10),
    said=st.text(min_size=1, max_size=10),
    sure=st.floats(0.01, 1),
)
@settings(max_examples=100, deadline=None)
def test_nothing_that_is_there_is_ever_lost(industry: str | None, said: str, sure: float) -> None:
    found = with_answers(contact(company=Company(industry=industry)), answer(company__industry=said, confidence=sure))
    assert found.company.industry == (said if industry is None else industry)


COMPANIES = Provider(
    asks="company_domain",
    url="https://x.example/{company_domain}",
    fills={"company.industry": "$.i", "company.name": "$.n"},
)


def asked(**providers: Provider) -> tuple[Asked, ...]:
    """Providers, checked."""
    return asked_of(providers)


@pytest.mark.parametrize(
    ("values", "subject"),
    [
        ({"emails": at("anna@mail.beispiel.de")}, "beispiel.de"),
        ({"emails": at("anna@gmail.com")}, None),
        ({"emails": at("anna@uni-kiel.de")}, None),
        ({"emails": at("anna@beispiel.de", status="invalid")}, None),
        ({"company": Company(domain="www.beispiel.de")}, "beispiel.de"),
        ({"company": Company(domain="gmx.de")}, None),
        ({"website": "https://www.beispiel.de:443/about?x=1"}, "beispiel.de"),
        ({"website": "https://me@beispiel.de/"}, "beispiel.de"),
        ({"website": "nonsense"}, None),
        ({"emails": at("anna@gmail.com"), "website": "https://gmail.com/anna"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_a_company_is_asked_for_by_its_domain_and_a_mailbox_provider_never(
    values: dict[str, Any], subject: str | None
) -> None:
    found = plan(contact(**values), asked(companies=COMPANIES)).questions
    assert [one.subject for one in found] == ([] if subject is None else [subject])


def test_a_person_is_asked_for_by_what_is_usable() -> None:
    fills = {"job_title": "$.t"}
    providers = asked(
        m=Provider(asks="email", url="https://x.example/{email}", fills=fills),
        p=Provider(asks="phone", url="https://x.example/{phone}", fills=fills),
        v=Provider(asks="vat_id", url="https://x.example/{vat_id}", fills={"company.name": "$.n"}),
    )
    one = contact(
        emails=(Email(value="dead@beispiel.de", status="bounced"), Email(value="A@beispiel.de", status="valid")),
        phones=(Phone(value="12", status="invalid"), Phone(value="+491711234567", status="valid")),
        company=Company(vat_id="DE 123.456.789"),
    )
    assert {it.provider: it.subject for it in plan(one, providers).questions} == {
        "m": "a@beispiel.de",
        "p": "+491711234567",
        "v": "DE123456789",
    }
    assert "beispiel" not in repr(plan(one, providers).questions)


def test_only_a_question_that_could_fill_a_gap_is_worth_asking() -> None:
    one = contact(emails=at("anna@beispiel.de"))
    full = contact(emails=at("anna@beispiel.de"), company=Company(industry="a", name="b"))
    assert [it.worth for it in plan(one, asked(c=COMPANIES)).questions] == [True]
    assert [it.worth for it in plan(full, asked(c=COMPANIES)).questions] == [False]
