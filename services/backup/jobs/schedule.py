"""Schedule: a backup is asked for when its time has come, once however many processes look; after a downtime the last
time that was missed is made up for.
"""

from services.backup.jobs.store import Runs, Tables
from shared.domain.configuration import Backups
from shared.runtime.scheduler import Job, Run
from shared.runtime.world import World


def jobs(world: World, runs: Runs, tables: Tables) -> tuple[Job, ...]:
    """The job that asks for scheduled backups, none without a schedule and an address; an empty system has nothing to
    keep.
    """
    backups: Backups = world.configuration.operations.backup
    address = backups.to
    if backups.schedule is None or address is None:
        return ()

    async def ask(run: Run) -> None:
        if not await tables.is_empty():
            await runs.ask(run.run_id, "backup", address, world.clock.now())

    return (Job("backup", backups.schedule, backups.timezone, None, ask),)
