"""Training: what is learned, how it is measured, and that a worse model is never switched to."""

from datetime import UTC, datetime
from itertools import combinations
from math import exp, log
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dedup.core.clustering import Judgement
from services.dedup.core.comparison import compare
from services.dedup.core.model import load_model
from services.dedup.core.population import Population
from services.dedup.train.choosing import BANDS, beside, crossed, halves_of, whole, worse
from services.dedup.train.judged import PAIRS_OF_ONE, learned, measured, pairs_of
from services.dedup.train.learning import Belief, Row, learn
from services.dedup.train.measuring import components, intervals, measure, tally, together
from services.dedup.train.sets import Labelled, read_set
from services.dedup.train.weights import AGAINST, FOR, examples_of, model_of, written
from shared.domain.normalise import Traits
from tests.unit.dedup.made import model, traits

FAMILIES = ("Quitt", "Zwack", "Huber", "Meier", "Sommer", "Adler", "Brandt", "Cordes", "Dietz", "Ebert")
GIVEN = ("Jörg", "Karin", "Peter", "Anna", "Zoltan", "Heike")


def town() -> Labelled:
    """Sixty persons with two records each that share mailbox and name, in households that share an address."""
    found, persons = {}, {}
    for number, (family, name) in enumerate((family, name) for family in FAMILIES for name in GIVEN):
        home = {"street": f"Am Ring {number // 6}", "postcode": "10115", "city": "Berlin", "family_name": family}
        for copy in "ab":
            record_id = f"{number:03}{copy}"
            mail = f"mailbox{number}x@web.de"
            found[record_id] = traits(record_id, given_name=name, email=mail, **home)
            persons[record_id] = f"person {number}"
    return Labelled("town", found, persons)


def test_learning_finds_the_log_odds_of_what_it_is_shown() -> None:
    rows = [Row((0,), 100, 300), Row((0, 1), 300, 100)]
    base, more = learn(rows, [Belief(0.0, 1e-9), Belief(0.0, 1e-9)])
    assert base == pytest.approx(log(100 / 300), abs=1e-3)
    assert base + more == pytest.approx(log(300 / 100), abs=1e-3)


def test_what_is_never_shown_stays_what_it_was_believed_to_be() -> None:
    weights = learn([Row((0,), 10, 10)], [Belief(0.0, 1.0), Belief(-2.5, 1.0)])
    assert weights[1] == pytest.approx(-2.5, abs=1e-9)


