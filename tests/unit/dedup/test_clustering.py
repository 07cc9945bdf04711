"""Clustering: a deterministic function of all records at hand, bound by judgements and vetoes."""

from collections.abc import Mapping
from itertools import combinations, product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dedup.core.clustering import CLUSTER_MAX, Judgement, Partition, Policy, partition
from services.dedup.core.comparison import Evidence, Part
from shared.domain.normalise import Traits
from tests.unit.dedup.made import between, day, model, traits

SURE, LIKELY, DOUBTFUL = 9_000, 3_000, 0
Edges = Mapping[tuple[str, str], int]


def evidence(weight: int, veto: str | None = None) -> Evidence:
    return Evidence((Part("start", "prior", weight),), weight, veto)


def parted(
    records: str, edges: Edges, *judgements: Judgement, policy: Policy = "careful", vetoes: Edges | None = None
) -> Partition:
    found = {pair: evidence(weight) for pair, weight in edges.items()}
    found |= {pair: evidence(weight, "birthday") for pair, weight in (vetoes or {}).items()}
    return partition({one: Traits(one, "s") for one in records}, found, judgements, policy, model())


def groups(result: Partition) -> list[str]:
    return ["".join(sorted(group)) for group in result.groups]


def one_person(left: str, right: str, on: int = 0) -> Judgement:
    return Judgement(f"{left}={right}{on}", same=True, left=tuple(left), right=tuple(right), at=day(on))


def two_persons(left: str, right: str, on: int = 0) -> Judgement:
    return Judgement(f"{left}≠{right}{on}", same=False, left=tuple(left), right=tuple(right), at=day(on))


def judged_as(same: bool, left: str, right: str, on: int) -> Judgement:
    return (one_person if same else two_persons)(left, right, on)


def test_without_evidence_every_record_stays_alone() -> None:
    assert groups(parted("cab", {})) == ["a", "b", "c"]


def test_sure_evidence_joins_and_likely_evidence_is_offered() -> None:
    result = parted("abc", {("a", "b"): SURE, ("b", "c"): LIKELY})
    assert groups(result) == ["ab", "c"]
    (offer,) = result.offers
    assert (offer.groups, offer.weight, offer.pairs) == ((("a", "b"), ("c",)), LIKELY, (("b", "c"),))


def test_eager_joins_what_would_be_offered_and_never_joins_nothing() -> None:
    edges = {("a", "b"): SURE, ("b", "c"): LIKELY}
    assert groups(parted("abc", edges, policy="eager")) == ["abc"]
    never = parted("abc", edges, policy="never")
    assert groups(never) == ["a", "b", "c"]
    assert never.offers[0].groups == (("a",), ("b",), ("c",))


def test_a_chain_of_doubt_joins_nobody() -> None:
    result = parted("abc", {("a", "b"): DOUBTFUL, ("b", "c"): DOUBTFUL}, policy="eager")
    assert groups(result) == ["a", "b", "c"]
    assert result.offers == ()


def test_a_veto_between_any_two_keeps_whole_groups_apart() -> None:
    edges = {("a", "b"): SURE, ("c", "d"): SURE, ("b", "c"): SURE - 1}
    assert groups(parted("abcd", edges)) == ["abcd"]
    assert groups(parted("abcd", edges, vetoes={("a", "d"): SURE})) == ["ab", "cd"]


def test_what_weighs_enough_in_spite_of_a_veto_is_offered_and_never_merged_alone() -> None:
    doubted = {("a", "b"): SURE}
    careful = parted("ab", {}, vetoes=doubted)
    assert groups(careful) == ["a", "b"]
    assert [offer.groups for offer in careful.offers] == [(("a",), ("b",))]
    assert groups(parted("ab", {}, vetoes=doubted, policy="eager")) == ["ab"]
    assert groups(parted("ab", {}, vetoes={("a", "b"): DOUBTFUL}, policy="eager")) == ["a", "b"]
    between = {("a", "c"): SURE, ("b", "c"): SURE}
    assert groups(parted("abc", between, vetoes=doubted)) == ["ac", "b"], "nor by way of a third record"
    assert groups(parted("abc", between, vetoes=doubted, policy="eager")) == ["abc"]


