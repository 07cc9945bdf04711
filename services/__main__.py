"""The launcher and table of contents: every verb of `./kontaktwerk`, one function each; what it does lies elsewhere.

Imports of a verb stand in its function: `tokens create` must not wait for what only `run dedup` needs.
"""

# ruff: noqa: PLC0415, FBT002
# Imports stand in the verb that needs them; options of a command line are booleans with a default; verbs print.

import asyncio
import contextlib
import importlib
import sys
from collections.abc import Coroutine, Iterable
from datetime import UTC, datetime
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


@app.command()
def send(
    file: Annotated[Path, typer.Argument(help="CSV, NDJSON, JSON or vCard, also gzipped.")],
    source: Annotated[str, typer.Option(help="The source the records belong to.")],
    rate: Annotated[float | None, typer.Option(min=0.1, help="At most so many records a second.")] = None,
    map_file: Annotated[Path | None, typer.Option("--map", help="JSON: column to field, null: not sent.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what becomes of the first rows.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Send a file of records through the front door; rows it refuses go to FILE.rejected.ndjson.

    Example: kontaktwerk send list.csv --source crm --dry-run
    """
    from shared.commands import send_screen as command

    if dry_run:
        command.preview(file, source, map_file, as_json=as_json)
    else:
        _wait(command.run(Running(data), file, source, map_file, rate, as_json=as_json))


@app.command()
def status(as_json: Json = False, data: Data = None) -> None:
    """Show how every stage does, and the books: every accepted event ends exactly one way.

    Example: kontaktwerk status --json
    """
    from rich.console import Console

    from shared.commands import status as command

    found = _wait(command.fetch(Running(data)))
    if as_json:
        print_json(found)
    else:
        command.show(found, Console())


@app.command()
def trace(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Of a contact, a record or an event.")],
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show the way of one contact, record or event through all stages.

    Example: kontaktwerk trace 0192f3c1-7c1e-7a55-9d7c-2f6a5a8b1c11
    """
    from shared.commands import trace as command

    found = _wait(command.run(Running(data), id_))
    _print(found, command.lines_of(found), as_json=as_json)


@app.command()
def why(
    contact: Annotated[str, typer.Argument(help="Id of a contact, a former one too.")],
    path: Annotated[str | None, typer.Argument(help="Of a value, such as /emails/0 or /name/given.")] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Say why these records are one person, and where each value comes from.

    Example: kontaktwerk why 0192f3c1-7c1e-7a55-9d7c-2f6a5a8b1c11 /phones/0
    """
    from shared.commands import why as command

    found = _wait(command.run(Running(data), contact, path))
    _print(found, command.lines_of(found), as_json=as_json)


@app.command()
def tail(
    topic: Annotated[str, typer.Argument(help="Such as contacts.clean, or clean.")] = "contacts.events",
    start: Annotated[bool, typer.Option("--from-start", help="From the oldest event there is.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="End after so many events.")] = None,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show personal data.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document a line.")] = False,
    data: Data = None,
) -> None:
    """Follow a topic, one line an event, personal data masked, until Ctrl-C.

    Example: kontaktwerk tail clean --from-start
    """
    from shared.commands import tail as command

    follow = command.printed(Running(data), command.topic_of(topic), start=start, reveal=reveal, as_json=as_json)
    with contextlib.suppress(KeyboardInterrupt):
        _wait(follow(limit))


@app.command()
def refresh(
    contacts: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids of contacts.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every contact there is.")] = False,
    data: Data = None,
) -> None:
    """Say contacts again, with the next version; what changes nothing moves nothing.

    Example: kontaktwerk refresh 0192f3c1-7c1e-7a55-9d7c-2f6a5a8b1c11
    """
    from shared.commands import refresh as command

    if bool(contacts) == everything:
        raise WrongUsage("name contacts to refresh, or --all, and not both")
    print(f"{_wait(command.run(Running(data), contacts or [])):,} contacts will be said again")


@letters_app.command("list")
def letters_list(
    stage: Annotated[str | None, typer.Option(help="Only those of this service.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only those with this reason.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """List what was set aside, newest first.

    Example: kontaktwerk dead-letters list --stage ingest --reason unreadable
    """
    from shared.commands import dead_letters as command

    letters = _wait(command.listed(Running(data), stage, reason, limit))
    now = datetime.now(UTC)
    _print({"items": letters, "next": None}, [command.line_of(one, now) for one in letters], as_json=as_json)


@letters_app.command("show")
def letters_show(
    letter: Annotated[str, typer.Argument(help="Id of a letter, from the list.")],
    reveal: Annotated[bool, typer.Option("--reveal", help="Show personal data (operator).")] = False,
    data: Data = None,
) -> None:
    """Show one letter with its headers and its value, masked unless --reveal.

    Example: kontaktwerk dead-letters show 17 --reveal
    """
    from shared.commands import dead_letters as command

    print_json(_wait(command.shown(Running(data), letter, reveal=reveal)))


@letters_app.command("replay")
def letters_replay(
    letters: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids from the list.")] = None,
    stage: Annotated[str | None, typer.Option(help="All open ones of this service.")] = None,
    reason: Annotated[str | None, typer.Option(help="All open ones with this reason.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent again.")] = False,
    data: Data = None,
) -> None:
    """Send letters again, with the same event ids.

    Example: kontaktwerk dead-letters replay --stage dedup --dry-run
    """
    from shared.commands import dead_letters as command

    if not letters and stage is None and reason is None:
        raise WrongUsage("name letters to send again, or a --stage or --reason")
    print_json(_wait(command.replayed(Running(data), letters or [], stage, reason, dry_run=dry_run)))


def _print(found: Any, lines: Iterable[str], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    for line in lines:
        print(line)


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
