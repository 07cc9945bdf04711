"""Goal: the words are the score: they add up to it to the last digit, in German and in English, whatever the model.

Method: random pairs of random people; every word of the model's own file looked up.
"""

import json
import random
import re
from typing import Any, Literal

import pytest

from services.dedup.core.comparison import DOUBTABLE, Evidence
from services.dedup.core.explanation import FIELDS, GRADES, explain_pair, outcome, short, why_not
from services.dedup.core.model import MILLI
from services.dedup.core.namesakes import VETOES
from services.dedup.core.weighing import Part
from tests.unit.dedup.made import MODEL_FILE, between, model, traits

LANGUAGES: tuple[Literal["de", "en"], ...] = ("de", "en")
PAIRS = 2_000
"""Pairs drawn: every field and most grades come up."""

ONE = traits("a", given_name="Jörg", family_name="Müller", email="joerg77@web.de", phone="0171 1234567", city="Kiel")
TWIN = traits("b", given_name="Joerg", family_name="Mueller", email="joerg77@web.de", city="Bonn")
NAMESAKE = traits("c", given_name="Jörg", family_name="Müller", birthday="1980-02-03")
OLDER = traits("d", given_name="Jörg", family_name="Müller", birthday="1950-05-24")
FIRM = traits("e", company="Müller GmbH", phone="0431 123456", email="info@mueller-kiel.de")

VALUES: dict[str, tuple[str, ...]] = {
    "given_name": ("Jörg", "Joerg", "Jürgen", "J.", "Ute", "Uta"),
    "family_name": ("Müller", "Mueller", "Meier", "Müller-Lüdenscheidt", "Xanthopoulos"),
    "email": ("joerg77@web.de", "joerg77@gmx.de", "info@firma.de", "mueller@firma.de", "familie.meier@web.de"),
    "phone": ("0171 1234567", "0171 1234568", "0431 123456", "0431 999999"),
    "street": ("Hauptstr. 5", "Hauptstraße 7", "Am Ring 1"),
    "postcode": ("24103", "10115"),
    "city": ("Kiel", "Berlin"),
    "birthday": ("1980-02-03", "1980-03-02", "1980-02-04", "1951-11-30"),
    "company": ("Müller GmbH", "Mueller GmbH & Co. KG", "Werft AG"),
    "salutation": ("Herr", "Frau"),
    "vat_id": ("DE123456788", "DE811569869"),
}  # fmt: skip


def somebody(dice: random.Random, name: str) -> Any:
    """A person or a firm of whom anything may be known."""
    known = {field: dice.choice(values) for field, values in VALUES.items() if dice.random() < 0.6}
    return traits(name, **(known or {"city": "Kiel"}))


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_parts_add_up_to_the_score_to_the_last_digit(language: Literal["de", "en"]) -> None:
    """As numbers and as the digits that a person reads."""
    dice = random.Random(7)
    for _ in range(PAIRS):
        evidence = between(somebody(dice, "a"), somebody(dice, "b"))
        explained = explain_pair(evidence, model(), language)
        assert sum(part["millibits"] for part in explained["parts"]) == explained["millibits"] == evidence.weight
        assert [round(part["bits"] * MILLI) for part in explained["parts"]] == [one.weight for one in evidence.parts]
        terms, total, _ = short(evidence, language).rsplit(" = ", 2)
        digits = [_millibits(term) for term in re.findall(r"[+-]\d+(?:\.\d+)?(?=,|$)", terms)]
        assert len(digits) == len(evidence.parts)
        assert sum(digits) == _millibits(total.split()[0]) == evidence.weight


def _millibits(text: str) -> int:
    whole, _, thousandths = text.lstrip("+-").partition(".")
    return (int(whole) * MILLI + int(f"{thousandths:0<3}")) * (-1 if text.startswith("-") else 1)


def test_every_part_of_random_pairs_is_told_in_words_of_both_languages() -> None:
    dice = random.Random(8)
    parts = {
        (part.field, part.grade)
        for _ in range(PAIRS)
        for part in between(somebody(dice, "a"), somebody(dice, "b")).parts
    }
    assert len(parts) > 50
    for field, grade in sorted(parts):
        assert {*field.split(" × ")} <= FIELDS.keys(), field
        assert {*grade.split(" × ")} <= GRADES.keys(), grade


