"""What enrich adds: what follows from the contact, and nothing in place of what is there."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.enrich.core.decide import decide, plan
from services.enrich.core.employers import registered, spoken_name
from shared.domain.contact import Address, Cause, Company, Contact, Email, Name, Origin, Status, Suggestion

NOW = datetime(2026, 11, 22, 9, 15, tzinfo=UTC)


def contact(**values: Any) -> Contact:
    """A contact with these values."""
    made = Contact(
        contact_id="c-1", version=7, created_at=NOW, updated_at=NOW, cause=Cause(kind="record", id="e", source="crm")
    )  # fmt: skip
    return msgspec.structs.replace(made, **values)


def enriched(one: Contact) -> Contact:
    """The contact as enriched from itself."""
    return decide(plan(one))


def at(*addresses: str, status: Status = "valid") -> tuple[Email, ...]:
    """Mail addresses of one status."""
    return tuple(Email(value=value, status=status, preferred=index == 0) for index, value in enumerate(addresses))


def ideas(one: Contact) -> dict[str, list[str]]:
    """What enrich suggests, by path."""
    found: dict[str, list[str]] = {}
    for suggestion in enriched(one).suggestions:
        if suggestion.origin == "enrich":
            found.setdefault(suggestion.path, []).append(suggestion.value)
    return found


@pytest.mark.parametrize(
    ("mail", "domain"),
    [
        ("j.mueller@beispiel.de", "beispiel.de"),
        ("j.mueller@mail.beispiel.de", "beispiel.de"),
        ("j.mueller@beispiel.co.uk", "beispiel.co.uk"),
        ("joerg@example.de", "example.de"),
        ("joerg@firma.example", "firma.example"),
        ("info@beispiel.de", "beispiel.de"),
        ("anna@gmail.com", None),
        ("anna@web.de", None),
        ("anna@t-online.de", None),
        ("anna@posteo.de", None),
        ("anna@uni-kiel.de", None),
        ("anna@stud.tu-berlin.de", None),
        ("anna@mit.edu", None),
        ("anna@cs.ox.ac.uk", None),
        ("anna@unilever.de", "unilever.de"),
        ("anna@localhost", None),
        ("n/a", None),
    ],
)
def test_the_domain_of_a_business_address_becomes_the_companys(mail: str, domain: str | None) -> None:
    assert enriched(contact(emails=at(mail))).company.domain == domain


@pytest.mark.parametrize("status", ["invalid", "risky", "bounced"])
def test_a_doubtful_address_says_nothing_about_a_company(status: Status) -> None:
    """A mistyped or throw-away domain must not become anybody's employer."""
    assert enriched(contact(emails=at("anna@beispiel.de", status=status))).company.domain is None


@pytest.mark.parametrize(
    ("company", "confidence"),
    [("Beispiel GmbH", 0.95), ("BEISPIEL Logistik AG", 0.95), (None, 0.7), ("Andere Firma GmbH", 0.6)],
)
def test_how_sure_the_domain_is_depends_on_the_companys_name(company: str | None, confidence: float) -> None:
    seen = Origin(source="webform", record_id="r-1", observed_at=NOW)
    one = contact(emails=at("j.mueller@beispiel.de"), company=Company(name=company), provenance={"/emails/0": seen})
    origin = enriched(one).provenance["/company/domain"]
    assert origin == Origin(
        source="enrich:domain", record_id="r-1", observed_at=NOW, confidence=confidence, why="only one"
    )


def test_a_domain_that_is_there_is_never_replaced() -> None:
    one = contact(emails=at("j.mueller@beispiel.de"), company=Company(domain="andere.de"))
    assert enriched(one).company.domain == "andere.de"
    assert "/company/domain" not in enriched(one).provenance


def test_of_two_business_domains_the_one_the_company_is_named_after_counts() -> None:
    one = contact(emails=at("a@andere.de", "a@beispiel.de"), company=Company(name="Beispiel GmbH"))
    assert enriched(one).company.domain == "beispiel.de"


def test_two_domains_as_likely_are_only_suggested() -> None:
    one = contact(emails=at("a@andere.de", "a@beispiel.de"))
    assert enriched(one).company.domain is None
    assert ideas(one)["/company/domain"] == ["andere.de", "beispiel.de"]


def test_a_persons_own_domain_is_no_company() -> None:
    one = contact(name=Name(given="Jörg", family="Lüdenscheidt"), emails=at("joerg@luedenscheidt.de"))
    assert enriched(one).company.domain is None
    assert ideas(one) == {}


def test_the_family_firm_is_a_company_when_it_is_named() -> None:
    one = contact(name=Name(family="Althaus"), company=Company(name="Althaus KG"), emails=at("m@althaus.de"))
    assert enriched(one).company.domain == "althaus.de"


def test_a_companys_name_is_guessed_from_its_domain_and_only_suggested() -> None:
    one = contact(emails=at("anna@hennecke-ug.de"))
    assert enriched(one).company.name is None
    assert ideas(one)["/company/name"] == ["Hennecke UG"]
    assert ideas(contact(emails=at("anna@hennecke-ug.de"), company=Company(name="Hennecke")))  == {
        "/website": ["https://hennecke-ug.de"]
    }  # fmt: skip


