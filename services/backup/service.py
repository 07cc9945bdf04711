"""Backup, put together."""

from services.backup.api import router
from services.backup.settings import BackupSettings
from services.backup.stage import Backup
from services.backup.store import Store
from shared.runtime.world import Service, World


async def build(world: World) -> Service:
    """The service in this world."""
    store = Store(world.database)
    return Service(
        name="backup",
        stage=Backup(store, BackupSettings().batch_messages_max),
        routers=(router(store),),
    )
