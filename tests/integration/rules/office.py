"""An office: one process of rules that requests and sends, with a clock by hand."""

from datetime import timedelta
from typing import Any

from services.rules.client import Client
from services.rules.core.rulebook import Rulebook
from services.rules.deliveries import Deliveries
from services.rules.timers import Timers
from shared.domain.contact import ConsentState
from shared.runtime.addresses import Private
from shared.runtime.database import Database
from tests.integration.rules.world import Process, enriched
from tests.unit.rules.build import a_contact

GRANTED = ConsentState(purpose="service", channel="email", address="anna@beispiel.de", status="granted")
"""What lets a mail of the tests leave."""


class Office:
    """One process that requests and sends."""

    def __init__(self, tables: Database, book: Rulebook) -> None:
        self.process = Process(tables, book)
        self.clock = self.process.clock
        self.client = Client(Private.LOOPBACK)
        self.timers = Timers(self.process.store, book, self.clock)
        self.deliveries = Deliveries(self.process.store, book, self.clock, self.client)

    async def say(self, **what: Any) -> None:
        """Somebody arrives, and is told of."""
        values: dict[str, Any] = {"consents": (GRANTED,)}
        await self.process.take(enriched(a_contact(**(values | what))))
        await self.timers.run()

    async def later(self, seconds: float = 0.0) -> None:
        """So much later, send what is due."""
        self.clock.time += timedelta(seconds=seconds)
        await self.deliveries.run()

    async def ended(self) -> list[str | None]:
        """How all notifications ended, None for those on their way."""
        rows = await self.process.database.fetch("SELECT ended FROM rules.delivery ORDER BY notification_id")
        return [row["ended"] for row in rows]
