"""The launcher and table of contents: every verb of `./kontaktwerk`, one function each; what it does lies elsewhere.

Imports of a verb stand in its function: `tokens create` must not wait for what only `run dedup` needs.
"""

# ruff: noqa: PLC0415, FBT002
# Imports stand in the verb that needs them; options of a command line are booleans with a default; verbs print.

import asyncio
import importlib
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from shared.commands.running import DEFAULT_DATA, Failed, Running, WrongUsage, print_json
from shared.topology import SERVICES

T = TypeVar("T")

app = typer.Typer(
    name="kontaktwerk",
    help="Keeps CRM contact lists clean in real time: records in, clean contacts out, on Kafka and Postgres.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
tokens_app = typer.Typer(help="Who may what.", no_args_is_help=True)
config_app = typer.Typer(help="The configuration, before it is used.", no_args_is_help=True)
letters_app = typer.Typer(help="What was set aside: by stage, reason and age.", no_args_is_help=True)
app.add_typer(tokens_app, name="tokens")
app.add_typer(config_app, name="config")
app.add_typer(letters_app, name="dead-letters")

Data = Annotated[
    Path | None,
    typer.Option("--data", help=f"Folder of a running `up`; else the environment, else {DEFAULT_DATA}."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, for programs.")]


def main() -> None:
    """Run the verb; exit 0 done, 1 failed with one line on stderr, 2 wrong usage."""
    try:
        app(prog_name="kontaktwerk")
    except Failed as error:
        _say_no(error, 1)
    except WrongUsage as error:
        _say_no(error, 2)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has seen enough
        sys.exit(1)


@app.command()
def up(
    data: Annotated[Path, typer.Option(help="Where everything is kept, and found again.")] = DEFAULT_DATA,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The one HTTP address; 0: any free one.")] = 8000,
    workers: Annotated[str, typer.Option(help="More than one process of a service: dedup=2,validate=2.")] = "",
) -> None:
    """Run the whole system on this machine until Ctrl-C: Kafka, Postgres and all services.

    Example: kontaktwerk up --data .local/data --port 8000 --workers dedup=2
    """
    from deploy.local.supervisor import run_up

    raise typer.Exit(run_up(data, port, _workers(workers)))


@app.command()
def run(service: Annotated[str, typer.Argument(help=f"One of {', '.join(SERVICES)}.")]) -> None:
    """Run one service in the foreground: what a container runs.

    Example: kontaktwerk run dedup
    """
    if service not in SERVICES:
        raise WrongUsage(f"there is no service {service!r}; there are {', '.join(SERVICES)}")
    from shared.runtime.service import run as run_service

    build = importlib.import_module(f"services.{service}.service").build
    raise typer.Exit(asyncio.run(run_service(service, build)))


@app.command()
def topics(data: Data = None) -> None:
    """Make the topics, or check that they are as they must be. Safe to repeat.

    Example: KAFKA_BOOTSTRAP_SERVERS=kafka:9092 kontaktwerk topics
    """
    from shared.commands import topics as command

    for name in _wait(command.run(Running(data))):
        print(name)


@app.command()
def migrate(data: Data = None) -> None:
    """Make or upgrade the tables. Safe to repeat, safe to run twice at once.

    Example: DATABASE_URL=postgresql://kontaktwerk@db/kontaktwerk kontaktwerk migrate
    """
    from shared.commands import migrate as command

    print(f"tables are at revision {_wait(command.run(Running(data)))}")


@tokens_app.command("create")
def tokens_create(
    role: Annotated[str, typer.Option(help="sender, reader, steward, privacy or operator.")],
    name: Annotated[str, typer.Option(help="Who holds it, for the list.")] = "",
    source: Annotated[list[str] | None, typer.Option(help="A source a sender may write; none: all of them.")] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Make a token and show it: the only time it is seen.

    Example: kontaktwerk tokens create --role sender --source webform --name "our web site"
    """
    from shared.commands import tokens as command
    from shared.runtime.access import Role

    if role not in set(Role):
        raise WrongUsage(f"there is no role {role!r}; there are {', '.join(Role)}")
    made = _wait(command.create(Running(data), Role(role), name or role, source or None))
    if as_json:
        print_json(made)
    else:
        print(made["token"])


@tokens_app.command("list")
def tokens_list(as_json: Json = False, data: Data = None) -> None:
    """List the tokens, without what would let one in.

    Example: kontaktwerk tokens list --json
    """
    from shared.commands import tokens as command

    tokens = _wait(command.listed(Running(data)))
    if as_json:
        print_json({"items": tokens, "next": None})
        return
    for token in tokens:
        sources = "all sources" if token["sources"] is None else ", ".join(token["sources"])
        print(f"{token['token_id']}  {token['role']:<9} {'revoked' if token['revoked'] else sources}  {token['name']}")


@config_app.command("check")
def config_check(
    folder: Annotated[Path | None, typer.Argument(help="The folder; else KONTAKTWERK_CONFIG_DIR.")] = None,
    as_json: Json = False,
) -> None:
    """Check the configuration files and say what they configure.

    Example: kontaktwerk config check deploy/config
    """
    from shared.commands import config_check as command
    from shared.runtime.settings import Settings

    found = command.run(folder or Settings().config_dir)
    if as_json:
        print_json(found)
        return
    print(f"{found['folder']} is fine")
    for name in ("sources", "purposes", "rules"):
        print(f"  {name:<9} {', '.join(found[name]) or 'none'}")


def _wait(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _workers(text: str) -> dict[str, int]:
    """`dedup=2,validate=2` as numbers by service."""
    workers: dict[str, int] = {}
    for part in filter(None, text.split(",")):
        service, _, count = part.partition("=")
        if not count.isdigit():
            raise WrongUsage(f"--workers takes service=number, such as dedup=2,validate=2; this is none: {part!r}")
        workers[service.strip()] = int(count)
    return workers


def _say_no(error: Exception, code: int) -> None:
    print(f"kontaktwerk: {error}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
