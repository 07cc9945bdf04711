"""Halting: a stage that has stopped on purpose says so in a row that all its processes see, until somebody resumes."""

from shared.runtime.database import Database


async def halt(database: Database, service: str, why: str) -> None:
    """Write down that this service stands still, and why; the first reason stays."""
    await database.execute(
        "INSERT INTO runtime.halted (service, why) VALUES ($1, $2) ON CONFLICT (service) DO NOTHING", service, why
    )


async def halted(database: Database, service: str) -> str | None:
    """Why this service stands still, None when it does not."""
    rows = await database.fetch("SELECT why FROM runtime.halted WHERE service = $1", service)
    return rows[0]["why"] if rows else None


async def resume(database: Database, service: str) -> bool:
    """Let it go on; False when it does not stand still. Its processes go on within seconds."""
    rows = await database.fetch("DELETE FROM runtime.halted WHERE service = $1 RETURNING 1", service)
    return bool(rows)
