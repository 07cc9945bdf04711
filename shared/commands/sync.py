"""`sync`: tables and lists of others are pulled now; when they are pulled next, and what came of each time."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from shared.commands.http import Client, client, problem_of
from shared.commands.running import Failed, Running
from shared.domain.pulled import PULLED

LOOK_S: Final = 0.5
"""How often a pull under way is looked at."""

RUNS_MAX: Final = 100
"""Runs in a list: whoever waits for one finds it among the newest."""

ENDS: Final = frozenset({"done", "failed", "asks"})
"""States that nothing but a person, or the next planned time, changes."""


async def now(running: Running, source: str, *, whole: bool, deletions: bool) -> dict[str, Any]:
    """Pull a table, wait until it is read, and say what that brought. Raises Failed where it could not be read, or
    would delete so much that it asks.
    """
    async with client(running, "operator") as asks:
        wish = {"whole": whole, "any_deletions": deletions}
        answer = await asks.ask("POST", f"/v1/sources/{source}/pulls", wish)
        if answer.status != 202:
            raise Failed(problem_of(answer))
        run = await _ended(asks, source, answer.body["id"])
    if run["state"] == "done":
        return run
    raise Failed(line_of(run))


async def runs(running: Running, source: str | None) -> list[dict[str, Any]]:
    """The newest pulls."""
    params = {"limit": str(RUNS_MAX)} | ({} if source is None else {"source": source})
    async with client(running, "reader", "operator") as asks:
        found: list[dict[str, Any]] = (await asks.get("/v1/sources/pulls", params))["items"]
    return found


async def planned(running: Running) -> list[dict[str, Any]]:
    """The tables that are configured, when each is pulled next (null: when somebody asks), and its last pull."""
    async with client(running, "reader", "operator") as asks:
        sources = (await asks.get("/v1/sources"))["items"]
        jobs = {job["job"]: job["next_at"] for job in (await asks.get("/v1/status"))["jobs"]}
        last = (await asks.get("/v1/sources/pulls", {"limit": str(RUNS_MAX)}))["items"]
    tables = [one["source"] for one in sources if one["connector"] in PULLED]
    return [
        {
            "source": name,
            "next_at": min(filter(None, (jobs.get(f"pull {name}"), jobs.get(f"pull {name} whole"))), default=None),
            "last": next((run for run in last if run["source"] == name), None),
        }
        for name in tables
    ]


def planned_line(table: Mapping[str, Any]) -> str:
    """A table in a line."""
    next_ = "when asked" if table["next_at"] is None else table["next_at"][:16]
    return f"{table['source']}: next {next_}" + ("" if table["last"] is None else f"; last {line_of(table['last'])}")


def line_of(run: Mapping[str, Any]) -> str:
    """A pull in a line: what it brought, or why it did not, and the reasons of refused rows."""
    named = ("new", "updated", "same", "refused", "deleted")
    counts = ", ".join(f"{run[name]:,} {name}" for name in named)
    why = "" if run["why"] is None else f" ({run['why']})"
    asks = f"; {run['to_delete']:,} records are no longer there" if run["to_delete"] else ""
    faults = "".join(f"; {number:,} × {fault}" for fault, number in run["faults"].items())
    return f"{run['source']} {run['asked_at'][:16]} {run['state']}{why}: {counts}{asks}{faults}"


async def _ended(asks: Client, source: str, pull_id: str) -> dict[str, Any]:
    """Wait for a pull; one that was put off has said why, and is not waited for."""
    while True:
        items = (await asks.get("/v1/sources/pulls", {"source": source, "limit": str(RUNS_MAX)}))["items"]
        run: dict[str, Any] | None = next((one for one in items if one["id"] == pull_id), None)
        if run is None:
            raise Failed(f"the pull {pull_id} is not known any more")
        if run["state"] in ENDS or (run["state"] == "asked" and run["why"] is not None):
            return run
        await asyncio.sleep(LOOK_S)
