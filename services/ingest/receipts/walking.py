"""Walking: once a day through all receipts, in the order in which they lie, a few pages in each transaction."""

from datetime import timedelta
from typing import Final

from services.ingest.receipts import store
from shared.runtime.scheduler import Job, Run
from shared.runtime.telemetry import logger
from shared.runtime.world import World

KEPT: Final = timedelta(days=30)
"""Contract section 3. No topic that the follower reads reaches back as far but the dead letters, and what is set aside
is kept here until it is mended: nothing that is let go is told of again by the log."""

WHEN: Final = "50 3 * * *"
"""At night in Europe, and not on the hour, when everybody else's work begins."""

STEP: Final = 500
"""Pages in one transaction: 4 MiB, some 20,000 receipts at most, locked for a fraction of a second."""


def job(world: World) -> Job:
    """The daily work. Another process that takes it over walks again from the start: what was let go is not there."""

    async def run(timed: Run) -> None:
        before = world.clock.now() - KEPT
        async with world.database.connection() as connection:
            pages = await store.pages(connection)
        settled = 0
        for first in range(0, pages, STEP):
            async with world.database.transaction() as connection:
                await timed.check(connection)
                settled += await store.settle(connection, first, min(first + STEP, pages), before)
        logger("ingest").info("let old receipts go", receipts=settled)

    return Job("receipts", WHEN, "UTC", None, run)
