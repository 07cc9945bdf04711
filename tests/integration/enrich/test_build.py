"""Validate and enrich are put together from their world, and refuse a configuration that names what does not exist."""

from pathlib import Path

import msgspec
import pytest

from services.enrich.service import build as build_enrich
from services.validate.service import build as build_validate
from shared.domain.configuration import Configuration, Fields
from shared.runtime.broker.memory import MemoryBroker
from shared.runtime.clock import ManualClock, SeededIds
from shared.runtime.configuration import load
from shared.runtime.database import Database
from shared.runtime.service import World
from shared.runtime.settings import Settings

SHIPPED = load(Path(__file__).parents[3] / "deploy" / "config")


def world(configuration: Configuration = SHIPPED) -> World:
    """A world in which nothing answers; neither service asks it anything."""
    broker = MemoryBroker()
    return World(
        settings=Settings(),
        configuration=configuration,
        broker=broker,
        producer=broker.producer(),
        admin=broker.admin(),
        database=Database("postgresql://nobody.invalid/none"),
        clock=ManualClock(),
        ids=SeededIds(),
    )


async def test_both_are_built_without_asking_the_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KONTAKTWERK_VALIDATE_BATCH_MESSAGES_MAX", "17")
    validate, enrich = await build_validate(world()), await build_enrich(world())
    assert (validate.name, enrich.name) == ("validate", "enrich")
    assert validate.stage is not None
    assert enrich.stage is not None
    assert (validate.stage.messages_max, enrich.stage.messages_max) == (17, 200)


async def test_a_field_that_does_not_exist_keeps_validate_from_starting() -> None:
    """Otherwise a typing error in fields.yaml would silently require nothing."""
    broken = msgspec.structs.replace(SHIPPED, fields=Fields(half_life={"emial": "900d"}))
    with pytest.raises(ValueError, match=r"half_life: `emial` is no field of a record, did you mean `email`\?"):
        await build_validate(world(broken))
