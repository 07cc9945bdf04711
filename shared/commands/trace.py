"""`trace`: the way of one contact, record or event through all stages, oldest first."""

import asyncio
import textwrap
from collections.abc import Mapping
from typing import Any, Final

from shared.commands.http import Answer, Client, client, problem_of
from shared.commands.running import Failed, Running

PLACES: Final = {
    "receipt": "/v1/receipts/{}",
    "trace": "/v1/traces/{}",
    "identity": "/v1/identities/{}",
    "contact": "/v1/contacts/{}",
}
"""Who may know something about an id: ingest, backup, dedup, rules."""

COLUMNS_MAX: Final = 80
"""Of a terminal as it opens: a step with its ids takes two or three lines."""


async def run(running: Running, id_: str) -> dict[str, Any]:
    """What each service knows of this id. Raises Failed when it is known to nobody."""
    async with client(running, "operator", "steward", "reader") as asks:
        answers = await asyncio.gather(*(_ask(asks, path.format(id_)) for path in PLACES.values()))
    found = {name: answer.body for name, answer in zip(PLACES, answers, strict=True) if answer.status == 200}
    gone = [answer for answer in answers if answer.status in (404, 410) and _retired(answer)]
    if not found and gone:
        return {"retired": gone[0].body["retired"]}
    if not found:
        away = [answer for answer in answers if answer.status not in (404, 410, 422)]
        raise Failed(problem_of(away[0]) if away else "nobody knows this id: no contact, record or event bears it")
    return found


async def _ask(asks: Client, path: str) -> Answer:
    return await asks.ask("GET", path, retry=False)


def _retired(answer: Answer) -> bool:
    return isinstance(answer.body, dict) and bool(answer.body.get("retired"))


def lines_of(found: Mapping[str, Any]) -> list[str]:
    """The same for people: the receipt, each step with its time, and what stands now."""
    lines: list[str] = []
    if "retired" in found:
        lines.append(f"gone: {_flat(found['retired'])}")
    if receipt := found.get("receipt"):
        lines.append(f"receipt   {_flat(receipt)}")
    lines += [f"{_time(step)}  {_flat(_without(step, 'at', 'received_at', 'time'))}" for step in _steps(found)]
    if identity := found.get("identity"):
        members = identity.get("members", [])
        lines.append(
            f"identity  {len(members)} records, former ids: {', '.join(identity.get('former_ids', [])) or '-'}"
        )
    if contact := found.get("contact"):
        lines.append(
            f"now       contact {contact['contact_id']} at version {contact['version']}, "
            f"{contact.get('records_total', 0)} records, {len(contact['quality']['findings'])} findings"
        )
    return [part for line in lines for part in _narrow(line)]


def _narrow(line: str) -> list[str]:
    """A line in as many as a terminal needs; ids stay whole."""
    return textwrap.wrap(line, COLUMNS_MAX, subsequent_indent=" " * 4, break_long_words=False, break_on_hyphens=False)


def _steps(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Everything with a time that backup knows, whatever the list is called, oldest first."""
    trace = found.get("trace", {})
    lists = [value for value in trace.values() if isinstance(value, list)]
    steps = [step for steps in lists for step in steps if isinstance(step, dict)]
    return sorted(steps, key=_time)


def _time(step: Mapping[str, Any]) -> str:
    return str(step.get("at") or step.get("received_at") or step.get("time") or "")


def _without(step: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in step.items() if name not in names}


def _flat(step: Mapping[str, Any]) -> str:
    parts: list[str] = []
    for name, value in step.items():
        if isinstance(value, dict):
            parts.append(f"{name} ({_flat(value)})")
        elif value not in (None, "", []):
            parts.append(f"{name} {', '.join(map(str, value)) if isinstance(value, list) else value}")
    return ", ".join(parts)
