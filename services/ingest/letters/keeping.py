"""Keeping: once a day, letters that the log keeps no longer are given up, and those at their end forgotten."""

from typing import Final

from services.ingest.letters.store import ENDED_MAX, Letters
from shared.runtime.scheduler import Job, Run
from shared.runtime.telemetry import logger
from shared.runtime.world import World

WHEN: Final = "20 4 * * *"
"""After the receipts, in the same quiet hour."""

STEP: Final = 1_000
"""Letters in one transaction: locked for a fraction of a second."""


def job(world: World, letters: Letters) -> Job:
    """The daily work. Another process that takes it over begins with what is left."""

    async def run(timed: Run) -> None:
        now = world.clock.now()
        expired = forgotten = 0
        for _ in range(await letters.older(now - ENDED_MAX) // STEP + 1):
            async with world.database.transaction() as connection:
                await timed.check(connection)
            gone = await letters.expire(now - ENDED_MAX, now, STEP)
            expired, forgotten = expired + gone[0], forgotten + gone[1]
        logger("ingest").info("let old letters go", expired=expired, forgotten=forgotten)

    return Job("dead-letters", WHEN, "UTC", None, run)
