"""Restoring everything into an empty system: backup's own tables from the set, everything else through the chain.

First judgements, then contact by contact who it is made of and what was ever said of its records, then what belongs to
no contact. Between two phases dedup must have taken in what was said: the run is put down, and looked at again.
"""

from collections.abc import Sequence
from typing import Final

from services.backup.core import restoring
from services.backup.jobs.backing_up import Beat, opened
from services.backup.jobs.store import PAGE, Kept, Run, Runs, Tables
from shared.domain.outcome import Outgoing
from shared.runtime import codec
from shared.runtime.world import World
from shared.topology import RECEIVED

CONTACTS: Final = 100
"""Contacts read at once: each comes with all that was ever said of its records."""

MESSAGES: Final = 500
"""Messages sent at once."""

NONE: Final = restoring.Labels()

DONE: Final = "done"


class NotEmpty(Exception):
    """Something is here already: in this form only an empty system is restored."""


class Restoring:
    """The phases of a restore; each can be begun again, since everything said keeps its id."""

    def __init__(self, world: World, runs: Runs, tables: Tables, passphrase: str | None) -> None:
        self._world = world
        self._passphrase = passphrase
        self._runs = runs
        self._tables = tables
        self._kept = Kept(world.database)

    async def go_on(self, run: Run, beat: Beat) -> str:
        """Do the next phase of a run; the name of the one after it, or DONE. Raises Damaged and NotEmpty."""
        if run.phase in ("", "load"):
            await self._load(run, beat)
            await self._judgements(beat)
            return "contacts"
        if await self._behind():
            return run.phase
        match run.phase:
            case "judgements":
                await self._judgements(beat)
                return "contacts"
            case "contacts":
                await self._contacts(run, beat)
                return "rest"
            case "rest":
                await self._rest(beat)
                return "settling"
            case _:
                return DONE

    async def _behind(self) -> bool:
        backlog = await self._world.admin.backlog("dedup", [RECEIVED.name])
        return any(one.messages for one in backlog.values())

    async def _load(self, run: Run, beat: Beat) -> None:
        """Put the set into backup's own tables, whole or not at all."""
        reading = await opened(run.address, self._passphrase)
        if not await self._tables.is_empty():
            raise NotEmpty("this system is not empty: only an empty one can be restored")
        async with self._tables.connection() as connection, connection.transaction():
            for file in reading.manifest.files:
                for lines in reading.lines(file.table, PAGE):
                    await self._tables.load(connection, file.table, lines, "backup")
                    await beat("load")
            await self._runs.move(connection, run, "judgements")

    async def _judgements(self, beat: Beat) -> None:
        async for some in self._kept.judgements():
            await self._say([restoring.said_before(*one) for one in some])
            await beat("judgements")

    async def _contacts(self, run: Run, beat: Beat) -> None:
        async for some in self._kept.identities(CONTACTS):
            formers = await self._kept.formers([one.contact_id for one in some])
            of = {one.contact_id: [one.contact_id, *(it.contact_id for it in formers[one.contact_id])] for one in some}
            parts = await self._kept.parts([contact for several in of.values() for contact in several])
            labels = await self._kept.labels(list(of))
            says: list[Outgoing] = []
            for one in some:
                mine = [part for contact in of[one.contact_id] for part in parts[contact]]
                says += restoring.bundle(
                    one, formers[one.contact_id], mine, labels.get(one.contact_id, NONE), run.run_id
                )
            await self._say(says)
            await beat("contacts")

    async def _rest(self, beat: Beat) -> None:
        async for some in self._kept.alone():
            await self._say([restoring.alone(part, key) for part, key in some])
            await beat("rest")

    async def _say(self, says: Sequence[Outgoing]) -> None:
        for start in range(0, len(says), MESSAGES):
            await self._world.producer.send([codec.draft(one) for one in says[start : start + MESSAGES]])
