"""`reconcile`: decide again who is who; a run is asked for, and waited for until all it changed is said."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.commands.backup import ended
from shared.commands.http import client, problem_of
from shared.commands.running import Failed, Running, WrongUsage


async def run(running: Running, since: str | None) -> dict[str, Any]:
    """Decide over everything, or over what hangs together with contacts that changed since a time; what came of it."""
    wish = {} if since is None else {"since": time_of(since).isoformat()}
    async with client(running, "operator") as asks:
        answer = await asks.ask("POST", "/v1/reconciles", wish)
        if answer.status != 202:
            raise Failed(problem_of(answer))
        return await ended(asks, f"/v1/reconciles/{answer.body['id']}")


def time_of(text: str) -> datetime:
    """A time; without zone it is UTC. Raises WrongUsage."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUsage(f"{text!r} is no time such as 2026-11-22T09:15:00Z") from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def line_of(run: Mapping[str, Any]) -> str:
    """A run in a line: what it is at, or what came of it."""
    scope = "all" if run["since"] is None else f"changed since {run['since'][:16]}"
    most = max(run["compared"], run["records"])  # an estimate of Postgres, which knows nothing of young tables
    compared = f", {run['compared']:,} of about {most:,} records compared" if run["since"] is None else ""
    epoch = f", epoch {run['epoch']}" if run["epoch"] is not None else ""
    return f"reconcile ({scope}): {run['phase'] or run['state']}{epoch}{compared}, {run['changed']:,} contacts changed"