@given(st.lists(st.tuples(st.sets(st.integers(0, 4)), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12))
def test_at_the_learned_weights_nothing_pulls_any_more(shown: list[tuple[set[int], int, int]]) -> None:
    rows = [Row(tuple(sorted(features)), same, different) for features, same, different in shown]
    weights = learn(rows, [Belief(0.0, 1.0)] * 5)
    for feature in range(5):
        pull = -weights[feature]
        for features, same, different in rows:
            if feature in features:
                pull += same - (same + different) / (1 + exp(-sum(weights[one] for one in features)))
        assert abs(pull) < 0.05


def test_the_same_set_teaches_the_same_model_to_the_last_byte() -> None:
    one, again = (written(model_of(examples_of(town()), "m", BANDS)) for _ in range(2))
    assert one == again
    assert written(load_model(one)) == one


def test_a_learned_model_tells_a_household_from_a_person() -> None:
    halves = halves_of(town())
    trial = crossed(halves)
    counts = trial.clusters("eager").counts()
    assert (counts.precision, counts.recall) == (1.0, 1.0)
    assert whole(halves, trial, "m", {"from": "town"}).provenance == {"from": "town"}


def test_a_learned_model_is_symmetric_and_adds_up() -> None:
    labelled = town()
    learned_model = model_of(examples_of(labelled), "m", BANDS)
    for one, other in list(combinations(labelled.traits.values(), 2))[:300]:
        evidence = compare(one, other, learned_model, Population.default())
        assert evidence == compare(other, one, learned_model, Population.default())
        assert evidence.weight == sum(part.weight for part in evidence.parts)


def test_no_person_lies_in_both_halves() -> None:
    first, second = (half.labelled for half in halves_of(town()))
    assert not {*first.persons.values()} & {*second.persons.values()}
    assert {*first.persons, *second.persons} == {*town().persons}


def test_a_worse_model_is_refused_and_says_why() -> None:
    halves = halves_of(town())
    good = crossed(halves)
    reckless = msgspec.structs.replace(good.models[0], prior=60_000, vetoes=frozenset[str]())
    assert worse(good, beside(halves, reckless)) is None
    assert "its F1 would be" in str(worse(beside(halves, reckless), good))


def test_pairs_are_counted_by_person_and_add_up() -> None:
    persons = {"a": "p", "b": "p", "c": "q", "d": "q", "e": "r"}
    counts = tally(persons, [("a", "b"), ("b", "c")]).counts()
    assert (counts.said, counts.right, counts.true) == (2, 1, 2)
    assert together([tally({"a": "p", "b": "p"}, []), tally({"c": "q", "d": "q"}, [])]).counts().true == 2


def test_an_interval_holds_its_figure_and_is_narrow_where_all_agree() -> None:
    persons = {f"{number}{copy}": str(number) for number in range(400) for copy in "ab"}
    right = [(f"{number}a", f"{number}b") for number in range(400) if number % 4]
    found = intervals(tally(persons, right))
    assert found["precision"] == (1.0, 1.0)
    low, high = found["recall"]
    assert low < 0.75 < high
    assert high - low < 0.12


def test_what_hangs_together_is_one_component() -> None:
    assert components([("a", "b"), ("c", "d"), ("b", "c"), ("e", "f")]) == [["a", "b", "c", "d"], ["e", "f"]]


def test_probabilities_are_tabled_against_the_truth() -> None:
    found = measure(town(), model())
    assert sum(one.pairs for one in found.reliability) == found.candidates
    assert 0 <= found.brier <= 1


def test_a_labelled_file_says_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    path.write_text("record_id,given_name\n1,Anna\n")
    with pytest.raises(ValueError, match="no column cluster_id"):
        read_set(path, "DE")
    path.write_text("record_id,cluster_id,given_name\n1,p,Anna\n1,p,Anna\n")
    with pytest.raises(ValueError, match="line 3"):
        read_set(path, "DE")


def said(left: tuple[str, ...], right: tuple[str, ...], on: int, *, same: bool) -> Judgement:
    return Judgement(f"{left}{right}{on}", same=same, left=left, right=right, at=datetime(2026, 1, on, tzinfo=UTC))


def test_of_two_answers_about_a_pair_the_newer_counts_and_a_large_one_counts_little() -> None:
    here = town().traits
    newest = said(("000a",), ("001a",), 2, same=False)
    pairs = pairs_of([newest, said(("001a",), ("000a",), 1, same=True)], here)
    assert [one.same for one in pairs] == [False]
    everybody = tuple(sorted(here))
    assert len(pairs_of([said(everybody[:20], everybody[20:], 1, same=True)], here)) == PAIRS_OF_ONE


def test_answers_move_the_present_model_towards_them() -> None:
    here: dict[str, Traits] = {}
    for number in range(120):
        home = {"street": f"Deichweg {number}", "postcode": "24103", "city": "Kiel"}
        for one in (f"{number:03}a", f"{number:03}b"):
            here[one] = traits(one, given_name="Hans", family_name="Petersen", **home)
    answers = [said((f"{number:03}a",), (f"{number:03}b",), 1, same=False) for number in range(120)]
    pairs, present = pairs_of(answers, here), model()
    moved = learned(pairs, Population.default(), present, "moved")
    a, b = here["000a"], here["000b"]
    assert compare(a, b, moved, Population.default()).weight < compare(a, b, present, Population.default()).weight - 500
    assert measured(pairs, Population.default(), moved).brier < measured(pairs, Population.default(), present).brier
    untouched = learned([], Population.default(), present, "untouched")
    assert abs(untouched.prior - present.prior) < 100


def test_agreement_never_counts_against_and_disagreement_never_for() -> None:
    """A set may be such that namesakes are mostly two: then the prior bears it, not the equal name."""
    rows = [Row((0, 1), 10, 90), Row((0,), 50, 50)]
    free = learn(rows, [Belief(0.0, 1e-9), Belief(0.0, 1.0)])
    held = learn(rows, [Belief(0.0, 1e-9), Belief(0.0, 1.0, low=0.0)])
    assert free[1] < -1.0
    assert held[1] == 0.0
    assert held[0] == pytest.approx(log(60 / 140), abs=1e-2)
    for field, table in model().weights.items():
        for grade, weight in table.items():
            assert weight >= 0 or grade not in FOR[field], (field, grade)
            assert weight <= 0 or grade not in AGAINST, (field, grade)


def test_a_rarer_name_never_says_less() -> None:
    for steps in model().rarity.values():
        assert list(steps) == sorted(steps)
        assert min(steps) >= 0
