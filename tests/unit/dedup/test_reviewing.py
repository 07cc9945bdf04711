from services.dedup.core.clustering import Judgement, Offer
from services.dedup.core.comparison import Evidence
from services.dedup.core.reviewing import (
    CHANGED_MILLIBITS,
    Review,
    Seen,
    asked_again,
    benefit_of,
    review_id_of,
    reviews_of,
    seen_between,
)
from tests.unit.dedup.made import day, model

BANDS = model().bands
OFFERED = BANDS.offer_millibits + 1_000


def judgement(*, same: bool, on: int = 1, left: tuple[str, ...] = ("a",), right: tuple[str, ...] = ("b",)) -> Judgement:
    return Judgement(f"{left}{right}{on}", same, left, right, day(on))


def again(
    one: Judgement, was: int | None, now: int | None, *, revision: int = 2, veto: str | None = None
) -> list[Review]:
    """Asked again when the evidence between a and b was this when it was judged, and is that after an update of a?"""
    seen = {one.judgement_id: Seen(was, (), {"a": 1, "b": 1})}
    edges = {} if now is None else {("a", "b"): Evidence((), now, veto)}
    return asked_again([one], seen, edges, {"a": revision, "b": 1}, BANDS, day(9))


def test_the_id_of_a_review_follows_from_its_records_alone() -> None:
    assert review_id_of((("b", "a"), ("c",))) == review_id_of((("c",), ("a", "b")))
    assert review_id_of((("a",), ("b",))) != review_id_of((("a",), ("c",)))


def test_an_answer_is_worth_the_pairs_it_is_expected_to_set_right() -> None:
    (sure, doubtful, large) = reviews_of(
        [
            Offer((("a",), ("b",)), 5_000, ()),
            Offer((("c",), ("d",)), 2_000, ()),
            Offer((("e", "f"), ("g", "h")), 2_000, ()),
        ],
        day(1),
    )
    assert large.benefit > sure.benefit > doubtful.benefit
    assert large.benefit == 4 * doubtful.benefit == 3_200
    assert benefit_of([1, 1], 0, "borderline") == benefit_of([1, 1], 0, "control") == 500
    assert benefit_of([1, 1], 5_000, "control") < benefit_of([1, 1], 1_000, "control")
    assert benefit_of([1, 1, 1], 64_000, "borderline") == 3_000


def test_different_is_asked_again_when_evidence_for_one_person_has_come() -> None:
    (asked,) = again(judgement(same=False), None, OFFERED)
    assert (asked.reason, asked.groups, asked.weight) == ("changed", (("a",), ("b",)), OFFERED)
    assert again(judgement(same=False), OFFERED - CHANGED_MILLIBITS, OFFERED)


def test_different_is_not_asked_again_for_less() -> None:
    assert again(judgement(same=False), OFFERED - CHANGED_MILLIBITS + 1, OFFERED) == []
    assert again(judgement(same=False), 20_000, OFFERED) == []
    assert again(judgement(same=False), None, BANDS.offer_millibits) == []
    assert again(judgement(same=False), None, None) == []
    assert again(judgement(same=False), None, OFFERED, veto="birthday") == []


def test_same_is_asked_again_when_its_evidence_is_gone_or_forbidden() -> None:
    assert again(judgement(same=True), OFFERED, None)
    assert again(judgement(same=True), OFFERED, OFFERED, veto="birthday")
    assert again(judgement(same=True), None, OFFERED, veto="birthday")


def test_same_is_not_asked_again_where_there_never_was_evidence_or_it_grew() -> None:
    assert again(judgement(same=True), None, None) == []
    assert again(judgement(same=True), OFFERED, 20_000) == []


def test_nothing_is_asked_again_unless_a_source_says_something_else() -> None:
    """New weights or name frequencies alone ask nobody: the revisions are what they were."""
    assert again(judgement(same=False), None, 20_000, revision=1) == []
    assert again(judgement(same=True), OFFERED, None, revision=1) == []


def test_only_the_newest_word_about_a_pair_is_asked_again() -> None:
    old, new = judgement(same=True, on=1), judgement(same=False, on=2)
    edges = {("a", "b"): Evidence((), OFFERED, "birthday")}
    seen = {
        old.judgement_id: Seen(None, (), {"a": 1, "b": 1}),
        new.judgement_id: seen_between(new, edges, {"a": 2, "b": 1}),
    }
    assert asked_again([old, new], seen, edges, {"a": 2, "b": 1}, BANDS, day(9)) == []
    del seen[new.judgement_id]
    assert asked_again([old], seen, edges, {"a": 2, "b": 1}, BANDS, day(9))


def test_a_judgement_whose_evidence_nobody_noted_is_never_asked_again() -> None:
    one = judgement(same=False)
    assert asked_again([one], {}, {("a", "b"): Evidence((), OFFERED)}, {"a": 2, "b": 1}, BANDS, day(9)) == []


def test_records_that_are_gone_are_asked_about_no_more() -> None:
    one = judgement(same=True)
    seen = {one.judgement_id: Seen(OFFERED, (), {"a": 1, "b": 1})}
    assert asked_again([one], seen, {}, {"a": 2}, BANDS, day(9)) == []
