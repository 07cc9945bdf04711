import pytest

from services.dedup.core.explanation import FIELDS, GRADES, explain_pair, outcome, short, why_not
from tests.unit.dedup.made import between, model, traits

ONE = traits("a", given_name="Jörg", family_name="Müller", email="joerg77@web.de", phone="0171 1234567", city="Kiel")
TWIN = traits("b", given_name="Joerg", family_name="Mueller", email="joerg77@web.de", city="Bonn")
NAMESAKE = traits("c", given_name="Jörg", family_name="Müller", birthday="1980-02-03")
OLDER = traits("d", given_name="Jörg", family_name="Müller", birthday="1950-05-04")


def test_the_words_add_up_to_the_weight() -> None:
    explained = explain_pair(between(ONE, TWIN), model())
    assert sum(part["bits"] for part in explained["parts"]) == pytest.approx(explained["bits"])
    assert explained["outcome"] == "merge"
    assert explained["veto"] is None


def test_a_veto_is_told_in_both_languages() -> None:
    evidence = between(NAMESAKE, OLDER)
    assert explain_pair(evidence, model(), "de")["veto"] == {
        "code": "birthday",
        "text": "anderes Geburtsdatum: zwei Personen",
    }
    assert why_not(evidence, model(), "en") == "other birthday: two persons"


def test_why_not_names_the_missing_bits() -> None:
    assert "bits are missing" in why_not(between(ONE, NAMESAKE), model(), "en")
    assert outcome(between(ONE, NAMESAKE), model()) == "apart"


def test_every_word_of_the_model_is_spoken_in_both_languages() -> None:
    fields = {name for table in model().weights for name in [table.removesuffix("-linked")]} - {"link", "further link"}
    spoken = {part for name in (*fields, *model().interactions) for part in name.split(" × ")}
    assert spoken <= {*FIELDS, "nameless"}
    grades = {grade for table in model().weights.values() for grade in table}
    grades |= {grade for table in model().interactions.values() for row in table for grade in (row, *table[row])}
    words = {grade.partition(" ")[2] or grade for grade in grades}
    assert words <= {*GRADES}


def test_an_explanation_holds_no_value_of_a_person() -> None:
    told = (
        str(explain_pair(between(ONE, TWIN), model()))
        + short(between(ONE, TWIN))
        + why_not(between(ONE, OLDER), model())
    )
    assert not any(
        value in told.lower() for value in ("müller", "mueller", "joerg", "web.de", "1234567", "kiel", "1950")
    )
