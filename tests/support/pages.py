"""The pages that are written from the code, so that they cannot go stale: `python -m tests.support.pages --update`.

Without `--update` it only says which pages differ, and exits 1 if any does.
"""

import ast
import difflib
import inspect
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import typer
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from services.__main__ import app
from services.ingest.core.letters import ADVICE
from shared.domain.outcome import DropReason, LetterReason
from shared.runtime.dead_letter import CONSECUTIVE_MAX, RATIO_MAX, WINDOW_MESSAGES
from shared.runtime.settings import DatabaseSettings, KafkaSettings, Settings
from shared.topology import PATH, SERVICES, TOPICS, Topic
from tests.support.picture import picture

ROOT: Final = Path(__file__).parents[2]

OTHERS: Final[Mapping[str, str]] = {
    "KONTAKTWERK_URL": "For verbs: the one address of a running system, instead of `--data`.",
    "KONTAKTWERK_TOKEN": "For verbs: the token to use, instead of those in `endpoints.json`.",
    "KONTAKTWERK_JAR_CACHE": "For `up`: the folder with Kafka's jars; may be filled beforehand.",
    "KONTAKTWERK_INGEST_FD": "For a supervisor: the descriptor of the listening socket that ingest takes over.",
    "KONTAKTWERK_CHILD_OF": "Set by `up` for its children, so that the next `up` in the folder finds them.",
    "KONTAKTWERK_DEMO_SECRET": "Set by the demo for itself: the secret of its web hook.",
    "KONTAKTWERK_TEST_KAFKA": "For tests: a running Kafka to use instead of starting one.",
    "KONTAKTWERK_TEST_DATABASE": "For tests: a running Postgres to use instead of starting one.",
    "TEST_STACK": "For tests: `containers` runs them on Kafka and Postgres in containers (`make test-containers`).",
    "KONTAKTWERK_HTTP": "For compose: where the one address is published, `127.0.0.1:8000` unless set.",
    "KONTAKTWERK_KAFKA": "For compose: where Kafka is published for subscribers, `127.0.0.1:9092` unless set.",
    "POSTGRES_PASSWORD": "For compose: the password of Postgres; choose one.",
}
"""Variables that are read elsewhere than by a settings class."""


TOPICS_HEAD: Final = """# Topics

Written from `shared/topology.py`, from which the topics are also created. Values are JSON in UTF-8; attributes are
CloudEvents 1.0 headers in binary mode (`ce_id`, `ce_type`, `ce_time` …). On the wire a type is written
`kontaktwerk.<type>.v1`. Every topic has the same number of partitions; a key's partition is Kafka's default hash of it.
A message without value on `contacts.clean` says that the contact is gone. No message is larger than 512 KiB.

| topic | key | types | kept | said by | heard by |
|---|---|---|---|---|---|
"""

SETTINGS_HEAD: Final = """# Settings

Environment variables, read once at start; unset means the default. Written from the settings classes. What concerns
people's data rather than processes stands in the configuration folder (README, *Configuration*).
"""

REASONS: Final = """# Reasons

At every stage a message goes on, is dropped, or is set aside; there is no fourth way. Written from
`shared/domain/outcome.py`, to which a type checker holds every stage.

## Dropped

Counted by these reasons (`kontaktwerk status`); an accepted event also has its reason in its receipt.

| reason | meaning |
|---|---|
{drops}

## Set aside as a dead letter

Key, value and headers stay as they came, byte for byte; headers `dead-letter-reason`, `-stage`, `-topic`, `-partition`,
`-offset`, `-at`, `-attempt`, `-detail` and `-release` are added. What is done about them, by verbs and over HTTP:
[operations/dead-letters.md](operations/dead-letters.md).

| reason | meaning | what may be done |
|---|---|---|
{letters}

A stage stops on purpose, and says so, when more than {in_a_row} messages in a row, or more than {ratio} of the last
{window}, become dead letters: then the release is to blame, not the data. Nothing is lost by it; the messages lie in
their topic. Bodies of web hooks that nobody can read do not count.
"""

COMMANDS_HEAD: Final = """# Commands

`./kontaktwerk VERB --help` says the same. Verbs that talk to a running system find it by `--data DIR` (its
`endpoints.json`), else by the environment, else in `.local/data`. With `--json` they answer in one JSON document.
Exit codes: 0 done, 1 failed with one clear line on stderr, 2 wrong usage.
"""


def pages() -> dict[str, str]:
    """Every generated page as it should be, by its path in the checkout; README with its picture put in."""
    readme = (ROOT / "README.md").read_text("utf-8")
    return {
        "README.md": with_block(readme, "picture", f"```\n{picture()}\n```"),
        "docs/topics.md": topics_page(),
        "docs/settings.md": settings_page(),
        "docs/reasons.md": reasons_page(),
        "docs/commands.md": commands_page(),
    }


def with_block(text: str, name: str, content: str) -> str:
    """The text with what stands between `<!-- name -->` and `<!-- end -->` replaced. Raises ValueError without them."""
    head, begin, rest = text.partition(f"<!-- {name} -->\n")
    _, end, tail = rest.partition("<!-- end -->\n")
    if not (begin and end):
        raise ValueError(f"there is no block <!-- {name} --> … <!-- end -->")
    return f"{head}{begin}{content}\n{end}{tail}"


