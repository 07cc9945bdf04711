"""The fold of a batch: in any order the same record, and a fate for every event."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.dedup.core.folding import Change, Fate, Stored, Told, changed, packed_keys, packed_traits, unpacked_keys
from shared.domain.configuration import Source
from shared.domain.record import Patch

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
SOURCE = Source(country="DE")
EMAIL = {"email": "a@example.de"}


def told(event: str, at: float, fields: dict[str, Any] | None = None, *, deletes: bool = False) -> Told:
    observed = EPOCH + timedelta(seconds=at)
    patch = Patch(event_id=event, observed_at=observed, fields=fields or {}, deletes=deletes)
    return Told("r1", "webform", "4711", EPOCH, patch)


def stored(change: Change, contact: str | None = "c1") -> Stored:
    traits = packed_traits(change.traits)
    return Stored("r1", contact if traits else None, change.revision, change.keys, traits, change.packed_body)


def fates(some: Sequence[Told], before: Stored | None = None) -> list[Fate]:
    return [fate for _, fate in changed(some, before, SOURCE).fates]


def test_a_new_record_lives_and_has_keys() -> None:
    change = changed([told("e1", 1, EMAIL)], None, SOURCE)
    assert (change.moved, change.compared_anew, change.revision) == (True, True, 1)
    assert change.keys
    assert fates([told("e1", 1, EMAIL)]) == [Fate.LIVES]


def test_what_changes_nothing_moves_nothing() -> None:
    before = stored(changed([told("e1", 5, EMAIL)], None, SOURCE))
    change = changed([told("e2", 1, {"email": "old@example.de"})], before, SOURCE)
    assert (change.moved, change.compared_anew, change.revision) == (False, False, 1)


def test_what_matching_does_not_see_moves_the_record_and_compares_nothing() -> None:
    before = stored(changed([told("e1", 1, EMAIL)], None, SOURCE))
    change = changed([told("e2", 2, {"job_title": "Leiter"})], before, SOURCE)
    assert (change.moved, change.compared_anew) == (True, False)
    assert change.keys == before.keys


def test_a_deletion_of_what_never_came_is_remembered_and_never_counts_as_a_life() -> None:
    change = changed([told("e1", 5, deletes=True)], None, SOURCE)
    assert (change.fates, change.revision, change.traits) == ((("e1", Fate.UNKNOWN),), 0, None)
    again = stored(change)
    assert fates([told("e2", 4, EMAIL)], again) == [Fate.SUPERSEDED]
    assert fates([told("e3", 6, deletes=True)], again) == [Fate.UNKNOWN]
    assert fates([told("e4", 6, EMAIL)], again) == [Fate.LIVES]


def test_taken_back_once_and_then_unchanged() -> None:
    live = stored(changed([told("e1", 1, EMAIL)], None, SOURCE))
    gone = changed([told("e2", 2, deletes=True)], live, SOURCE)
    assert ([fate for _, fate in gone.fates], gone.keys) == ([Fate.TAKEN], ())
    assert fates([told("e3", 3, deletes=True)], stored(gone)) == [Fate.UNCHANGED]


def test_a_record_whose_values_are_all_cleared_is_taken_back() -> None:
    live = stored(changed([told("e1", 1, EMAIL)], None, SOURCE))
    assert fates([told("e2", 2, {"email": None})], live) == [Fate.TAKEN]


def test_a_batch_is_a_fold_and_every_event_has_its_own_fate() -> None:
    some = [told("e1", 1, EMAIL), told("e2", 3, deletes=True), told("e3", 2, EMAIL), told("e4", 4, EMAIL)]
    assert fates(some) == [Fate.LIVES, Fate.TAKEN, Fate.SUPERSEDED, Fate.LIVES]


@given(
    st.lists(
        st.tuples(
            st.floats(0, 5),
            st.dictionaries(st.sampled_from(["email", "phone", "city"]), st.sampled_from(["a", "b", None]), max_size=2),
            st.booleans(),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_the_order_of_events_does_not_matter(events: list[tuple[float, dict[str, Any], bool]]) -> None:
    some = [told(f"e{number}", at, said, deletes=gone) for number, (at, said, gone) in enumerate(events)]
    first, *others = [changed(list(order), None, SOURCE) for order in permutations(some)]
    assert all((one.record, one.traits, one.keys) == (first.record, first.traits, first.keys) for one in others)


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_keys_come_back_as_they_went_in(keys: list[int]) -> None:
    assert unpacked_keys(packed_keys(keys)) == tuple(keys)


def test_no_repr_shows_a_value() -> None:
    change = changed([told("e1", 1, EMAIL)], None, SOURCE)
    assert "example" not in repr(stored(change)) + repr(change)
