"""Ingest, put together."""

import secrets
from contextlib import suppress

from services.ingest.api import Parts, routers
from services.ingest.client import Log, Owners, owners_of
from services.ingest.fetches.fetching import Fetching
from services.ingest.imports.store import Imports
from services.ingest.letters import keeping
from services.ingest.letters.sending import Sending
from services.ingest.letters.store import Letters
from services.ingest.pulls import api as pulls_api
from services.ingest.pulls import pulling
from services.ingest.pulls.store import Pulls
from services.ingest.receipts import walking
from services.ingest.settings import IngestSettings
from services.ingest.spool.outlet import Outlet
from services.ingest.stage import Door, Follow
from services.ingest.store import Follower, Shelf, Store
from services.ingest.topics.changes import Changes
from shared.domain.errors import Transient
from shared.runtime.scheduler import scheduler
from shared.runtime.world import Chore, Service, World

KEY_BYTES = 32
"""256 random bits for the key behind record ids."""

COUNT_EVERY_S = 2.0
"""Counters of repeated deliveries are looked at by people."""

FORGET_EVERY_S = 600.0
"""Idempotency keys are kept a day; ten minutes more do no harm."""

KEY_EVERY_S = 2.0
"""A restore brings the key that was: before anybody sends again, every door knows it."""


async def build(world: World) -> Service:
    """The service in this world. Raises ValueError for an address of an owner that is none, Transient while Postgres
    is away: without the key behind record ids nothing can be taken.
    """
    settings = IngestSettings()
    store, shelf = Store(world.database), Shelf(world.database)
    made = secrets.token_bytes(KEY_BYTES)
    key = settings.record_key.get_secret_value().encode() if settings.record_key else await store.record_key(made)
    outlet = Outlet(world, settings)
    door = Door(world, store, settings, key, outlet)
    owners = Owners(owners_of(world.settings.owners), settings.owner_wait_s)
    log = Log(world.broker.admin(), world.clock, f"http://{world.settings.host}:{world.settings.port}")
    pulls, letters = Pulls(world.database), Letters(world.database)
    puller = pulling.Puller(world, door, pulls, settings.private_addresses)
    fetching = Fetching(world, door, settings.private_addresses)
    changes = Changes(world, door)
    sending = Sending(world, door, letters, log, owners, fetching)
    parts = Parts(world, door, store, shelf, letters, sending, owners, log, Imports(world.database), fetching)

    async def forget() -> None:
        await store.forget_old_answers(world.clock.now())

    async def know_the_key() -> None:
        if settings.record_key is None:
            door.key = await store.record_key(door.key)

    async def count_the_last() -> None:
        with suppress(Transient):
            await door.count_duplicates()

    return Service(
        name="ingest",
        stage=Follow(Follower(world.database), settings.batch_messages_max),
        routers=(pulls_api.router(world, pulls), *routers(parts)),
        chores=(
            Chore("count repeated deliveries", COUNT_EVERY_S, door.count_duplicates),
            Chore("forget old idempotency keys", FORGET_EVERY_S, forget),
            *scheduler(world, "ingest", (walking.job(world), keeping.job(world, letters))),
            *pulling.chores(world, puller, pulls),
            *outlet.chores(),
            fetching.chore(),
            changes.chore(),
            Chore("know the key behind record ids", KEY_EVERY_S, know_the_key),
        ),
        pending=outlet.pending,
        measures=outlet.measures(),
        open=(outlet.open, owners.open),
        close=(outlet.close, fetching.close, changes.close, puller.close, count_the_last, owners.close, log.close),
        ready_while_waiting=True,
        begins_without_kafka=settings.spool_dir is not None,
    )
