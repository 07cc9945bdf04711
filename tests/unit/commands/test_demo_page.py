import io
from pathlib import Path
from typing import Any

from deploy.local.demo_count import Delivery, count
from deploy.local.demo_page import COLUMNS, Result, Screen, page, summary

PAIR: dict[str, Any] = {
    "record_ids": ["r1", "r2"],
    "bits": 19.1,
    "probability": 0.999998,
    "text": "merged",
    "parts": [{"field": name, "text": name, "bits": bits} for name, bits in (("start", -16.0), ("phone", 19.5))],
}


def _result(waiting: int = 0) -> Result:
    said = {"given_name": "Jörg", "family_name": "Müller", "email": "joerg@example.de", "phone": "0176 1"}
    receipts = [{"event_id": f"e{n}", "record_id": f"r{n}", "duplicate": False} for n in (1, 2)]
    deliveries = [Delivery("webform", "record", "hero", said, receipt) for receipt in receipts]
    email = {"value": "joerg@example.de", "status": "valid", "preferred": True}
    contact: dict[str, Any] = {
        "name": {"given": "Jörg", "family": "Müller"},
        "emails": [email],
        "phones": [],
        "quality": {"findings": [{"code": "email.typo"}]},
        "provenance": {
            "/timezone": {"source": "enrich:country"},
            "/company/industry": {"source": "provider:demo-companies"},
        },
        "cause": {"kind": "fact"},
        "records": [{"record_id": "r1"}, {"record_id": "r2"}],
    }
    books = {"accepted": 2, "in_contacts": 2 - waiting, "deleted": 0, "erased": 0, "dropped": {}, "dead_letters": {}}
    return Result(
        books=books | {"waiting": waiting},
        count=count(deliveries, {f"e{n}": {"state": "clean"} for n in (1, 2)}, {"c": contact}),
        contacts={"c": contact},
        reviews=[],
        letters=[{"stage": "ingest", "reason": "unreadable"}],
        deliveries=deliveries,
        hero=contact,
        explanation={"records": [{"record_id": f"r{n}", "source": "registration"} for n in (1, 2)], "pairs": [PAIR]},
        comparison={"pairs": [PAIR]},
        phones=frozenset(),
        questions={"example.de": 1},
        folder=Path("/x/.local/demo"),
    )


def test_the_page_is_narrow_and_its_sums_are_those_of_the_summary() -> None:
    lines = list(page(_result(), 12.3))
    assert max(map(len, lines)) <= COLUMNS
    assert "  accepted 2 = in contacts 2 + dropped 0 + set aside 0 + waiting 0  ✓" in lines
    assert summary(_result())["merged_records"] == 1
    assert any(line.startswith("Demo done in 12.3 s.") for line in lines)


def test_late_answers_are_counted_from_the_contacts_themselves() -> None:
    lines = list(page(_result(), 1.0))
    assert "  asked outside       1 questions, each once, to a provider made up here" in lines
    assert "  answered late       1 contacts said again, with 1 values they lacked" in lines


def test_nothing_is_ever_called_certain() -> None:
    assert not [line for line in page(_result(), 1.0) if "100.0 %" in line]


def test_what_still_waits_makes_the_demo_fail() -> None:
    assert not _result(waiting=1).good
    assert any(line.startswith("DEMO FAILED") for line in page(_result(waiting=1), 1.0))


def test_without_a_terminal_no_bar_is_drawn_before_it_is_done() -> None:
    out = io.StringIO()
    screen = Screen(out)
    screen.bar("sending", 3, 10)
    assert (out.getvalue(), screen.count("sending")) == ("", 3)
    screen.done("sending", 10, 10, 1.5)
    assert "10 of 10" in out.getvalue()
    assert max(map(len, out.getvalue().splitlines())) <= COLUMNS