@pytest.mark.parametrize("veto", ["generation", "organisation"])
def test_no_evidence_makes_junior_senior_or_a_firm_a_person(veto: str) -> None:
    people = {one: Traits(one, "s") for one in "ab"}
    result = partition(people, {("a", "b"): evidence(SURE, veto)}, (), "eager", model())
    assert (groups(result), result.offers) == (["a", "b"], ())


def test_a_veto_counts_between_records_that_were_never_compared() -> None:
    people = {
        "a": traits("a", given_name="Peter", email="p@web.de"),
        "b": traits("b", email="p@web.de"),
        "c": traits("c", given_name="Karin", email="p@web.de"),
    }
    found = {("a", "b"): evidence(SURE), ("b", "c"): evidence(SURE)}
    result = partition(people, found, (), "eager", model())
    assert groups(result) == ["ab", "c"]


def test_same_binds_over_a_veto_and_different_binds_over_evidence() -> None:
    assert groups(parted("ab", {}, one_person("a", "b"), vetoes={("a", "b"): SURE})) == ["ab"]
    assert groups(parted("ab", {("a", "b"): SURE}, two_persons("a", "b"))) == ["a", "b"]


def test_who_was_joined_under_both_names_takes_later_records_of_either() -> None:
    people = {
        "a": traits("a", full_name="Karin Weber", email="weber@web.de"),
        "b": traits("b", full_name="Sabine Weber", email="weber@gmx.de"),
        "c": traits("c", full_name="Karin Weber", email="weber@web.de"),
        "d": traits("d", full_name="Sabine Weber", email="weber@gmx.de"),
        "e": traits("e", full_name="Peter Weber", email="weber@web.de"),
    }
    found = {(one, other): between(people[one], people[other]) for one, other in combinations(people, 2)}
    apart = partition(people, found, (), "careful", model())
    assert groups(apart) == ["ac", "bd", "e"]
    judged = partition(people, found, (one_person("a", "b"),), "careful", model())
    assert groups(judged) == ["abcd", "e"]
    parted_again = partition(people, found, (one_person("a", "b"), two_persons("ab", "d", on=1)), "careful", model())
    assert groups(parted_again) == ["abc", "d", "e"]


def test_a_veto_that_a_person_overruled_says_nothing_about_other_vetoes() -> None:
    vetoes = {("a", "b"): SURE, ("b", "c"): SURE}
    assert groups(parted("abc", {("a", "c"): SURE}, one_person("a", "b"), vetoes=vetoes)) == ["abc"]
    named = {("a", "b"): evidence(SURE, "given name"), ("b", "c"): evidence(SURE, "birthday")}
    found = {**named, ("a", "c"): evidence(SURE)}
    result = partition({one: Traits(one, "s") for one in "abc"}, found, [one_person("a", "b")], "careful", model())
    assert groups(result) == ["ab", "c"]


def test_what_a_person_said_is_not_asked_again() -> None:
    assert parted("ab", {("a", "b"): LIKELY}, two_persons("a", "b")).offers == ()


def test_the_newer_of_two_judgements_on_one_pair_holds() -> None:
    assert groups(parted("ab", {}, one_person("a", "b", on=1), two_persons("a", "b", on=2))) == ["a", "b"]
    assert groups(parted("ab", {}, two_persons("a", "b", on=1), one_person("a", "b", on=2))) == ["ab"]


def test_in_a_contradiction_different_holds_and_a_person_is_asked() -> None:
    result = parted("abc", {}, one_person("a", "b"), one_person("b", "c", on=1), two_persons("a", "c"))
    assert groups(result) == ["ab", "c"]
    assert [(offer.reason, offer.groups) for offer in result.offers] == [("contradiction", (("a", "b"), ("c",)))]


def test_a_judgement_stands_while_a_record_of_each_side_remains() -> None:
    assert groups(parted("ac", {}, one_person("ab", "cd"))) == ["ac"]
    assert groups(parted("ab", {}, one_person("ab", "cd"))) == ["a", "b"]


def test_two_records_of_one_source_may_be_one_person() -> None:
    people = {one: traits(one, full_name="Jörg Müller", email="joerg77@web.de") for one in "ab"}
    assert groups(partition(people, {("a", "b"): between(people["a"], people["b"])}, (), "careful", model())) == ["ab"]


