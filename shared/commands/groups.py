"""Verbs about tokens: `tokens create`, `list`, `rotate`, `revoke`."""

# ruff: noqa: PLC0415, FBT002
# Imports stand in the verb that needs them; options of a command line are booleans with a default.

from datetime import timedelta
from typing import Annotated

import typer

from shared.commands.options import Data, Json, show, wait
from shared.commands.running import Running, WrongUsage, print_json

tokens_app = typer.Typer(help="Who may what.", no_args_is_help=True)


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
    made = wait(command.create(Running(data), Role(role), name or role, source or None))
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

    tokens = wait(command.listed(Running(data)))
    if as_json:
        print_json({"items": tokens, "next": None})
        return
    for token in tokens:
        sources = "all sources" if token["sources"] is None else ", ".join(token["sources"])
        ends = f"until {token['until'][:16]}Z" if token["until"] else sources
        state = "revoked" if token["revoked"] else ends
        print(f"{token['token_id']}  {token['role']:<9} {state}  {token['name']}")


@tokens_app.command("rotate")
def tokens_rotate(
    token: Annotated[str, typer.Argument(metavar="ID", help="From the list.")],
    keep: Annotated[float, typer.Option(min=0, max=8760, help="Hours that the old one lets in, too; 0: none.")] = 24,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Make a new token for what an old one may; both let in until whoever holds the old one has changed it.

    Example: kontaktwerk tokens rotate 0b8f1a52-6c0e-4f0e-9d4b-5f6a7c1e2d3b --keep 48
    """
    from shared.commands import tokens as command

    made = wait(command.rotated(Running(data), token, timedelta(hours=keep)))
    show({"token": made}, [made], as_json=as_json)


@tokens_app.command("revoke")
def tokens_revoke(
    token: Annotated[str, typer.Argument(metavar="ID", help="From the list.")],
    data: Data = None,
) -> None:
    """Let a token in no more: within five seconds everywhere.

    Example: kontaktwerk tokens revoke 0b8f1a52-6c0e-4f0e-9d4b-5f6a7c1e2d3b
    """
    from shared.commands import tokens as command

    wait(command.revoked(Running(data), token))
