import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dedup.core.blocking import blocking_keys
from shared.domain.normalise import Traits
from tests.unit.dedup.made import traits

WHOLE = {
    "given_name": "Jörg",
    "family_name": "Müller-Lüdenscheidt",
    "email": "joerg.mueller@beispiel.de",
    "phone": "0171 1234567",
    "street": "Hauptstr. 5a",
    "postcode": "10115",
    "city": "Berlin",
    "birthday": "1980-02-29",
    "company": "Beispiel GmbH",
}


def test_the_keys_are_the_same_on_every_machine_and_in_every_release() -> None:
    assert blocking_keys(traits(email="a@web.de")) == (3815366412234748803,)


def test_keys_are_sorted_distinct_signed_and_two_dozen_where_everything_is_said() -> None:
    keys = blocking_keys(traits(**WHOLE))
    assert list(keys) == sorted(set(keys))
    assert all(-(2**63) <= key < 2**63 for key in keys)
    assert 10 <= len(keys) <= 28


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"email": "a.b@web.de"}, {"email": "A.B+x@web.de"}),
        ({"email": "mausi3269@web.de"}, {"email": "mausi3269@yahoo.de"}),
        ({"phone": "0171 1234567"}, {"phone": "+491711234567"}),
        ({"phone": "030 7211511"}, {"phone": "7211511"}),
        ({"given_name": "Rolf", "family_name": "Schmidt"}, {"given_name": "SCHMIDT", "family_name": "ROLF"}),
        ({"given_name": "Schmidt", "family_name": "R."}, {"given_name": "Rolf", "family_name": "Schmidt"}),
        ({"given_name": "R.", "family_name": "Schmidt"}, {"given_name": "Rolf", "family_name": "Schmidt"}),
        ({"given_name": "Jorg", "family_name": "Muller"}, {"given_name": "Jörg", "family_name": "Müller"}),
        ({"given_name": "Uschi", "family_name": "Krantz"}, {"given_name": "Ursula", "family_name": "Krantz"}),
        ({"given_name": "Anna", "family_name": "Meier"}, {"given_name": "Anna", "family_name": "Mayr"}),
        ({"given_name": "Anna", "family_name": "Müller-Lang"}, {"given_name": "Anna", "family_name": "Lang"}),
        ({"given_name": "Torben", "family_name": "Friedrichs"}, {"given_name": "Torbne", "family_name": "Friedrcihs"}),
        ({"given_name": "Rob", "birthday": "1971-06-24"}, {"full_name": "Rop Allen", "birthday": "1971-05-24"}),
        ({"given_name": "Grace", "birthday": "1997-04-26"}, {"given_name": "Grace", "birthday": "1991-04-26"}),
        ({"given_name": "Ida", "birthday": "1997-04-06"}, {"given_name": "Ingrid", "birthday": "1997-06-04"}),
        ({"given_name": "Юрий", "family_name": "Гагарин"}, {"given_name": "Iurii", "family_name": "Gagarin"}),
        ({"given_name": "Anna", "family_name": "Roth geb. Kunz"}, {"given_name": "Anna", "family_name": "Kunz"}),
        (
            {"family_name": "Guise", "city": "Bath", "birthday": "1850-03-04"},
            {"city": "Bath", "birthday": "1850-03-04"},
        ),
        ({"given_name": "Torben", "city": "Kiel"}, {"given_name": "Torbenn", "family_name": "Fuchs", "city": "Kiel"}),
        ({"family_name": "Weber", "birthday": "1980-02-29"}, {"family_name": "Webber", "birthday": "29.02.1980"}),
        ({"street": "Hauptstr. 5", "postcode": "10115"}, {"street": "Hauptstraße 5", "postcode": "D-10115"}),
        ({"given_name": "Li", "company": "Beispiel AG"}, {"given_name": "Li", "company": "Beispiel GmbH"}),
        ({"company": "Beispiel AG"}, {"company": "Beispiel"}),
    ],
)
def test_records_that_may_be_one_person_share_a_key(one: dict[str, str], other: dict[str, str]) -> None:
    assert {*blocking_keys(traits(**one))} & {*blocking_keys(traits(**other))}


def test_strangers_share_no_key() -> None:
    assert not {*blocking_keys(traits(**WHOLE))} & {
        *blocking_keys(traits(given_name="Anna", family_name="Weber", city="Kiel"))
    }


def test_a_record_with_nothing_to_go_by_has_no_key() -> None:
    assert blocking_keys(Traits("r", "webform")) == ()


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_no_record_can_make_keys_fail(first: str, last: str, street: str) -> None:
    found = traits(given_name=first, family_name=last, street=street, postcode="1", company=last)
    assert len(blocking_keys(found)) < 40
