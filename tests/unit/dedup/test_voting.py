"""Voting: one misread field among many that agree is offered to a person, and never merged alone."""

from collections import UserDict
from itertools import combinations, permutations
from typing import Final

import pytest

from services.dedup.core.clustering import Partition, Policy, partition
from services.dedup.core.comparison import veto_between
from services.dedup.core.namesakes import VETOES
from services.dedup.core.voting import VOICES_MAX, Votes
from shared.domain.normalise import Traits
from tests.unit.dedup.made import between, model, traits

HOME: Final = {
    "family_name": "Quittenbaum",
    "street": "Am Ring 7",
    "postcode": "10115",
    "city": "Berlin",
}
CALLED: Final = {"a": "Hans-Peter", "b": "Hans-Peter", "c": "Hans", "d": "Peter"}


def family(called: dict[str, str]) -> dict[str, Traits]:
    return {one: traits(one, given_name=name, email="quitt77x@web.de", **HOME) for one, name in called.items()}


def parted(people: dict[str, Traits], policy: Policy) -> Partition:
    evidence = {pair: between(people[pair[0]], people[pair[1]]) for pair in combinations(sorted(people), 2)}
    return partition(people, evidence, (), policy, model())


def test_who_is_called_by_either_half_of_his_name_is_offered_whole_and_never_merged_over_a_veto() -> None:
    people = family(CALLED)
    assert veto_between(people["c"], people["d"]) == "given name"
    assert [*map(len, parted(people, "eager").groups)] == [4]
    careful = parted(people, "careful")
    assert not any({"c", "d"} <= group for group in careful.groups)
    assert [sorted(one for group in offer.groups for one in group) for offer in careful.offers] == [
        ["a", "b", "c", "d"]
    ]


def test_one_voice_against_one_decides_nothing() -> None:
    """Hans-Peter is Hans as much as he is Peter: nobody knows which of the two, so they stay apart."""
    people = family({one: CALLED[one] for one in "acd"})
    assert not any({"c", "d"} <= group for group in parted(people, "eager").groups)


def test_a_household_is_not_outvoted_by_records_that_say_no_name() -> None:
    people = family({"a": "Hans", "b": "Hans", "c": "Karin", "d": "Karin"})
    people |= {"e": traits("e", email="quitt77x@web.de", **HOME)}
    assert not any({"a", "c"} <= group for group in parted(people, "eager").groups)


@pytest.mark.parametrize("order", [*permutations("abcd")][::5])
def test_votes_are_the_same_for_every_order(order: tuple[str, ...]) -> None:
    people = family(CALLED)
    assert parted({one: people[one] for one in order}, "eager") == parted(people, "eager")


class Read(UserDict[str, Traits]):
    """Records that count how often one of them is looked at."""

    times = 0

    def __getitem__(self, name: str) -> Traits:
        self.times += 1
        return super().__getitem__(name)


def test_a_pair_is_asked_once_however_often_its_groups_meet() -> None:
    people = Read(family(CALLED))
    votes = Votes(people, VETOES)
    votes.outvote("given name", "abc", "d")
    before = people.times
    votes.outvote("given name", "d", "abc")
    votes.outvote("given name", "ab", "d")
    assert people.times == before > 0


def test_junior_and_senior_are_never_outvoted_and_a_crowd_is_not_asked() -> None:
    people = family({"a": "Hans-Peter", "b": "Hans-Peter", "c": "Peter", "d": "Hans"})
    people |= {f"e{number}": people["a"] for number in range(VOICES_MAX)}
    votes = Votes(people, VETOES)
    assert votes.outvote("given name", "abc", "d")
    assert votes.outvote("given name", "d", "abc"), "asked once, told the same the other way about"
    assert not votes.outvote("given name", "c", "d")
    assert not votes.outvote("generation", "abc", "d")
    assert not votes.outvote("unique id", "abc", "d")
    assert not votes.outvote("given name", [one for one in people if one != "d"], "d")
