"""The way of a verb to Kafka: with the environment's settings, or plainly to the embedded one."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
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

REMEDIES: Final = {
    "Kafka": "is it running, and are KAFKA_BOOTSTRAP_SERVERS, KAFKA_SECURITY_PROTOCOL and what belongs to it right?",
    "Postgres": "is it running, and is DATABASE_URL right?",
}
"""What to look at first."""


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
    """Try until the world allows it, at most so long; then Failed, naming what does not answer, why, and what to do."""
    deadline = asyncio.get_running_loop().time() + patience_s
    with _last_words() as words:
        while True:
            try:
                return await effect()
            except Transient as error:
                if asyncio.get_running_loop().time() >= deadline:
                    why = words[-1] if words else error
                    raise Failed(f"{what} does not answer ({why}); {REMEDIES[what]}") from None
                await asyncio.sleep(PAUSE_S)


@contextmanager
def _last_words() -> Generator[list[str]]:
    """What the client says of Kafka meanwhile: the same at every attempt, so that only the last of it is shown."""
    client, words = logging.getLogger("aiokafka"), _Words()
    propagated, client.propagate = client.propagate, False
    client.addHandler(words)
    try:
        yield words.said
    finally:
        client.removeHandler(words)
        client.propagate = propagated


class _Words(logging.Handler):
    """Keeps what is said."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said[:] = [record.getMessage()]
