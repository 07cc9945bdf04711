"""`migrate`: make or upgrade the tables of every service."""

from shared.commands.kafka import patiently
from shared.commands.running import Failed, Running
from shared.runtime.migrations import NewerDatabase, TablesHeld, migrate


async def run(running: Running) -> str:
    """The revision that the tables have now. Safe to repeat and to run twice at once, and while everything works."""
    try:
        return await patiently("Postgres", lambda: migrate(running.database()))
    except (NewerDatabase, TablesHeld) as error:
        raise Failed(str(error)) from None
