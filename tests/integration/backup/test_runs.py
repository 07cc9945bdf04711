"""Goal: a run is done once, whoever dies; a scheduled one once, however many ask; what outlived its time is removed.

Method: workers by hand on one real Postgres, with a clock that is moved.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import zstandard

from services.backup.client import PARTIAL
from services.backup.core.sets import MANIFEST, SEALED
from services.backup.jobs import schedule
from services.backup.jobs.store import LeaseLost, Runs, Tables
from services.backup.jobs.working import LEASE, Worker
from shared.domain.configuration import Backups, Configuration, Fields, Operations
from shared.runtime.broker.memory import MemoryBroker
from shared.runtime.clock import ManualClock, SeededIds
from shared.runtime.database import Database
from shared.runtime.scheduler import scheduled
from shared.runtime.settings import Settings
from shared.runtime.world import World

Make = Callable[[Backups], World]
RUN = "00000000-0000-7000-8000-000000000001"


@pytest.fixture
def world_of(tables: Database) -> Make:
    """A world with these rules about backups."""
    clock = ManualClock()
    broker = MemoryBroker(seed=1, clock=clock)

    def make(backups: Backups) -> World:
        configuration = Configuration(
            digest="", sources={}, fields=Fields(), rules=(), operations=Operations(backup=backups)
        )
        return World(
            settings=Settings(),
            configuration=configuration,
            broker=broker,
            producer=broker.producer(),
            admin=broker.admin(),
            database=tables,
            clock=clock,
            ids=SeededIds(1),
        )

    return make


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def worker(world: World) -> Worker:
    return Worker(world, Runs(world.database), Tables(world.database))


async def test_a_worker_that_died_is_followed_by_another_and_a_zombie_cannot_go_on(
    world_of: Make, tmp_path: Path
) -> None:
    world = world_of(Backups())
    runs, clock = Runs(world.database), world.clock
    await runs.ask(RUN, "backup", str(tmp_path), clock.now())
    dead = await runs.claim(clock.now(), clock.now() + LEASE)
    assert dead is not None
    (tmp_path / f".kontaktwerk-20260101T000000Z-00000001{PARTIAL}").mkdir()
    await worker(world).work()
    assert (await runs.one(RUN)).state == "running", "the lease of the dead still holds"  # type: ignore[union-attr]
    await clock.sleep(LEASE.total_seconds())
    await worker(world).work()
    run = await runs.one(RUN)
    assert run is not None
    assert (run.state, names(tmp_path)) == ("done", [run.result["name"]])
    with pytest.raises(LeaseLost):
        await runs.beat(dead, clock.now(), "late")


async def test_of_many_who_ask_for_a_scheduled_backup_there_is_one(world_of: Make, tmp_path: Path) -> None:
    world = world_of(Backups(schedule="0 * * * *", timezone="UTC", to=str(tmp_path)))
    runs, tables = Runs(world.database), Tables(world.database)
    chores = [scheduled(world, "backup", "backup", schedule.planned(world, runs, tables)) for _ in range(3)]
    for hours in (0, 1):
        await world.clock.sleep(hours * 3_600)
        for chore in chores:
            await chore.run()
    assert await runs.open_runs() == 0, "of an empty system there is nothing to keep"
    await world.database.execute("INSERT INTO backup.member (record_id, contact_id) VALUES ($1, $1)", RUN)
    await world.database.execute(
        "INSERT INTO backup.archive (event_id, type, subject, received_at) VALUES ($1, 'refresh.requested', $1, now())",
        RUN,
    )
    for hours in (1, 1, 3):
        await world.clock.sleep(hours * 3_600)
        for chore in chores:
            await chore.run()
    assert await runs.open_runs() == 3, "what was missed meanwhile is made up for once"


async def test_sets_that_no_rule_keeps_are_removed_from_the_usual_address_alone(world_of: Make, tmp_path: Path) -> None:
    usual, other = tmp_path / "usual", tmp_path / "other"
    world = world_of(Backups(to=str(usual), keep={"daily": 2}))
    runs = Runs(world.database)
    for day in range(4):
        for address in (usual, other):
            await runs.ask(world.ids.new(), "backup", str(address), world.clock.now())
            await worker(world).work()
        await world.clock.sleep(timedelta(days=1).total_seconds())
        assert len(names(usual)) == min(2, day + 1)
    assert len(names(other)) == 4


async def test_a_set_without_its_manifest_is_none(world_of: Make, tmp_path: Path) -> None:
    world = world_of(Backups())
    runs = Runs(world.database)
    await runs.ask(RUN, "backup", str(tmp_path), world.clock.now())
    await worker(world).work()
    (name,) = names(tmp_path)
    manifest = tmp_path / name / MANIFEST
    whole = manifest.read_bytes()
    manifest.unlink()
    other = replace(world, ids=SeededIds(2)).ids.new()
    await runs.ask(other, "verify", str(tmp_path), world.clock.now())
    await worker(world).work()
    assert (await runs.one(other)).state == "failed"  # type: ignore[union-attr]
    manifest.write_bytes(whole)
    assert msgspec.json.decode(whole)["format"] == 1


async def test_a_sealed_set_tells_nothing_and_opens_for_its_passphrase_alone(world_of: Make, tmp_path: Path) -> None:
    world = world_of(Backups())
    runs, tables = Runs(world.database), Tables(world.database)
    await world.database.execute(
        "INSERT INTO backup.archive (event_id, type, subject, source, received_at) "
        "VALUES ($1, 'record.received', $1, 'a-telling-source', now())",
        RUN,
    )

    async def does(kind: str, passphrase: str | None) -> tuple[str, str]:
        run_id = world.ids.new()
        await runs.ask(run_id, kind, str(tmp_path), world.clock.now())
        await Worker(world, runs, tables, passphrase).work()
        run = await runs.one(run_id)
        assert run is not None
        return run.state, run.result.get("reason", "")

    assert await does("backup", "one long passphrase") == ("done", "")
    (name,) = names(tmp_path)
    files = {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
    assert msgspec.json.decode(files.pop(MANIFEST))["format"] == 2
    for file, data in files.items():
        assert file.endswith(SEALED)
        assert zstandard.FRAME_HEADER not in data[:64]
    assert await does("verify", "one long passphrase") == ("done", "")
    assert await does("verify", None) == (
        "failed", "this set is sealed: give the service KONTAKTWERK_BACKUP_PASSPHRASE"
    )  # fmt: skip
    assert await does("verify", "another passphrase") == ("failed", "this set is sealed with another passphrase")


@pytest.mark.parametrize("backups", [Backups(), Backups(schedule="30 2 * * *"), Backups(to="/srv/backups")])
async def test_nothing_is_planned_without_a_schedule_and_an_address(world_of: Make, backups: Backups) -> None:
    world = world_of(backups)
    assert schedule.planned(world, Runs(world.database), Tables(world.database))() is None
