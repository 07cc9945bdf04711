"""Enrich, put together."""

from services.enrich.settings import EnrichSettings
from services.enrich.stage import Enrich
from shared.runtime.service import Service, World


async def build(world: World) -> Service:  # noqa: ARG001
    """The service: nothing of the outside is needed."""
    return Service(name="enrich", stage=Enrich(EnrichSettings().batch_messages_max))
