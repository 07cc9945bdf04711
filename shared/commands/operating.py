"""Verbs of whoever operates a system: `export`, `reconcile`."""

# ruff: noqa: PLC0415
# Imports stand in the verb that needs them.

from pathlib import Path
from typing import Annotated

import typer

from shared.commands.options import Data, Json, show, wait
from shared.commands.running import Running


def export(
    file: Annotated[Path, typer.Argument(help="Ends in .ndjson or .csv, with .gz behind it to have it packed.")],
    segment: Annotated[str | None, typer.Option(help="Only contacts in this segment.")] = None,
    category: Annotated[str | None, typer.Option(help="Only contacts of this category.")] = None,
    updated_since: Annotated[str | None, typer.Option(help="Only what changed since this time (RFC 3339).")] = None,
    data: Data = None,
) -> None:
    """Write every clean contact into a file that only you may read.

    Example: kontaktwerk export contacts.csv --segment newsletter-de
    """
    from shared.commands import export as command

    wanted = {"segment": segment, "category": category, "updated_since": updated_since}
    count = wait(command.run(Running(data), file, {name: value for name, value in wanted.items() if value is not None}))
    print(f"{count:,} contacts in {file}")


def reconcile(
    since: Annotated[
        str | None, typer.Option(help="Only what hangs together with contacts that changed since (RFC 3339).")
    ] = None,
    as_json: Json = False,  # noqa: FBT002 (an option of a command line)
    data: Data = None,
) -> None:
    """Decide again who is who, over everything and with the names counted anew; waits until all changes are said.

    Example: kontaktwerk reconcile --since 2026-11-22T00:00:00Z
    """
    from shared.commands import reconcile as command

    run = wait(command.run(Running(data), since))
    show(run, [command.line_of(run)], as_json=as_json)
