"""Backup, put together."""

from collections.abc import Mapping

from services.backup.api import router
from services.backup.jobs import api as jobs
from services.backup.jobs import erasures, schedule
from services.backup.jobs.store import Erasures, Runs, Tables
from services.backup.jobs.working import Worker
from services.backup.settings import BackupSettings
from services.backup.stage import Backup
from services.backup.store import Store
from shared.runtime import outbox
from shared.runtime.scheduler import scheduled
from shared.runtime.world import Service, World


async def build(world: World) -> Service:
    """The service in this world."""
    store, runs, tables = Store(world.database), Runs(world.database), Tables(world.database)
    settings = BackupSettings()
    passphrase = None if settings.passphrase is None else settings.passphrase.get_secret_value()
    worker = Worker(world, runs, tables, passphrase)

    async def pending() -> Mapping[str, int]:
        return {"runs": await runs.open_runs(), "outbox": await outbox.pending(world.database, "backup")}

    return Service(
        name="backup",
        stage=Backup(store, settings.batch_messages_max),
        routers=(
            router(store, world.clock),
            jobs.backups(world, runs),
            jobs.restores(world, runs, tables),
            erasures.router(world, Erasures(world.database)),
        ),
        chores=(
            worker.chore(),
            scheduled(world, "backup", "backup", schedule.planned(world, runs, tables)),
            outbox.relay(world, "backup"),
        ),
        pending=pending,
    )
