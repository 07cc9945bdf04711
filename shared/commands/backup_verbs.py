"""The verbs about what is kept: `backup`, `restore`, `diff`."""

# ruff: noqa: PLC0415, FBT002
# Imports stand in the verb that needs them; options of a command line are booleans with a default.

from typing import Annotated

import typer

from shared.commands.options import Data, Json, show, wait
from shared.commands.running import Running

backup_app = typer.Typer(help="Everything that is kept, as a set of files.", no_args_is_help=True)


@backup_app.command("now")
def backup_now(
    to: Annotated[str | None, typer.Option(help="A folder; else that of operations.yaml.")] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Write a backup of everything there is, and wait for it.

    Example: kontaktwerk backup now --to /srv/backups
    """
    from shared.commands import backup as command

    run = wait(command.made(Running(data), to))
    show(run, command.lines_of(run), as_json=as_json)


@backup_app.command("list")
def backup_list(
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """List the backups that were written, newest first.

    Example: kontaktwerk backup list
    """
    from shared.commands import backup as command

    runs = wait(command.listed(Running(data), limit))
    lines = map(command.line_of, runs) if runs else ["no backup was written yet; `backup now` writes one"]
    show({"items": runs, "next": None}, lines, as_json=as_json)


@backup_app.command("verify")
def backup_verify(
    from_: Annotated[str | None, typer.Option("--from", help="A set, or a folder: its newest set.")] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Read a backup back into scratch tables and compare; a file that is not as it was written is named.

    Example: kontaktwerk backup verify --from /srv/backups
    """
    from shared.commands import backup as command

    run = wait(command.verified(Running(data), from_))
    show(run, command.lines_of(run), as_json=as_json)


def restore(
    from_: Annotated[str | None, typer.Option("--from", help="A set, or a folder: its newest set.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check the set, and say what would come back.")
    ] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Bring everything back from a backup into an empty system, through the chain.

    Example: kontaktwerk restore --from /srv/backups --dry-run
    """
    from shared.commands import backup as command

    found = wait((command.verified if dry_run else command.restored)(Running(data), from_))
    show(found, command.lines_of(found), as_json=as_json)


def diff(
    from_: Annotated[str, typer.Argument(metavar="FROM", help="A time, such as 2026-11-22T09:15:00Z.")],
    to: Annotated[str | None, typer.Argument(help="A later time; else now.")] = None,
    cause: Annotated[str | None, typer.Option(help="Only what this event, judgement or rule changed.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many contacts.")] = 1_000,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show personal data.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show what changed between two times, contact by contact, personal data masked.

    Example: kontaktwerk diff 2026-11-22T00:00:00Z 2026-11-23T00:00:00Z
    """
    from shared.commands import diff as command

    items = [command.shown(one, reveal=reveal) for one in wait(command.run(Running(data), from_, to, cause, limit))]
    show({"items": items, "next": None}, [line for one in items for line in command.lines_of(one)], as_json=as_json)
