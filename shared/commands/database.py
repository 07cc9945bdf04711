"""The way of a verb to Postgres."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from shared.commands.running import Failed, Running
from shared.domain.errors import Transient
from shared.runtime.database import Database


@asynccontextmanager
async def database_of(running: Running) -> AsyncGenerator[Database]:
    """One connection to the database of a running system. Raises Failed when it does not answer."""
    database = Database(running.database(), connections_max=1)
    try:
        yield database
    except Transient as error:
        raise Failed(f"Postgres does not answer ({error}); have the tables been made with `migrate`?") from None
    finally:
        await database.close()
