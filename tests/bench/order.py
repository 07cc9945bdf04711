"""Whether the order of arrival matters: `python -m tests.bench.order [--records 5000 --orders 20 --workers 1,3,8]`.

The same records come in shuffled batches, from one worker or from several at once, on a real Postgres; each time the
contacts are compared with those of the first order, as decided on entry and after `reconcile`. Exits 1 where more than
one pair in a thousand differs on entry, or any after reconcile. With `--file` the records of a labelled CSV come.
"""

import argparse
import asyncio
import random
import secrets
import sys
import time
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Final, NamedTuple

import uvloop

from shared.domain.errors import Transient
from shared.domain.events import Event
from shared.runtime.database import Database
from shared.runtime.migrations import migrate
from tests.bench.dedup import event, labelled
from tests.bench.people import people
from tests.integration.dedup.order import reconciled
from tests.integration.dedup.town import Town
from tests.support.stack import create_database, drop_database, running_stack

BATCH: Final = 50
"""Records of one transaction: as many as a stream under load brings."""

TRIES: Final = 20
"""Times that a batch is tried again, as the loop of a stage does, after a deadlock or in a crowd."""

ENTRY_MAX: Final = 0.001
"""Share of the pairs that may depend on the order before reconcile (contract, promise 7)."""

Pairs = frozenset[tuple[str, str]]


class Seen(NamedTuple):
    """The pairs of one order on entry and after reconcile, and the tries that were lost to others."""

    entry: Pairs
    after: Pairs
    again: int


def pairs_of(groups: Iterable[frozenset[str]]) -> Pairs:
    """All pairs of records that are in one group."""
    return frozenset(pair for group in groups for pair in combinations(sorted(group), 2))


def differing(one: Pairs, other: Pairs) -> float:
    """The share of all pairs that only one of them has."""
    return len(one ^ other) / max(1, len(one | other))


async def arrive(towns: Sequence[Town], events: Sequence[Event], seed: int) -> int:
    """All events in a random order, spread over the workers; how often a batch had to be tried again."""
    shuffled = list(events)
    random.Random(seed).shuffle(shuffled)
    batches = [shuffled[at : at + BATCH] for at in range(0, len(shuffled), BATCH)]
    return sum(await asyncio.gather(*(_work(town, batches[at :: len(towns)]) for at, town in enumerate(towns))))


async def _work(town: Town, batches: Iterable[Sequence[Event]]) -> int:
    again = 0
    for batch in batches:
        for left in reversed(range(TRIES)):
            try:
                await town.tell(*batch)
                break
            except Transient:
                again += 1
                if not left:
                    raise
    return again


async def seen(towns: Sequence[Town], events: Sequence[Event], seed: int) -> Seen:
    """What one order comes to, from nothing."""
    first = towns[0]
    await first.empty()
    again = await arrive(towns, events, seed)
    entry = pairs_of(await first.groups())
    await reconciled(first)
    return Seen(entry, pairs_of(await first.groups()), again)


async def measured(url: str, events: Sequence[Event], orders: int, workers: Sequence[int], merge: str) -> bool:
    """Print a line for each number of workers; True where the promise holds. All orders come under one epoch."""
    pools = [Database(url, connections_max=3) for _ in range(max(workers))]
    towns = [Town(pool, merge=merge) for pool in pools]
    first = (await seen(towns[:1], events, 0)).after
    promised = True
    reference: Seen | None = None
    for number in workers:
        began, entry, after, again = time.monotonic(), [0.0], [0.0], 0
        for order in range(orders):
            one = await seen(towns[:number], events, order * 100 + number)
            reference = reference or one
            entry.append(differing(reference.entry, one.entry))
            after.append(differing(first, one.after))
            again += one.again
        promised = promised and max(entry) <= ENTRY_MAX and max(after) == 0
        print(
            f"{number} workers  {orders} orders  {len(first):,} pairs  differ on entry: mean {sum(entry) / orders:.4%} "
            f"greatest {max(entry):.4%}  after reconcile: {max(after):.4%}  tried again {again}  "
            f"{time.monotonic() - began:.0f} s",
            flush=True,
        )
    for pool in pools:
        await pool.close()
    return promised


async def main() -> int:
    """Measure and print; 1 where the promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=5_000)
    parser.add_argument("--orders", type=int, default=20)
    parser.add_argument("--workers", default="1,3,8", help="numbers of workers, one after the other")
    parser.add_argument("--merge", default="careful", choices=("careful", "eager"))
    parser.add_argument("--file", type=Path, help="a labelled CSV, gzipped; else generated people")
    options = parser.parse_args()
    said = labelled(options.file) if options.file else people(options.records, duplicates=0.4, seed=7)
    events = [event(one, place) for place, one in zip(range(options.records), said, strict=False)]
    with running_stack() as stack:
        name = f"order_{secrets.token_hex(6)}"
        url = await create_database(stack.database_url, name)
        try:
            await migrate(url)
            workers = [int(one) for one in options.workers.split(",")]
            kept = await measured(url, events, options.orders, workers, options.merge)
        finally:
            await drop_database(stack.database_url, name)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
