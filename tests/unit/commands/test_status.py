"""`status` for people: what is known is shown, what is not is no nought, and is said at the end."""

import io
from typing import Any

import pytest
from rich.console import Console

from shared.commands.running import Failed
from shared.commands.status import show

BOOKS = {"accepted": 9, "in_contacts": 5, "deleted": 0, "erased": 0, "dropped": {}, "dead_letters": {}, "waiting": 4}


def found(**more: Any) -> dict[str, Any]:
    """A status whose validate does not answer."""
    good = {"rate": 1.0, "lag": 0, "oldest_s": 0.0, "dead_letters": 0, "last_error": None}
    silent = {"rate": None, "lag": None, "oldest_s": 12.0, "dead_letters": None, "last_error": "does not answer"}
    stages = {"dedup": good, "validate": silent}
    return {"stages": stages, "books": BOOKS, "jobs": [], "reconciles": [], "configuration": None} | more


def shown(status: dict[str, Any], *blind: str) -> str:
    """What is on the screen."""
    screen = io.StringIO()
    try:
        show(status, blind, Console(file=screen, width=100))
    finally:
        print(screen.getvalue())
    return screen.getvalue()


def test_a_stage_that_does_not_answer_hides_neither_the_others_nor_the_books(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(Failed, match="cannot be measured: validate; its log"):
        shown(found(), "validate")
    screen = capsys.readouterr().out
    (line,) = [line.split() for line in screen.splitlines() if line.startswith("validate")]
    assert line == ["validate", "0", "?", "12", "s", "?", "does", "not", "answer"]
    assert "accepted 9 = in contacts 5" in screen


def test_books_that_cannot_be_read_are_not_taken_for_empty(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Failed, match="books"):
        shown(found(books=None), "books")
    assert "the books cannot be read" in capsys.readouterr().out


def test_what_is_known_whole_ends_well() -> None:
    assert "accepted 9 = in contacts 5" in shown(found())
