"""Whoever a contact is searched by is folded the same way on both sides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rules.core.questions import RecordRef, Search, asked
from services.rules.core.searching import found_alike, search_keys
from shared.domain.contact import Company, Email, Name, Phone
from tests.unit.rules.build import a_contact, an_id

ANNA = a_contact(
    name=Name(given="Anna-Lena", family="Müller", full="Dr. Anna-Lena Müller"),
    phones=(Phone(value="+491711234567"),),
    company=Company(name="Straßenbau Größe & Söhne GmbH"),
)


@pytest.mark.parametrize(
    "search",
    [
        Search(email=" ANNA@beispiel.DE"),
        Search(phone="0171 1234567"),
        Search(phone="0049 171 123 45 67"),
        Search(text="Mueller"),
        Search(text="muller anna"),
        Search(text="STRASSENBAU, groesse; soehne"),
        Search(record=an_id("record-anna").upper()),
        Search(record=RecordRef(source="webform", source_record_id="anna")),
    ],
)
def test_anna_is_found_by(search: Search) -> None:
    question = asked(search, "DE")
    assert question is not None
    assert question.keys
    assert set(question.keys) <= search_keys(ANNA)


@pytest.mark.parametrize(
    "search", [Search(email="anna@beispiel.org"), Search(phone="0171 1234568"), Search(text="Meier Anna")]
)
def test_anna_is_not_found_by(search: Search) -> None:
    question = asked(search, "DE")
    assert question is not None
    assert not set(question.keys) <= search_keys(ANNA)


@pytest.mark.parametrize("search", [Search(), Search(email="a", text="b"), Search(phone="1", record="2")])
def test_a_search_asks_for_exactly_one_thing(search: Search) -> None:
    assert asked(search, "DE") is None


def test_a_collision_of_keys_misleads_nobody() -> None:
    question = asked(Search(email="anna@beispiel.de"), "DE")
    assert question is not None
    assert question.is_met({"emails": [{"value": "Anna@beispiel.de"}]})
    assert not question.is_met({"emails": [{"value": "bert@beispiel.de"}]})


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_can_be_kept_and_searched_by(name: str, mail: str) -> None:
    contact = a_contact(name=Name(full=name), emails=(Email(value=mail),))
    assert all(-(2**63) <= key < 2**63 for key in search_keys(contact))
    question = asked(Search(text=name), "DE")
    assert question is not None
    assert set(question.keys) <= search_keys(contact)


def test_contacts_that_are_found_alike_have_the_same_keys() -> None:
    assert found_alike(ANNA, ANNA)
    assert not found_alike(ANNA, a_contact())
