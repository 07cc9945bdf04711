"""Schedule: a backup is asked for when its time has come. Its run follows from the planned time: it is one run, however
many processes ask, and after a downtime the last time that was missed is made up for, once.
"""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from croniter import croniter

from services.backup.jobs.store import Runs, Tables
from shared.domain.configuration import Backups
from shared.domain.ids import derived_id
from shared.runtime.world import Chore, World

LOOK_EVERY_S: Final = 20.0
"""How often the clock is looked at: a cron expression counts minutes."""


def planned_before(backups: Backups, now: datetime) -> datetime | None:
    """The last planned time up to now, None without a schedule or an address. Days are those of the schedule's zone."""
    if backups.schedule is None or backups.to is None:
        return None
    local = now.astimezone(ZoneInfo(backups.timezone))
    planned: datetime = croniter(backups.schedule, local).get_prev(datetime)
    if croniter.match(backups.schedule, local):
        return local.replace(second=0, microsecond=0)
    return planned


def chore(world: World, runs: Runs, tables: Tables) -> Chore:
    """The chore that asks for scheduled backups; of an empty system there is nothing to keep."""
    backups = world.configuration.operations.backup

    async def ask() -> None:
        now = world.clock.now()
        planned = planned_before(backups, now)
        if planned is None or backups.to is None or await tables.is_empty():
            return
        await runs.ask(derived_id("backup", planned.isoformat()), "backup", backups.to, now)

    return Chore("schedule", LOOK_EVERY_S, ask)
