import io
from typing import Any

from rich.console import Console

from services.dedup.core.estimating import Counted, Observed, quality
from shared.commands.matching import share, show
from shared.commands.why import explained, lines_of

REVIEWS = {"reviews": {"open": 1_200, "later": 3, "decided": 40}}


def shown(found: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), width=120)
    show(found, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_quality_of_matching_is_a_table_by_week_and_by_source() -> None:
    counted = [Counted(5, merged=True, source=source, pairs=100) for source in (None, "crm")]
    answers = [Observed(same, 11_000, "control", "2026-W10", frozenset({"crm"})) for same in (True, True, False)]
    text = shown({**REVIEWS, **quality(counted, answers)})
    assert [line.split()[0] for line in text.splitlines()[1:4]] == ["all", "2026-W10", "crm"]
    assert "1,200 open, 3 put off, 40 answered" in text


def test_what_cannot_be_estimated_is_a_dash() -> None:
    assert "-" in shown({**REVIEWS, **quality([], [])}).splitlines()[1]
    assert (share(None), share({"value": 0.991, "low": 0.978, "high": 0.9971})) == ("-", "0.991 (0.978-0.997)")


def test_why_not_another_contact_lists_the_parts_as_a_column_that_adds_up() -> None:
    parts = [{"millibits": -2_951, "text": "starting point"}, {"millibits": -1_060, "text": "e-mail different"}]
    pair = {
        "record_ids": ["r1", "r2"], "parts": parts, "millibits": -4_011, "text": "apart",
        "why_not": "10.64 bits are missing: e-mail different -1.06",
    }  # fmt: skip
    lines = lines_of({"contact_ids": ["c1", "c2"], "outcome": "apart", "pairs": [pair]})
    assert lines == [
        "c1 and c2: apart",
        "records      r1 + r2: apart",
        "               -2.951  starting point",
        "               -1.060  e-mail different",
        "               -4.011  10.64 bits are missing: e-mail different -1.06",
    ]


def test_a_judgement_is_told_with_who_said_it_and_how_it_is_taken_back() -> None:
    said = {
        "judgement_id": "j1", "judgement": "same", "left": ["r1"], "right": ["r2"], "reason": "married", "by": "erika",
        "at": "2026-11-23T08:48:15Z",
    }  # fmt: skip
    records = [
        {"record_id": "r1", "source": "crm", "source_record_id": "A1"},
        {"record_id": "r2", "source": "newsletter", "source_record_id": None},
    ]
    explanation = {"records": records, "pairs": [], "neighbours": [], "judgements": [said]}
    (line,) = explained(explanation)
    assert line == (
        "judgement    same: crm/A1 | newsletter/r2, said by erika on 2026-11-23, because: married; "
        "taken back by DELETE /v1/judgements/j1"
    )
