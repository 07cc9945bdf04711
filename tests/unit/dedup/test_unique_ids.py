"""Unique ids: two ids of one source are never joined alone, two of what a person has once are never even offered."""

from itertools import combinations
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dedup.core.clustering import Judgement, Partition, Policy, partition
from services.dedup.core.comparison import veto_between
from services.dedup.core.explanation import explain_pair
from shared.domain.normalise import Traits, traits_of
from tests.unit.dedup.made import between, day, merges, model, record

JOERG: Final[dict[str, Any]] = {
    "given_name": "Jörg",
    "family_name": "Müller",
    "email": "joerg77@web.de",
    "phone": "0171 1234567",
}
UNIQUE: Final = ("attributes.number",)
ONCE: Final = ("attributes.tax",)
POLICIES: Final[tuple[Policy, ...]] = ("careful", "eager", "never")


def joerg(name: str, source: str = "crm", number: str | None = None, tax: str | None = None, **more: Any) -> Traits:
    said = {key: value for key, value in (("number", number), ("tax", tax)) if value is not None}
    return traits_of(record(name, source, attributes=said, **{**JOERG, **more}), "DE", UNIQUE, ONCE)


def parted(people: list[Traits], policy: Policy = "careful", *judgements: Judgement) -> Partition:
    traits = {one.record_id: one for one in people}
    evidence = {(a, b): between(traits[a], traits[b]) for a, b in combinations(sorted(traits), 2)}
    return partition(traits, evidence, judgements, policy, model())


def groups(result: Partition) -> list[str]:
    return ["".join(sorted(group)) for group in result.groups]


def offers(result: Partition) -> list[str]:
    return ["".join(one for group in offer.groups for one in group) for offer in result.offers]


def test_two_numbers_of_one_source_are_offered_and_never_merged_alone() -> None:
    for policy in POLICIES:
        result = parted([joerg("a", number="1"), joerg("b", number="2")], policy)
        assert (groups(result), offers(result)) == (["a", "b"], ["ab"])


def test_one_number_or_numbers_of_two_sources_forbid_nothing() -> None:
    assert groups(parted([joerg("a", number="007"), joerg("b", number="7")])) == ["ab"]
    assert groups(parted([joerg("a", number="1"), joerg("b")])) == ["ab"]
    assert groups(parted([joerg("a", number="1"), joerg("b", "shop", number="2")])) == ["ab"]


def test_a_third_record_joins_one_of_two_numbers_and_never_both() -> None:
    for policy in ("careful", "eager"):
        result = parted([joerg("a", number="1"), joerg("b", number="2"), joerg("c", "web")], policy)
        assert [len(group) for group in result.groups] in ([1, 2], [2, 1])
        assert offers(result)
        assert {*offers(result)[0]} == {*"abc"}


def test_two_of_what_a_person_has_once_are_not_even_offered_whichever_source_says_so() -> None:
    for policy in POLICIES:
        for other in ("crm", "shop"):
            result = parted([joerg("a", tax="12 345"), joerg("b", other, tax="12346")], policy)
            assert (groups(result), offers(result)) == (["a", "b"], [])


def test_it_holds_across_a_whole_cluster() -> None:
    """The two ids stand in records that nothing else connects with each other."""
    people = [joerg("a", tax="1", email="x1@web.de"), joerg("b", "web"), joerg("c", "web", tax="2", phone="030 123456")]
    result = parted(people, "eager")
    assert not any({"a", "c"} <= group for group in result.groups)
    assert not any({"a", "c"} <= {*offer} for offer in offers(result))
    free = [one if one.record_id != "a" else joerg("a", email="x1@web.de") for one in people]
    assert groups(parted(free, "eager")) == ["abc"], "control: without the one id all three are one"


def test_a_person_who_says_so_joins_them() -> None:
    same = Judgement("j", same=True, left=("a",), right=("b",), at=day(1))
    assert groups(parted([joerg("a", number="1"), joerg("b", number="2")], "careful", same)) == ["ab"]
    assert groups(parted([joerg("a", tax="1"), joerg("b", tax="2")], "careful", same)) == ["ab"]


def test_no_slip_beside_it_softens_it() -> None:
    """Another birthday may be outvoted or joined by eager; another id beside it may not."""
    one, other = joerg("a", number="1", birthday="1980-02-03"), joerg("b", number="2", birthday="1951-11-30")
    assert veto_between(one, other) == "unique id"
    assert groups(parted([one, other], "eager")) == ["a", "b"]
    senior = joerg("c", number="2", name_suffix="sen.")
    assert veto_between(joerg("a", number="1", name_suffix="jun."), senior) == "generation"


@pytest.mark.parametrize("said", [{"number": ("1", "2")}, {"tax": ("1", "2")}])
def test_what_forbids_is_told_without_the_ids(said: dict[str, tuple[str, str]]) -> None:
    ((name, (mine, theirs)),) = said.items()
    evidence = between(joerg("a", **{name: f"77{mine}"}), joerg("b", **{name: f"77{theirs}"}))
    german, english = (explain_pair(evidence, model(), language) for language in ("de", "en"))
    hard = name == "tax"
    assert german["outcome"] == ("apart" if hard else "review")
    assert german["veto"]["code"] == ("personal id" if hard else "unique id")
    assert german["veto"]["text"].startswith("andere Nummer, die jeder nur einmal hat" if hard else "andere Nummer bei")
    assert english["veto"]["text"].startswith(
        "another id that everybody has once" if hard else "another id at the same"
    )
    assert "77" not in german["veto"]["text"] + english["veto"]["text"]


PEOPLE = st.lists(
    st.tuples(
        st.sampled_from(["crm", "shop", "web"]),
        st.sampled_from([None, "1", "2", "3"]),
        st.sampled_from([None, "8", "9"]),
        st.sampled_from(["joerg77@web.de", "jm@gmx.de"]),
        st.sampled_from([None, "1980-02-03", "1980-02-04", "1951-11-30"]),
    ),
    min_size=2,
    max_size=7,
)


@given(PEOPLE, st.sampled_from(["careful", "eager"]), st.randoms(use_true_random=False))
def test_no_group_ever_holds_two_ids_whatever_the_people_and_their_order(
    people: list[tuple[str, str | None, str | None, str, str | None]], policy: Policy, dice: Random
) -> None:
    made = [
        joerg(name, source, number, tax, email=email, **({} if born is None else {"birthday": born}))
        for name, (source, number, tax, email, born) in zip("abcdefg", people, strict=False)
    ]
    result = parted(made, policy)
    by_name = {one.record_id: one for one in made}
    for group in result.groups:
        assert all(
            veto_between(by_name[a], by_name[b]) not in ("unique id", "personal id") for a, b in combinations(group, 2)
        )
    for offer in offers(result):
        assert not any(veto_between(by_name[a], by_name[b]) == "personal id" for a, b in combinations(offer, 2))
    dice.shuffle(made)
    assert parted(made, policy) == result
    assert merges(between(joerg("x"), joerg("y"))), "control: without ids these are one"
