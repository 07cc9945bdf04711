from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from services.dedup.core.assignment import assign_ids


def fresh() -> Callable[[], str]:
    numbers = iter(range(100))
    return lambda: f"new-{next(numbers)}"


def group(text: str) -> frozenset[str]:
    return frozenset(text)


def test_a_new_record_gets_a_new_contact() -> None:
    result = assign_ids([group("a")], {"a": None}, {}, fresh())
    assert result.contact_ids == {group("a"): "new-0"}
    assert result.new == ("new-0",)
    assert result.retired == {}


def test_the_id_goes_to_the_larger_part() -> None:
    result = assign_ids([group("abc")], {"a": "7", "b": "8", "c": "8"}, {}, fresh())
    assert result.contact_ids == {group("abc"): "8"}
    assert result.retired == {"7": "8"}


def test_between_equals_the_older_contact_stays() -> None:
    result = assign_ids([group("ab")], {"a": "9", "b": "5"}, {}, fresh())
    assert result.contact_ids == {group("ab"): "5"}
    assert result.retired == {"9": "5"}


def test_a_split_keeps_the_id_for_the_larger_part() -> None:
    result = assign_ids([group("ab"), group("c")], {"a": "5", "b": "5", "c": "5"}, {}, fresh())
    assert result.contact_ids == {group("ab"): "5", group("c"): "new-0"}


def test_a_split_revives_the_former_id_for_the_same_person() -> None:
    present = {"a": "5", "b": "5", "c": "5"}
    result = assign_ids([group("ab"), group("c")], present, {"9": "c", "8": "a"}, fresh())
    assert result.contact_ids == {group("ab"): "5", group("c"): "9"}
    assert result.revived == ("9",)
    assert result.new == ()


def test_one_id_never_names_two_groups() -> None:
    result = assign_ids([group("a"), group("b")], {"a": None, "b": None}, {"7": "a", "8": "a"}, fresh())
    assert result.contact_ids == {group("a"): "7", group("b"): "new-0"}


def test_a_contact_whose_records_are_gone_merges_into_nobody() -> None:
    result = assign_ids([], {"a": "5"}, {}, fresh())
    assert result.retired == {"5": None}


def test_merge_then_split_ends_with_the_ids_of_before() -> None:
    before = {"a": "5", "b": "5", "c": "9"}
    merged = assign_ids([group("abc")], before, {}, fresh())
    assert merged.retired == {"9": "5"}
    after = assign_ids([group("ab"), group("c")], dict.fromkeys("abc", "5"), {"9": "c"}, fresh())
    assert {record: after.contact_ids[one] for one in after.contact_ids for record in one} == before


contacts = st.sampled_from([None, "1", "2", "3", "4"])


@given(
    st.lists(st.tuples(st.integers(0, 3), contacts), min_size=1, max_size=8),
    st.dictionaries(st.sampled_from("789"), st.sampled_from("abcdefgh")),
)
def test_every_group_has_its_own_id_and_no_living_id_is_retired(
    records: list[tuple[int, str | None]], former: dict[str, str]
) -> None:
    names = "abcdefgh"
    groups = [
        group("".join(names[at] for at, (place, _) in enumerate(records) if place == number)) for number in range(4)
    ]
    groups = [one for one in groups if one]
    present = {names[at]: contact for at, (_, contact) in enumerate(records)}
    result = assign_ids(groups, present, former, fresh())
    ids = list(result.contact_ids.values())
    assert len(set(ids)) == len(ids) == len(groups)
    assert not set(ids) & set(result.retired)
    assert {*ids, *result.retired} >= {contact for contact in present.values() if contact}
    assert all(heir in ids for heir in result.retired.values() if heir is not None)
    assert assign_ids(groups[::-1], dict(reversed(present.items())), former, fresh()) == result
