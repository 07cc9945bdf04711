"""`diff`: what changed between two times, contact by contact."""

from typing import Any, Final

from shared.commands.http import client
from shared.commands.masking import MASK
from shared.commands.running import Running

PAGE: Final = "200"
"""Contacts of one request."""


async def run(running: Running, from_: str, to: str | None, cause: str | None, limit: int) -> list[dict[str, Any]]:
    """The contacts that changed, at most `limit`."""
    wanted = {"from": from_, "to": to, "cause": cause, "limit": PAGE}
    params = {name: value for name, value in wanted.items() if value is not None}
    found: list[dict[str, Any]] = []
    async with client(running, "reader", "operator") as asks:
        while len(found) < limit:
            page = await asks.get("/v1/diffs", params)
            found += page["items"]
            if page["next"] is None:
                break
            params["cursor"] = page["next"]
    return found[:limit]


def shown(contact: dict[str, Any], *, reveal: bool) -> dict[str, Any]:
    """A contact's changes, with their values only where they may be seen."""
    if reveal:
        return contact
    return {
        **contact,
        "changes": [
            {**one, "before": _masked(one["before"]), "after": _masked(one["after"])} for one in contact["changes"]
        ],
    }


def lines_of(contact: dict[str, Any]) -> list[str]:
    """A contact's changes, a line each."""
    before, after = contact["versions"]["before"], contact["versions"]["after"]
    head = f"{contact['contact_id']}  {'new' if before is None else before} → {contact.get('retired') or after}"
    return [head, *(f"    {one['path']}: {one['before']} → {one['after']}" for one in contact["changes"])]


def _masked(value: Any) -> Any:
    return None if value is None else MASK
