"""Goal: what people answer says how right the contacts are, as narrowly as the number of answers allows.

Method: made-up installations of which the truth is known; the estimate is compared with it.
"""

import random

from services.dedup.core.estimating import BAND_MILLIBITS, BANDS, Counted, Observed, band_of, quality


def said(band: int, *, same: bool, reason: str = "borderline", week: str = "2026-W10", source: str = "crm") -> Observed:
    return Observed(same, band * BAND_MILLIBITS + 1, reason, week, frozenset({source}))


PAIRS = [
    Counted(5, merged=True, source=None, pairs=1_000),
    Counted(1, merged=False, source=None, pairs=500),
    Counted(-1, merged=False, source=None, pairs=4_000),
]


def test_without_answers_the_model_speaks_and_the_interval_is_wide() -> None:
    found = quality(PAIRS, [])
    assert found["precision"]["value"] > 0.99
    assert found["precision"]["low"] < found["precision"]["value"] <= found["precision"]["high"]
    assert found["recall"]["high"] - found["recall"]["low"] > 0.05
    assert found["answers"] == {"same": 0, "different": 0}


def test_answers_narrow_the_interval_and_move_it_to_the_truth() -> None:
    dice = random.Random(5)
    for truth in (0.2, 0.9):
        answers = [said(1, same=dice.random() < truth) for _ in range(150)]
        answers += [said(-1, same=dice.random() < 0.05) for _ in range(150)]
        moved = sum(one.same for one in answers)
        pairs = [*PAIRS, Counted(1, merged=True, source=None, pairs=moved)]
        found = quality(pairs, answers)
        missed = 500 * truth + 4_000 * 0.05
        actual = (1_000 + moved) / (1_000 + moved + missed)
        assert found["recall"]["low"] < actual < found["recall"]["high"]
        assert found["recall"]["high"] - found["recall"]["low"] < 0.2


def test_only_questions_about_merged_pairs_say_how_right_merges_are() -> None:
    before = quality(PAIRS, [])["precision"]["value"]
    wrong = [said(5, same=False, reason="control") for _ in range(20)]
    assert quality(PAIRS, wrong)["precision"]["value"] < 0.3
    assert quality(PAIRS, [said(5, same=False) for _ in range(20)])["precision"]["value"] == before
    assert quality(PAIRS, [said(5, same=False, reason="changed") for _ in range(20)])["precision"]["value"] == before


def test_each_week_and_each_source_has_its_own_answers() -> None:
    pairs = [
        *PAIRS,
        Counted(5, merged=True, source="crm", pairs=600),
        Counted(5, merged=True, source="webform", pairs=400),
    ]
    answers = [said(5, same=False, reason="control", source="webform") for _ in range(10)]
    answers += [said(5, same=True, reason="control", week="2026-W11") for _ in range(10)]
    found = quality(pairs, answers)
    by_source = {one["source"]: one for one in found["sources"]}
    assert by_source["crm"]["precision"]["value"] > 0.9
    assert by_source["webform"]["precision"]["value"] < 0.4
    assert [one["week"] for one in found["weeks"]] == ["2026-W11", "2026-W10"]
    assert found["weeks"][1]["answers"] == {"same": 0, "different": 10}


def test_an_empty_installation_has_no_quality() -> None:
    found = quality([], [])
    assert (found["precision"], found["recall"], found["weeks"], found["bands"]) == (None, None, [], [])


def test_every_weight_has_a_band() -> None:
    least, greatest = BANDS
    assert [band_of(weight) for weight in (None, -50_000, 0, 1_999, 2_000, 90_000)] == [least, least, 0, 0, 1, greatest]
