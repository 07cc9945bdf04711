"""What one process of dedup decides in a second, on a real Postgres: `python -m tests.bench.dedup [--stored 20000]`.

No Kafka: batches of the settings' size are handed to the stage, acknowledged, and what they say is encoded as it would
be for the wire. Prints events a second, the client's CPU, and the time of a batch, on an empty and on a filled store.
With `--file` a labelled CSV (columns of a record, `dob`, `cluster_id`) takes the place of the generated people, and the
pairwise precision and recall of the contacts are printed too.
"""

import argparse
import csv
import gzip
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from math import comb
from pathlib import Path
from typing import Any, Final

import uvloop

from services.dedup.settings import DedupSettings
from shared.domain.events import Event, RecordReceived
from shared.domain.ids import derived_id
from shared.runtime import codec
from shared.runtime.database import Database
from shared.runtime.migrations import migrate
from shared.topology import Type
from tests.bench.people import people
from tests.integration.dedup.town import Town, taken
from tests.support.stack import create_database, drop_database, running_stack

EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS: Final = {"dob": "birthday"}


WARM_BATCHES: Final = 4
"""Batches before the clock starts: they load tables of names and prepare statements."""


def generated(count: int) -> Iterator[dict[str, Any]]:
    """People of whom one in five comes twice."""
    yield from people(count, duplicates=0.2, seed=1)


def labelled(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a labelled file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            said = {
                COLUMNS.get(name, name): value for name, value in row.items() if value and not name.startswith("x_")
            }
            said["source_record_id"] = said.pop("record_id")
            yield said


def event(said: dict[str, Any], place: int) -> Event:
    """A record as ingest would say it."""
    fields = {name: value for name, value in said.items() if name not in ("source_record_id", "cluster_id")}
    name = said["source_record_id"]
    at = EPOCH + timedelta(seconds=place)
    data = RecordReceived(
        record_id=derived_id("bench", name),
        source="crm",
        source_record_id=name,
        received_at=at,
        observed_at=at,
        fields=fields,
    )
    event_id = derived_id("bench event", name, str(place))
    return Event(id=event_id, type=Type.RECORD_RECEIVED, source="/bench", time=at, subject=name, data=data)


async def measured(town: Town, events: Sequence[Event], batch: int) -> str:
    """Decide these, and what it took."""
    waits: list[float] = []
    begun, cpu = time.perf_counter(), time.process_time()
    for at in range(0, len(events), batch):
        started = time.perf_counter()
        some = [taken(one) for one in events[at : at + batch]]
        settled = await town.stage.settle(some)
        for one in settled.says:
            codec.draft(one)
        await town.stage.acknowledged(some, settled)
        waits.append(time.perf_counter() - started)
    wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    waits.sort()
    middle, late = waits[len(waits) // 2] * 1_000, waits[int(len(waits) * 0.99)] * 1_000
    each = 1e6 / len(events)
    return (
        f"{len(events):>7,} events {len(events) / wall:>7,.0f}/s   client {cpu * each:>5,.0f} µs of "
        f"{wall * each:>5,.0f} µs an event   batch p50 {middle:>4.0f} ms p99 {late:>4.0f} ms"
    )


async def accuracy(town: Town, truth: dict[str, str]) -> str:
    """Pairwise precision and recall of the contacts, and what is offered."""
    homes = {record: home for record, home in (await town.homes()).items() if home is not None}
    found = sum(comb(count, 2) for count in Counter(homes.values()).values())
    true = sum(comb(count, 2) for count in Counter(truth.values()).values())
    both = sum(comb(count, 2) for count in Counter((home, truth[record]) for record, home in homes.items()).values())
    reviews = (await town.database.fetch("select count(*) as n from dedup.review where state = 'open'"))[0]["n"]
    return f"precision {both / max(found, 1):.4f}   recall {both / max(true, 1):.4f}   open reviews {reviews:,}"


async def bench(url: str, stored: int, count: int, batch: int, file: Path | None) -> None:
    """Fill, measure, print."""
    await migrate(url)
    database = Database(url)
    town = Town(database, batch_messages_max=batch)
    source = labelled(file) if file is not None else generated(stored + count * 2)
    said = list(islice(source, None if file is not None else stored + count * 2))
    events = [event(one, place) for place, one in enumerate(said)]
    await measured(town, events[: batch * WARM_BATCHES], batch)
    events = events[batch * WARM_BATCHES :]
    if file is not None:
        print(f"{file.name:<16}{await measured(town, events, batch)}")
        truth = {derived_id("bench", one["source_record_id"]): one["cluster_id"] for one in said}
        print(f"{'':<16}{await accuracy(town, truth)}")
    else:
        print(f"{'empty store':<16}{await measured(town, events[:count], batch)}")
        print(f"{'filling':<16}{await measured(town, events[count : stored + count], batch)}")
        await database.execute("analyze")
        print(f"{f'{stored:,} stored':<16}{await measured(town, events[stored + count :], batch)}")
    await database.close()


async def main() -> None:
    """Read the arguments, make a database, and measure in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stored", type=int, default=20_000)
    parser.add_argument("--events", type=int, default=3_000)
    parser.add_argument("--batch", type=int, default=DedupSettings().batch_messages_max)
    parser.add_argument("--file", type=Path)
    given = parser.parse_args()
    with running_stack() as stack:
        name = f"bench_{secrets.token_hex(6)}"
        url = await create_database(stack.database_url, name)
        try:
            await bench(url, given.stored, given.events, given.batch, given.file)
        finally:
            await drop_database(stack.database_url, name)


if __name__ == "__main__":
    uvloop.run(main())