def test_a_website_is_suggested_only_where_the_domain_is_surely_the_companys() -> None:
    named = contact(emails=at("a@beispiel.de"), company=Company(name="Beispiel GmbH"))
    assert ideas(named)["/website"] == ["https://beispiel.de"]
    assert "/website" not in ideas(contact(emails=at("a@beispiel.de"), company=Company(name="Andere GmbH")))
    assert "/website" not in ideas(msgspec.structs.replace(named, website="https://shop.example.com"))


@pytest.mark.parametrize(
    ("countries", "zone"),
    [
        (["DE"], "Europe/Berlin"),
        (["AT"], "Europe/Vienna"),
        (["CH", "CH"], "Europe/Zurich"),
        (["US"], None),
        (["DE", "AT"], None),
        (["DE", None], None),
        (["Atlantis"], None),
        ([], None),
    ],
)
def test_a_country_with_one_time_zone_gives_it(countries: list[str | None], zone: str | None) -> None:
    one = contact(addresses=tuple(Address(country=country) for country in countries))
    assert enriched(one).timezone == zone


def test_a_time_zone_that_is_there_stays() -> None:
    assert enriched(contact(addresses=(Address(country="DE"),), timezone="Asia/Tokyo")).timezone == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("salutation", "gender", "language"),
    [
        ("Herr", "male", "de"),
        ("Frau", "female", "de"),
        ("Frau Dr.", "female", "de"),
        ("Mr.", "male", "en"),
        ("Ms", "female", "en"),
        ("Dr.", None, None),
        ("Familie", None, None),
        ("Divers", None, None),
    ],
)
def test_a_salutation_tells_gender_and_language(salutation: str, gender: str | None, language: str | None) -> None:
    found = enriched(contact(name=Name(salutation=salutation)))
    assert (found.gender, found.language) == (gender, language)


def test_gender_and_language_give_a_salutation() -> None:
    assert enriched(contact(gender="w", language="de")).name.salutation == "Frau"
    assert enriched(contact(gender="male", language="en-GB")).name.salutation == "Mr"
    assert enriched(contact(gender="divers", language="de")).name.salutation is None
    assert enriched(contact(gender="male")).name.salutation is None


def test_what_is_there_is_not_put_right_by_a_salutation() -> None:
    found = enriched(contact(name=Name(salutation="Frau"), gender="divers", language="fr"))
    assert (found.gender, found.language) == ("divers", "fr")


def test_an_organisation_has_no_gender() -> None:
    assert enriched(contact(kind="organisation", name=Name(salutation="Herr"))).gender is None


def test_suggestions_of_other_stages_stay() -> None:
    theirs = Suggestion(path="/emails/0", value="anna@gmail.com", why="…", origin="validate")
    assert enriched(contact(suggestions=(theirs,))).suggestions == (theirs,)


def test_a_domains_name_is_spoken_with_its_legal_form() -> None:
    domain = registered("www.plank-gmbh.de")
    assert domain is not None
    assert spoken_name(domain) == "Plank GmbH"


words = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["DE", "AT", "Herr", "Frau", "de", "m", "a@beispiel.de", "b@andere.co.uk", "c@gmail.com",
                     "Beispiel GmbH", "Müller", "m@müller.de", "x@\ud800.de", "@", "a@.", "a@..de"]),
)  # fmt: skip
maybe = st.none() | words
contacts = st.builds(
    contact,
    kind=st.sampled_from(["person", "organisation"]),
    name=st.builds(Name, salutation=maybe, family=maybe),
    emails=st.lists(
        st.builds(Email, value=words, status=st.sampled_from(["valid", "unknown", "risky", "invalid"])), max_size=3
    ).map(tuple),
    addresses=st.lists(st.builds(Address, country=maybe), max_size=2).map(tuple),
    company=st.builds(Company, name=maybe, domain=maybe),
    gender=maybe,
    language=maybe,
    timezone=maybe,
    website=maybe,
)


@settings(max_examples=150, deadline=None)
@given(contacts)
def test_whatever_is_written_is_answered_and_alike_again(one: Contact) -> None:
    once = enriched(one)
    assert once == enriched(one)
    assert enriched(once) == once


@settings(max_examples=150, deadline=None)
@given(contacts)
def test_nothing_that_is_there_is_replaced_and_what_is_added_says_so(one: Contact) -> None:
    before, after = msgspec.to_builtins(one), msgspec.to_builtins(enriched(one))
    for path in _leaves(before) | _leaves(after):
        if path[0] in ("suggestions", "provenance"):
            continue
        was, now = _value(before, path), _value(after, path)
        if was != now:
            assert was is None
            assert after["provenance"]["/" + "/".join(path)]["source"].startswith("enrich:")


def _leaves(tree: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    if isinstance(tree, dict) and tree:
        return {leaf for key, below in tree.items() for leaf in _leaves(below, (*path, key))}
    return {path}


def _value(tree: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree
