"""Migrations: the tables of every service, brought to the newest revision, one linear chain in `deploy/migrations`.

Safe to repeat and safe to run twice at once: an advisory lock lets one go first, and the other finds nothing to do.
Everybody goes on working meanwhile: whoever waits for a table gives up soon, so that nobody queues behind, and tries
again; indexes of tables that hold rows are made beside the writers (`concurrently`).
"""

import asyncio
from typing import Any, Final

from alembic import command, op
from alembic.config import Config
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from shared.domain.errors import Transient
from shared.runtime.database import WORLD
from shared.runtime.tables import FOLDER, connect, newest_revision

LOCK: Final = 0x6B77_6D69_6772
"""The advisory lock's key: any number of ours that nobody else takes."""


LOCK_WAIT_MS: Final = 1_000
"""How long a statement waits for a table; whoever wants that table queues behind it for so long and no longer."""

OLDER_WAIT_MS: Final = 35_000
"""How long an index that is made beside the writers waits for older transactions: ours end after 30 s."""

LOCK_PAUSE_S: Final = 1.0
"""Between two attempts: those who queued get through, and a batch of a stage takes less."""

PATIENCE_S: Final = 75.0
"""Attempts begin for so long; with the last one it stays below the two minutes that `up` gives the verb. Whoever holds
a table longer has to be asked: a dump may take hours."""

HELD: Final = (
    "somebody holds a table that is to be changed (a dump, a session left open: see pg_stat_activity); "
    "nobody was stopped and nothing is half done: run migrate again"
)

_LOCK_NOT_AVAILABLE: Final = "55P03"
"""Postgres's code for a lock that was not to be had in time."""


class NewerDatabase(Exception):
    """The tables are of a later release than this one: going on would write what the later one does not expect."""


class TablesHeld(Exception):
    """Somebody holds a table that a revision changes, longer than we wait. What was done is done: try again later."""


class ScriptImpl(PostgresqlImpl):
    """Runs a text of several statements as several, since the driver prepares each and takes one at a time."""

    __dialect__ = "postgresql"

    def execute(self, sql: Any, execution_options: dict[str, Any] | None = None) -> None:
        """Run what `op.execute` was given; plain text goes to the server untouched."""
        if not isinstance(sql, str):
            super().execute(sql, execution_options)
            return
        assert self.connection is not None
        for statement in statements(sql):
            self.connection.exec_driver_sql(statement)


async def migrate(database_url: str) -> str:
    """Make or upgrade all tables and return the revision they have now.

    Raises Transient while Postgres is away, NewerDatabase when the tables are of a later release, before anything is
    changed, and TablesHeld when somebody does not let go of a table.
    """
    config = alembic_config()
    scripts = ScriptDirectory.from_config(config)
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: connect(database_url), poolclass=NullPool
    )
    try:
        async with engine.connect() as connection:
            await _alone(connection)
            known = {script.revision for script in scripts.walk_revisions()}
            await connection.run_sync(lambda sync: _refuse_newer(sync, known))
            await connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS runtime")
            await connection.commit()
            await _upgrade_patiently(connection, config)
    except WORLD as error:
        raise Transient(type(error).__name__) from error
    except DBAPIError as error:
        raise _said_by_the_driver(error) from error
    finally:
        await engine.dispose()
    return newest_revision()


def concurrently(script: str) -> None:
    """Run the statements of a revision that may not stand in a transaction: DROP and CREATE INDEX CONCURRENTLY.

    They wait for transactions that are older, and nobody waits for them. They come first in their revision and begin
    with DROP … IF EXISTS: what was interrupted is done once more from the start.
    """
    with op.get_context().autocommit_block():
        op.execute(f"SET lock_timeout = {OLDER_WAIT_MS}")
        op.execute(script)
        op.execute(f"SET lock_timeout = {LOCK_WAIT_MS}")


def at_once(script: str) -> None:
    """Run the statements of a revision each in a transaction of its own, so that no lock outlives its statement.

    They come first in their revision, and may be run again: what was interrupted is done once more from the start.
    """
    with op.get_context().autocommit_block():
        op.execute(script)


def statements(script: str) -> list[str]:
    """The statements of an SQL script, without their semicolons; comments and quoted texts may hold any.

    Knows '…', "…", $tag$…$tag$, -- and /* */; no backslash strings (E'…'), which no migration of ours needs.
    """
    found: list[str] = []
    start = place = 0
    while place < len(script):
        if script[place] == ";":
            found.append(script[start:place])
            start = place = place + 1
        else:
            place = _after(script, place)
    found.append(script[start:])
    return [statement.strip() for statement in found if _says_something(statement)]


def _after(script: str, place: int) -> int:
    """The place behind the quoted text or comment that begins here, or behind one character."""
    for opening, closing in (("'", "'"), ('"', '"'), ("--", "\n"), ("/*", "*/")):
        if script.startswith(opening, place):
            end = script.find(closing, place + len(opening))
            return len(script) if end < 0 else end + len(closing)
    if script[place] == "$" and (tag_end := script.find("$", place + 1)) > 0:
        tag = script[place : tag_end + 1]
        if tag[1:-1] == "" or tag[1:-1].isidentifier():
            end = script.find(tag, tag_end + 1)
            return len(script) if end < 0 else end + len(tag)
    return place + 1


def _says_something(statement: str) -> bool:
    return any(line.strip() and not line.strip().startswith("--") for line in statement.splitlines())


def alembic_config() -> Config:
    """Where Alembic finds our revisions; there is no ini file."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return config


async def _alone(connection: AsyncConnection) -> None:
    """Wait until nobody else migrates. By asking again and again: whoever waits inside a statement holds a snapshot,
    and the index that the other one is making would wait for that.
    """
    while not (await connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({LOCK})")).scalar():
        await connection.commit()
        await asyncio.sleep(LOCK_PAUSE_S)
    await connection.commit()


def _refuse_newer(connection: Connection, known: set[str]) -> None:
    if connection.exec_driver_sql("SELECT to_regclass('runtime.revision')").scalar() is None:
        return
    present = set(connection.exec_driver_sql("SELECT version_num FROM runtime.revision").scalars())
    connection.commit()
    if present - known:
        raise NewerDatabase(
            f"the tables have revision {', '.join(sorted(present - known))}, which this release does not know: "
            "run the release that made them, or a later one"
        )


async def _upgrade_patiently(connection: AsyncConnection, config: Config) -> None:
    """Each revision that is missing, each in its own transaction; one that cannot have its tables is tried again."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while True:
        await connection.exec_driver_sql(f"SET lock_timeout = {LOCK_WAIT_MS}")
        await connection.commit()
        try:
            await connection.run_sync(lambda sync: _upgrade(sync, config))
            await connection.commit()
        except DBAPIError as error:
            if _code(error) != _LOCK_NOT_AVAILABLE:
                raise
            if asyncio.get_running_loop().time() > deadline:
                raise TablesHeld(HELD) from None
            await connection.rollback()
            await asyncio.sleep(LOCK_PAUSE_S)
        else:
            return


def _upgrade(connection: Connection, config: Config) -> None:
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _code(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _said_by_the_driver(error: DBAPIError) -> Exception:
    """What is the world's wrong beneath what SQLAlchemy makes of it; else the error itself."""
    beneath = error.orig.__cause__ if error.orig is not None else None
    return Transient(type(beneath).__name__) if isinstance(beneath, WORLD) else error
