"""`dead-letters`: what was set aside, counted and one by one; mending it, sending it again, giving it up."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from shared.commands.database import database_of
from shared.commands.http import Answer, client, problem_of
from shared.commands.running import Failed, Running, WrongUsage
from shared.runtime.halt import resume
from shared.topology import SERVICES

__all__ = ["SERVICES"]

PAGE: Final = 200
"""Letters of one request; the list goes on by cursor."""

AT_ONCE: Final = 100
"""Letters sent again by one request: each is read from the log by itself, and an answer comes within seconds."""

_AGO: Final = re.compile(r"(\d{1,6})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def chosen(
    stage: str | None, reason: str | None, since: str | None, until: str | None, now: datetime
) -> dict[str, str]:
    """What of the letters is meant. Raises WrongUsage for a stage that is none and a time that cannot be read."""
    if stage is not None and stage not in SERVICES:
        raise WrongUsage(f"there is no service {stage!r}; there are {', '.join(SERVICES)}")
    said = {"stage": stage, "reason": reason, "since": _time(since, now), "until": _time(until, now)}
    return {name: value for name, value in said.items() if value is not None}


def meant(ids: Sequence[str], which: Mapping[str, str]) -> dict[str, Any]:
    """Letters by name, or by what they have in common. Raises WrongUsage for both or neither."""
    if bool(ids) == bool(which):
        raise WrongUsage("name letters, or a --stage, --reason, --since or --until")
    return {"ids": list(ids)} if ids else dict(which)


async def listed(running: Running, which: Mapping[str, str], limit: int) -> dict[str, Any]:
    """`groups` by stage and reason, and the newest letters, at most `limit`."""
    params = {**which, "limit": str(min(limit, PAGE))}
    items: list[dict[str, Any]] = []
    async with client(running, "reader", "operator") as asks:
        page = await asks.get("/v1/dead-letters", params)
        groups = page["groups"]
        items += page["items"]
        while page["next"] is not None and len(items) < limit:
            page = await asks.get("/v1/dead-letters", params | {"cursor": page["next"]})
            items += page["items"]
    return {"groups": groups, "items": items[:limit], "next": None}


async def shown(running: Running, letter_id: str, *, reveal: bool) -> dict[str, Any]:
    """One letter with its headers and its value, masked unless `reveal` (operator only)."""
    async with client(running, *(("operator",) if reveal else ("reader", "operator"))) as asks:
        found: dict[str, Any] = await asks.get(f"/v1/dead-letters/{letter_id}", {"reveal": "true"} if reveal else None)
    return found


def fix_of(
    named: Mapping[str, Sequence[str]], remove: Sequence[str], encoding: str | None, value: Path | None
) -> dict[str, Any]:
    """What to change, from the words of the command line. Raises WrongUsage, and Failed for a file that is no JSON."""
    fix: dict[str, Any] = {name: dict(_pair(word) for word in words) for name, words in named.items() if words}
    if "set" in fix:
        fix["set"] = {pointer: _json(text) for pointer, text in fix["set"].items()}
    if remove:
        fix["remove"] = list(remove)
    if encoding is not None:
        fix["encoding"] = encoding
    if value is not None:
        try:
            fix["value"] = msgspec.json.decode(value.read_bytes())
        except (OSError, msgspec.DecodeError) as error:
            raise Failed(f"{value} cannot be read as JSON ({type(error).__name__})") from None
    if not fix:
        raise WrongUsage("say what to change: --set, --remove, --map, --header, --encoding or --value")
    return fix


async def fixed(running: Running, letter_id: str, fix: Mapping[str, Any], *, dry_run: bool) -> dict[str, Any]:
    """Mend a letter and send it, or say what its stage would decide."""
    async with client(running, "operator") as asks:
        answer = await asks.ask("POST", f"/v1/dead-letters/{letter_id}/fixes", fix, _dry(dry_run))
    return _body(answer)


async def replayed(running: Running, asked: Mapping[str, Any], rate: float | None, *, dry_run: bool) -> dict[str, Any]:
    """Send letters again, at most `rate` a second. Says what was, or would be, done with each."""
    result: dict[str, Any] = {"replayed": 0, "items": [], "skipped": []}
    at_once = AT_ONCE if rate is None else max(1, min(AT_ONCE, int(rate)))
    loop = asyncio.get_running_loop()
    async with client(running, "operator") as asks:
        for body in _bodies(asked, at_once):
            cursor: str | None = None
            while True:
                started = loop.time()
                more = {} if cursor is None else {"cursor": cursor}
                page = _body(await asks.ask("POST", "/v1/dead-letters/replay", body | more, _dry(dry_run)))
                for name in result:
                    result[name] += page[name]
                cursor = page["next"]
                if rate is not None and not dry_run:
                    took = loop.time() - started
                    await asyncio.sleep(max(0.0, (len(page["items"]) + len(page["skipped"])) / rate - took))
                if cursor is None:
                    break
    return result | {"dry_run": dry_run}


async def dropped(running: Running, asked: Mapping[str, Any], why: str, *, dry_run: bool) -> dict[str, Any]:
    """Give letters up for a reason. Says which were, or would be."""
    ids: list[str] = []
    async with client(running, "operator") as asks:
        for body in _bodies(asked, PAGE):
            cursor: str | None = None
            while True:
                more = {"why": why} if cursor is None else {"why": why, "cursor": cursor}
                page = _body(await asks.ask("POST", "/v1/dead-letters/drop", body | more, _dry(dry_run)))
                ids += page["ids"]
                cursor = page["next"]
                if cursor is None:
                    break
    return {"dropped": len(ids), "ids": ids, "dry_run": dry_run}


async def resumed(running: Running, stage: str) -> None:
    """Let a stage that stands still go on: within seconds. Raises Failed when it does not stand still."""
    async with database_of(running) as database:
        if not await resume(database, stage):
            raise Failed(f"{stage} does not stand still")


def group_line(group: Mapping[str, Any]) -> str:
    """One group on one line: how many, stage, reason, and how old the oldest and the newest are."""
    ages = f"oldest {age_of(group['oldest_s'])}, newest {age_of(group['newest_s'])}"
    return f"{group['letters']:>7,}  {group['stage']:<9} {group['reason']:<17} {ages}"


def line_of(letter: Mapping[str, Any]) -> str:
    """One letter on one line: id, stage, reason, age, and what is wrong in words."""
    said = letter.get("why") or letter.get("detail") or ""
    return f"{letter['id']}  {letter['stage']:<9} {letter['reason']:<17} {age_of(letter['age_s']):>7}  {said}"


def age_of(seconds: float) -> str:
    """How long ago something was: 40 s, 12 min, 3 h, 5 d."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def _bodies(asked: Mapping[str, Any], at_once: int) -> list[dict[str, Any]]:
    """The requests in which letters are asked for: so many ids each, or one that goes on by cursor."""
    ids = asked.get("ids")
    if ids is None:
        return [{**asked, "limit": at_once}]
    return [{"ids": ids[first : first + at_once]} for first in range(0, len(ids), at_once)]


def _body(answer: Answer) -> dict[str, Any]:
    if answer.status not in (200, 202) or not isinstance(answer.body, dict):
        raise Failed(problem_of(answer))
    body: dict[str, Any] = answer.body
    return body


def _dry(dry_run: bool) -> dict[str, str] | None:  # noqa: FBT001 (as asked)
    return {"dry_run": "true"} if dry_run else None


def _pair(word: str) -> tuple[str, str]:
    name, equals, text = word.partition("=")
    if not (name and equals):
        raise WrongUsage(f"expected NAME=VALUE, got a word of {len(word)} characters without one")
    return name, text


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _time(text: str | None, now: datetime) -> str | None:
    """A time as ISO 8601, from one, or from how long ago it was."""
    if text is None:
        return None
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return (now - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])).isoformat()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUsage("expected a time such as 2026-11-22T09:00:00+01:00, or 2h ago as `2h`") from None
    return (at if at.tzinfo is not None else at.astimezone()).isoformat()
