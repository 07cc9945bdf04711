import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.normalise import Traits, traits_of
from shared.domain.record import TEXT_FIELDS, Json
from tests.unit.dedup.made import record


def of(**fields: Json) -> Traits:
    return traits_of(record("r", **fields))


def test_two_writings_of_one_person_have_the_same_traits() -> None:
    one = of(
        given_name="Jörg",
        family_name="Müller",
        email="j.mueller@web.de",
        phone="0171 1234567",
        street="Hauptstraße 5 a",
        postcode="1067",
        city="Dresden",
        birthday="29.02.1980",
        company="Beispiel GmbH",
    )
    other = of(
        full_name="Dr. JOERG MUELLER",
        email="J.MUELLER@WEB.DE",
        phone="+49 (0)171/1234567",
        street="Hauptstr. 5A",
        postcode="D-01067",
        city="DRESDEN",
        birthday="1980-02-29",
        company="beispiel",
    )
    assert one == other


def test_placeholders_leave_nothing_to_compare() -> None:
    assert of(
        given_name="n/a",
        family_name="-",
        email="keine@email.de",
        phone="0000000",
        street="xxx",
        city="unbekannt",
        birthday="01.01.1900",
        company="test",
    ) == Traits("r", "webform")


def test_a_company_without_a_person_is_an_organisation() -> None:
    assert of(company="Beispiel GmbH", email="info@beispiel.de").kind == "organisation"
    assert of(company="Beispiel GmbH", family_name="Weber").kind == "person"


def test_all_addresses_and_numbers_count() -> None:
    found = of(
        email="a@web.de",
        emails=[{"value": "b@beispiel.de", "kind": "work"}, "c@web.de"],
        phones=[{"value": "069 721151"}],
    )
    assert found.mails == ("a@web.de", "b@beispiel.de", "c@web.de")
    assert found.domains == ("beispiel.de",)
    assert found.phones == ("+4969721151",)


@pytest.mark.parametrize(
    ("fields", "guess"),
    [
        ({"given_name": "Heinz", "email": "h.winter@gmx.de"}, (None, "winter")),
        ({"given_name": "Rosemarie", "email": "rosemariehill@gmx.de"}, (None, "hill")),
        ({"family_name": "Schädlich", "email": "herta.schaedlich@web.de"}, ("herta", None)),
        ({"given_name": "S.", "family_name": "Lukas", "email": "siegfried.lukas@web.de"}, ("siegfried", None)),
        ({"email": "gabriele.alexander@gmx.net"}, ("gabriele", "alexander")),
        ({"family_name": "Hill", "email": "familie.hill@yahoo.de"}, (None, None)),
        ({"given_name": "Anna", "family_name": "Weber", "email": "bert.schulz@web.de"}, (None, None)),
    ],
)
def test_a_mail_address_may_say_the_name_that_a_field_does_not(
    fields: dict[str, str], guess: tuple[str | None, str | None]
) -> None:
    found = of(**fields)
    assert (found.guessed_given, found.guessed_family) == guess


def test_the_region_of_the_source_reads_numbers_without_calling_code() -> None:
    assert traits_of(record("r", phone="044 668 18 00"), "CH").phones == ("+41446681800",)
    assert traits_of(record("r", phone="044 668 18 00", country="Schweiz"), "DE").phones == ("+41446681800",)


values = st.one_of(st.none(), st.text(max_size=40), st.sampled_from(["Müller", "n/a", "0171 1234567", "a@web.de", "x"]))


@given(st.dictionaries(st.sampled_from(TEXT_FIELDS), values))
def test_no_record_can_make_normalising_fail_and_traits_survive_the_wire(fields: dict[str, Json]) -> None:
    found = of(**fields)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Traits) == found


@given(
    st.lists(
        st.one_of(
            st.none(), st.integers(), st.text(max_size=9), st.dictionaries(st.text(max_size=5), st.text(max_size=5))
        )
    )
)
def test_odd_items_of_lists_are_passed_over(items: list[Json]) -> None:
    of(emails=items, phones=items)


def test_traits_show_no_value() -> None:
    assert "weber" not in repr(of(family_name="Weber", email="weber@web.de"))
