"""Histories follow a contact through merges and splits, like a timetable with changes of train."""

from datetime import UTC, datetime, timedelta

import pytest

from services.backup.core.decide import Version
from services.backup.core.history import Stretch, at, whole
from shared.domain.contact import Cause

START = datetime(2026, 1, 1, tzinfo=UTC)
CAUSE = Cause(kind="record", id="event")


def on(day: int) -> datetime:
    """A day of January."""
    return START + timedelta(days=day - 1)


def version(contact: str, number: int, day: int, into: str | None = None, into_version: int | None = None) -> Version:
    """A version; a tombstone where it went into another."""
    return Version(
        contact, number, on(day), CAUSE, retired="merged" if into else None, merged_into=into,
        merged_into_version=into_version,
    )  # fmt: skip


KNOWN = {
    "anna": [
        version("anna", 1, 1),
        version("anna", 2, 3),
        version("anna", 3, 5, into="bert", into_version=4),
        version("anna", 8, 20),
        version("anna", 9, 25, into="carl", into_version=2),
    ],
    "bert": [
        version("bert", 3, 2),
        version("bert", 4, 5),
        version("bert", 5, 10),
        version("bert", 6, 20),
        version("bert", 7, 22),
    ],
    "carl": [version("carl", 1, 24), version("carl", 2, 25)],
}


def test_a_former_id_is_followed_while_it_is_merged_away_and_back_after_the_split() -> None:
    versions, missing = whole(Stretch("anna"), KNOWN)
    assert not missing
    assert [(one.contact_id, one.version) for one in versions] == [
        ("anna", 1), ("anna", 2), ("anna", 3), ("bert", 4), ("bert", 5), ("anna", 8), ("anna", 9), ("carl", 2),
    ]  # fmt: skip


def test_a_contact_that_was_never_merged_has_its_own_history() -> None:
    versions, _ = whole(Stretch("bert"), KNOWN)
    assert [one.version for one in versions] == [3, 4, 5, 6, 7]


def test_what_is_not_known_yet_is_asked_for() -> None:
    versions, missing = whole(Stretch("anna"), {"anna": KNOWN["anna"]})
    assert sorted(missing) == ["bert", "carl"]
    assert len(versions) == 5


@pytest.mark.parametrize(
    ("day", "held"),
    [
        (1, ("anna", 1)), (2, ("anna", 1)), (3, ("anna", 2)), (5, ("bert", 4)), (12, ("bert", 5)), (20, ("anna", 8)),
        (23, ("anna", 8)), (30, ("carl", 2)),
    ],
)  # fmt: skip
def test_the_state_at_a_time_is_that_of_whoever_held_the_records_then(day: int, held: tuple[str, int]) -> None:
    found = at(on(day), "anna", KNOWN)
    assert found is not None
    assert (found.contact_id, found.version) == held


def test_before_the_first_version_there_is_nothing() -> None:
    assert at(on(1) - timedelta(seconds=1), "anna", KNOWN) is None


def test_a_merge_whose_other_side_is_not_there_yet_ends_at_the_tombstone() -> None:
    found = at(on(6), "anna", {"anna": KNOWN["anna"]})
    assert found is not None
    assert found.retired == "merged"


def test_a_circle_ends() -> None:
    circle = {"a": [version("a", 1, 1, into="b")], "b": [version("b", 1, 1, into="a")]}
    assert at(on(2), "a", circle) is not None
    assert len(whole(Stretch("a"), circle)[0]) == 2
