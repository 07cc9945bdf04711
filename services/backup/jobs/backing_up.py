"""Backing up, and checking: tables to files in one view of the database, and back into scratch tables."""

from asyncio import to_thread
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any, TypeAlias

from services.backup.client import Reading, Writing, newest
from services.backup.core.sets import FORMAT, LINES, Damaged, Manifest, name_of
from services.backup.jobs.store import PAGE, Run, Tables
from shared.runtime.database import Connection

Beat: TypeAlias = Callable[[str], Awaitable[None]]
"""Says how far the work is, and goes on holding its lease."""


async def back_up(run: Run, tables: Tables, release: str, beat: Beat) -> dict[str, Any]:
    """Write a set; what it is. All its tables are of one moment, whatever arrives meanwhile."""
    name = name_of(run.requested_at, run.run_id)
    writing = await to_thread(Writing, run.address, name)
    revision = await tables.revision()
    files = []
    async with (
        tables.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        for table in LINES:
            file = writing.table(table)
            async for lines in tables.rows(connection, table):
                await to_thread(file.write, lines)
                await beat(table)
            files.append(await to_thread(file.close))
    manifest = Manifest(
        format=FORMAT, name=name, made_at=run.requested_at, release=release, tables=revision, files=tuple(files)
    ).sealed()
    await to_thread(writing.finish, manifest)
    return {"name": name, "rows": rows_of(manifest), "bytes": sum(file.bytes for file in files)}


async def opened(address: str) -> Reading:
    """The set at an address, every file of it as it was written. Raises Damaged, which names those that are not."""
    reading = await to_thread(lambda: Reading(newest(address)))
    faults = await to_thread(reading.faults)
    if faults:
        raise Damaged("; ".join(faults))
    return reading


async def check(run: Run, tables: Tables, beat: Beat) -> dict[str, Any]:
    """Read a set back into scratch tables and compare; what is in it. Raises Damaged, which names what differs."""
    reading = await opened(run.address)
    faults: list[str] = []
    async with tables.connection() as connection, connection.transaction():
        await tables.scratch(connection)
        for file in reading.manifest.files:
            rows, content = 0, sha256()
            for lines in reading.lines(file.table, PAGE):
                await tables.load(connection, file.table, lines, None)
                rows += len(lines)
                await beat(file.table)
            if file.table != "installation":
                content = await _content(connection, tables, file.table)
            if rows != file.rows or (file.table != "installation" and content.hexdigest() != file.content):
                faults.append(f"{file.name}: comes back as something else")
    if faults:
        raise Damaged("; ".join(faults))
    manifest = reading.manifest
    return {"name": manifest.name, "made_at": manifest.made_at, "release": manifest.release, "rows": rows_of(manifest)}


def rows_in(address: str) -> dict[str, Any]:
    """The set at an address, by its manifest."""
    manifest = Reading(newest(address)).manifest
    return {"name": manifest.name, "made_at": manifest.made_at, "rows": rows_of(manifest)}


def rows_of(manifest: Manifest) -> dict[str, int]:
    """How many rows of each table a set holds."""
    return {file.table: file.rows for file in manifest.files}


async def _content(connection: Connection, tables: Tables, table: str) -> Any:
    """The hash of a scratch table's lines."""
    content = sha256()
    async for lines in tables.rows(connection, table, scratch=True):
        content.update(b"".join([line + b"\n" for line in lines]))
    return content
