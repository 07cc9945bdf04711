"""Every door of the one address, as its own document lists them: who may open it, tried with every kind of token."""

import asyncio
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import aiohttp

from shared.runtime.access import Role, admits
from tests.support.system import System

OPEN: Final = frozenset({
    "/hooks/{source}", "/hooks/{source}/{secret}", "/livez", "/readyz", "/metrics", "/docs", "/openapi.json",
    "/asyncapi.json", "/v1/schemas", "/v1/schemas/{name}",
})  # fmt: skip
"""What the contract leaves open (sections 3 and 4): vendors, health, documentation."""

NOBODY: Final = "00000000-0000-4000-8000-000000000000"
"""In the place of every id: there is none."""

AT_ONCE: Final = 8
"""Doors tried at the same time."""


class Door(NamedTuple):
    """One path and method, and the roles that the document names; none for one that is open."""

    method: str
    path: str
    roles: tuple[str, ...]


def doors(document: dict[str, Any]) -> Iterator[Door]:
    """All that the document lists."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield Door(method.upper(), path, tuple(operation.get("x-roles", ())))


def strangers(listed: Iterable[Door]) -> list[str]:
    """What stands open though the contract does not say so, or asks for a token though the contract says it is open."""
    return [
        f"{one.path} {'is open to everybody' if one.path not in OPEN else 'asks for a token'}"
        for one in listed
        if bool(one.roles) == (one.path in OPEN)
    ]


def is_right(door: Door, role: Role | None, status: int) -> bool:
    """True for the answer that this role (None: no token) is to get at a door that asks for one.

    Whom it lets in may find nothing, or somebody busy (503).
    """
    if role is None:
        return status == 401
    if not may(door, role):
        return status == 403
    return status not in (401, 403, 500)


def may(door: Door, role: Role) -> bool:
    """True when the document lets this role in."""
    return admits([Role(one) for one in door.roles], role)


async def wrongs(system: System) -> list[str]:
    """Doors that stand open to whom they should not, or are closed to whom they should let in; empty when all is well.

    Whoever may read is let in; what would change something is only tried by those who may not.
    """
    endpoints = system.endpoints()
    async with system.session.get(f"{endpoints['http']}/openapi.json") as answer:
        listed = list(doors(await answer.json()))
    turn = asyncio.Semaphore(AT_ONCE)

    async def tried(door: Door, role: Role | None) -> str | None:
        if role is not None and door.method != "GET" and may(door, role):
            return None
        headers = {} if role is None else {"Authorization": f"Bearer {endpoints['tokens'][role]}"}
        path = re.sub(r"{[^}]+}", NOBODY, door.path)
        async with turn:
            status = await _status(system.session, door.method, endpoints["http"] + path, headers)
        return None if is_right(door, role, status) else f"{door.method} {path}: {status} to {role or 'nobody'}"

    asked = [tried(door, role) for door in listed if door.roles for role in (None, *Role)]
    return strangers(listed) + [wrong for wrong in await asyncio.gather(*asked) if wrong is not None]


async def _status(session: aiohttp.ClientSession, method: str, url: str, headers: dict[str, str]) -> int:
    """Of the answer's head: a stream of events has no end."""
    body = None if method == "GET" else b"{}"
    async with session.request(
        method, url, headers=headers | {"Content-Type": "application/json"}, data=body, allow_redirects=False
    ) as answer:
        return answer.status
