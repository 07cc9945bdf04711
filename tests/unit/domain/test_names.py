import pytest

from shared.domain.names import NameReading, generation_of, read_name, roots_of, sex_of


@pytest.mark.parametrize(
    ("given", "family", "full"),
    [
        ("Jörg", "Müller", None),
        ("JÖRG", "MUELLER", "ignored"),
        (None, None, "Jörg Müller"),
        (None, None, "Müller, Jörg"),
        (None, "Müller, Jörg", None),
        (None, "Jörg Müller", None),
        ("Jörg Müller", None, None),
        ("Dr. Jörg", "Müller", None),
        (None, None, "Herr Prof. Dr. Jörg Müller"),
    ],
)
def test_one_person_reads_alike_from_whatever_field(given: str | None, family: str | None, full: str | None) -> None:
    read = read_name(given, family, full)
    assert (read.given, read.family) == (("joerg",), ("mueller",))


def test_particles_are_no_part_of_the_comparable_family_name() -> None:
    assert read_name("Ursula", "von der Leyen", None).family == ("leyen",)


@pytest.mark.parametrize("family", ["van 't Hoff", "Hoff", "van der Hoff", "von und zu Hoff", "dalla Hoff"])
def test_particles_of_many_languages_are_left_out(family: str) -> None:
    assert read_name("Jan", family, None).family == ("hoff",)


@pytest.mark.parametrize("family", ["O'Neil", "O’Neil", "ONeil", "O Neil", "O´NEIL"])
def test_a_beginning_belongs_to_its_name_however_it_is_written(family: str) -> None:
    assert read_name("Sean", family, None).family == ("oneil",)


@pytest.mark.parametrize(
    ("given", "family", "full"),
    [
        ("Anna", "Müller geb. Schmidt", None),
        ("Anna", "Müller, geb. Schmidt", None),
        ("Anna", "Müller (geborene Schmidt)", None),
        ("Anna (geb. Schmidt)", "Müller", None),
        (None, None, "Anna Müller geb. Schmidt"),
        (None, None, "Anna Müller, née Schmidt"),
        (None, None, "Müller geb. Schmidt, Anna"),
        ("Anna", "Müller-Schmidt", None),
    ],
)
def test_a_former_name_is_a_part_of_the_family_name(given: str | None, family: str | None, full: str | None) -> None:
    assert read_name(given, family, full)[:2] == (("anna",), ("mueller", "schmidt"))


def test_what_only_looks_like_a_former_name_is_a_name() -> None:
    assert read_name("Anna", "Geb", None).family == ("geb",)
    assert read_name("Nee", "Wang", None)[:2] == (("nee",), ("wang",))
    assert read_name("Wei Nee", "Wang", None).family == ("wang",)


def test_a_name_in_other_letters_reads_as_in_a_passport() -> None:
    assert read_name("Юрий", "Гагарин", None) == read_name("Iurii", "Gagarin", None)
    assert read_name(None, None, "Νίκος Μπακογιάννης") == read_name("Nikos", "Bakogiannis", None)


def test_a_double_name_has_two_parts() -> None:
    assert read_name("Anna-Lena", "Müller-Lüdenscheidt", None)[:2] == (("anna", "lena"), ("mueller", "luedenscheidt"))


def test_an_initial_stays_one_letter() -> None:
    assert read_name("S.", "Lukas", None).given == ("s",)
    assert read_name("Prof. Dr. S", "Lukas", None).given == ("s",)


def test_a_title_alone_is_a_name() -> None:
    assert read_name("Steffi", "Graf", None).family == ("graf",)


@pytest.mark.parametrize("nothing", [None, "", "n/a", "xxx", "-", "unbekannt"])
def test_a_placeholder_is_no_name(nothing: str | None) -> None:
    assert read_name(nothing, nothing, nothing) == NameReading((), (), None, None)


def test_junior_is_a_generation_and_no_name() -> None:
    read = read_name("Max jun.", "Weber", None)
    assert (read.given, read.generation) == (("max",), "junior")
    assert generation_of("Sr.") == "senior"


@pytest.mark.parametrize(
    ("text", "sex"),
    [
        ("Herr", "m"),
        ("Frau Dr.", "f"),
        ("Mrs.", "f"),
        ("weiblich", "f"),
        ("M", "m"),
        ("Sehr geehrte Frau", "f"),
        ("Familie", None),
        ("Hallo", None),
        (None, None),
    ],
)
def test_a_salutation_says_the_sex_or_nothing(text: str | None, sex: str | None) -> None:
    assert sex_of(text) == sex


def test_pet_names_lead_to_the_names_they_stand_for() -> None:
    assert "robert" in roots_of("bob")
    assert "ursula" in roots_of("uschi")
    assert roots_of("unheardof") == ("unheardof",)
