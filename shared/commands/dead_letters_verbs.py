"""Verbs about dead letters: `dead-letters list`, `show`, `fix`, `replay`, `drop`, `resume`."""

# ruff: noqa: PLC0415, FBT002
# Imports stand in the verb that needs them; options of a command line are booleans with a default.

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from shared.commands.options import Data, Json, show, wait
from shared.commands.running import Running, WrongUsage, print_json

letters_app = typer.Typer(help="What was set aside: by stage, reason and age.", no_args_is_help=True)

Stage = Annotated[str | None, typer.Option(help="Only those of this service.")]
Reason = Annotated[str | None, typer.Option(help="Only those with this reason.")]
Since = Annotated[str | None, typer.Option(help="Only those set aside from this time on (ISO 8601), or 2h, 3d ago.")]
Until = Annotated[str | None, typer.Option(help="Only those set aside before this time, or so long ago.")]
Letters = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids from the list.")]


@letters_app.command("list")
def letters_list(
    stage: Stage = None,
    reason: Reason = None,
    state: Annotated[str, typer.Option(help="open, replayed, closed or dropped.")] = "open",
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, below the groups.")] = 100,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """List what was set aside: groups by stage and reason with counts and ages, then the newest letters.

    Example: kontaktwerk dead-letters list --stage ingest --reason unreadable
    """
    from shared.commands import dead_letters as command

    now = datetime.now(UTC)
    chosen = command.chosen(stage, reason, since, until, now) | {"state": state}
    found = wait(command.listed(Running(data), chosen, limit))
    lines = [*map(command.group_line, found["groups"]), "", *map(command.line_of, found["items"])]
    show(found, lines if found["items"] else [f"no {state} letters"], as_json=as_json)


@letters_app.command("show")
def letters_show(
    letter: Annotated[str, typer.Argument(help="Id of a letter, from the list.")],
    reveal: Annotated[bool, typer.Option("--reveal", help="Show personal data (operator).")] = False,
    data: Data = None,
) -> None:
    """Show one letter: what is wrong and what may be done in words, headers and value, masked unless --reveal.

    Example: kontaktwerk dead-letters show 0b8f1a52-6c0e-8f0e-9d4b-5f6a7c1e2d3b --reveal
    """
    from shared.commands import dead_letters as command

    print_json(wait(command.shown(Running(data), letter, reveal=reveal)))


@letters_app.command("fix")
def letters_fix(  # noqa: PLR0913, PLR0917 (one option for each way of mending)
    letter: Annotated[str, typer.Argument(help="Id of a letter, from the list.")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change a field: /fields/email=a@b.de.")
    ] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="PATH", help="Take a field out.")] = None,
    map_: Annotated[
        list[str] | None, typer.Option("--map", metavar="FIELD=NAME", help="Read a vendor's delivery this way, once.")
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option(metavar="NAME=TEXT", help="Set a header, such as ce_type.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="What the text is: latin-1, windows-1252 or utf-16.")] = None,
    value: Annotated[Path | None, typer.Option(help="A file with other JSON in its place.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what its stage would decide now.")] = False,
    data: Data = None,
) -> None:
    """Mend a letter of ingest or dedup and send it; mended alike twice, it is sent once. A VALUE is JSON, else a text.

    Example: kontaktwerk dead-letters fix 0b8f1a52-6c0e-8f0e-9d4b-5f6a7c1e2d3b --map email=data.mail --dry-run
    """
    from shared.commands import dead_letters as command

    fix = command.fix_of({"set": set_ or [], "map": map_ or [], "headers": header or []}, remove or [], encoding, value)
    print_json(wait(command.fixed(Running(data), letter, fix, dry_run=dry_run)))


@letters_app.command("replay")
def letters_replay(
    letters: Letters = None,
    stage: Stage = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    rate: Annotated[float | None, typer.Option(min=0.1, help="At most so many a second; unsaid: at once.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent again.")] = False,
    data: Data = None,
) -> None:
    """Send open letters again, the oldest first, with the same event ids: sent twice, they count once.

    Example: kontaktwerk dead-letters replay --stage dedup --rate 50 --dry-run
    """
    from shared.commands import dead_letters as command

    asked = command.meant(letters or [], command.chosen(stage, reason, since, until, datetime.now(UTC)))
    print_json(wait(command.replayed(Running(data), asked, rate, dry_run=dry_run)))


@letters_app.command("drop")
def letters_drop(
    why: Annotated[str, typer.Option(help="The reason; it is kept with the letters.")],
    letters: Letters = None,
    stage: Stage = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be given up.")] = False,
    data: Data = None,
) -> None:
    """Give open letters up: what they were about ends as dropped, for a reason that is kept.

    Example: kontaktwerk dead-letters drop --stage ingest --reason unreadable --why "a scanner at the door"
    """
    from shared.commands import dead_letters as command

    asked = command.meant(letters or [], command.chosen(stage, reason, since, until, datetime.now(UTC)))
    print_json(wait(command.dropped(Running(data), asked, why, dry_run=dry_run)))


@letters_app.command("resume")
def letters_resume(
    stage: Annotated[str, typer.Argument(help="The service that stands still.")],
    data: Data = None,
) -> None:
    """Let a stage go on that stopped because too many messages had to be set aside.

    Example: kontaktwerk dead-letters resume dedup
    """
    from shared.commands import dead_letters as command

    if stage not in command.SERVICES:
        raise WrongUsage(f"there is no service {stage!r}; there are {', '.join(command.SERVICES)}")
    wait(command.resumed(Running(data), stage))
