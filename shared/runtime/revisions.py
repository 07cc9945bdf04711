"""Revisions: what the configuration folder holds becomes the next number, and every process uses the same one.

Whoever first sees that its folder has changed checks it and activates it, in one transaction; what is wrong is said and
the revision before goes on. The texts lie in the row, so that a process with an older folder, or none, uses the same.
Before every batch a stage looks for a newer number, and dedup holds the number to the end of its transaction: when an
activation is committed, nothing is decided by the one before that is not said already, or told again by its job.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from shared.domain.configuration import Configuration
from shared.domain.errors import Transient
from shared.domain.outcome import Outgoing
from shared.domain.revising import concerns
from shared.runtime.clock import Clock
from shared.runtime.configuration import Files, Misconfigured, digest_of, parse, read
from shared.runtime.database import Connection, Database
from shared.runtime.stage import Settled, Stage, Taken
from shared.runtime.telemetry import logger

Check = Callable[[Configuration], None]
"""Whether all services can use it. Raises ValueError naming file, place and remedy."""

LOOK_EVERY_S: Final = 2.0
"""How often folder and number are looked at: who has saved a file has not yet changed windows. A stage that works looks
before every batch."""

KEPT: Final = 200
"""Revisions that are remembered: by them a folder is known as an older one, and people see what held when."""

_LOCK_CLASS: Final = 0x6B77_6366
"""First half of the advisory locks' key ("kwcf"), as in `runtime.configuration_held`."""
_ACTIVATES: Final = 1
_EXAMINES: Final = 2


class Outdated(Transient):
    """A newer revision became active under this transaction: it starts over under the newer one."""


@dataclass(slots=True)
class Revised:
    """A stage that takes up the active revision before each batch."""

    stage: Stage
    catch_up: Callable[[], Awaitable[None]]
    messages_max: int = 0

    def __post_init__(self) -> None:
        """As many at once as the stage takes."""
        self.messages_max = self.stage.messages_max

    async def settle(self, batch: Sequence[Taken]) -> Settled:
        """As the stage does, under the revision that is active now or a newer one."""
        await self.catch_up()
        return await self.stage.settle(batch)

    async def acknowledged(self, batch: Sequence[Taken], settled: Settled) -> Sequence[Outgoing]:
        """As the stage does."""
        return await self.stage.acknowledged(batch, settled)


