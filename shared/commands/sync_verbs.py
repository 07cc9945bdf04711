"""Verbs about tables that are pulled: `sync now`, `sync list`, `sync runs`."""

# ruff: noqa: PLC0415, FBT002
# Imports stand in the verb that needs them; options of a command line are booleans with a default.

from typing import Annotated

import typer

from shared.commands.options import Data, Json, show, wait
from shared.commands.running import Running

sync_app = typer.Typer(help="Tables of other databases: pulled now, and when next.", no_args_is_help=True)


@sync_app.command("now")
def sync_now(
    source: Annotated[str, typer.Argument(help="A source that is pulled.")],
    whole: Annotated[bool, typer.Option("--whole", help="Compare the whole table, whatever the watermark.")] = False,
    deletions: Annotated[
        bool, typer.Option("--deletions", help="Take back what is no longer there, however much it is.")
    ] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Pull a table and wait for what it brings; exit 1 where it cannot be read or would delete too much.

    Example: kontaktwerk sync now billing
    """
    from shared.commands import sync as command

    run = wait(command.now(Running(data), source, whole=whole, deletions=deletions))
    show(run, [command.line_of(run)], as_json=as_json)


@sync_app.command("list")
def sync_list(as_json: Json = False, data: Data = None) -> None:
    """List the tables: when each is pulled next, and what its last pull brought.

    Example: kontaktwerk sync list
    """
    from shared.commands import sync as command

    tables = wait(command.planned(Running(data)))
    lines = [command.planned_line(one) for one in tables] or [
        "no source is pulled; docs/databases.md says how to add one"
    ]
    show({"items": tables, "next": None}, lines, as_json=as_json)


@sync_app.command("runs")
def sync_runs(
    source: Annotated[str | None, typer.Argument(help="Of this source only.")] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """List the newest pulls with what each brought.

    Example: kontaktwerk sync runs billing --json
    """
    from shared.commands import sync as command

    runs = wait(command.runs(Running(data), source))
    lines = [command.line_of(one) for one in runs] or ["nothing has been pulled yet"]
    show({"items": runs, "next": None}, lines, as_json=as_json)
