"""Renewing: under a new revision of the configuration all contacts are asked for again, page by page, behind the new.

What waits to be said again is kept short: the row of the job holds the place, not a table of everybody.
"""

from typing import Final

from services.dedup.requests import store
from shared.runtime import refreshing, renewal
from shared.runtime.refreshing import Reason
from shared.runtime.world import Chore, World

EVERY_S: Final = 1.0
"""How often an idle process looks; a page lasts longer than that at the rate at which refreshes are let through."""

PAGE: Final = 500
"""Contacts asked for in one transaction: some 10 ms."""

WAITING_MAX: Final = 500
"""Contacts that may wait to be said before more are asked for: two seconds of what is let through."""


class Renewing:
    """One process's part of the work."""

    def __init__(self, world: World) -> None:
        self._world = world

    def chore(self) -> Chore:
        """The chore that asks."""
        return Chore("renewing", EVERY_S, self.run)

    async def run(self) -> None:
        """Ask for the next page, if there is a job and what was asked for is nearly said. Raises Transient."""
        if await refreshing.due(self._world.database, "dedup") < WAITING_MAX:
            await self._page()

    async def _page(self) -> None:
        now = self._world.clock.now()
        async with self._world.database.transaction() as connection:
            job = await renewal.job(connection)
            if job is None:
                return
            if job.total is None:
                total, until = await store.living(connection)
                job = job._replace(total=total, until=until)
            page = await store.living_between(connection, job.cursor, job.until, PAGE)
            reason = Reason(f"revision {job.number}", "configuration")
            await refreshing.ask(connection, "dedup", dict.fromkeys(page, reason), now)
            await renewal.advance(connection, job, page, now, ended=len(page) < PAGE)
