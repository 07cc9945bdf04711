"""Schedule: a backup is asked for when its time has come, once however many processes look; after a downtime the last
time that was missed is made up for.
"""

from collections.abc import Callable

from services.backup.jobs.store import Runs, Tables
from shared.runtime.scheduler import Job, Run
from shared.runtime.world import World


def planned(world: World, runs: Runs, tables: Tables) -> Callable[[], Job | None]:
    """The job that asks for scheduled backups, as operations.yaml has it now; None without a schedule or an address. An
    empty system has nothing to keep.
    """

    async def ask(run: Run) -> None:
        address = world.configuration.operations.backup.to
        if address is not None and not await tables.is_empty():
            await runs.ask(run.run_id, "backup", address, world.clock.now())

    def job() -> Job | None:
        backups = world.configuration.operations.backup
        if backups.schedule is None or backups.to is None:
            return None
        return Job("backup", backups.schedule, backups.timezone, None, ask)

    return job
