"""How tests and the bench of order run reconcile to its end."""

from datetime import datetime

from services.dedup.reconcile import store
from services.dedup.reconcile.store import Run
from services.dedup.reconcile.working import Reconciling
from tests.integration.dedup.town import Town

STEPS_MAX = 100_000
"""Pages of a run; more mean that it does not come to its end."""


async def reconciled(town: Town, since: datetime | None = None) -> Run:
    """Ask for a run, do it, and take back what generic keys left behind."""
    run_id = town.world.ids.new()
    worker = Reconciling(town.world, town.identity)
    await worker.retract()
    async with town.database.connection() as connection:
        await store.ask(connection, run_id, since, "test", town.world.clock.now())
    for _ in range(STEPS_MAX):
        await worker.step()
        async with town.database.connection() as connection:
            run = await store.run(connection, run_id)
        assert run is not None
        if run.state == "done":
            await worker.retract()
            return run
    raise AssertionError("the run does not end")
