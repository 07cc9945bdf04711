"""`status --matching`: how right the contacts are, estimated from what people answered."""

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from shared.commands.http import client, problem_of
from shared.commands.running import Failed, Running

LAST_WEEKS: Final = 8
"""Weeks that are shown: two months; all are in --json."""


async def fetch(running: Running) -> dict[str, Any]:
    """The answer of `GET /v1/reviews/quality`. Raises Failed when there is none."""
    async with client(running, "reader", "operator") as asks:
        answer = await asks.ask("GET", "/v1/reviews/quality")
    if answer.status != 200:
        raise Failed(f"the quality of matching cannot be told: {problem_of(answer)}")
    found: dict[str, Any] = answer.body
    return found


def show(found: Mapping[str, Any], console: Console) -> None:
    """The same for people: everything, then by week and by source."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    for name in ("precision", "recall", "same", "different"):
        table.add_column(name, justify="right")
    lines = [("all", found)]
    lines += [(one["week"], one) for one in found["weeks"][:LAST_WEEKS]]
    lines += [(one["source"], one) for one in found["sources"]]
    for name, one in lines:
        said = one["answers"]
        shares = (share(one["precision"]), share(one["recall"]))
        table.add_row(name, *shares, f"{said['same']:,}", f"{said['different']:,}")
    console.print(table)
    queue = found["reviews"]
    counted = f"reviews: {queue['open']:,} open, {queue['later']:,} put off, {queue['decided']:,} answered"
    console.print(counted, highlight=False, soft_wrap=True)


def share(estimate: Mapping[str, float] | None) -> str:
    """A share with its interval of 95 %: "0.991 (0.978-0.997)"; nothing where there is nothing to estimate."""
    if estimate is None:
        return "-"
    return f"{estimate['value']:.3f} ({estimate['low']:.3f}-{estimate['high']:.3f})"
