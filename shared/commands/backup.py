"""`backup` and `restore`: runs that the service works on; the verb asks, waits, and says what came of it."""

import asyncio
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from shared.commands.http import Client, client, problem_of
from shared.commands.running import Failed, Running

LOOK_EVERY_S: Final = 0.5
"""How often a run is looked at."""


async def made(running: Running, to: str | None) -> dict[str, Any]:
    """Write a backup; what it is. Raises Failed with the reason where there is none."""
    return await _run(running, "/v1/backups", {"to": _address(to)})


async def verified(running: Running, from_: str | None) -> dict[str, Any]:
    """Read a set back into scratch tables and compare. Raises Failed, which names what is not as it was written."""
    return await _run(running, "/v1/restores?dry_run=true", {"from": _address(from_)})


async def restored(running: Running, from_: str | None) -> dict[str, Any]:
    """Bring everything back into an empty system, and wait until dedup has taken it in."""
    return await _run(running, "/v1/restores", {"from": _address(from_)})


async def listed(running: Running, limit: int) -> list[dict[str, Any]]:
    """The runs that wrote backups, newest first."""
    async with client(running, "operator") as asks:
        page = await asks.get("/v1/backups", {"limit": str(limit)})
        return list(page["items"])


def line_of(run: dict[str, Any]) -> str:
    """One run in one line."""
    said = run.get("name") or run.get("reason") or ""
    size = f"{run['bytes']:>14,} bytes" if "bytes" in run else " " * 20
    return f"{run['requested_at'][:19]}  {run['state']:<8} {size}  {said}"


def lines_of(run: dict[str, Any]) -> list[str]:
    """What a run came to: rows by table, and what a check found."""
    rows = [f"{table:<14} {number:>12,}" for table, number in run.get("rows", {}).items()]
    checked = run.get("empty")  # only a check says so
    whole = [] if checked is None else ["every file comes back as it was written"]
    empty = ["this system holds something: restore this set into an empty one"] if checked is False else []
    return [run.get("name", ""), *rows, *whole, *empty]


def _address(address: str | None) -> str | None:
    """An address as the service understands it: a folder that is named relative to ours becomes absolute."""
    if address is None or ":" in address.partition("/")[0]:
        return address
    return str(Path(address).resolve())


async def _run(running: Running, path: str, wish: dict[str, str | None]) -> dict[str, Any]:
    async with client(running, "operator") as asks:
        answer = await asks.ask("POST", path, wish)
        if answer.status != 202:
            raise Failed(problem_of(answer))
        return await ended(asks, f"{path.partition('?')[0]}/{answer.body['id']}")


async def ended(asks: Client, path: str) -> dict[str, Any]:
    """Wait for the end of a run, and show how far it is where somebody looks."""
    console = Console(stderr=True)
    with console.status("waits") as status:
        while (run := await asks.get(path))["state"] not in ("done", "failed"):
            status.update(run["phase"] or run["state"])
            await asyncio.sleep(LOOK_EVERY_S)
    if run["state"] == "failed":
        raise Failed(str(run.get("reason", "it failed")))
    ended: dict[str, Any] = run
    return ended
