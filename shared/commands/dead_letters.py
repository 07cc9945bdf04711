"""`dead-letters`: what was set aside, one by one, and sending it again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from shared.commands.database import database_of
from shared.commands.http import client, problem_of
from shared.commands.running import Failed, Running, WrongUsage
from shared.runtime.halt import resume
from shared.topology import SERVICES

PAGE: Final = "200"
"""Letters of one request; the list goes on by cursor."""


async def listed(running: Running, stage: str | None, reason: str | None, limit: int) -> list[dict[str, Any]]:
    """The newest letters, at most `limit`, of one stage or reason where named."""
    wanted = {"stage": stage, "reason": reason, "limit": PAGE}
    params = {name: value for name, value in wanted.items() if value is not None}
    found: list[dict[str, Any]] = []
    async with client(running, "reader", "operator") as asks:
        while len(found) < limit:
            page = await asks.get("/v1/dead-letters", params)
            found += page["items"]
            if page["next"] is None:
                break
            params["cursor"] = page["next"]
    return found[:limit]


async def shown(running: Running, letter_id: str, *, reveal: bool) -> dict[str, Any]:
    """One letter with its headers and its value, masked unless `reveal` (operator only)."""
    async with client(running, *(("operator",) if reveal else ("reader", "operator"))) as asks:
        found: dict[str, Any] = await asks.get(f"/v1/dead-letters/{letter_id}", {"reveal": "true"} if reveal else None)
    return found


async def replayed(
    running: Running, ids: Sequence[str], stage: str | None, reason: str | None, *, dry_run: bool
) -> dict[str, Any]:
    """Send letters again: those named, or all open ones of a stage and reason. Says what was, or would be, done."""
    wanted: Mapping[str, Any] = {"ids": list(ids)} if ids else {"stage": stage, "reason": reason}
    body = {name: value for name, value in wanted.items() if value is not None}
    async with client(running, "operator") as asks:
        params = {"dry_run": "true"} if dry_run else None
        answer = await asks.ask("POST", "/v1/dead-letters/replay", body, params)
    if answer.status not in (200, 202) or not isinstance(answer.body, dict):
        raise Failed(problem_of(answer))
    return answer.body


def line_of(letter: Mapping[str, Any], now: datetime) -> str:
    """One letter on one line: id, stage, reason, age, and what is wrong in words."""
    stage, reason = letter.get("stage", ""), letter.get("reason", "")
    return f"{letter.get('id', '')}  {stage:<9} {reason:<17} {age_of(letter, now):>7}  {letter.get('detail') or ''}"


def age_of(letter: Mapping[str, Any], now: datetime) -> str:
    """How long ago it was set aside: 40 s, 12 min, 3 h, 5 d."""
    try:
        seconds = (now - datetime.fromisoformat(str(letter.get("at")))).total_seconds()
    except ValueError:
        return ""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


async def resumed(running: Running, stage: str) -> None:
    """Let a stage that stands still go on: within seconds. Raises Failed when it does not stand still."""
    if stage not in SERVICES:
        raise WrongUsage(f"there is no service {stage!r}; there are {', '.join(SERVICES)}")
    async with database_of(running) as database:
        if not await resume(database, stage):
            raise Failed(f"{stage} does not stand still")
