from datetime import UTC, datetime
from typing import Any

import pytest

from services.ingest.core.interaction import Happening, Reference, read_interaction
from shared.domain.configuration import Source

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
CALL: dict[str, Any] = {
    "source": "crm", "interaction_id": "1", "type": "call", "at": "2026-11-22T08:00:00Z", "contact": {"phone": "0171"},
}  # fmt: skip


def read(said: Any) -> Any:
    """What becomes of this interaction."""
    return read_interaction(said, {"crm": Source()}, NOW)


def test_an_interaction_names_its_person_and_keeps_what_we_have_no_name_for() -> None:
    found = read(CALL | {"minutes": 3, "detail": {"mood": "good"}, "by": "anna", "subject": ""})
    assert isinstance(found, Happening)
    assert (found.about, found.by, found.subject) == (Reference("phone", "0171"), "anna", None)
    assert found.detail == {"minutes": 3, "mood": "good"}
    record = {"source": "crm", "source_record_id": "7"}
    assert read(CALL | {"contact": {"record": record}}).about == Reference("record", "7", "crm")


def test_a_time_ahead_counts_as_arrival() -> None:
    assert read(CALL | {"at": "2027-01-01"}).at == NOW
    assert read(CALL | {"at": "2026-11-22T09:04:00Z"}).at == NOW.replace(minute=4)


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"at": "soon"}, "/at"),
        ({"at": None}, "/at"),
        ({"type": 7}, "/type"),
        ({"interaction_id": ""}, "/interaction_id"),
        ({"source": "nobody"}, "/source"),
        ({"subject": "a\0"}, "/subject"),
        ({"contact": None}, "/contact"),
        ({"contact": {}}, "/contact"),
        ({"contact": {"email": "a", "phone": "b"}}, "/contact"),
        ({"contact": {"email": "a", "name": "b"}}, "/contact"),
        ({"contact": {"email": 7}}, "/contact/email"),
        ({"contact": {"contact_id": "a@example.de"}}, "/contact/contact_id"),
        ({"contact": {"record": {"source": "crm"}}}, "/contact/record"),
        ({"contact": {"record": "x"}}, "/contact/record"),
        ({"detail": []}, "/detail"),
        ({"detail": {"x": "a\0"}}, "/detail/x"),
    ],
)
def test_what_is_no_interaction_is_named_by_its_place(said: Any, pointer: str) -> None:
    assert [fault.pointer for fault in read(CALL | said)] == [pointer]


def test_something_else_is_no_interaction() -> None:
    assert read("x")
    assert len(read({})) == 5
