import pytest

from shared.domain.text import flat, fold, is_placeholder, meant, words_of


@pytest.mark.parametrize("spelling", ["Müller", "MÜLLER", "Mueller", " müller ", "Mu\u0308ller"])
def test_umlauts_fold_to_two_letters_however_they_are_typed(spelling: str) -> None:
    assert fold(spelling) == "mueller"


def test_a_forgotten_umlaut_is_flat_like_a_written_one() -> None:
    assert flat(fold("Müller")) == flat(fold("Muller")) == flat(fold("Mueller"))


def test_a_diphthong_is_no_umlaut() -> None:
    assert flat("bauer") == "bauer"
    assert flat("neuer") == "neuer"


def test_marks_of_other_languages_are_removed() -> None:
    assert words_of("François Łukasz-Ørsted") == ("francois", "lukasz", "oersted")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Иван Петров", ("ivan", "petrov")),
        ("Юрий Щербаков", ("iurii", "shcherbakov")),
        ("Їжакевич Ґалаґан", ("izhakevich", "galagan")),
        ("Ђорђе Љубичић", ("dorde", "ljubichic")),
        ("Γιώργος Παπαδόπουλος", ("giorgos", "papadopoulos")),
        ("Ευάγγελος Μπακογιάννης", ("evangelos", "bakogiannis")),
        ("ΝΙΚΟΣ ΑΥΓΕΡΙΝΟΣ", ("nikos", "avgerinos")),
    ],
)
def test_cyrillic_and_greek_become_latin_as_in_passports(text: str, words: tuple[str, ...]) -> None:
    assert words_of(text) == words


def test_another_script_keeps_its_letters() -> None:
    assert words_of("王 伟") == ("王", "伟")


@pytest.mark.parametrize("text", ["O'Neil", "O’Neil", "o`neil", "ONeil"])
def test_an_apostrophe_parts_no_word(text: str) -> None:
    assert words_of(text) == ("oneil",)


@pytest.mark.parametrize(
    "text",
    [
        "n/a",
        "N/A",
        "-",
        "--",
        "",
        "  ",
        "xxx",
        "X",
        "unbekannt",
        "k.A.",
        "test",
        "0000",
        "keine Angabe",
        "null",
        "NULL",
        "Max Mustermann",
        "?",
        "aaaa",
    ],
)
def test_what_fills_a_required_field_is_a_placeholder(text: str) -> None:
    assert is_placeholder(text)
    assert meant(text) is None


@pytest.mark.parametrize("text", ["Na", "Null", "Testa", "Xaver", "Anna", "Otto", "Keiner", "10115", "Li"])
def test_a_real_name_is_no_placeholder(text: str) -> None:
    assert not is_placeholder(text)
    assert meant(f" {text} ") == text