def test_every_word_of_the_model_is_spoken_in_both_languages() -> None:
    """Read from the file itself, so that a feature that training adds is missed here before anybody reads its code."""
    told: dict[str, Any] = json.loads(MODEL_FILE.read_bytes())
    tables = {**told["weights"], **told.get("firms", {}).get("weights", {})}
    linking = {"link", "further link"}
    grades = {grade for name, table in tables.items() if name not in linking for grade in table}
    grades |= {how for name in linking & tables.keys() for link in tables[name] for how in [link.partition(" ")[2]]}
    fields = {name.removesuffix("-linked") for name in tables.keys() - linking} - {"nameless"}
    fields |= {link.partition(" ")[0] for name in linking & tables.keys() for link in tables[name]}
    for name, table in told["interactions"].items():
        fields |= {*name.split(" × ")}
        grades |= {grade for row in table for grade in (row, *table[row])}
    assert fields - FIELDS.keys() == set()
    assert grades - GRADES.keys() == set()
    assert all(all(both) for words in (FIELDS, GRADES) for both in words.values())


def test_two_fields_together_are_told_one_after_the_other() -> None:
    evidence = Evidence((Part("start", "prior", -1), Part("mail × given", "equal × differs", -2_000)), -2_001)
    assert explain_pair(evidence, model(), "de")["parts"][1]["text"] == "E-Mail gleich × Vorname verschieden"
    assert explain_pair(evidence, model(), "en")["parts"][1]["text"] == "e-mail equal × given name different"
    assert short(evidence, "en").startswith("starting point -0.001, e-mail × given name -2 = -2.001 bits = ")


def test_a_word_that_nobody_translated_is_shown_as_it_is() -> None:
    evidence = Evidence((Part("shoe", "left", 5),), 5)
    assert explain_pair(evidence, model(), "de")["parts"][0]["text"] == "shoe left"


def test_a_veto_is_told_as_what_forbids_whatever_the_sum_is() -> None:
    evidence = between(NAMESAKE, OLDER)
    explained = explain_pair(evidence, model(), "de")
    assert explained["veto"] == {"code": "birthday", "text": "anderes Geburtsdatum: zwei Personen"}
    assert (explained["outcome"], explained["text"]) == ("apart", "getrennt")
    assert why_not(evidence, model(), "en") == "other birthday: two persons"
    doubted = Evidence((Part("mail", "equal", 90_000),), 90_000, "birthday")
    assert outcome(doubted, model()) == "review", "so much speaks against it that a person is asked"
    asked = explain_pair(doubted, model(), "de")["veto"]["text"]
    assert asked.endswith("zwei Personen oder ein Schreibfehler, bitte prüfen")
    assert asked == why_not(doubted, model(), "de")
    assert why_not(doubted, model(), "en").endswith("two persons or a slip, please check")
    certain = Evidence((Part("mail", "equal", 90_000),), 90_000, "generation")
    assert outcome(certain, model()) == "apart"
    assert why_not(certain, model(), "de") == "Junior und senior: zwei Personen"
    assert why_not(between(ONE, FIRM), model(), "de") == "eine Firma und eine Person"


@pytest.mark.parametrize("veto", sorted({*VETOES, "organisation", "personal id", "unique id"}))
def test_only_a_veto_that_is_certain_says_two_persons_and_stops(veto: str) -> None:
    """Where the outcome is a review, the words ask, in both languages; where it is none, they do not."""
    for weight in (-90_000, 90_000):
        evidence = Evidence((Part("mail", "equal", weight),), weight, veto)
        texts = [explain_pair(evidence, model(), language)["veto"]["text"] for language in LANGUAGES]
        asks = outcome(evidence, model()) == "review"
        assert asks == (weight > 0 and veto in DOUBTABLE)
        assert [ending in text for ending, text in zip(("bitte prüfen", "please check"), texts, strict=True)] == [
            asks
        ] * 2
        assert veto not in texts


def test_why_not_names_the_missing_bits_and_what_is_against() -> None:
    evidence = between(ONE, NAMESAKE)
    assert "bits are missing" in why_not(evidence, model(), "en")
    assert "es fehlen" in why_not(evidence, model(), "de")
    other = Evidence((Part("start", "prior", -3_000), Part("mail", "differs", -1_060)), -4_060)
    lacking = (model().bands.merge_millibits + 4_060) / MILLI
    assert why_not(other, model(), "en") == f"{lacking:g} bits are missing: e-mail different -1.06"


def test_an_explanation_holds_no_value_of_a_person() -> None:
    told = (
        str(explain_pair(between(ONE, TWIN), model()))
        + short(between(ONE, TWIN))
        + why_not(between(ONE, OLDER), model())
    )
    assert not any(
        value in told.lower() for value in ("müller", "mueller", "joerg", "web.de", "1234567", "kiel", "1950")
    )
