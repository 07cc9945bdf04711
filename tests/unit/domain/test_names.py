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
