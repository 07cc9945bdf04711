"""Backing up, and checking: tables to files in one view of the database, and back into scratch tables."""

from asyncio import to_thread
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import msgspec

from services.backup.client import Reading, Writing, content_of, manifest_at, newest
from services.backup.core.sealing import Digest
from services.backup.core.sets import FORMAT, LINES, PLAIN_FORMAT, Damaged, Manifest, name_of
from services.backup.jobs.store import PAGE, Run, Tables
from shared.runtime.database import Connection

Beat: TypeAlias = Callable[[str], Awaitable[None]]
"""Says how far the work is, and goes on holding its lease."""


async def back_up(run: Run, tables: Tables, release: str, passphrase: str | None, beat: Beat) -> dict[str, Any]:
    """Write a set; what it is. All its tables are of one moment, whatever arrives meanwhile."""
    name = name_of(run.requested_at, run.run_id)
    writing = await to_thread(Writing, run.address, name, passphrase)
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
        format=PLAIN_FORMAT if writing.key is None else FORMAT, name=name, made_at=run.requested_at, release=release,
        tables=revision, files=tuple(files), seal=msgspec.UNSET if writing.key is None else writing.key.seal,
    ).sealed()  # fmt: skip
    await to_thread(writing.finish, manifest)
    return {"name": name, "rows": rows_of(manifest), "bytes": sum(file.bytes for file in files)}


async def opened(address: str, passphrase: str | None) -> Reading:
    """The set at an address, every file of it as it was written. Raises Damaged, which names those that are not."""
    reading = await to_thread(lambda: Reading(newest(address), passphrase))
    faults = await to_thread(reading.faults)
    if faults:
        raise Damaged("; ".join(faults))
    return reading


async def check(run: Run, tables: Tables, passphrase: str | None, beat: Beat) -> dict[str, Any]:
    """Read a set back into scratch tables and compare; what is in it. Raises Damaged, which names what differs."""
    reading = await opened(run.address, passphrase)
    faults: list[str] = []
    async with tables.connection() as connection, connection.transaction():
        await tables.scratch(connection)
        for file in reading.manifest.files:
            rows, content = 0, content_of(reading.key)
            for lines in reading.lines(file.table, PAGE):
                await tables.load(connection, file.table, lines, None)
                rows += len(lines)
                await beat(file.table)
            if file.table != "installation":
                await _read_back(connection, tables, file.table, content)
            if rows != file.rows or (file.table != "installation" and content.hexdigest() != file.content):
                faults.append(f"{file.name}: comes back as something else")
    if faults:
        raise Damaged("; ".join(faults))
    manifest = reading.manifest
    return {"name": manifest.name, "made_at": manifest.made_at, "release": manifest.release, "rows": rows_of(manifest)}


def rows_in(address: str) -> dict[str, Any]:
    """The set at an address, by its manifest."""
    manifest = manifest_at(newest(address))
    return {"name": manifest.name, "made_at": manifest.made_at, "rows": rows_of(manifest)}


def rows_of(manifest: Manifest) -> dict[str, int]:
    """How many rows of each table a set holds."""
    return {file.table: file.rows for file in manifest.files}


async def _read_back(connection: Connection, tables: Tables, table: str, content: Digest) -> None:
    """Hash the lines of a scratch table."""
    async for lines in tables.rows(connection, table, scratch=True):
        content.update(b"".join([line + b"\n" for line in lines]))
