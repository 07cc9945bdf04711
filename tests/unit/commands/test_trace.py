"""`trace` for people: every step in its order, in lines that a terminal as it opens can hold."""

from typing import Any

from shared.commands.trace import COLUMNS_MAX, lines_of

AN_ID = "0192f3c1-7c1e-7a55-9d7c-2f6a5a8b1c11"


def step(at: str, **more: Any) -> dict[str, Any]:
    return {"at": at, "type": "contact.updated", "contact_id": AN_ID, "cause": {"kind": "record", "id": AN_ID}, **more}


def test_steps_stand_in_the_order_of_their_times_whatever_list_they_came_in() -> None:
    found = {
        "trace": {"versions": [step("2026-11-22T09:00:02Z")], "events": [step("2026-11-22T09:00:01Z", said="first")]}
    }
    text = "\n".join(lines_of(found))
    assert text.index("09:00:01") < text.index("09:00:02")


def test_no_line_is_wider_than_a_terminal_and_no_id_is_broken() -> None:
    found = {
        "receipt": {"event_id": AN_ID, "record_id": AN_ID, "state": "clean", "contact_id": AN_ID},
        "trace": {"versions": [step("2026-11-22T09:00:02Z", changed=["/phones", "/emails"] * 9)]},
        "identity": {"members": [{}, {}], "former_ids": [AN_ID] * 4},
    }
    lines = lines_of(found)
    assert max(map(len, lines)) <= COLUMNS_MAX
    assert "".join(lines).count(AN_ID) == 3 + 2 + 4


def test_who_is_gone_is_said_to_be_gone() -> None:
    assert lines_of({"retired": {"reason": "merged", "merged_into": AN_ID}}) == [
        f"gone: reason merged, merged_into {AN_ID}"
    ]
