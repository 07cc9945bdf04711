import pytest

from shared.domain.spelling import Spelling, recase, spell_name


def test_capitals_become_ordinary_writing() -> None:
    assert recase("MÜLLER-LÜDENSCHEIDT") == "Müller-Lüdenscheidt"
    assert recase("von der leyen") == "von der Leyen"
    assert recase("McDonald") == "McDonald"


def test_titles_and_suffixes_are_parts_of_their_own() -> None:
    assert spell_name("Dr. Jörg", "Müller jun.", None) == Spelling("Dr.", "Jörg", "Müller", "jun.")


def test_a_salutation_is_no_part_of_the_name() -> None:
    assert spell_name(None, None, "Frau Dr. Erika Schulz") == Spelling("Dr.", "Erika", "Schulz", None)


def test_names_in_each_others_place_are_turned() -> None:
    assert spell_name("Schmidt", "Rolf", None)[1:3] == ("Rolf", "Schmidt")
    assert spell_name(None, None, "MÜLLER-LÜDENSCHEIDT JÖRG")[1:3] == ("Jörg", "Müller-Lüdenscheidt")


@pytest.mark.parametrize("pair", [("Kurt", "Walter"), ("Martin", "Luther"), ("Zoë", "Quux"), ("Anna", "Peter")])
def test_names_that_may_be_right_stay(pair: tuple[str, str]) -> None:
    assert spell_name(*pair, None)[1:3] == pair


def test_one_field_with_everything_is_split_as_it_was_written() -> None:
    assert spell_name(None, "Thomas Walter", None)[1:3] == ("Thomas", "Walter")
    assert spell_name(None, None, "Ludwig van Beethoven")[1:3] == ("Ludwig", "van Beethoven")


@pytest.mark.parametrize(
    ("given", "family", "full"),
    [
        ("Anna", "Müller geb. Schmidt", None),
        ("Anna (geb. Schmidt)", "Müller", None),
        (None, None, "Anna Müller née Dupont"),
    ],
)
def test_a_former_name_is_not_shown_with_the_present_one(given: str, family: str, full: str) -> None:
    assert spell_name(given, family, full)[1:3] == ("Anna", "Müller")


def test_nothing_said_is_nothing_shown() -> None:
    assert spell_name("n/a", None, "-") == Spelling(None, None, None, None)
