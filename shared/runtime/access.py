"""Access: who may what, by bearer tokens that only their holder knows.

Tokens lie hashed in `runtime.token` and are held in memory by every process, so that a Postgres outage locks nobody
out; a token made or revoked elsewhere is known here within seconds.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, NamedTuple

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from shared.domain.errors import Transient
from shared.runtime.clock import Clock
from shared.runtime.database import Database
from shared.runtime.http import Problem, unavailable

TOKEN_BYTES: Final = 32
"""256 random bits: nobody guesses them, so a plain SHA-256 is as good a hash as a slow one."""

FRESH_S: Final = 5.0
"""How long what we hold is taken as true; a revoked token works at most this much longer."""

UNKNOWN_PAUSE_S: Final = 0.5
"""A token we do not know is looked up at most twice a second: guessing must not load Postgres."""


SILENT_S: Final = 1.0
"""A Postgres that is there and does not answer holds nobody up for longer than this."""


class Role(StrEnum):
    """What a token is for."""

    SENDER = "sender"
    """Writes records, deletions and interactions of its sources."""
    READER = "reader"
    """Reads."""
    STEWARD = "steward"
    """Reads, reviews, merges, splits, pins."""
    PRIVACY = "privacy"
    """Reads; erasure and personal export."""
    OPERATOR = "operator"
    """Everything."""


class Caller(NamedTuple):
    """Who asks. `sources` None: all sources that are configured."""

    token_id: str
    name: str
    role: Role
    sources: frozenset[str] | None


class Token(NamedTuple):
    """A token as lists show it: without what would let one in."""

    token_id: str
    name: str
    role: Role
    sources: tuple[str, ...] | None
    revoked: bool
    until: datetime | None = None
    """When one that was followed by another ends."""


def require(*roles: Role) -> Any:
    """A dependency that lets in callers of these roles (who may what: `admits`) and gives the Caller.

    Use `dependencies=[require(Role.READER)]` or `caller: Annotated[Caller, require(Role.SENDER)]`.
    Answers 401 without or with a wrong token, 403 to a role too small, 503 while no token could be read yet.
    """

    return Depends(_Required(roles))


class _Required:
    """Gives the caller to a path, or refuses; `roles` is read by the document of the address, too."""

    def __init__(self, roles: Sequence[Role]) -> None:
        self.roles = tuple(roles)

    async def __call__(self, request: Request) -> Caller:
        access: Access = request.app.state.access
        caller = await access.caller(bearer(request))
        if caller is None:
            raise Problem(
                401, "Unauthorized", "Send Authorization: Bearer TOKEN.", headers={"WWW-Authenticate": "Bearer"}
            )
        if not admits(self.roles, caller.role):
            raise Problem(403, "Forbidden", f"This needs a token of role {' or '.join(self.roles)}.")
        return caller


class Straight(APIRoute):
    """A busy path: without a query all there is to read is its path (as text) and its caller. What FastAPI does to find
    that out, an eighth of what a single record costs ingest, is left out; with a query all is as usual.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
        usual = super().get_route_handler()
        guards = [(one.name, one.call) for one in self.dependant.dependencies if isinstance(one.call, _Required)]
        assert len(guards) == len(self.dependant.dependencies), "a busy path depends on its caller only"
        itself = self.dependant.request_param_name

        async def handle(request: Request) -> Response:
            if request.scope["query_string"]:
                return await usual(request)
            known: dict[str, Any] = {itself: request} if itself else {}
            for name, guard in guards:
                caller = await guard(request)
                known |= {name: caller} if name else {}
            answer: Response = await self.endpoint(**request.path_params, **known)
            return answer

        return handle


def admits(roles: Sequence[Role], role: Role) -> bool:
    """True when a path for `roles` is open to `role`: operator enters everywhere, steward and privacy may read."""
    reads = role in (Role.STEWARD, Role.PRIVACY) and Role.READER in roles
    return role is Role.OPERATOR or role in roles or reads


