import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.commands.columns import SYNONYMS, is_target, mapping_of, record_of, target_of
from shared.domain.record import LIST_FIELDS, TEXT_FIELDS


@pytest.mark.parametrize(
    ("column", "target"),
    [
        ("record_id", "source_record_id"),
        ("dob", "birthday"),
        ("Vorname", "given_name"),
        ("NACHNAME", "family_name"),
        ("PLZ", "postcode"),
        ("Anrede", "salutation"),
        ("E-Mail", "email"),
        ("E-Mail-Adresse", "email"),
        ("Straße", "street"),
        ("Haus-Nr.", "street+2"),
        ("Telefon", "phone"),
        ("Mobil", "phones:mobile"),
        ("Geburtsdatum", "birthday"),
        ("first name", "given_name"),
        ("ZIP Code", "postcode"),
        ("job_title", "job_title"),
        ("x_household", "attributes.x_household"),
        ("Schuhgröße", "attributes.Schuhgröße"),
        ("attributes.size", "attributes.size"),
        ("cluster_id", None),
    ],
)
def test_columns_map_themselves_by_their_usual_names(column: str, target: str | None) -> None:
    assert target_of(column) == target


def test_every_known_name_leads_to_something_a_record_has() -> None:
    assert [name for name, target in SYNONYMS.items() if not is_target(target)] == []


def test_every_field_of_a_record_maps_to_itself() -> None:
    assert {field: target_of(field) for field in (*TEXT_FIELDS, *LIST_FIELDS)} == {
        field: field for field in (*TEXT_FIELDS, *LIST_FIELDS)
    }


def test_the_map_goes_first_and_null_sends_nothing() -> None:
    mapping = mapping_of(["Name", "Ort"], {"Name": "family_name", "Ort": None})
    assert record_of({"Name": "Schulz", "Ort": "Kiel"}, mapping, "crm") == {"source": "crm", "family_name": "Schulz"}


@pytest.mark.parametrize("said", [{"Nam": "family_name"}, {"Name": "surename"}, {"Name": "attributes."}])
def test_a_map_with_a_slip_in_it_is_refused(said: dict[str, str | None]) -> None:
    with pytest.raises(ValueError, match="the map"):
        mapping_of(["Name"], said)


def test_a_second_phone_is_added_and_a_house_number_joins_its_street() -> None:
    row = {"Telefon": "030 1", "Mobil": "0176 2", "Straße": "Hauptstr.", "Hausnummer": "5a", "Hobby": "Segeln"}
    assert record_of(row, mapping_of(row, {}), "crm") == {
        "source": "crm",
        "phone": "030 1",
        "phones": [{"value": "0176 2", "kind": "mobile"}],
        "street": "Hauptstr. 5a",
        "attributes": {"Hobby": "Segeln"},
    }


def test_two_columns_for_one_field_lose_nothing() -> None:
    row = {"mail": "a@example.org", "email": "b@example.org", "Ort": "Kiel", "Stadt": "Bonn"}
    record = record_of(row, mapping_of(row, {}), "crm")
    assert (record["email"], record["emails"]) == ("a@example.org", [{"value": "b@example.org"}])
    assert (record["city"], record["attributes"]) == ("Kiel", {"city_2": "Bonn"})


def test_an_empty_cell_is_said_as_empty_and_null_of_json_as_null() -> None:
    row = {"email": "", "phone": None, "Mobil": "", "Hobby": ""}
    assert record_of(row, {}, "crm") == {"source": "crm", "email": "", "phone": None}


def test_the_source_of_the_command_wins_over_one_in_the_file() -> None:
    assert record_of({"source": "other", "email": "a@example.org"}, {}, "crm")["source"] == "crm"


@given(st.dictionaries(st.text(), st.one_of(st.none(), st.text(), st.integers(), st.lists(st.text())), max_size=8))
def test_no_row_whatever_its_columns_raises(row: dict[str, object]) -> None:
    assert record_of(row, mapping_of(row, {}), "crm")["source"] == "crm"
