"""Rules, put together."""

from collections import Counter
from collections.abc import Mapping

from services.rules.api import router
from services.rules.client import Client
from services.rules.core.loading import rulebook_of
from services.rules.deliveries import Deliveries
from services.rules.settings import RulesSettings
from services.rules.stage import SERVICE, Rules
from services.rules.store import Store
from services.rules.timers import Timers
from shared.domain.configuration import Configuration
from shared.runtime import outbox, refreshing
from shared.runtime.world import Service, World


async def build(world: World) -> Service:
    """The service in this world. Raises InvalidRules when a rule cannot be used, with what was probably meant."""
    settings = RulesSettings()
    rules = rulebook_of(world.configuration)
    store = Store(world.database)
    stage = Rules(store, rules, world.clock, settings.batch_messages_max, world.settings.topic_prefix)
    client = Client(settings.private_addresses)
    timers = Timers(store, rules, world.clock)
    deliveries = Deliveries(store, rules, world.clock, client)

    async def pending() -> Mapping[str, int]:
        waiting = await store.pending(world.clock.now())
        again = await refreshing.due(world.database, SERVICE)
        return {"outbox": await outbox.pending(world.database, SERVICE), "refreshes": again, **waiting}

    def adopt(configuration: Configuration) -> None:
        stage.rulebook = timers.rulebook = deliveries.rulebook = rulebook_of(configuration)

    return Service(
        name=SERVICE,
        stage=stage,
        routers=(
            router(store, lambda: stage.rulebook, world.clock, lambda: home(world.configuration), stage.unanswered),
        ),
        chores=(outbox.relay(world, SERVICE), timers.chore(), deliveries.chore(), refreshing.dripping(world, SERVICE)),
        pending=pending,
        adopt=adopt,
        close=(client.close,),
    )


def home(configuration: Configuration) -> str | None:
    """The country most sources are in: where a searched number without a calling code is read."""
    countries = Counter(source.country for source in configuration.sources.values() if source.country is not None)
    return countries.most_common(1)[0][0] if countries else "DE"