def bearer(request: Request) -> str | None:
    """The bearer token of a request, None without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


class Access:
    """The tokens as this process holds them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._callers: dict[bytes, Caller] | None = None
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def caller(self, token: str | None) -> Caller | None:
        """Who holds this token; None when nobody does. Raises Problem 503 while no token could be read at all."""
        if token is None:
            return None
        key = digest(token)
        age = self._clock.monotonic() - self._read_at
        known = self._callers is not None and key in self._callers
        if self._callers is None or age > (FRESH_S if known else UNKNOWN_PAUSE_S):
            await self._freshened()
        if self._callers is None:
            raise unavailable("The tokens cannot be read at the moment.")
        return self._callers.get(key)

    async def _freshened(self) -> None:
        """Read once for all who ask meanwhile; where Postgres is silent, go on with what is held."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        await asyncio.wait([self._reading], timeout=SILENT_S)

    async def _read(self) -> None:
        self._read_at = self._clock.monotonic()
        try:
            rows = await self._database.fetch(
                """SELECT token_id::text, name, role, sources, hash FROM runtime.token
                   WHERE revoked_at IS NULL OR revoked_at > now()"""
            )
        except Transient:
            return  # what is held stays true until Postgres is back
        self._callers = {
            bytes(row["hash"]): Caller(
                row["token_id"],
                row["name"],
                Role(row["role"]),
                None if row["sources"] is None else frozenset(row["sources"]),
            )
            for row in rows
        }


async def create_token(database: Database, role: Role, name: str, sources: Sequence[str] | None = None) -> str:
    """Make a token and return it: the only time it is seen."""
    token = "kw_" + secrets.token_urlsafe(TOKEN_BYTES)
    await adopt_token(database, role, name, token, sources)
    return token


async def adopt_token(
    database: Database, role: Role, name: str, token: str, sources: Sequence[str] | None = None
) -> None:
    """Let this token in, which the caller made and keeps; again and again is the same as once."""
    await database.execute(
        """INSERT INTO runtime.token (token_id, name, role, sources, hash)
           VALUES (gen_random_uuid(), $1, $2, $3, $4) ON CONFLICT (hash) DO NOTHING""",
        name,
        role.value,
        None if sources is None else list(sources),
        digest(token),
    )


async def list_tokens(database: Database) -> list[Token]:
    """All tokens, newest first."""
    rows = await database.fetch(
        """SELECT token_id::text, name, role, sources, coalesce(revoked_at <= now(), false) AS revoked, revoked_at
           FROM runtime.token ORDER BY created_at DESC, token_id"""
    )
    return [
        Token(
            row["token_id"],
            row["name"],
            Role(row["role"]),
            None if row["sources"] is None else tuple(row["sources"]),
            row["revoked"],
            None if row["revoked"] else row["revoked_at"],
        )
        for row in rows
    ]


async def rotate_token(database: Database, token_id: str, keep: timedelta) -> str | None:
    """Make a token for what this one may, and let this one in only so much longer, both or neither; None when it is not
    valid, or was followed already.
    """
    token = "kw_" + secrets.token_urlsafe(TOKEN_BYTES)
    rows = await database.fetch(
        """WITH old AS (UPDATE runtime.token SET revoked_at = now() + $3
                        WHERE token_id::text = $1 AND revoked_at IS NULL RETURNING name, role, sources)
           INSERT INTO runtime.token (token_id, name, role, sources, hash)
           SELECT gen_random_uuid(), name, role, sources, $2 FROM old RETURNING 1""",
        token_id,
        digest(token),
        keep,
    )
    return token if rows else None


async def revoke_token(database: Database, token_id: str) -> bool:
    """Let this token in no more; False when there is none of this id."""
    rows = await database.fetch(
        "UPDATE runtime.token SET revoked_at = least(revoked_at, now()) WHERE token_id::text = $1 RETURNING 1",
        token_id,
    )
    return bool(rows)


def digest(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


AnyReader = Annotated[Caller, require(Role.READER)]
"""A caller who may read."""
