"""The launcher and table of contents: every verb of `./kontaktwerk`, one function each; what it does lies elsewhere.

Imports of a verb stand in its function: `tokens create` must not wait for what only `run dedup` needs.
"""

# ruff: noqa: PLC0415, FBT002
# Imports stand in the verb that needs them; options of a command line are booleans with a default; verbs print.

import contextlib
import importlib
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from services import checking
from services.dedup.train.verb import train_app
from shared.commands import backup_verbs, operating, simulating
from shared.commands.dead_letters_verbs import letters_app
from shared.commands.groups import tokens_app
from shared.commands.options import Data, Json, show, wait
from shared.commands.running import DEFAULT_DATA, Failed, Running, WrongUsage, print_json
from shared.commands.sync_verbs import sync_app
from shared.runtime.settings import in_words
from shared.topology import SERVICES

app = typer.Typer(
    name="kontaktwerk",
    help="Keeps CRM contact lists clean in real time: records in, clean contacts out, on Kafka and Postgres.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(tokens_app, name="tokens")
app.add_typer(checking.config_app, name="config")
app.add_typer(letters_app, name="dead-letters")
app.add_typer(train_app, name="train")
app.add_typer(backup_verbs.backup_app, name="backup")
app.add_typer(sync_app, name="sync")


def main() -> None:
    """Run the verb; exit 0 done, 1 failed with one line on stderr, 2 wrong usage."""
    try:
        app(prog_name="kontaktwerk")
    except (Failed, WrongUsage) as error:
        _say_no(error, 2 if isinstance(error, WrongUsage) else 1)
    except ValidationError as error:
        _say_no(Failed(in_words(error)), 1)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has seen enough
        sys.exit(1)


@app.command()
def up(
    data: Annotated[Path, typer.Option(help="Where everything is kept, and found again.")] = DEFAULT_DATA,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The one HTTP address; 0: any free one.")] = 8000,
    workers: Annotated[str, typer.Option(help="Processes by service; two of dedup unless said here.")] = "",
) -> None:
    """Run the whole system on this machine until Ctrl-C: Kafka, Postgres and all services.

    Example: kontaktwerk up --data .local/data --port 8000 --workers dedup=3,validate=2
    """
    try:
        from deploy.local.supervisor import run_up
    except ModuleNotFoundError:
        raise Failed("the image runs one service a container (`run`); `up` belongs to a checkout") from None

    raise typer.Exit(run_up(data, port, _workers(workers)))


@app.command()
def run(service: Annotated[str, typer.Argument(help=f"One of {', '.join(SERVICES)}.")]) -> None:
    """Run one service in the foreground: what a container runs.

    Example: kontaktwerk run dedup
    """
    if service not in SERVICES:
        raise WrongUsage(f"there is no service {service!r}; there are {', '.join(SERVICES)}")
    from shared.runtime.service import main as run_service

    raise typer.Exit(
        run_service(service, importlib.import_module(f"services.{service}.service").build, checking.usable)
    )


@app.command()
def topics(data: Data = None) -> None:
    """Make the topics, or check that they are as they must be. Safe to repeat.

    Example: KAFKA_BOOTSTRAP_SERVERS=kafka:9092 kontaktwerk topics
    """
    from shared.commands import topics as command

    for name in wait(command.run(Running(data))):
        print(name)


@app.command()
def migrate(data: Data = None) -> None:
    """Make or upgrade the tables. Safe to repeat, safe to run twice at once.

    Example: DATABASE_URL=postgresql://kontaktwerk@db/kontaktwerk kontaktwerk migrate
    """
    from shared.commands import migrate as command

    print(f"tables are at revision {wait(command.run(Running(data)))}")


@app.command()
def send(  # noqa: PLR0913, PLR0917 (an argument an option)
    file: Annotated[Path, typer.Argument(help="CSV, NDJSON, JSON or vCard, also gzipped.")],
    source: Annotated[str, typer.Option(help="The source the records belong to.")],
    rate: Annotated[float | None, typer.Option(min=0.1, help="At most so many records a second.")] = None,
    map_file: Annotated[Path | None, typer.Option("--map", help="JSON: column to field, null: not sent.")] = None,
    encoding: Annotated[str | None, typer.Option(help="If it is recognised wrongly: utf-8, windows-1252 …")] = None,
    delimiter: Annotated[str | None, typer.Option(help="The same: comma, semicolon, tab, bar or a sign.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would become of it.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Send a file of records through the front door; rows it refuses go to FILE.rejected.ndjson.

    Example: kontaktwerk send list.csv --source crm --dry-run
    """
    from shared.commands import send_screen as command
    from shared.commands.reading import told

    said = told(encoding, delimiter)
    if dry_run:
        wait(command.preview(Running(data), file, source, map_file, said, as_json=as_json))
    else:
        wait(command.run(Running(data), file, source, map_file, said, rate, as_json=as_json))


@app.command()
def status(
    matching: Annotated[bool, typer.Option("--matching", help="How right matching is, by what people say.")] = False,
    sources: Annotated[bool, typer.Option("--sources", help="What each source sends, and how good it is.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and show it anew every two seconds.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show how every stage does, and the books: every accepted event ends exactly one way.

    Example: kontaktwerk status --watch
    """
    from rich.console import Console

    from shared.commands import matching as of_matching
    from shared.commands import sources as of_sources
    from shared.commands import status as of_stages

    if watch + matching + sources > 1 or (watch and as_json):
        raise WrongUsage("one of --matching, --sources and --watch, the last without --json")
    if watch:
        with contextlib.suppress(KeyboardInterrupt):
            wait(of_stages.watch(Running(data), Console()))
        return
    if matching or sources:
        command = of_matching if matching else of_sources
        found = wait(command.fetch(Running(data)))
        print_json(found) if as_json else command.show(found, Console())
    elif as_json:
        print_json(wait(of_stages.fetch(Running(data))))
    else:
        known, blind = wait(of_stages.look(Running(data)))
        of_stages.show(known, blind, Console())


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

    found = wait(command.run(Running(data), id_))
    show(found, command.lines_of(found), as_json=as_json)


@app.command()
def why(
    contact: Annotated[str, typer.Argument(help="Id of a contact, a former one too.")],
    path: Annotated[
        str | None, typer.Argument(help="Of a value, such as /emails/0; or another contact: why are they not one?")
    ] = None,
    german: Annotated[bool, typer.Option("--german", help="The reasons in German.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Say why these records are one person, why they are not another, and where each value comes from.

    Example: kontaktwerk why 0192f3c1-7c1e-7a55-9d7c-2f6a5a8b1c11 /phones/0
    """
    from shared.commands import why as command

    found = wait(command.run(Running(data), contact, path, "de" if german else "en"))
    show(found, command.lines_of(found), as_json=as_json)


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
        wait(follow(limit))


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
    print(f"contacts that will be said again: {wait(command.run(Running(data), contacts or [])):,}")


app.command()(backup_verbs.restore)
app.command()(backup_verbs.diff)
app.command()(simulating.simulate)
app.command()(checking.doctor)
app.command()(operating.export)
app.command()(operating.reconcile)


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
