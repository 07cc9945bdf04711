import pytest

from shared.domain.addresses import city_key, company_key, house_key, postcode_key, split_street, street_key
from shared.domain.countries import country_code


@pytest.mark.parametrize(
    ("text", "street", "number"),
    [
        ("Hauptstr. 5a", "Hauptstr.", "5a"),
        ("Hauptstraße 5 a", "Hauptstraße", "5 a"),
        ("Hauptstr.5", "Hauptstr.", "5"),
        ("Straße des 17. Juni 135", "Straße des 17. Juni", "135"),
        ("Am Ring 3/5", "Am Ring", "3/5"),
        ("Musterweg 12 - 14", "Musterweg", "12-14"),
        ("Musterweg 12-14", "Musterweg", "12-14"),
        ("5 Main Street", "Main Street", "5"),
        ("Unter den Linden", "Unter den Linden", None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_a_street_splits_into_name_and_number(text: str | None, street: str | None, number: str | None) -> None:
    assert split_street(text) == (street, number)


def test_long_rubbish_in_a_street_is_read_at_once() -> None:
    assert split_street("1 " * 500)[0] is not None
    assert split_street("a" * 1000 + "!" * 1000)[1] is None


@pytest.mark.parametrize(
    "text", ["Hermann-Löns-Straße", "Hermann-Loens-Str.", "hermann löns str", "HERMANN-LÖNS-STRASSE"]
)
def test_one_street_in_every_writing(text: str) -> None:
    assert street_key(text) == "hermannloensstr"


def test_cities_are_compared_without_their_river() -> None:
    assert city_key("Frankfurt am Main") == city_key("Frankfurt/Main") == city_key("Frankfurt a. M.") == "frankfurt"
    assert city_key("Sankt Ingbert") == city_key("St. Ingbert")


def test_german_postcodes_get_their_zero_back() -> None:
    assert postcode_key("1067", "DE") == postcode_key("D-01067", "DE") == "01067"
    assert postcode_key("8001", "CH") == "8001"
    assert postcode_key("sw1a 1aa", "GB") == "SW1A1AA"


def test_house_numbers_lose_their_blanks() -> None:
    assert house_key("5 A") == "5a"


@pytest.mark.parametrize(
    "text", ["Stange UG (haftungsbeschränkt)", "STANGE", "Stange GmbH & Co. KG", "Stange e.K.", "stange ug"]
)
def test_a_company_is_its_name_without_its_legal_form(text: str) -> None:
    assert company_key(text) == "stange"


@pytest.mark.parametrize(
    "form",
    [
        "Ges.m.b.H.", "Ges. m. b. H.", "GesmbH", "G.m.b.H.", "Gesellschaft mit beschränkter Haftung", "mbH",
        "Aktiengesellschaft", "AG & Co. OHG", "GmbH & Co KGaA", "GmbH i. G.", "GmbH i.L.", "e. K.", "e.Kfr.", "e.V.",
        "e.G.", "eG", "PartG mbB", "S.à r.l.", "S.à.r.l.", "SARL", "S.A.", "Sp. z o.o.", "Sp. z o. o.", "d.o.o.",
        "s.r.o.", "S.p.A.", "A/S", "ApS", "N.V.", "B.V.", "Oy", "Kft.", "L.L.C.", "Ltd.", "Ε.Π.Ε.",
    ],
)  # fmt: skip
def test_legal_forms_of_many_countries_are_left_out_with_dots_and_without(form: str) -> None:
    assert company_key(f"Stange {form}") == "stange"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Zoo Berlin gGmbH", "zoo berlin"),
        ("A. B. Stange GmbH", "a b stange"),
        ("McDonald's", "mcdonalds"),
        ("ООО Ромашка", "romashka"),
    ],
)
def test_what_belongs_to_the_name_of_a_company_stays(text: str, key: str) -> None:
    assert company_key(text) == key


def test_a_company_that_is_nothing_but_a_legal_form_keeps_it() -> None:
    assert company_key("AG & Co.") == "ag co"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Deutschland", "DE"),
        ("germany", "DE"),
        ("D", "DE"),
        ("Österreich", "AT"),
        ("U.K.", "GB"),
        ("Vereinigte Staaten", "US"),
        ("USA", "US"),
        ("fr", "FR"),
        ("Atlantis", None),
        ("", None),
        (None, None),
    ],
)
def test_country_names_become_codes(text: str | None, code: str | None) -> None:
    assert country_code(text) == code