def test_a_contact_beyond_the_limit_is_offered_not_merged() -> None:
    names = [f"{number:03}" for number in range(CLUSTER_MAX + 1)]
    star = {(names[0], name): evidence(20_000) for name in names[1:]}
    result = partition({name: Traits(name, "s") for name in names}, star, (), "careful", model())
    assert max(len(group) for group in result.groups) <= CLUSTER_MAX
    assert any(offer.reason == "oversized" for offer in result.offers)


def test_a_crowd_is_one_question_and_not_hundreds() -> None:
    names = [f"{number:03}" for number in range(2 * CLUSTER_MAX)]
    star = {(names[0], name): evidence(20_000) for name in names[1:]}
    result = partition({name: Traits(name, "s") for name in names}, star, (), "careful", model())
    (asked,) = [offer for offer in result.offers if offer.reason == "oversized"]
    assert sum(map(len, asked.groups)) == CLUSTER_MAX + 1


weights = st.sampled_from([-500, 0, 1_000, 1_600, 2_000, 3_000, 5_000, 6_629, 9_000, 15_000])
graphs = st.dictionaries(
    st.sampled_from(list(combinations("abcdefgh", 2))), st.tuples(weights, st.booleans()), max_size=20
)
judged = st.lists(
    st.builds(
        judged_as,
        st.booleans(),
        st.sampled_from(["a", "b", "cd", "e"]),
        st.sampled_from(["f", "g", "h", "b", "d"]),
        st.integers(0, 3),
    ),
    max_size=3,
)


@given(graphs, judged, st.sampled_from(["careful", "eager", "never"]), st.integers())
def test_the_order_of_everything_is_immaterial(
    graph: dict[tuple[str, str], tuple[int, bool]], judgements: list[Judgement], policy: Policy, seed: int
) -> None:
    found = {
        pair: evidence(weight, "birthday" if veto and weight % 2 else "generation" if veto else None)
        for pair, (weight, veto) in graph.items()
    }
    people = {one: Traits(one, "s") for one in "abcdefgh"}
    expected = partition(people, found, judgements, policy, model())
    chance = Random(seed)
    pairs, names = list(found.items()), list(people.items())
    chance.shuffle(pairs)
    chance.shuffle(names)
    turned = {(pair if chance.random() < 0.5 else (pair[1], pair[0])): one for pair, one in pairs}
    assert partition(dict(names), turned, judgements[::-1], policy, model()) == expected


@given(graphs, judged)
def test_every_record_is_in_one_group_and_careful_is_within_eager(
    graph: dict[tuple[str, str], tuple[int, bool]], judgements: list[Judgement]
) -> None:
    found = {pair: evidence(weight, "birthday" if veto else None) for pair, (weight, veto) in graph.items()}
    people = {one: Traits(one, "s") for one in "abcdefgh"}
    careful = partition(people, found, judgements, "careful", model())
    eager = partition(people, found, judgements, "eager", model())
    assert sorted(one for group in careful.groups for one in group) == sorted(people)
    assert all(any(group <= whole for whole in eager.groups) for group in careful.groups)
    last = {
        frozenset(pair): judgement.same
        for judgement in sorted(judgements, key=lambda one: (one.at, not one.same, one.judgement_id))
        for pair in product(judgement.left, judgement.right)
    }
    for pair, same in last.items():
        if len(pair) == 2 and not same:
            assert not any(pair <= group for result in (careful, eager) for group in result.groups)


@pytest.mark.parametrize("policy", ["careful", "eager"])
def test_equal_full_name_with_equal_mail_joins_though_nothing_else_fits(policy: Policy) -> None:
    people = {
        "a": traits("a", full_name="Peter Müller", email="peter.m@web.de", city="Kiel", phone="0171 1234567"),
        "b": traits(
            "b", full_name="Peter Müller", email="peter.m@web.de", city="Bonn", phone="0172 7654321", company="X AG"
        ),
    }
    found = {("a", "b"): between(people["a"], people["b"])}
    assert groups(partition(people, found, (), policy, model())) == ["ab"]
