"""Ids: the same parts, the same id; other parts, another id."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ids import derived_id, event_id_of, keyed_id

PARTS = st.lists(st.text(max_size=8), max_size=4)


@given(PARTS)
def test_an_id_is_a_uuid_of_version_8(parts: list[str]) -> None:
    made = uuid.UUID(derived_id(*parts))
    assert (str(made), made.version, made.variant) == (derived_id(*parts), 8, uuid.RFC_4122)


@given(PARTS, PARTS)
def test_only_the_same_parts_make_the_same_id(some: list[str], others: list[str]) -> None:
    assert (derived_id(*some) == derived_id(*others)) is (some == others)
    assert (keyed_id(b"k", *some) == keyed_id(b"k", *others)) is (some == others)


def test_where_one_part_ends_is_part_of_the_id() -> None:
    assert derived_id("ab", "c") != derived_id("a", "bc")
    assert derived_id("a", "") != derived_id("a")


def test_another_key_makes_other_ids() -> None:
    assert len({keyed_id(b"one", "a"), keyed_id(b"two", "a"), derived_id("a")}) == 3


def test_a_keyed_id_needs_a_key() -> None:
    with pytest.raises(ValueError, match="needs a key"):
        keyed_id(b"", "a")


def test_an_event_is_named_by_type_subject_and_version() -> None:
    assert event_id_of("contact.merged", "c", 7) == derived_id("contact.merged", "c", "7")


def test_any_text_has_an_id() -> None:
    assert derived_id("\ud800", "\x00")


def test_ids_stay_what_they_are() -> None:
    """They are stored: another release must find the same ones."""
    assert derived_id("contact.resolved", "a", "1") == "52210a32-cf63-88f4-9c8c-480d7fdc6d91"
