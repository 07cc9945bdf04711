from services.dedup.core.clustering import Offer
from services.dedup.core.reviewing import judgements_of, review_id_of, reviews_of
from tests.unit.dedup.made import day


def test_the_id_of_a_review_follows_from_its_records_alone() -> None:
    assert review_id_of((("b", "a"), ("c",))) == review_id_of((("c",), ("a", "b")))
    assert review_id_of((("a",), ("b",))) != review_id_of((("a",), ("c",)))


def test_the_likeliest_comes_first() -> None:
    reviews = reviews_of([Offer((("a",), ("b",)), 2_000, ()), Offer((("c",), ("d",)), 5_000, ())])
    assert [review.weight for review in reviews] == [5_000, 2_000]


def test_same_ties_all_groups_and_different_parts_every_two() -> None:
    (review,) = reviews_of([Offer((("a",), ("b",), ("c",)), 2_000, ())])
    same = judgements_of(review, same=True, at=day(1))
    assert [(one.left, one.right) for one in same] == [(("a",), ("b",)), (("a",), ("c",))]
    different = judgements_of(review, same=False, at=day(1))
    assert len(different) == 3
    assert len({one.judgement_id for one in (*same, *different)}) == 5