@dataclass(slots=True)
class Revisions:
    """One process's part: it looks at its folder, and gives what is active to those in `adopt`.

    `wrong` says what is wrong with the folder, None when nothing is.
    """

    service: str
    database: Database
    folder: Path
    clock: Clock
    check: Check
    place: str = ""
    adopt: list[Callable[[Configuration], None]] = field(default_factory=list[Callable[[Configuration], None]])
    wrong: str | None = None
    _seen: str | None = None
    _number: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        """A folder is known by its machine and path."""
        self.place = self.place or f"{socket.gethostname()}:{self.folder.resolve()}"

    async def begin(self) -> Configuration:
        """What is active, once this folder was looked at. Raises Misconfigured where there is nothing to use."""
        await self._examine()
        active = await _active(self.database)
        if active is None:
            missing = f"{self.folder / 'sources.yaml'}: missing or empty, and nothing is active that could be used"
            raise Misconfigured(self.wrong or missing)
        return self._parsed(active)

    async def look(self) -> None:
        """Activate what has changed in the folder, and take up what others have activated."""
        await self._examine()
        await self.catch_up()

    async def catch_up(self) -> None:
        """Take up the active revision, if there is a newer one. Raises Misconfigured where it cannot be used here."""
        if await self._newest() in (self._number, None):
            return
        async with self._turn:
            active = await _active(self.database)
            if active is None or active.number == self._number:
                return
            configuration = self._parsed(active)
            for adopt in self.adopt:
                adopt(configuration)
            logger(self.service).info("configuration", revision=active.number, digest=active.digest)

    async def _newest(self) -> int | None:
        rows = await self.database.fetch("SELECT max(number) AS number FROM runtime.configuration")
        number: int | None = rows[0]["number"]
        return number

    def _parsed(self, active: "_Active") -> Configuration:
        configuration = parse(active.files, self.folder, revision=active.number)
        self._number = active.number
        return configuration

    async def _examine(self) -> None:
        """Look whether the folder has changed since somebody last looked at it; one process at a time."""
        files, wrong = await asyncio.to_thread(self._read)
        digest = digest_of(files) if wrong is None else digest_of({"wrong": wrong})
        if digest == self._seen or not (files or wrong):
            return
        async with self.database.transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock($1::integer, $2::integer)", _LOCK_CLASS, _EXAMINES)
            before = await connection.fetchrow(
                "SELECT digest, wrong FROM runtime.configuration_folder WHERE place = $1", self.place
            )
            if before is not None and before["digest"] == digest:
                self._note(before["wrong"])
            else:
                active = await _active_in(connection)
                wrong, parts = await asyncio.to_thread(self._tried, files, wrong, active)
                await self._keep(connection, digest, wrong)
                if wrong is None and await self._is_news(connection, digest, active, known=before is not None):
                    await self._activate(connection, files, digest, parts)
                self._note(wrong)
        self._seen = digest

    def _read(self) -> tuple[Files, str | None]:
        """The files of the folder, or what keeps them from being read."""
        try:
            return read(self.folder), None
        except Misconfigured as error:
            return {}, str(error)

    def _tried(self, files: Files, wrong: str | None, active: "_Active | None") -> tuple[str | None, tuple[str, ...]]:
        """What is wrong with these files for any service, and which parts of them change what contacts look like."""
        if wrong is not None:
            return wrong, ()
        try:
            found = parse(files, self.folder)
            self.check(found)
        except ValueError as error:
            return str(error).replace("\0", ""), ()
        try:
            return None, concerns(None if active is None else parse(active.files, self.folder), found)
        except Misconfigured:  # what held cannot be read here any more: then anything may have changed
            return None, concerns(None, found)

    async def _keep(self, connection: Connection, digest: str, wrong: str | None) -> None:
        await connection.execute(
            """INSERT INTO runtime.configuration_folder (place, digest, wrong, seen_at) VALUES ($1, $2, $3, $4)
               ON CONFLICT (place) DO UPDATE
                 SET digest = excluded.digest, wrong = excluded.wrong, seen_at = excluded.seen_at""",
            self.place,
            digest,
            wrong,
            self.clock.now(),
        )

    async def _is_news(self, connection: Connection, digest: str, active: "_Active | None", *, known: bool) -> bool:
        """Whether a folder says something new: a folder seen for the first time, with files that held once, is late."""
        if active is None or known:
            return active is None or active.digest != digest
        held = await connection.fetchval("SELECT EXISTS (SELECT FROM runtime.configuration WHERE digest = $1)", digest)
        return not held

    async def _activate(self, connection: Connection, files: Files, digest: str, parts: Sequence[str]) -> None:
        """Make it the next number: behind all that is being decided under the one before."""
        await connection.execute("SELECT pg_advisory_xact_lock($1::integer, $2::integer)", _LOCK_CLASS, _ACTIVATES)
        now = self.clock.now()
        number = await connection.fetchval(
            """INSERT INTO runtime.configuration (number, digest, files, place, activated_at)
               SELECT coalesce(max(number), 0) + 1, $1::text, $2::bytea, $3::text, $4::timestamptz
               FROM runtime.configuration RETURNING number""",
            digest,
            msgspec.json.encode(files),
            self.place,
            now,
        )
        if parts:
            await connection.execute(
                "INSERT INTO runtime.configuration_job (number, concerns, started_at) VALUES ($1, $2::text[], $3)",
                number,
                list(parts),
                now,
            )
        await connection.execute(
            "DELETE FROM runtime.configuration WHERE number <= $1::integer - $2::integer", number, KEPT
        )

    def _note(self, wrong: str | None) -> None:
        if wrong is not None and wrong != self.wrong:
            logger(self.service).error("configuration refused, the one before goes on", reason=wrong)
        self.wrong = wrong


async def held(connection: Connection, revision: int) -> None:
    """Hold the active revision until the caller's transaction ends. Raises Outdated unless it is this one."""
    number = await connection.fetchval("SELECT runtime.configuration_held()")
    if number not in (revision, None):
        raise Outdated(f"revision {number}")


class _Active(NamedTuple):
    """The active revision."""

    number: int
    digest: str
    files: Files


async def _active(database: Database) -> _Active | None:
    async with database.connection() as connection:
        return await _active_in(connection)


async def _active_in(connection: Connection) -> _Active | None:
    row = await connection.fetchrow(
        "SELECT number, digest, files FROM runtime.configuration ORDER BY number DESC LIMIT 1"
    )
    if row is None:
        return None
    return _Active(row["number"], row["digest"], msgspec.json.decode(row["files"], type=dict[str, str]))
