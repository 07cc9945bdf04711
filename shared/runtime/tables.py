"""Which revision the tables have, and which one this release needs: every service asks when it starts.

Apart from `migrations`, since Alembic alone takes a third of a service's start.
"""

from pathlib import Path
from typing import Any, Final

import asyncpg

from shared.domain.errors import Transient
from shared.runtime.database import WORLD

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "migrations"

CONNECT_TIMEOUT_S: Final = 10
"""A Postgres that does not answer within this is away; the caller waits and tries again."""


async def revision_of(database_url: str) -> str | None:
    """The revision the tables have, None for none. Raises Transient while Postgres is away."""
    try:
        connection = await connect(database_url)
        try:
            if await connection.fetchval("SELECT to_regclass('runtime.revision')") is None:
                return None
            revision: str | None = await connection.fetchval("SELECT version_num FROM runtime.revision")
            return revision
        finally:
            await connection.close()
    except WORLD as error:
        raise Transient(type(error).__name__) from error


async def require_current(database_url: str) -> None:
    """Raises Transient while the tables are older than this release, or Postgres is away.

    Tables of a later release are fine, since upgrades keep one step back possible.
    """
    present, needed = await revision_of(database_url), newest_revision()
    if present is None or present < needed:
        raise Transient(f"tables are at revision {present}, this release needs {needed}: run migrate")


def newest_revision() -> str:
    """The revision this release brings: files are named by their place in the chain."""
    return max(path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*_*.py"))


async def connect(database_url: str) -> Any:
    """A connection of its own. Raises what the driver raises."""
    return await asyncpg.connect(database_url, timeout=CONNECT_TIMEOUT_S)
