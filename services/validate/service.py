"""Validate, put together."""

from collections.abc import Mapping

from services.validate.api import router
from services.validate.client import Asking, Resolver
from services.validate.core.standards import standards_of
from services.validate.settings import ValidateSettings
from services.validate.stage import SERVICE, Memory, Validate
from shared.domain.configuration import Configuration
from shared.runtime import refreshing
from shared.runtime.facts import Facts, waking
from shared.runtime.service import Service, World


async def build(world: World) -> Service:
    """The service in this world. Raises ValueError where fields.yaml names what does not exist."""
    settings = ValidateSettings()
    standards = standards_of(world.configuration.fields, world.configuration.sources)
    asks = settings.dns == "on"
    facts = Facts(world.database, SERVICE)
    asking = Asking(facts, Resolver(settings.dns_server, world.clock), world.clock, world.ids.new(), settings.dns_rate)

    async def pending() -> Mapping[str, int]:
        return {
            "questions": await asking.due() if asks else 0,
            "refreshes": await refreshing.due(world.database, SERVICE),
        }

    memory = Memory(world.database, facts, world.clock, asks)
    stage = Validate(standards, settings.batch_messages_max, memory)

    def adopt(configuration: Configuration) -> None:
        stage.standards = standards_of(configuration.fields, configuration.sources)

    chores = [waking(facts, world.clock), refreshing.dripping(world, SERVICE)]
    return Service(
        name=SERVICE,
        stage=stage,
        routers=(router(lambda: stage.standards, world.clock),),
        chores=(*chores, asking.chore()) if asks else chores,
        pending=pending,
        adopt=adopt,
    )
