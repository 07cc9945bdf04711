"""Tables of other databases, pulled: exactly what has changed arrives, and how long that takes.

`python -m tests.bench.pulls [--rows 100000]` makes a table in a Postgres and one in a SQLite file, pulls both, changes
a row in a hundred and deletes one in two hundred, and pulls again. Exit 1 unless each pull brings exactly that. What
stands behind the door stands still meanwhile; the memory of ingest is looked at before and after.
"""

import argparse
import asyncio
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import asyncpg
from rich.console import Console
from rich.table import Table

from deploy.local.folder import DataFolder
from deploy.local.postgres import Postgres
from shared.commands import sync
from shared.commands.running import Running
from tests.bench.costs import memory_mib
from tests.bench.front_door import still
from tests.support.system import System, running

SOURCES: Final = """\
sources:
  theirs-postgres: {connector: sql, url: "env:THEIR_POSTGRES", query: "select * from customers", key: id,
    map: {family_name: surname, email: mail}}
  theirs-sqlite: {connector: sql, url: "env:THEIR_SQLITE", query: "select * from customers", key: id,
    map: {family_name: surname, email: mail}}
"""
MADE: Final = "CREATE TABLE customers (id integer PRIMARY KEY, surname text, mail text, city text)"
CHANGED_EVERY: Final = 100
DELETED_EVERY: Final = 200
COUNTED: Final = ("new", "updated", "same", "refused", "deleted")


class Say(Protocol):
    """Runs statements in somebody's database, and puts rows into the table."""

    async def __call__(self, statements: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None: ...


@dataclass(frozen=True, slots=True)
class Pull:
    """What one pull brought, how long it took, and by how much the memory of ingest grew."""

    source: str
    seconds: float
    grown_mib: float
    counts: dict[str, int]


def main() -> int:
    """Make the tables, pull, change, pull; print what each pull brought."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pulls", description="Tables, pulled twice.")
    parser.add_argument("--rows", type=int, default=100_000, help="rows of each table (100,000)")
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="kontaktwerk-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        config = folder / "config"
        config.mkdir()
        (config / "sources.yaml").write_text(SOURCES, encoding="utf-8")
        runs = asyncio.run(run(folder, config, rows))
    show(runs, rows)
    changed, deleted = rows // CHANGED_EVERY, rows // DELETED_EVERY
    first = {"new": rows, "updated": 0, "same": 0, "refused": 0, "deleted": 0}
    second = {"new": 0, "updated": changed, "same": rows - changed - deleted, "refused": 0, "deleted": deleted}
    return 0 if [pull.counts for pull in runs] == [first, second] * 2 else 1


async def run(folder: Path, config: Path, rows: int) -> list[Pull]:
    """Both tables, twice."""
    engine = Postgres(DataFolder(folder / "theirs"))
    file = folder / "theirs.db"
    with engine_of(engine, folder / "theirs"):
        settings = {
            "KONTAKTWERK_CONFIG_DIR": str(config),
            "THEIR_SQLITE": f"sqlite:///{file}",
            "THEIR_POSTGRES": engine.database_url,
        }
        tables: Mapping[str, Say] = {
            "theirs-postgres": partial(_in_postgres, engine.database_url),
            "theirs-sqlite": partial(_in_sqlite, file),
        }
        async with running(folder / "data", settings=settings) as system:
            still(system, signal.SIGSTOP)
            try:
                return [pull for source, say in tables.items() for pull in await _twice(system, source, say, rows)]
            finally:
                still(system, signal.SIGCONT)


@contextmanager
def engine_of(engine: Postgres, path: Path) -> Generator[None]:
    """Somebody's Postgres, as long as the block lasts."""
    with DataFolder(path).locked():
        try:
            engine.start()
            yield
        finally:
            engine.stop()


async def _twice(system: System, source: str, say: Say, rows: int) -> list[Pull]:
    """Fill the table and pull it; change it and pull it again."""
    people = [(number, f"Muster{number}", f"p{number}@werk-{number % 997}.example", "Köln") for number in range(rows)]
    await say([MADE], people)
    first = await _pulled(system, source)
    await say(
        [
            f"UPDATE customers SET city = 'Bonn' WHERE id % {CHANGED_EVERY} = 1",
            f"DELETE FROM customers WHERE id % {DELETED_EVERY} = 2",
        ],
        [],
    )
    return [first, await _pulled(system, source)]


async def _pulled(system: System, source: str) -> Pull:
    """One pull, from asking for it to its end."""
    before, started = memory_mib(system.endpoints()["pids"])["ingest"], time.monotonic()
    run = await sync.now(Running(system.data), source, whole=True, deletions=True)
    seconds = time.monotonic() - started
    grown = memory_mib(system.endpoints()["pids"])["ingest"] - before
    print(f"  {sync.line_of(run)}", file=sys.stderr)
    return Pull(source, seconds, grown, {name: run[name] for name in COUNTED})


async def _in_postgres(url: str, statements: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
        if rows:
            await connection.copy_records_to_table("customers", records=rows)
    finally:
        await connection.close()


async def _in_sqlite(file: Path, statements: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    connection = sqlite3.connect(file)
    with connection:
        for statement in statements:
            connection.execute(statement)
        connection.executemany("INSERT INTO customers VALUES (?, ?, ?, ?)", rows)
    connection.close()


def show(pulls: Sequence[Pull], rows: int) -> None:
    """The table, ready to be copied."""
    table = Table(title=f"{rows:,} rows pulled; {rows // CHANGED_EVERY:,} changed, {rows // DELETED_EVERY:,} deleted")
    table.add_column("source")
    for heading in ("seconds", "ingest grew by MiB", *COUNTED):
        table.add_column(heading, justify="right")
    for pull in pulls:
        counts = (f"{pull.counts[name]:,}" for name in COUNTED)
        table.add_row(pull.source, f"{pull.seconds:,.1f}", f"{pull.grown_mib:,.0f}", *counts)
    Console(width=110).print(table)


if __name__ == "__main__":
    sys.exit(main())
