import pytest

from services.dedup.core.phonetics import cologne


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("wikipedia", "3412"),
        ("muellerluedenscheidt", "65752682"),
        ("breschnew", "17863"),
        ("mueller", "657"),
        ("", ""),
        ("h", ""),
    ],
)
def test_the_codes_that_are_published_for_these_words(word: str, code: str) -> None:
    assert cologne(word) == code


@pytest.mark.parametrize(
    "pair", [("meier", "mayr"), ("schmidt", "schmitt"), ("beck", "bekk"), ("maerz", "mertz"), ("philipp", "filip")]
)
def test_names_that_sound_alike_have_one_code(pair: tuple[str, str]) -> None:
    assert cologne(pair[0]) == cologne(pair[1])
