"""What differs between two states of a contact."""

import pytest

from services.backup.core.diff import Change, differences


def test_what_is_equal_differs_in_nothing() -> None:
    state = {"contact_id": "c", "version": 1, "emails": [{"value": "a"}], "name": {"given": None}}
    assert differences(state, {**state, "version": 2, "updated_at": "later", "cause": {"kind": "refresh"}}) == []


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"job_title": "a"}, {"job_title": "b"}, [("/job_title", "a", "b")]),
        ({"name": {"given": "a"}}, {"name": {"given": "b", "family": "c"}},
         [("/name/family", None, "c"), ("/name/given", "a", "b")]),
        ({"emails": [{"value": "a"}]}, {"emails": [{"value": "a"}, {"value": "b"}]}, [("/emails/1/value", None, "b")]),
        ({"emails": [{"value": "a"}]}, {"emails": []}, [("/emails/0/value", "a", None)]),
        ({"attributes": {"a/b~": 1}}, {"attributes": {}}, [("/attributes/a~1b~0", 1, None)]),
        ({"segments": ["x"]}, None, [("/segments/0", "x", None)]),
        (None, {"segments": ["x"]}, [("/segments/0", None, "x")]),
        ({"emails": []}, {"emails": None}, []),
    ],
)  # fmt: skip
def test_each_difference_is_named_by_its_path(
    before: dict[str, object] | None, after: dict[str, object] | None, changes: list[tuple[str, object, object]]
) -> None:
    assert differences(before, after) == [Change(*one) for one in changes]
