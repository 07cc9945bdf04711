"""The paths of dedup."""

from fastapi import APIRouter

from services.dedup.core.decide import Law
from services.dedup.stage import Identity
from shared.runtime.world import World


def router(world: World, identity: Identity, law: Law) -> APIRouter:
    """The paths."""
    return APIRouter()
