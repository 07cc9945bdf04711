"""Comparing: what is said of pairs, and the promises that must hold whatever the weights are."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dedup.core.comparison import Evidence, veto_between
from services.dedup.core.population import Population
from shared.domain.normalise import Traits
from tests.unit.dedup.made import between, merges, model, offered, traits

NAME = {"given_name": "Jörg", "family_name": "Müller"}
PETER = {"given_name": "Peter", "family_name": "Müller"}
HOME = {"street": "Hauptstr. 5a", "postcode": "10115", "city": "Berlin"}
MAIL = {"email": "joerg77@web.de"}
LANDLINE = {"phone": "030 7211511"}
MOBILE = {"phone": "0171 1234567"}


def pair(one: dict[str, str], other: dict[str, str], population: Population | None = None) -> Evidence:
    return between(traits("a", **one), traits("b", **other), population)


@pytest.mark.parametrize("name", [NAME, PETER, {"full_name": "Anna Schmidt"}, {"full_name": "Zoltan Kovácsy-Quitt"}])
@pytest.mark.parametrize("link", [MAIL, LANDLINE, MOBILE])
@pytest.mark.parametrize(
    "more", [{}, {"street": "Am Ring 3", "city": "Kiel", "company": "Andere AG", "email": "x99@gmx.de"}]
)
def test_equal_full_name_and_own_mail_or_phone_always_merge(
    name: dict[str, str], link: dict[str, str], more: dict[str, str]
) -> None:
    assert merges(pair({**name, **link, **HOME}, {**more, **name, **link}))


def test_promised_pairs_merge_though_everything_else_differs() -> None:
    one = {**PETER, **LANDLINE, **HOME, "email": "pm1@web.de", "company": "Eine GmbH"}
    other = {**PETER, **LANDLINE, "street": "Am Ring 3", "city": "Kiel", "email": "x99@gmx.de", "company": "Andere AG"}
    evidence = pair(one, other)
    assert evidence.parts[-1].field == "full name"
    assert evidence.weight == model().bands.merge_millibits
    assert not merges(pair({**one, "salutation": "Herr"}, {**other, "salutation": "Frau"}))


def test_names_in_each_others_place_are_a_full_name_too() -> None:
    assert merges(pair({**NAME, **MOBILE}, {"given_name": "MÜLLER", "family_name": "JÖRG", **MOBILE}))


@pytest.mark.parametrize("link", [MAIL, LANDLINE, HOME, {**MAIL, **LANDLINE, **HOME}])
def test_a_household_is_never_merged(link: dict[str, str]) -> None:
    evidence = pair({**NAME, **link}, {"given_name": "Karin", "family_name": "Müller", **link})
    assert evidence.veto == "given name"
    assert not offered(evidence)


def test_a_family_mailbox_does_not_say_who_writes() -> None:
    family = {"email": "familie.mueller@web.de"}
    assert not merges(pair({**NAME, **family}, {"family_name": "Müller", **family}))


def test_parent_and_child_of_one_name_at_one_address_are_a_question_not_an_answer() -> None:
    assert not merges(pair({**NAME, **HOME}, {**NAME, **HOME}))
    assert (
        pair({**NAME, **HOME, "birthday": "1950-01-02"}, {**NAME, **HOME, "birthday": "1979-07-08"}).veto == "birthday"
    )
    junior = {**NAME, "name_suffix": "jun.", **HOME, **LANDLINE}
    assert pair(junior, {**junior, "name_suffix": "sen."}).veto == "generation"


def test_colleagues_share_their_firm_s_landline_and_mailbox() -> None:
    firm = {"company": "Beispiel GmbH", "email": "info@beispiel.de", **LANDLINE}
    assert not offered(pair({**NAME, **firm}, {"given_name": "Karin", "family_name": "Weber", **firm}))
    assert not merges(pair({"family_name": "Müller", **firm}, {"family_name": "Weber", **firm}))


def test_a_firm_never_becomes_a_person() -> None:
    firm = {"company": "Beispiel GmbH", "email": "info@beispiel.de", **LANDLINE}
    assert pair(firm, {**firm, **NAME}).veto == "organisation"


def test_a_firm_is_one_with_itself() -> None:
    firm = {"company": "Beispiel GmbH", "email": "info@beispiel.de", **LANDLINE}
    assert merges(pair(firm, {"company": "BEISPIEL", **LANDLINE, **HOME}))
    assert not offered(pair(firm, {"company": "Andere AG", **LANDLINE}))


@pytest.mark.parametrize("name", [NAME, PETER, {"full_name": "Zoltan Kovácsy-Quitt"}])
def test_a_name_alone_never_merges_however_rare(name: dict[str, str]) -> None:
    assert not merges(pair(name, name))


def test_a_rare_name_says_more_than_a_common_one() -> None:
    rare = {"given_name": "Zoltan", "family_name": "Quittenbaum"}
    worth, usual = (
        next(part.weight for part in pair(name, name).parts if part.field == "rarity") for name in (rare, PETER)
    )
    assert worth > usual + 5_000


def test_other_birthdays_forbid_and_slips_do_not() -> None:
    born = {**NAME, **MAIL, "birthday": "1980-02-03"}
    assert pair(born, {**born, "birthday": "1980-03-02"}).veto is None
    assert pair(born, {**born, "birthday": "1980-02-08"}).veto is None
    assert pair(born, {**born, "birthday": "1971-11-30"}).veto == "birthday"


@pytest.mark.parametrize(
    ("other", "veto"),
    [
        ({}, None),
        ({"given_name": "Jorg"}, None),
        ({"given_name": "Müller", "family_name": "Jörg"}, None),
        ({"family_name": None}, None),
        ({"family_name": "Schmidt"}, "birthday"),
        ({"given_name": "Hans"}, "birthday"),
        ({"given_name": "J."}, "birthday"),
        ({"birthday": "1958-07-19"}, "birthday"),
    ],
)
def test_about_one_year_forbids_only_beside_another_name(other: dict[str, str | None], veto: str | None) -> None:
    """A parent and a child of one name are many years apart; brothers and sisters have other names."""
    born = {"given_name": "Jörg", "family_name": "Müller", **MAIL, "birthday": "1980-02-03"}
    said = {field: value for field, value in {**born, "birthday": "1980-11-25", **other}.items() if value is not None}
    assert pair(born, said).veto == veto
    assert veto_between(traits("a", **born), traits("b", **said)) == veto


def test_shared_addresses_lose_their_word() -> None:
    population = Population.default()
    shared = msgspec.structs.replace(population, shared=frozenset({"joerg77@web.de"}))
    one, other = {"family_name": "Müller", **MAIL}, {"given_name": "Anna", **MAIL}
    assert pair(one, other, shared).weight < pair(one, other).weight - 5_000


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bob", "Robert"),
        ("Uschi", "Ursula"),
        ("Chris", "Christian"),
        ("Hans", "Hans-Peter"),
        ("J.", "Jörg"),
        ("Jorg", "Jörg"),
        ("Stefna", "Stefan"),
        ("Annemarie", "Anne Marie"),
    ],
)
def test_other_forms_of_a_given_name_are_no_contradiction(one: str, other: str) -> None:
    assert (
        veto_between(
            traits("a", given_name=one, family_name="Krantz"), traits("b", given_name=other, family_name="Krantz")
        )
        is None
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [("Andrea", "Andreas"), ("Christian", "Christiane"), ("Jan", "Jana"), ("Mario", "Maria"), ("Peter", "Karin")],
)
def test_names_of_two_sexes_are_two_persons_however_alike(one: str, other: str) -> None:
    a, b = traits("a", given_name=one, family_name="Krantz"), traits("b", given_name=other, family_name="Krantz")
    assert veto_between(a, b) == "given name"


fields = st.fixed_dictionaries(
    {},
    optional={
        "given_name": st.sampled_from(
            ["Jörg", "Joerg", "J.", "Müller", "Karin", "Hans-Peter", "Peter", "Andrea", "Andreas"]
        ),
        "family_name": st.sampled_from(["Müller", "Mueller", "Müler", "Müller-Lang", "Weber", "Jörg", "Zygmunt"]),
        "email": st.sampled_from(
            [
                "joerg77@web.de",
                "j.mueller@web.de",
                "familie.mueller@web.de",
                "info@beispiel.de",
                "joerg77@gmx.de",
                "j.muller@web.de",
                "karin@beispiel.de",
            ]
        ),
        "phone": st.sampled_from(["0171 1234567", "0171 1234568", "030 7211511"]),
        "street": st.sampled_from(["Hauptstr. 5", "Hauptstraße 5", "Hauptstr.", "Hauptsrt. 5", "Am Ring 3"]),
        "postcode": st.sampled_from(["10115", "24103"]),
        "city": st.sampled_from(["Berlin", "Kiel", "Brelin"]),
        "birthday": st.sampled_from(["1980-02-03", "1980-03-02", "1971-11-30"]),
        "company": st.sampled_from(["Beispiel GmbH", "Beispiel", "Beispeil AG", "Andere AG"]),
        "salutation": st.sampled_from(["Herr", "Frau"]),
        "name_suffix": st.sampled_from(["jun.", "sen."]),
        "vat_id": st.sampled_from(["DE123456789", "DE987654321"]),
    },
)


@given(fields, fields)
def test_evidence_is_the_same_whichever_record_comes_first(one: dict[str, str], other: dict[str, str]) -> None:
    a, b = traits("a", **one), traits("b", **other)
    assert between(a, b) == between(b, a)
    assert veto_between(a, b) == veto_between(b, a) == between(a, b).veto


@given(fields, fields)
def test_the_weight_is_the_sum_of_the_parts_and_starts_with_the_prior(
    one: dict[str, str], other: dict[str, str]
) -> None:
    evidence = pair(one, other)
    assert evidence.weight == sum(part.weight for part in evidence.parts)
    assert evidence.parts[0].field == "start"
    assert all(part.weight for part in evidence.parts)


@given(fields)
def test_a_record_never_forbids_itself(one: dict[str, str]) -> None:
    assert veto_between(traits("a", **one), traits("b", **one)) is None


def test_evidence_survives_the_wire_exactly() -> None:
    evidence = pair({**NAME, **MAIL}, {**NAME, **MAIL})
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(evidence), type=Evidence) == evidence


def test_nothing_said_is_no_evidence() -> None:
    assert between(Traits("a", "x"), Traits("b", "y")).weight < model().bands.keep_millibits


@pytest.mark.parametrize(
    ("one", "other"), [("Person 1", "Person 2"), ("Tester17", "Tester18"), ("Person1", "Person12"), ("Ab7", "Ab")]
)
def test_what_is_numbered_is_told_apart_by_its_number(one: str, other: str) -> None:
    same = {"street": "Am Ring 3", "city": "Kiel", "postcode": "24103"}
    for field in ("family_name", "given_name"):
        here = {**NAME, field: one, **same, "email": "p1@example.com"}
        there = {**NAME, field: other, **same, "email": "p2@example.com"}
        assert not merges(pair(here, there))


@pytest.mark.parametrize("family", ["Huber", "Zwackelmann-Quitt"])
def test_a_rare_name_at_one_mail_domain_is_offered_at_most(family: str) -> None:
    one = {"given_name": "Kunigunde", "family_name": family, "email": "k.h.dobado@example.org"}
    assert not merges(pair(one, {**one, "email": "k.h.karobo@example.org"}))
    assert not merges(pair(one, {**one, "email": "k.h.karobo@firma.example", "company": ""}))
