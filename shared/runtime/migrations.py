"""Migrations: the tables of every service, brought to the newest revision, one linear chain in `deploy/migrations`.

Safe to repeat and safe to run twice at once: an advisory lock lets one go first, and the other finds nothing to do.
"""

from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.domain.errors import Transient
from shared.runtime.database import WORLD
from shared.runtime.tables import FOLDER, connect, newest_revision

LOCK: Final = 0x6B77_6D69_6772
"""The advisory lock's key: any number of ours that nobody else takes."""


class NewerDatabase(Exception):
    """The tables are of a later release than this one: going on would write what the later one does not expect."""


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

    Raises Transient while Postgres is away and NewerDatabase when the tables are of a later release.
    """
    config = alembic_config()
    scripts = ScriptDirectory.from_config(config)
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: connect(database_url), poolclass=NullPool
    )
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql(f"SELECT pg_advisory_lock({LOCK})")
            await connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS runtime")
            await connection.commit()
            known = {script.revision for script in scripts.walk_revisions()}
            await connection.run_sync(lambda sync: _refuse_newer(sync, known))
            await connection.run_sync(lambda sync: _upgrade(sync, config))
            await connection.commit()
    except WORLD as error:
        raise Transient(type(error).__name__) from error
    finally:
        await engine.dispose()
    return newest_revision()


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


def _upgrade(connection: Connection, config: Config) -> None:
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
