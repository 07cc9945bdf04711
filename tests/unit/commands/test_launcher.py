from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from services.__main__ import app, main

GROUP = typer.main.get_command(app)


def _verbs(command: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    inner = getattr(command, "commands", {})
    return [verb for name, below in inner.items() for verb in _verbs(below, (*path, name))] if inner else [path]


VERBS = _verbs(GROUP)


def test_only_verbs_that_exist_are_listed() -> None:
    assert {" ".join(verb) for verb in VERBS} == {
        "up", "run", "topics", "migrate", "send", "status", "trace", "why", "tail", "refresh", "tokens create",
        "tokens list", "tokens rotate", "tokens revoke", "config check", "dead-letters list", "dead-letters show",
        "dead-letters replay", "dead-letters resume", "dead-letters fix", "dead-letters drop",
        "backup now", "backup list", "backup verify", "restore", "diff",
        "doctor", "export", "reconcile", "simulate", "sync list", "sync now", "sync runs", "train matching",
    }  # fmt: skip


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_help_with_an_example(verb: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*verb, "--help"])
    assert shown.exit_code == 0
    assert f"Example: {'' if verb[0] in ('topics', 'migrate') else 'kontaktwerk'}" in shown.output
    assert f"kontaktwerk {' '.join(verb)}" in " ".join(shown.output.split())


@pytest.mark.parametrize(
    "wrong",
    [
        ["run", "nonsense"],
        ["up", "--workers", "dedup"],
        ["tail", "nonsense"],
        ["refresh"],
        ["refresh", "x", "--all"],
        ["tokens", "create", "--role", "king"],
        ["dead-letters", "replay"],
        ["dead-letters", "fix", "x"],
        ["dead-letters", "drop", "--why", "x"],
        ["dead-letters", "resume", "nonsense"],
        ["export", "contacts.xlsx"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_told_apart_from_failure(
    wrong: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["kontaktwerk", *wrong])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "verb", ["status", "refresh x", "trace x", "why x", "dead-letters list", "tokens list", "doctor"]
)
def test_without_a_running_system_every_verb_says_in_one_line_what_to_do(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    monkeypatch.setattr("sys.argv", ["kontaktwerk", *verb.split(), "--data", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert "kontaktwerk up" in told[0]
