"""`status`: how every stage does, and the books."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from shared.commands.http import client, problem_of
from shared.commands.reconcile import line_of
from shared.commands.running import Failed, Running

BOOKS = ("accepted", "in_contacts", "deleted", "erased", "dropped", "dead_letters", "waiting")
"""In the order of the equation: accepted is the sum of the others."""

WATCHED_EVERY_S: Final = 2.0
"""One look costs every service a few statements; lag is measured anew about as often."""


async def fetch(running: Running) -> dict[str, Any]:
    """Stages and books as contract section 1 shows them. Raises Failed when something cannot be measured: a program may
    not take the rest for the whole.
    """
    found, blind = await look(running)
    if blind:
        raise Failed(blindness(blind))
    return found


async def look(running: Running) -> tuple[dict[str, Any], list[str]]:
    """The same as far as it can be measured, and the names of what cannot. Raises Failed when nothing can."""
    async with client(running, "reader", "operator") as asks:
        answer = await asks.ask("GET", "/v1/status", retry=False)
        runs = await asks.ask("GET", "/v1/reconciles", params={"limit": "1"}, retry=False)
    found: dict[str, Any] = answer.body if isinstance(answer.body, dict) else {}
    if answer.status != 200 or "stages" not in found:
        raise Failed(f"the status cannot be measured: {problem_of(answer)}")
    last = runs.body["items"] if runs.status == 200 else []
    told = {
        "stages": found["stages"],
        "books": found["books"],
        "jobs": found.get("jobs") or [],
        "reconciles": last,
        "configuration": found.get("configuration"),
    }
    return told, list(found.get("unmeasured") or unmeasured(found["stages"]))


def unmeasured(stages: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What of the stages has no figure."""
    return [f"{name} {figure}" for name, stage in stages.items() for figure in ("lag",) if stage.get(figure) is None]


async def watch(running: Running, console: Console) -> NoReturn:
    """Show it again and again in one place; while nobody can be asked, say so. Never returns; cancel it."""
    with Live(console=console, auto_refresh=False) as live:
        while True:
            try:
                found, blind = await look(running)
                below = [blindness(blind)] if blind else []
                live.update(Group(screen(found), *below), refresh=True)
            except Failed as failed:
                live.update(Text(str(failed)), refresh=True)
            await asyncio.sleep(WATCHED_EVERY_S)


def show(found: Mapping[str, Any], blind: Sequence[str], console: Console) -> None:
    """The same for people, once. Raises Failed, with all that is known on the screen, when something is not."""
    console.print(screen(found), highlight=False, soft_wrap=True)
    if blind:
        raise Failed(blindness(blind))


def blindness(blind: Sequence[str]) -> str:
    """What cannot be measured, and where to look."""
    return f"cannot be measured: {', '.join(blind)}; its log says why, and `kontaktwerk doctor` what may be missing"


def screen(found: Mapping[str, Any]) -> Group:
    """A table of the stages, and below it the books, the configuration and what runs by the clock."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, justify in (("stage", "left"), ("rate/s", "right"), ("lag", "right"), ("oldest", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]  # a Literal that a loop widens
    table.add_column("dead letters", justify="right")
    table.add_column("last error")
    for name, stage in found["stages"].items():
        oldest = stage.get("oldest_s")
        table.add_row(
            name,
            f"{stage['rate'] or 0:,.0f}",
            _figure(stage["lag"]),
            "" if not oldest else f"{oldest:,.0f} s",
            _figure(stage["dead_letters"]),
            stage.get("last_error") or "",
        )
    lines = [
        equation(found["books"]) if found["books"] else "the books cannot be read",
        *(configured(found["configuration"]) if found["configuration"] else ()),
        *map(timed, found["jobs"]),
        *map(line_of, found["reconciles"]),
    ]
    return Group(table, "", *lines)


def _figure(figure: int | None) -> str:
    return "?" if figure is None else f"{figure:,}"


def configured(configuration: Mapping[str, Any]) -> list[str]:
    """The active revision in a line, how far its job is, and a line for each folder that was refused."""
    job = configuration["job"]
    lines = [f"configuration: revision {configuration['revision']} since {configuration['activated_at'][:16]}"]
    if job is not None and job["ended_at"] is None:
        of = f"{job['asked']:,} of {job['total'] or 0:,} contacts asked for again"
        lines.append(f"revision {job['number']} ({', '.join(job['concerns'])}): {of}")
    return lines + [f"refused in {one['place']}: {one['wrong']}" for one in configuration["refused"]]


def timed(job: Mapping[str, Any]) -> str:
    """A job in a line: when it runs next, and how its last run went; times as the system says them, in UTC."""
    last = "" if job["planned_at"] is None else f", last {job['planned_at'][:16]} {job['state']}"
    return f"{job['service']} {job['job']}: next {job['next_at'][:16]}{last}"


def equation(books: Mapping[str, Any]) -> str:
    """The books as the sum that they are."""
    parts = [f"{name.replace('_', ' ')} {total(books[name]):,}" for name in BOOKS[1:]]
    holds = total(books["accepted"]) == sum(total(books[name]) for name in BOOKS[1:])
    return f"accepted {total(books['accepted']):,} = {' + '.join(parts)}  {'✓' if holds else 'DOES NOT ADD UP'}"


def total(figure: Any) -> int:
    """A figure of the books, or the sum of one that is kept by reason."""
    return sum(figure.values()) if isinstance(figure, dict) else int(figure)
