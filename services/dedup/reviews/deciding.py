"""Decisions of people, carried out through the same transaction as everything else, and said at once."""

from collections.abc import Sequence
from typing import Any, Final

import stamina

from services.dedup.core.arriving import Work
from services.dedup.core.composing import TooLarge
from services.dedup.core.judging import Refused, Verdict, Wish
from services.dedup.stage import Identity, say
from shared.domain.errors import Transient
from shared.runtime.access import Caller
from shared.runtime.http import Problem
from shared.runtime.world import World

ATTEMPTS: Final = 4
"""Tries of a decision that others' locks got in the way of; then 503, and the caller may come again."""


class Deciding:
    """What people decide about who is who."""

    def __init__(self, world: World, identity: Identity) -> None:
        self._world = world
        self._identity = identity

    async def decide(
        self, wish: Wish, caller: Caller, reason: str | None, settles: str | None = None, *, dry_run: bool
    ) -> dict[str, Any]:
        """Carry it out and say it at once. Raises Problem 409 or 422 where it makes no sense as things stand."""
        verdict = Verdict(wish, caller.name, self._world.clock.now(), reason, settles)
        try:
            patiently = stamina.retry(on=Transient, attempts=ATTEMPTS, timeout=10)(self._identity.carry_out)
            result = await patiently(Work(verdict=verdict, dry_run=dry_run))
        except Refused as refused:
            raise Problem(409, "Conflict", str(refused)) from None
        except TooLarge:
            raise Problem(409, "Conflict", "The contact would be larger than a message may be.") from None
        if not dry_run:
            await self._say(result.says)
        return {
            "contact_ids": sorted(result.versions),
            "judgement_ids": list(result.judgement_ids),
            "versions": result.versions,
        }

    async def _say(self, says: Sequence[Any]) -> None:
        """Say it now; while Kafka is away it stays unsaid, and the sweeper says it."""
        try:
            await say(self._world, says)
        except Transient:
            return
