"""Whatever the pages tell people to type exists: verbs, their options, programs of ours, targets of make."""

import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.support import pages

ROOT: Final = pages.ROOT
PAGES: Final = sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
VERBS: Final = dict(pages.verbs())
TARGETS: Final = frozenset(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

FENCED: Final = re.compile(r"^ *```[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
INLINE: Final = re.compile(r"`([^`]+)`")
ENDS: Final = re.compile(r"\s(?:#|\||&&|>)\s?|[;…]|\s\.\.\.")
OURS: Final = re.compile(r"(?:^|\s)(?:\./)?kontaktwerk ([a-z].*)")
PROGRAM: Final = re.compile(r"python -m (tests\.[\w.]+)(.*)")
MAKE: Final = re.compile(r"(?:^|\s)make ([a-z-]+)")
OPTION: Final = re.compile(r"(?<!\S)\[?(--?[a-z][a-z-]*)")


class Typed(NamedTuple):
    """One command, and the page that names it; within a sentence `kontaktwerk` may be left out."""

    page: str
    text: str
    inline: bool = True


def typed(path: Path) -> Iterator[Typed]:
    """Every line of a fenced block, and every inline code, without comments and what follows a pipe."""
    text, name = path.read_text("utf-8"), str(path.relative_to(ROOT))
    for block in FENCED.findall(text):
        yield from (
            Typed(name, ENDS.split(line)[0].strip(), inline=False) for line in block.replace("\\\n", " ").splitlines()
        )
    for code in INLINE.findall(FENCED.sub("", text)):
        yield Typed(name, ENDS.split(" ".join(code.split()))[0].strip())


def wrong(one: Typed) -> str | None:
    """What does not exist of a command, None where all of it does or it is nobody of ours."""
    if found := PROGRAM.search(one.text):
        return _wrong_program(found[1], found[2])
    if found := MAKE.search(one.text):
        return None if found[1] in TARGETS else f"no target {found[1]}"
    said = OURS.search(one.text)
    if said is None and not one.inline:
        return None
    words = (said[1] if said else one.text).split()
    verb = next((name for name in (" ".join(words[:2]), words[0] if words else "") if name in VERBS), None)
    if verb is None:
        return f"no verb {' '.join(words[:2])}" if said and words[0] not in GROUPS else None
    return _wrong_options(VERBS[verb], " ".join(words))


GROUPS: Final = frozenset(name.split()[0] for name in VERBS if " " in name)


def _wrong_options(command: Any, text: str) -> str | None:
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    strange = [option for option in OPTION.findall(text) if option not in {*known, "--help"}]
    return f"no option {', '.join(strange)}" if strange else None


def _wrong_program(module: str, rest: str) -> str | None:
    found = find_spec(module)
    if found is None or found.origin is None:
        return f"no program {module}"
    place = Path(found.origin)
    files = [place.parent / "__main__.py"] if place.name == "__init__.py" else [place]
    text = "".join(file.read_text("utf-8") for file in (*files, *ROOT.glob("tests/bench/[a-z]*.py")))
    strange = [option for option in OPTION.findall(rest) if f'"{option}"' not in text]
    return f"no option {', '.join(strange)}" if strange else None


COMMANDS: Final = [one for path in PAGES for one in typed(path)]


@pytest.mark.parametrize("page", sorted({one.page for one in COMMANDS}))
def test_every_command_that_a_page_names_exists(page: str) -> None:
    """Harm: at three in the morning a page says what to type, and it is wrong usage."""
    faults = [(one.text, fault) for one in COMMANDS if one.page == page and (fault := wrong(one)) is not None]
    assert faults == []


def test_the_pages_name_enough_for_this_to_mean_something() -> None:
    ours = [one for one in COMMANDS if OURS.search(one.text)]
    assert len(ours) > 80
    assert len([one for one in ours if one.page.startswith("docs/operations/")]) > 40


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kontaktwerk heal everything", "no verb heal everything"),
        ("./kontaktwerk status --forever", "no option --forever"),
        ("dead-letters replay --stage NAME --now", "no option --now"),
        ("python -m tests.bench.nothing", "no program tests.bench.nothing"),
        ("python -m tests.bench.away --warp 9", "no option --warp"),
        ("make coffee", "no target coffee"),
        ("docker compose exec ingest kontaktwerk doctor --deep", "no option --deep"),
    ],
)
def test_what_does_not_exist_is_found(text: str, says: str) -> None:
    assert wrong(Typed("a page", text)) == says


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "operations").glob("*.md")), ids=lambda path: path.name)
def test_every_line_of_an_operations_page_can_be_read_by_a_shell(path: Path) -> None:
    lines = [line for block in FENCED.findall(path.read_text("utf-8")) for line in block.splitlines()]
    for line in lines:
        if "kontaktwerk" in line:
            shlex.split(line, comments=True)
