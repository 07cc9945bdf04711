"""What looking for candidates costs on a large store: `python -m tests.bench.candidates [--stored 1000000]`.

Stores generated people as dedup does (records, blocking keys, generic keys), then asks for the candidates of batches of
new ones, half of whom are stored already in other words. Prints the time of the query, how many candidates it found,
and what the index of keys takes. With `--hot 0.02` so many of all records share one telephone number.
"""

import argparse
import asyncio
import gc
import itertools
import secrets
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec

from services.dedup import store
from services.dedup.core.blocking import blocking_keys
from services.dedup.core.folding import packed_keys, packed_traits
from services.dedup.settings import DedupSettings
from shared.domain.ids import derived_id
from shared.domain.normalise import Traits, traits_of
from shared.domain.record import Record, Said
from shared.runtime.database import Database
from shared.runtime.migrations import migrate
from tests.bench.people import people
from tests.support.stack import create_database, drop_database, running_stack

BATCH: Final = 200
BATCHES: Final = 60
CHUNK: Final = 20_000
AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
HOT: Final = "+49 30 901820"


def traits(said: dict[str, Any], number: int, hot: bool) -> Traits:
    """One generated person in comparable form."""
    record_id = derived_id("bench", str(number))
    fields = {name: Said(value, AT, "e") for name, value in said.items() if isinstance(value, str)}
    if hot:
        fields["phone"] = Said(HOT, AT, "e")
    return traits_of(Record(record_id=record_id, source="crm", fields=fields, first_received_at=AT), "DE")


async def fill(database: Database, everybody: Iterator[Traits], stored: int, shared_max: int) -> None:
    """Store them as the stage would have, and note which keys are generic by then."""
    borne: Counter[int] = Counter()
    begun = time.monotonic()
    for start in range(0, stored, CHUNK):
        rows: list[tuple[Any, ...]] = []
        keyed: list[tuple[int, str]] = []
        for one in itertools.islice(everybody, min(CHUNK, stored - start)):
            keys = blocking_keys(one)
            borne.update(keys)
            rows.append(
                (
                    one.record_id,
                    one.record_id,
                    "crm",
                    1,
                    packed_keys(keys),
                    packed_traits(one),
                    msgspec.msgpack.encode({}),
                )
            )
            keyed += [(key, one.record_id) for key in keys]
        async with database.transaction() as connection:
            columns = ["record_id", "contact_id", "source", "revision", "keys", "traits", "body"]
            await connection.copy_records_to_table("record", schema_name="dedup", records=rows, columns=columns)
            await connection.copy_records_to_table(
                "block_key", schema_name="dedup", records=keyed, columns=["key", "record_id"]
            )
        took = time.monotonic() - begun
        print(f"  {start + len(rows):>9,} stored after {took:,.0f} s", file=sys.stderr)
    async with database.transaction() as connection:
        await store.write_generic(connection, [key for key, count in borne.items() if count > shared_max])


class Asked(NamedTuple):
    """Milliseconds of each query, those of them that this process computed (decoding), and how many candidates came."""

    waits: list[float]
    own: list[float]
    found: int


async def ask(database: Database, batches: Sequence[Sequence[Traits]], shared_max: int) -> Asked:
    """Ask for the candidates of these batches, one after the other."""
    waits: list[float] = []
    own: list[float] = []
    found = 0
    for batch in batches:
        keys = sorted({key for one in batch for key in blocking_keys(one)})
        async with database.transaction() as connection:
            started, computed = time.perf_counter(), time.process_time()
            found += len(await store.candidates(connection, keys, shared_max))
            waits.append(1e3 * (time.perf_counter() - started))
            own.append(1e3 * (time.process_time() - computed))
    return Asked(waits, own, found)


async def bench(url: str, stored: int, hot: float) -> None:
    """Fill, ask, print."""
    shared_max = DedupSettings().key_records_max
    await migrate(url)
    database = Database(url)
    every = round(1 / hot) if hot else 0
    wanted = people(stored + BATCH * BATCHES, duplicates=0.5, seed=3)
    everybody = (traits(said, number, bool(every) and number % every == 0) for number, said in enumerate(wanted))
    await fill(database, everybody, stored, shared_max)
    await database.execute("vacuum analyze dedup.record, dedup.block_key, dedup.generic_key")
    new = list(everybody)
    batches = [new[start : start + BATCH] for start in range(0, len(new), BATCH)]
    await ask(database, batches[:5], shared_max)  # the pages and the plan
    gc.collect()
    gc.freeze()  # the people made up above are none of the service's: walking through them took half a second
    waits, own, found = await ask(database, batches[5:], shared_max)
    cuts = statistics.quantiles(waits, n=20)
    sizes = await database.fetch(
        """select pg_relation_size('dedup.block_key_pkey') as keys, pg_total_relation_size('dedup.block_key') as both,
                  pg_total_relation_size('dedup.record') as records,
                  (select count(*) from dedup.generic_key) as generic"""
    )
    keys, both, records, generic = sizes[0]
    asked = BATCH * len(waits)
    print(f"{stored:,} records stored" + (f", {hot:.0%} of all with one number" if hot else ""))
    print(f"candidate query   p50 {statistics.median(waits):6.1f} ms   p95 {cuts[18]:6.1f} ms   for a batch of {BATCH}")
    print(f"of it decoding    p50 {statistics.median(own):6.1f} ms")
    print(f"candidates        {found / asked:6.1f} a record")
    print(f"index of keys     {keys / stored:6.0f} bytes a record, with its table {both / stored:.0f}")
    print(f"records           {records / stored:6.0f} bytes a record   generic keys {generic:,}")
    await database.close()


async def main() -> None:
    """Read the arguments, make a database, and measure in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stored", type=int, default=100_000)
    parser.add_argument("--hot", type=float, default=0.0)
    given = parser.parse_args()
    with running_stack() as stack:
        name = f"bench_{secrets.token_hex(6)}"
        url = await create_database(stack.database_url, name)
        try:
            await bench(url, given.stored, given.hot)
        finally:
            await drop_database(stack.database_url, name)


if __name__ == "__main__":
    asyncio.run(main())
