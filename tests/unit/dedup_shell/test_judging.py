"""Judging: which judgements a decision gives, whatever contacts its records are in by then."""

from datetime import UTC, datetime
from itertools import count

import pytest

from services.dedup.core.judging import Judge, Merge, Refused, Split, Verdict, Wish, judged

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GROUPS = {"c1": frozenset({"a", "b"}), "c2": frozenset({"d"}), "c3": frozenset({"e"})}
LED = {"c1": "c1", "c2": "c2", "c3": "c3", "former": "c1"}


def given(wish: Wish) -> list[tuple[bool, tuple[str, ...], tuple[str, ...]]]:
    number = count()
    verdict = Verdict(wish, "stewardess", NOW)
    return [(one.same, one.left, one.right) for one in judged(verdict, GROUPS, LED, lambda: f"j{next(number)}")]


def test_a_merge_says_same_of_each_contact_and_the_next() -> None:
    assert given(Merge(("c1", "c2", "c3"))) == [(True, ("a", "b"), ("d",)), (True, ("d",), ("e",))]


@pytest.mark.parametrize("contacts", [("c1", "former"), ("c1", "nobody"), ("c1", "c1")])
def test_what_is_one_already_or_nobody_is_not_merged(contacts: tuple[str, ...]) -> None:
    with pytest.raises(Refused):
        given(Merge(contacts))


def test_a_split_says_different_of_those_named_and_the_rest() -> None:
    assert given(Split("c1", ("b",))) == [(False, ("b",), ("a",))]
    assert given(Split("former", ("b",))) == [(False, ("b",), ("a",))]


@pytest.mark.parametrize("records", [("a", "b"), ("d",), ("a", "x")])
def test_a_split_needs_some_of_the_records_and_not_all(records: tuple[str, ...]) -> None:
    with pytest.raises(Refused):
        given(Split("c1", records))


def test_a_review_is_answered_for_the_records_that_are_left() -> None:
    assert given(Judge(same=False, groups=(("a", "gone"), ("d",), ("e",)))) == [
        (False, ("a",), ("d",)),
        (False, ("a",), ("e",)),
        (False, ("d",), ("e",)),
    ]
    assert given(Judge(same=True, groups=(("a",), ("d",), ("e",)))) == [(True, ("a",), ("d",)), (True, ("d",), ("e",))]
    with pytest.raises(Refused):
        given(Judge(same=True, groups=(("a",), ("gone",))))
