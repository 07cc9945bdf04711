"""Validate, put together."""

from services.validate.api import router
from services.validate.core.standards import standards_of
from services.validate.settings import ValidateSettings
from services.validate.stage import Validate
from shared.runtime.service import Service, World


async def build(world: World) -> Service:
    """The service in this world. Raises ValueError where fields.yaml names what does not exist."""
    settings = ValidateSettings()
    standards = standards_of(world.configuration.fields, world.configuration.sources)
    return Service(
        name="validate",
        stage=Validate(standards, settings.batch_messages_max),
        routers=(router(standards, world.clock),),
    )
