"""What the verbs share on the command line: the options that are alike, and how an answer is shown."""

import asyncio
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from shared.commands.running import DEFAULT_DATA, print_json

T = TypeVar("T")

Data = Annotated[
    Path | None,
    typer.Option("--data", help=f"Folder of a running `up`; else the environment, else {DEFAULT_DATA}."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, for programs.")]


def wait(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end what a verb does."""
    return asyncio.run(work)


def show(found: Any, lines: Iterable[str], *, as_json: bool) -> None:
    """One JSON document for programs, or lines for people."""
    if as_json:
        print_json(found)
        return
    for line in lines:
        print(line)
