"""Goal: migrations run while everybody works: no writer waits longer than one attempt for a table, and none fails.

Method: the tables of an earlier state, writers on every table that later revisions change, and a session that holds one
of them; the migration must let the writers through as long as it waits, and end once the session does.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import asyncpg
import pytest

from shared.runtime import migrations
from shared.runtime.migrations import TablesHeld, migrate
from shared.runtime.tables import newest_revision, revision_of
from tests.upgrades import kept

EARLY = kept.revisions()[0]

TOUCHES = (
    "UPDATE dedup.evidence SET a_revision = a_revision",
    "UPDATE dedup.review SET changed_at = changed_at",
    "UPDATE dedup.judgement SET judgement_id = judgement_id",
    "UPDATE ingest.record_state SET record_id = record_id",
    "UPDATE ingest.receipt SET event_id = event_id",
    "UPDATE ingest.dead_letter SET letter_id = letter_id",
)
"""A write to each table with rows that revisions after the early one change."""

PASSED = 5
"""Rounds of all writes: one might have been under way already."""

STUCK_S = 5.0
"""Of the control: several attempts long."""


class Writer:
    """Writes to every table, again and again, until it is told to stop; what goes wrong comes out of `ended`."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._going = True
        self.rounds = 0
        self._task = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._going:
            for statement in TOUCHES:
                await self._connection.execute(statement)
            self.rounds += 1

    async def goes_on(self) -> None:
        """Wait for some rounds more."""
        target = self.rounds + PASSED
        while self.rounds < target:
            assert not self._task.done(), self._task.exception()
            await asyncio.sleep(0.02)

    async def ended(self) -> None:
        """Stop, and raise what went wrong."""
        self._going = False
        await self._task


@pytest.fixture
async def early(empty_database: str) -> str:
    kept.lay_tables(EARLY, empty_database)
    return empty_database


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        connection.terminate()


async def _waits_for_a_table(look: asyncpg.Connection, migrating: "asyncio.Task[str]") -> None:
    """Return once the migration stands before a table that somebody holds."""
    while not await look.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' "
        "AND query LIKE 'ALTER TABLE%'"
    ):
        assert not migrating.done(), "it ran past a table that is held"
        await asyncio.sleep(0.02)


async def test_writers_go_on_while_migrations_wait_for_a_table_and_while_they_run(early: str) -> None:
    async with connected(early) as holding, connected(early) as writing, connected(early) as look:
        writer = Writer(writing)
        await writer.goes_on()
        held = holding.transaction()
        await held.start()
        await holding.execute("LOCK TABLE dedup.evidence IN ACCESS SHARE MODE")
        migrating = asyncio.create_task(migrate(early))
        await _waits_for_a_table(look, migrating)
        await writer.goes_on()
        assert not migrating.done()
        await held.rollback()
        assert await migrating == newest_revision()
        await writer.goes_on()
        await writer.ended()


async def test_without_a_limit_on_waiting_the_writers_would_stand_still(
    early: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "LOCK_WAIT_MS", 0)
    async with connected(early) as holding, connected(early) as writing, connected(early) as look:
        held = holding.transaction()
        await held.start()
        await holding.execute("LOCK TABLE dedup.evidence IN ACCESS SHARE MODE")
        migrating = asyncio.create_task(migrate(early))
        await _waits_for_a_table(look, migrating)
        writer = Writer(writing)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(writer.goes_on(), STUCK_S)
        assert writer.rounds == 0
        await held.rollback()
        assert await migrating == newest_revision()
        await writer.goes_on()
        await writer.ended()


async def test_a_table_that_is_held_too_long_is_said_and_the_next_run_goes_on_from_there(
    early: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "PATIENCE_S", 0.0)
    async with connected(early) as holding:
        held = holding.transaction()
        await held.start()
        await holding.execute("LOCK TABLE dedup.review IN ACCESS SHARE MODE")
        with pytest.raises(TablesHeld, match="run migrate again"):
            await migrate(early)
        reached = await revision_of(early)
        assert reached is not None
        assert EARLY < reached < newest_revision()
        await held.rollback()
    assert await migrate(early) == newest_revision()


async def test_an_index_that_was_interrupted_is_made_anew(early: str) -> None:
    async with connected(early) as connection:
        await connection.execute("CREATE INDEX review_due ON dedup.review (changed_at)")
        await connection.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'dedup.review_due'::regclass"
        )
        assert await migrate(early) == newest_revision()
        definition = await connection.fetchval("SELECT pg_get_indexdef('dedup.review_due'::regclass)")
        assert "(due_at)" in str(definition)
        invalid = await connection.fetch("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
        assert invalid == []