def topics_page() -> str:
    """All topics: key, types, how long they are kept, who says and who hears them."""
    lines: list[str] = []
    for topic in TOPICS:
        types = ", ".join(f"`{one}`" for one in topic.types) or "as they came"
        said, heard = _services(topic, "produces"), _services(topic, "consumes")
        lines.append(f"| `{topic.name}` | {topic.key} | {types} | {topic.kept} | {said} | {heard} |")
    return TOPICS_HEAD + "\n".join(lines) + "\n"


def _services(topic: Topic, side: str) -> str:
    named = [step.service for step in PATH if topic in getattr(step, side)]
    if side == "produces":
        named += [step.service for step in PATH if topic == step.dead_letters]
    return ", ".join(named) or "whoever asks"


def settings_page() -> str:
    """All settings with their default and bounds."""
    lines: list[str] = []
    for title, settings in settings_classes():
        lines += ["", f"## {title}", "", "| variable | default | meaning |", "|---|---|---|"]
        for name, field in settings.model_fields.items():
            variable = f"{settings.model_config.get('env_prefix', '')}{name}".upper()
            lines.append(f"| `{variable}` | {_default(field.default)} | {field.description}{_bounds(field)} |")
    lines += ["", "## Others", "", "| variable | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in OTHERS.items()]
    return SETTINGS_HEAD + "\n".join(lines) + "\n"


def settings_classes() -> Iterator[tuple[str, type[BaseSettings]]]:
    """Every settings class under the heading of its page."""
    yield "Kafka", KafkaSettings
    yield "Postgres", DatabaseSettings
    yield "Every service", Settings
    for service in SERVICES:
        module = import_module(f"services.{service}.settings")
        for _, found in inspect.getmembers(module, inspect.isclass):
            if issubclass(found, BaseSettings) and found.__module__ == module.__name__:
                yield f"{service.capitalize()}", found


def _default(value: Any) -> str:
    match value:
        case None | "":
            return "unset"
        case SecretStr():
            return f"`{value.get_secret_value()}`"
        case Path():
            return f"`{value.relative_to(ROOT) if value.is_absolute() else value}`"
        case _:
            return f"`{value}`"


def _bounds(field: Any) -> str:
    """The limits of a number in words, from the constraints of its type."""
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    limits = [(word, getattr(one, name, None)) for one in field.metadata for name, word in words.items()]
    said = [f"{word} {limit:,g}" for word, limit in limits if limit is not None]
    return f" {', '.join(said).capitalize()}." if said else ""


def reasons_page() -> str:
    """Why messages end before a contact: drops and dead letters."""
    drops = "\n".join(f"| `{reason}` | {meaning} |" for reason, meaning in meanings(DropReason).items())
    letters = "\n".join(
        f"| `{reason}` | {meaning} | {ADVICE[reason]} |" for reason, meaning in meanings(LetterReason).items()
    )
    return REASONS.format(
        drops=drops, letters=letters, in_a_row=CONSECUTIVE_MAX, ratio=f"{RATIO_MAX:.0%}", window=f"{WINDOW_MESSAGES:,}"
    )


def meanings(enum: type[StrEnum]) -> dict[str, str]:
    """Each member's value with the sentence below it. Raises KeyError for a member without one."""
    (tree,) = ast.parse(inspect.getsource(enum)).body
    assert isinstance(tree, ast.ClassDef)
    said: dict[str, str] = {}
    for node, after in zip(tree.body, tree.body[1:], strict=False):
        match node, after:
            case ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(value=ast.Constant(value=str(text))):
                said[name] = " ".join(text.split())
            case _:
                pass
    return {member.value: said[member.name] for member in enum}


def commands_page() -> str:
    """Every verb with its help."""
    lines: list[str] = []
    for name, command in verbs():
        said, example = _help(command)
        lines += ["", f"## {name}", "", said, "", "```", example, "```"]
        options = [one for one in command.params if one.name not in ("help", "data", "as_json")]
        if options:
            lines += ["", *(f"- `{_option(one)}` {getattr(one, 'help', None) or ''}".rstrip() for one in options)]
    return COMMANDS_HEAD + "\n".join(lines) + "\n"


def verbs() -> Iterator[tuple[str, Any]]:
    """Every verb, those of groups by both words, in the order of the help."""
    whole: Any = typer.main.get_command(app)
    for name, command in whole.commands.items():
        if hasattr(command, "commands"):
            yield from ((f"{name} {verb}", one) for verb, one in command.commands.items())
        else:
            yield name, command


def _help(command: Any) -> tuple[str, str]:
    said, _, example = inspect.cleandoc(command.help or "").partition("Example: ")
    return " ".join(said.split()), example.strip()


def _option(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    return ", ".join(parameter.opts)


def main(arguments: list[str]) -> int:
    """Write the pages, or say which of them differ."""
    stale = 0
    for name, page in pages().items():
        path = ROOT / name
        present = path.read_text("utf-8") if path.exists() else ""
        if present == page:
            continue
        if "--update" in arguments:
            path.write_text(page, "utf-8")
            print(f"{name} written")
        else:
            stale = 1
            print(
                "\n".join(difflib.unified_diff(present.splitlines(), page.splitlines(), name, "should be", lineterm=""))
            )
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
