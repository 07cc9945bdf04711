"""Enrich, put together."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from services.enrich.api import router
from services.enrich.client import Client
from services.enrich.core.asking import Asked, InvalidProvider, asked_of
from services.enrich.core.meter import blocked_until
from services.enrich.providers.worker import Worker, Workers
from services.enrich.settings import EnrichSettings
from services.enrich.stage import SERVICE, Enrich, Memory, personal
from services.enrich.store import Store
from shared.domain.configuration import Configuration
from shared.runtime import refreshing
from shared.runtime.addresses import Private
from shared.runtime.configuration import Misconfigured
from shared.runtime.facts import Facts, waking
from shared.runtime.world import Chore, Service, World

KEPT_UNWANTED: Final = timedelta(hours=1)
"""How long an answer about a person is kept that nobody waits for: a contact that is being said again waits anew within
seconds, or within minutes when much is to be said."""

FORGETS_EVERY_S: Final = 600.0
"""How often that is looked after; one scan of the answers about people."""


async def build(world: World) -> Service:
    """The service in this world. Raises Misconfigured when a provider cannot be used, with what to change."""
    settings = EnrichSettings()
    private = Private(settings.private_addresses)
    store = Store(world.database)
    facts = Facts(world.database, SERVICE)
    client = Client(private)
    name = world.ids.new()
    stage, workers = Enrich(settings.batch_messages_max), Workers()

    def providers() -> Sequence[Asked]:
        return [one.asked for one in workers.workers]

    def adopt(configuration: Configuration) -> None:
        try:
            asked = asked_of(configuration.providers, plain_http=private is Private.ALLOW)
        except InvalidProvider as error:
            raise Misconfigured(str(error)) from None
        workers.workers = [Worker(one, store, facts, client, world.clock, name) for one in asked]
        stage.memory = Memory(asked, store, facts, world.clock) if asked else None

    async def pending() -> Mapping[str, int]:
        """What could be done now: a question to a provider that may not be asked waits for a later hour."""
        now = world.clock.now()
        asked = providers()
        rows = await store.rows([one.name for one in asked])
        open_to = [one.name for one in asked if blocked_until(rows[one.name].meter, one.limits, now) is None]
        return {
            "questions": await facts.due(now, open_to),
            "refreshes": await refreshing.due(world.database, SERVICE),
        }

    async def forget() -> None:
        await store.forget(personal(providers()), world.clock.now() - KEPT_UNWANTED)

    adopt(world.configuration)
    return Service(
        name=SERVICE,
        stage=stage,
        routers=(router(store, providers, world.clock),),
        chores=(
            workers.chore(),
            waking(facts, world.clock),
            refreshing.dripping(world, SERVICE),
            Chore("forget", FORGETS_EVERY_S, forget),
        ),
        pending=pending,
        adopt=adopt,
        close=(workers.close, client.close),
    )
