"""Changes of other people's tables: messages of Debezium become what a hook would, through the same door.

A message that cannot be read goes to the dead letters, byte for byte, and holds no other; a tombstone says nothing that
the deletion before it has not said.
"""

from collections.abc import Sequence
from typing import Final

from services.ingest.connectors.debezium import OFFSET
from services.ingest.connectors.hook import Fetch, Hook
from services.ingest.connectors.known import connector_of
from services.ingest.connectors.reading import Bad, items_of, read_hook
from services.ingest.core.decide import Item
from services.ingest.stage import Aside, Door
from shared.domain.errors import Transient
from shared.domain.ids import derived_id
from shared.runtime.broker import Message
from shared.runtime.http import Problem
from shared.runtime.theirs import Theirs
from shared.runtime.world import Chore, World

GROUP: Final = "ingest.changes"
"""Of all sources together: which of them there are may change."""

EVERY_S: Final = 0.5
"""How often an idle process looks."""

JSON: Final = "application/json"


class Changes:
    """One process's part of the reading."""

    def __init__(self, world: World, door: Door) -> None:
        self._world = world
        self._door = door
        self._theirs = Theirs(world.broker, GROUP, world.settings.instance, self.take)

    def chore(self) -> Chore:
        """The chore that reads."""
        return Chore(name="changes of tables", every_s=EVERY_S, run=self.run)

    async def run(self) -> None:
        """Read what is there. Raises Transient while Kafka is away."""
        await self._theirs.read(frozenset(self._sources()))

    async def close(self) -> None:
        """Leave the group."""
        await self._theirs.close()

    async def take(self, messages: Sequence[Message]) -> None:
        """Hand messages on, and return when they are durable. Raises Transient when nobody takes them."""
        sources = self._sources()
        items: list[Item] = []
        asides: list[Aside] = []
        for message in messages:
            name = sources.get(message.topic)
            if name is None:
                raise Transient("no longer a source")  # it is read when it is one again
            if message.value is not None:  # a tombstone says nothing new
                self._read(message, name, items, asides)
        try:
            if items:
                await self._door.accept(items, None)
            if asides:
                await self._door.set_aside(asides)
        except Problem as problem:
            raise Transient(problem.title) from None

    def _read(self, message: Message, name: str, items: list[Item], asides: list[Aside]) -> None:
        configured = self._world.configuration.sources
        hook = Hook(
            source=name, body=message.value or b"", content_type=JSON, at=self._world.clock.now(),
            headers={OFFSET: str(message.offset)},
        )  # fmt: skip
        for one in read_hook(connector_of(configured[name]), hook, configured):
            if isinstance(one, Bad):
                place = derived_id("change", name, str(message.partition), str(message.offset))
                asides.append(Aside(place, name, one.reason, one.detail, one.body, one.content_type))
            elif not isinstance(one, Fetch):  # a row points to nothing
                items += items_of([one], name, self._door.key)

    def _sources(self) -> dict[str, str]:
        """The sources that are topics, by topic."""
        every = self._world.configuration.sources
        return {one.topic: name for name, one in every.items() if one.connector == "debezium" and one.topic}
