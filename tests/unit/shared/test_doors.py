"""The walk along all doors (tests/support/doors.py, done in tests/e2e) sees what stands open and what is closed."""

import pytest

from shared.runtime.access import Role
from tests.support.doors import Door, doors, is_right, strangers

READ = Door("GET", "/v1/contacts", ("reader", "operator"))
JUDGE = Door("POST", "/v1/merges", ("steward", "operator"))


def test_the_doors_are_those_of_the_document() -> None:
    document = {"paths": {"/v1/contacts": {"get": {"x-roles": ["reader", "operator"]}}, "/livez": {"get": {}}}}
    assert list(doors(document)) == [READ, Door("GET", "/livez", ())]


def test_a_door_that_the_contract_does_not_leave_open_is_seen_and_so_is_a_closed_one() -> None:
    assert strangers([READ, JUDGE, Door("GET", "/livez", ())]) == []
    assert strangers([Door("GET", "/v1/contacts", ())]) == ["/v1/contacts is open to everybody"]
    assert strangers([Door("GET", "/livez", ("reader",))]) == ["/livez asks for a token"]


@pytest.mark.parametrize(
    ("door", "role", "right", "wrong"),
    [
        (READ, None, 401, 200),
        (READ, Role.READER, 200, 403),
        (READ, Role.STEWARD, 404, 500),
        (READ, Role.SENDER, 403, 200),
        (JUDGE, Role.READER, 403, 422),
        (JUDGE, Role.STEWARD, 422, 401),
        (JUDGE, Role.OPERATOR, 422, 403),
    ],
)
def test_an_answer_is_right_for_this_role_and_no_other(door: Door, role: Role | None, right: int, wrong: int) -> None:
    assert is_right(door, role, right)
    assert not is_right(door, role, wrong)
