"""Working: one run after the other, each under a lease: one process at a time is at it, and another takes over."""

from asyncio import to_thread
from datetime import timedelta
from typing import Any, Final

from services.backup.client import Unreachable, folder_of, remove, sets_in
from services.backup.core.keeping import outlived
from services.backup.core.sets import Damaged, time_in
from services.backup.jobs.backing_up import back_up, check, rows_in
from services.backup.jobs.restoring import DONE, NotEmpty, Restoring
from services.backup.jobs.store import LeaseLost, Run, Runs, Tables
from shared.runtime.telemetry import logger
from shared.runtime.world import Chore, World

LOOK_EVERY_S: Final = 1.0
"""How often an idle process looks for a run: people wait for its beginning."""

LEASE: Final = timedelta(minutes=2)
"""A worker that has said nothing for so long is dead: its pages take a fraction of a second."""


class Worker:
    """Works on runs. With a passphrase it seals what it writes, and opens what is sealed with it."""

    def __init__(self, world: World, runs: Runs, tables: Tables, passphrase: str | None = None) -> None:
        self._world = world
        self._runs = runs
        self._tables = tables
        self._passphrase = passphrase
        self._restoring = Restoring(world, runs, tables, passphrase)
        self._log = logger("backup")

    def chore(self) -> Chore:
        """The chore that looks for runs."""
        return Chore("runs", LOOK_EVERY_S, self.work)

    async def work(self) -> None:
        """Take the oldest run there is, and do it or its next phase."""
        now = self._world.clock.now()
        run = await self._runs.claim(now, now + LEASE)
        if run is None:
            return
        try:
            await self._do(run)
        except (Unreachable, Damaged, NotEmpty) as error:
            await self._runs.end(run, "failed", {"reason": str(error)}, self._world.clock.now())
            self._log.warning("failed", run=run.run_id, kind=run.kind, reason=str(error))
        except LeaseLost:
            self._log.warning("lost its lease", run=run.run_id, kind=run.kind)

    def _prune(self, address: str) -> list[str]:
        """Remove the sets that no rule keeps, from the one address that is kept in order; their names."""
        backups = self._world.configuration.operations.backup
        if address != backups.to:
            return []
        sets = {path.name: (path, at) for path in sets_in(folder_of(address)) if (at := time_in(path.name)) is not None}
        gone = outlived({name: at for name, (_, at) in sets.items()}, backups.keep)
        for name in gone:
            remove(sets[name][0])
        return gone

    async def _do(self, run: Run) -> None:
        async def beat(phase: str) -> None:
            await self._runs.beat(run, self._world.clock.now() + LEASE, phase)

        result: dict[str, Any] = {}
        match run.kind:
            case "backup":
                result = await back_up(run, self._tables, self._world.settings.release, self._passphrase, beat)
                result["removed"] = await to_thread(self._prune, run.address)
            case "verify":
                result = await check(run, self._tables, self._passphrase, beat)
                result["empty"] = await self._tables.is_empty()
            case _:
                phase = await self._restoring.go_on(run, beat)
                if phase != DONE:
                    await self._runs.beat(run, self._world.clock.now(), phase)
                    return
                result = rows_in(run.address)
        await self._runs.end(run, "done", result, self._world.clock.now())
        self._log.info("done", run=run.run_id, kind=run.kind)
