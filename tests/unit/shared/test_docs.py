"""The pages say what the code does: every topic, reason, setting, verb, field and file, and nothing else."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from shared.domain.contact import Contact
from shared.domain.outcome import DropReason, LetterReason
from shared.domain.record import LIST_FIELDS, TEXT_FIELDS
from shared.topology import TOPICS
from tests.architecture import rules
from tests.support import pages
from tests.support.picture import picture, way

ROOT = pages.ROOT
MANUALS = sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))

FIRST_LIST = frozenset(
    {
        "__init__.py", "stage.py", "offsets.py", "retry.py", "codec.py", "dead_letter.py", "broker", "database.py",
        "outbox.py", "scheduler.py", "spool.py", "http.py", "service.py", "settings.py", "clock.py", "telemetry.py",
        "kafka.py", "memory.py",
    }
)  # fmt: skip
"""The files of the runtime that need no reason: those of the list we began with."""


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("name", pages.pages())
def test_a_page_says_what_the_code_does(name: str) -> None:
    assert read(name) == pages.pages()[name], "run: python -m tests.support.pages --update"


def test_the_picture_leads_from_the_door_to_the_clean_contact() -> None:
    assert way()[0] == "ingest"
    assert way()[-1] == "contacts.clean"
    assert picture() in read("README.md")


def test_every_topic_and_reason_is_documented() -> None:
    topics, reasons = read("docs/topics.md"), read("docs/reasons.md")
    assert [topic.name for topic in TOPICS if f"| `{topic.name}` |" not in topics] == []
    assert [one.value for one in (*DropReason, *LetterReason) if f"| `{one}` |" not in reasons] == []


def test_every_variable_that_the_code_reads_is_documented() -> None:
    """Harm: a knob that nobody can find is turned by nobody, and blamed by all."""
    page = read("docs/settings.md")
    code = [
        path for folder in ("services", "shared", "deploy", "tests/support") for path in (ROOT / folder).rglob("*.py")
    ]
    named = {
        name
        for path in code
        for name in re.findall(r"\bKONTAKTWERK_[A-Z]+(?:_[A-Z]+)*\b(?!_)", path.read_text("utf-8"))
    }
    assert sorted(name for name in named if f"`{name}`" not in page) == []


def test_no_documented_variable_is_left_over() -> None:
    """Harm: a knob that does nothing any more costs an evening."""
    source = "\n".join(
        path.read_text("utf-8")
        for path in rules.python_files(ROOT, "services", "shared", "deploy", "tests/support", "tests/integration")
        if path.name != "pages.py"
    )
    assert [name for name in pages.OTHERS if name not in source and not name.endswith("_FD")] == []


def test_every_field_of_a_record_and_of_a_contact_stands_in_the_table() -> None:
    page = read("docs/fields.md")
    assert [name for name in (*TEXT_FIELDS, *LIST_FIELDS) if f"`{name}`" not in page] == []
    paths = [f"/{name}" for name in Contact.__struct_fields__]
    assert [path for path in paths if not re.search(rf"`{path}[/`]", page)] == []


def test_no_path_in_the_table_of_fields_leads_nowhere() -> None:
    tops = {path.split("/")[1] for path in re.findall(r"`(/[a-z_0-9/]+)`", read("docs/fields.md"))}
    assert tops - set(Contact.__struct_fields__) == set()


@pytest.mark.parametrize("manual", MANUALS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(manual: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", manual.read_text("utf-8"))
    assert [link for link in links if not (manual.parent / link).exists()] == []


@pytest.mark.parametrize("manual", MANUALS, ids=lambda path: path.name)
def test_every_verb_and_target_that_is_shown_exists(manual: Path) -> None:
    """Harm: the first command that somebody copies is the one that fails."""
    text = manual.read_text("utf-8")
    known = {name.split()[0] for name, _ in pages.verbs()}
    shown = set(re.findall(r"\./kontaktwerk ([a-z][a-z-]+)", text))
    assert shown - known == set()
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) - targets == set()


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.name)
def test_the_tests_that_guard_a_decision_exist(decision: Path) -> None:
    """Harm: a decision whose test is gone is a habit."""
    named = re.findall(r"`(test_\w+)(…?)`", decision.read_text("utf-8"))
    assert named
    missing = [
        name for name, cut in named if not any(one == name or (cut and one.startswith(name)) for one in all_tests())
    ]
    assert missing == []


def test_every_file_beyond_the_first_list_has_its_reason() -> None:
    """Harm: a list that may grow without a word is no list."""
    reasons = read("docs/decisions/0007-files-beyond-the-closed-list.md")
    added = (rules.RUNTIME_FILES | rules.BROKER_FILES) - FIRST_LIST
    assert sorted(name for name in added if not re.search(rf"`(?:broker/)?{name}`", reasons)) == []


def test_the_program_that_follows_clean_contacts_can_be_run() -> None:
    compile(follower(), "README.md", "exec")


def test_a_block_that_is_missing_is_said() -> None:
    assert pages.with_block("a\n<!-- x -->\n<!-- end -->\nb\n", "x", "new") == "a\n<!-- x -->\nnew\n<!-- end -->\nb\n"
    with pytest.raises(ValueError, match="no block"):
        pages.with_block("nothing\n", "x", "new")


def follower() -> str:
    """The program in README that follows contacts.clean."""
    block = re.search(r"<!-- follow -->\n```python\n(.*?)```\n<!-- end -->", read("README.md"), re.DOTALL)
    assert block is not None
    return block[1]


@cache
def all_tests() -> frozenset[str]:
    """The names of all tests of the checkout."""
    return frozenset(_names())


def _names() -> Iterator[str]:
    for path in rules.python_files(ROOT, "tests"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield node.name
