"""Dedup, put together."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Final

from services.dedup import store
from services.dedup.api import router
from services.dedup.core.arriving import Work
from services.dedup.core.decide import Law
from services.dedup.core.model import load_model
from services.dedup.core.population import Population
from services.dedup.pins import api as pins
from services.dedup.pins import fixing
from services.dedup.reconcile import api as reconciles
from services.dedup.reconcile import working
from services.dedup.requests.renewing import Renewing
from services.dedup.reviews import api as reviews
from services.dedup.reviews.desk import Desk
from services.dedup.settings import DedupSettings
from services.dedup.stage import Dedup, Identity, say
from shared.runtime import outbox, refreshing
from shared.runtime.renewal import left
from shared.runtime.scheduler import scheduled
from shared.runtime.world import Chore, Service, World

SWEEP_EVERY_S: Final = 2.0
"""How often unsaid contacts are looked for: what a dead process left is said within seconds."""

SWEEP_ROWS_MAX: Final = 500
"""Contacts said in one sweep; more are left for the next one."""

PARKED_EVERY_S: Final = 60.0
"""How often interactions of shared addresses are tried again, and those that waited too long are dropped."""

PARKED_ROWS_MAX: Final = 200
"""Interactions tried in one go."""

FORGET_EVERY_S: Final = 3_600.0
"""How often old decisions are deleted."""


async def build(world: World) -> Service:
    """The service in this world. Raises OSError or ValueError where the file of weights cannot be used."""
    settings = DedupSettings()
    law = Law(load_model(settings.model.read_bytes()), Population.default(), settings.merge)
    identity = Identity(world, settings, law)
    desk, reconciling = Desk(world, identity), working.Reconciling(world, identity)
    return Service(
        name="dedup",
        stage=Dedup(world, settings, identity),
        routers=(router(world, identity), pins.router(world, identity), reconciles.router(world), reviews.router(desk)),
        chores=(
            outbox.relay(world, "dedup"),
            Chore("sweeper", SWEEP_EVERY_S, partial(sweep, world, settings, identity)),
            Chore("parked", PARKED_EVERY_S, partial(try_parked, world, settings, identity)),
            fixing.chore(world, identity),
            desk.chore(),
            reconciling.chore(),
            scheduled(world, "dedup", working.BY, working.planned(world)),
            Renewing(world).chore(),
            refreshing.dripping(world, "dedup"),
            Chore("decisions", FORGET_EVERY_S, partial(forget, world, settings)),
        ),
        pending=partial(pending, world),
        adopt=identity.adopt,
        open=(reconciling.begin,),
    )


async def sweep(world: World, settings: DedupSettings, identity: Identity) -> None:
    """Say what was decided some seconds ago and is still unsaid: whoever decided it died, or could not reach Kafka."""
    before = world.clock.now() - timedelta(seconds=settings.unsaid_s)
    async with world.database.connection() as connection:
        late = await store.unsaid(connection, before, SWEEP_ROWS_MAX)
    if late:
        await say(world, await identity.say_again(late))


async def try_parked(world: World, settings: DedupSettings, identity: Identity) -> None:
    """Try interactions of shared addresses again, and drop what has waited too long."""
    now = world.clock.now()
    async with world.database.connection() as connection:
        shared = await store.parked_since(connection, now, shared=True, rows_max=PARKED_ROWS_MAX)
        late = await store.parked_since(connection, now - settings.parked, shared=False, rows_max=PARKED_ROWS_MAX)
    if late:
        await identity.give_up(late)
    gone = {happening.event_id for happening in late}
    await identity.carry_out(Work(happenings=[one for one in shared if one.event_id not in gone]))


async def forget(world: World, settings: DedupSettings) -> None:
    """Delete decisions that nothing can ask for any more."""
    async with world.database.connection() as connection:
        await store.forget_decisions(connection, world.clock.now() - settings.decisions)


async def pending(world: World) -> Mapping[str, int]:
    """What is decided and not yet said, and what is due to be decided again."""
    async with world.database.connection() as connection:
        unsaid = await store.count_unsaid(connection)
    waiting = await outbox.pending(world.database, "dedup")
    again = {"refreshes": await refreshing.due(world.database, "dedup"), "revision": await left(world.database)}
    due = {"pins": await fixing.pending(world), "keys": await working.pending(world)}
    return {"unsaid": unsaid, "outbox": waiting, **due, **again}
