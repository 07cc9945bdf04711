"""What providers cost the chain: contacts a second through the stage of enrich, and the 99th percentile of a batch.

Run `python -m tests.bench.providers [BATCHES]` with the variables of tests/support/stack.py set. The worker asks a
server on this machine meanwhile, in the same process. The ways a provider can behave take turns, batch by batch, each
with tables of its own, so that noise hits all alike.
"""

import asyncio
import contextlib
import itertools
import secrets
import statistics
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from services.enrich.client import Client
from services.enrich.providers.worker import EVERY_S, Worker
from services.enrich.stage import Enrich, Memory
from services.enrich.store import Store
from shared.domain.events import Snapshot
from shared.runtime.addresses import Private
from shared.runtime.clock import SystemClock
from shared.runtime.database import Database
from shared.runtime.facts import Facts
from shared.runtime.migrations import migrate
from shared.runtime.stage import Taken
from tests.integration.enrich.house import contact, taken
from tests.integration.enrich.provider import Answers, down, lying, playing, slow, well
from tests.support.stack import create_database, drop_database, running_stack

BATCH = 200
BATCHES = 60
"""Of each way: some seconds, and enough for a 99th percentile that is not the slowest alone."""
PER_COMPANY = 4
"""Contacts of one domain."""

WAYS: dict[str, Answers | None] = {"none": None, "answers": well, "down": down, "slow": slow, "lies": lying}


@dataclass(slots=True)
class Way:
    """One stage, its worker, and how long its batches took."""

    stage: Enrich
    worker: Worker | None = None
    seconds: list[float] = field(default_factory=list[float])
    asked: int = 0

    async def take(self, batch: list[Taken]) -> None:
        """Settle one batch, and time it."""
        started = time.perf_counter()
        await self.stage.settle(batch)
        self.seconds.append(time.perf_counter() - started)

    async def ask(self) -> None:
        """Ask as the runtime would have it."""
        while self.worker is not None:
            await self.worker.run()
            await asyncio.sleep(EVERY_S)


@contextlib.asynccontextmanager
async def way(answers: Answers | None, admin_url: str) -> AsyncGenerator[Way]:
    """A stage whose provider behaves like this, with tables of its own."""
    if answers is None:
        yield Way(Enrich(BATCH))
        return
    name = f"bench_{secrets.token_hex(6)}"
    url = await create_database(admin_url, name)
    await migrate(url)
    database, client, clock = Database(url), Client(Private.ALLOW), SystemClock()
    async with playing() as server:
        server.answers = answers
        asked = server.provider(timeout="5s")
        facts = Facts(database, "enrich")
        memory = Memory((asked,), Store(database), facts, clock)
        found = Way(Enrich(BATCH, memory), Worker(asked, memory.store, facts, client, clock, "bench"))
        asking = asyncio.create_task(found.ask())
        yield found
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
        found.asked = server.asked.total()
        await client.close()
    await database.close()
    await drop_database(admin_url, name)


async def batches(count: int) -> AsyncIterator[list[Taken]]:
    """New contacts, so many batches."""
    numbers = itertools.count()
    for _ in range(count):
        some = list(itertools.islice(numbers, BATCH))
        yield [taken(Snapshot(contact=contact(one, domain=f"firma{one // PER_COMPANY}.de"))) for one in some]


async def main(count: int) -> None:
    """Run all ways in turns and print the table."""
    with running_stack() as stack:
        async with contextlib.AsyncExitStack() as all_ways:
            ways = {
                name: await all_ways.enter_async_context(way(answers, stack.database_url))
                for name, answers in WAYS.items()
            }
            async for batch in batches(count):
                for one in ways.values():
                    await one.take(batch)
    table = Table("provider", "contacts/s", "µs a contact", "p50 ms a batch", "p99 ms a batch", "questions asked")
    for name, one in ways.items():
        total, cuts = sum(one.seconds), statistics.quantiles(one.seconds, n=100)
        rate, micros = count * BATCH / total, 1e6 * total / (count * BATCH)
        p50, p99 = 1e3 * statistics.median(one.seconds), 1e3 * cuts[98]
        table.add_row(name, f"{rate:,.0f}", f"{micros:,.0f}", f"{p50:.1f}", f"{p99:.1f}", f"{one.asked:,}")
    Console().print(table)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else BATCHES))
