"""Theirs: topics that others write and we only read, by as many processes as there are.

What was read is handed on and only then committed, so whoever dies between has it read again. Which topics these are
may change while we read. A topic that has lost what we had not read is not jumped over: it is said again and again, and
an operator says from where to go on (`kafka-consumer-groups --reset-offsets`).
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from shared.domain.errors import Transient
from shared.runtime.broker import Broker, Consumer, Message
from shared.runtime.broker.kafka import OffsetsLost
from shared.runtime.broker.kafka_client import ClientBroken
from shared.runtime.offsets import next_offsets

MESSAGES_MAX: Final = 200
"""As the batch of a stage: one look at what is known, one send."""

WAIT_S: Final = 0.25
"""As the loop of a stage."""

ROUNDS_MAX: Final = 20
"""Rounds before the chore looks at the configuration again, and at whether the process is asked to end: 4,000 messages,
some seconds, well within the time to drain."""


class Theirs:
    """One process's part of the reading. `take` gets messages in order per partition; when it returns, they are done
    with; it raises Transient for what goes away by waiting.
    """

    def __init__(
        self, broker: Broker, group: str, instance: str | None, take: Callable[[Sequence[Message]], Awaitable[None]]
    ) -> None:
        self._broker = broker
        self._group = group
        self._instance = instance
        self._take = take
        self._topics: frozenset[str] = frozenset()
        self._consumer: Consumer | None = None

    async def read(self, topics: frozenset[str]) -> None:
        """Read what is there, or as much as one round of a chore may. Raises Transient while Kafka is away, when its
        client has failed, and when messages are gone that nobody has read.
        """
        if topics != self._topics:
            await self.close()
            self._topics = topics
        if not topics:
            return
        try:
            consumer = self._consumer = self._consumer or await self._joined()
            for _ in range(ROUNDS_MAX):
                messages = await consumer.take(MESSAGES_MAX, WAIT_S)
                if not messages:
                    return
                await self._take(messages)
                await consumer.commit(next_offsets(messages))
        except (ClientBroken, OffsetsLost) as error:
            await self.close()
            raise Transient(str(error)) from error
        except Transient:
            await self.close()
            raise

    async def close(self) -> None:
        """Leave the group."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with suppress(Transient):
                await consumer.stop()

    async def _joined(self) -> Consumer:
        consumer = self._broker.consumer(self._group, sorted(self._topics), self._instance, theirs=True)
        await consumer.start()
        return consumer
