"""`tokens`: who may what. A token is seen once, when it is made; what is stored is its hash."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from shared.commands.database import database_of
from shared.commands.running import Failed, Running
from shared.runtime.access import Role, create_token, list_tokens, revoke_token, rotate_token


async def create(running: Running, role: Role, name: str, sources: Sequence[str] | None) -> dict[str, Any]:
    """Make a token; `sources` None lets a sender write every source."""
    async with database_of(running) as database:
        token = await create_token(database, role, name, sources)
    return {"token": token, "role": role.value, "name": name, "sources": None if sources is None else list(sources)}


async def listed(running: Running) -> list[dict[str, Any]]:
    """All tokens, newest first, without what would let one in."""
    async with database_of(running) as database:
        tokens = await list_tokens(database)
    return [
        {
            "token_id": token.token_id,
            "name": token.name,
            "role": token.role.value,
            "sources": None if token.sources is None else list(token.sources),
            "revoked": token.revoked,
            "until": None if token.until is None else token.until.isoformat(),
        }
        for token in tokens
    ]


async def rotated(running: Running, token_id: str, keep: timedelta) -> str:
    """A new token for what an old one may; the old one lets in so much longer. Raises Failed when there is no such."""
    async with database_of(running) as database:
        token = await rotate_token(database, token_id, keep)
    if token is None:
        raise Failed(f"no valid token has the id {token_id}, or it was followed by another already: see `tokens list`")
    return token


async def revoked(running: Running, token_id: str) -> None:
    """Let this token in no more; once more changes nothing. Raises Failed when there is no such."""
    async with database_of(running) as database:
        if not await revoke_token(database, token_id):
            raise Failed(f"no token has the id {token_id}: see `tokens list`")
