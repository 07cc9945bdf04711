"""The codes: every one is explained, documented and reached by some case, so no reader meets a riddle."""

import re
from pathlib import Path

from services.validate.core.codes import MEANINGS, Code, finding
from tests.unit.validate.contacts import cases
from tests.unit.validate.findings_page import page

ROOT = Path(__file__).parents[3]


def test_every_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Code)


def test_the_page_says_what_the_code_does() -> None:
    """After a change: python -m tests.unit.validate.findings_page > docs/findings.md."""
    assert (ROOT / "docs" / "findings.md").read_text("utf-8") == page()


def test_a_message_is_a_sentence_that_says_what_to_do() -> None:
    for code in Code:
        message = finding(code, "/x").message
        assert re.fullmatch(r"[A-Z][^{}%]+\.", message), code


def test_every_code_but_those_about_age_absence_and_what_others_said_stands_in_a_golden_table() -> None:
    told = {case["code"] for name in ("emails", "addresses") for case in cases(name) if "code" in case}
    told |= {code.partition(" ")[0] for case in cases("people") for code in case["codes"]}
    told |= {"phone.invalid" for case in cases("phones") if case["status"] == "invalid"}
    assert {code.value for code in Code} - told == {
        "field.missing", "field.stale", "email.no-mail-domain", "email.bounced",
    }  # fmt: skip
