"""The way of a verb to Kafka: with the environment's settings, or plainly to the embedded one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from shared.commands.running import Failed, Running
from shared.domain.errors import Transient
from shared.runtime.broker.kafka import KafkaBroker
from shared.runtime.settings import KafkaSettings, Settings

T = TypeVar("T")

PATIENCE_S: Final = 30.0
"""How long a verb waits for an engine that is just starting, as in compose: a Kafka needs 5 to 20 s."""

PAUSE_S: Final = 0.5
"""Between two looks."""


def settings_of(running: Running) -> KafkaSettings:
    """How this Kafka is reached."""
    kafka = running.kafka()
    if not kafka.embedded:
        return KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)
    return KafkaSettings(
        bootstrap_servers=kafka.bootstrap_servers, security_protocol="PLAINTEXT", sasl_mechanism=None, ssl_cafile=None
    )


def broker_of(running: Running, settings: Settings) -> KafkaBroker:
    """The broker of a running system."""
    return KafkaBroker(settings_of(running), settings.topic_prefix, settings.group_prefix)


async def patiently(what: str, effect: Callable[[], Awaitable[T]], patience_s: float = PATIENCE_S) -> T:
    """Try until the world allows it, at most so long; then Failed, naming what does not answer."""
    deadline = asyncio.get_running_loop().time() + patience_s
    while True:
        try:
            return await effect()
        except Transient as error:
            if asyncio.get_running_loop().time() >= deadline:
                raise Failed(f"{what} does not answer ({error})") from None
            await asyncio.sleep(PAUSE_S)
