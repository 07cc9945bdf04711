"""Revisions on a real Postgres: what a folder holds becomes the next number for everybody, and nothing broken does.

Each process of the test has its own connections; the folders are real ones.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from shared.domain.configuration import Configuration
from shared.runtime.clock import SystemClock
from shared.runtime.configuration import Misconfigured
from shared.runtime.database import Database
from shared.runtime.renewal import standing
from shared.runtime.revisions import Outdated, Revisions, held

SOURCES = "sources:\n  webform: {trust: %d}\n"


def suits_everybody(configuration: Configuration) -> None:
    """What services check, so that the test need not be one."""
    if any(rule.when == "nonsense" for rule in configuration.rules):
        raise ValueError("rules.yaml: rules.a.when: nobody knows what that means")


class Process:
    """One process: what it looks at, and what it has taken up."""

    def __init__(self, database: Database, folder: Path, machine: str) -> None:
        self.database = database
        self.adopted: list[Configuration] = []
        self.revisions = Revisions(
            "validate", database, folder, SystemClock(), suits_everybody, f"{machine}:{folder}", [self.adopted.append]
        )

    async def begin(self) -> int:
        return (await self.revisions.begin()).revision

    async def look(self) -> list[int]:
        """Look once; the numbers taken up by now."""
        await self.revisions.look()
        return [one.revision for one in self.adopted]


Start = Callable[..., Process]


@pytest.fixture
async def start(database: str) -> AsyncIterator[Start]:
    pools: list[Database] = []

    def make(folder: Path, machine: str = "here") -> Process:
        pools.append(Database(database, connections_max=4))
        return Process(pools[-1], folder, machine)

    yield make
    for pool in pools:
        await pool.close()


def write(folder: Path, trust: int, rules: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "sources.yaml").write_text(SOURCES % trust, "utf-8")
    (folder / "rules.yaml").write_text(rules, "utf-8")
    return folder


def rule(when: str) -> str:
    return f"rules:\n  - {{name: a, when: '{when}', then: {{category: x}}}}\n"


async def numbers(process: Process) -> list[int]:
    return [row[0] for row in await process.database.fetch("SELECT number FROM runtime.configuration ORDER BY 1")]


async def jobs(process: Process) -> dict[int, list[str]]:
    rows = await process.database.fetch("SELECT number, concerns FROM runtime.configuration_job")
    return {row["number"]: list(row["concerns"]) for row in rows}


async def test_many_processes_that_see_one_change_make_one_revision_of_it(start: Start, tmp_path: Path) -> None:
    folder = write(tmp_path / "a", 50)
    house = [start(folder) for _ in range(4)]
    assert await asyncio.gather(*(one.begin() for one in house)) == [1] * 4
    write(folder, 60)
    assert await asyncio.gather(*(one.look() for one in house)) == [[2]] * 4
    assert await numbers(house[0]) == [1, 2]
    assert {one.adopted[-1].sources["webform"].trust for one in house} == {60}
    assert await house[0].look() == [2], "what has not changed is no news"


async def test_switching_back_is_a_revision_of_its_own(start: Start, tmp_path: Path) -> None:
    folder = write(tmp_path / "a", 50)
    process = start(folder)
    await process.begin()
    for trust in (60, 50, 60):
        write(folder, trust)
        await process.look()
    assert [one.revision for one in process.adopted] == [2, 3, 4]
    assert [one.sources["webform"].trust for one in process.adopted] == [60, 50, 60]


@pytest.mark.parametrize("broken", ["rules: [", rule("nonsense"), "rulez: []\n", "rules:\n  - {name: a}\n"])
async def test_a_broken_file_replaces_nothing_and_is_named(start: Start, tmp_path: Path, broken: str) -> None:
    folder = write(tmp_path / "a", 50)
    process, other = start(folder), start(folder)
    await process.begin()
    await other.begin()
    write(folder, 60, broken)
    assert (await process.look(), await other.look(), await numbers(process)) == ([], [], [1])
    assert process.revisions.wrong is not None
    assert "rules.yaml" in process.revisions.wrong
    assert other.revisions.wrong == process.revisions.wrong, "who looks later says the same"
    shown = await standing(process.database)
    assert shown is not None
    assert (shown["revision"], [one["wrong"] for one in shown["refused"]]) == (1, [process.revisions.wrong])
    write(folder, 60)
    assert (await other.look(), await process.look()) == ([2], [2])
    assert process.revisions.wrong is None


async def test_a_process_that_starts_over_a_broken_folder_goes_on_with_what_was(start: Start, tmp_path: Path) -> None:
    folder = write(tmp_path / "a", 50)
    await start(folder).begin()
    write(folder, 60, "rules: [")
    process = start(folder)
    assert await process.begin() == 1
    assert process.revisions.wrong is not None


async def test_without_anything_that_can_be_used_nobody_starts(start: Start, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"sources.yaml"):
        await start(tmp_path / "nowhere").begin()
    with pytest.raises(Misconfigured, match=r"rules.yaml"):
        await start(write(tmp_path / "a", 50, rule("nonsense"))).begin()


async def test_who_has_an_older_folder_or_none_uses_what_is_active(start: Start, tmp_path: Path) -> None:
    """A machine that comes late must not take everybody back; one whose files really change is the newest."""
    new, old = write(tmp_path / "new", 50), write(tmp_path / "old", 50)
    first = start(new)
    await first.begin()
    write(new, 60)
    await first.look()
    late, bare = start(old, "elsewhere"), start(tmp_path / "nowhere", "bare")
    assert (await late.begin(), await bare.begin()) == (2, 2)
    write(old, 70)
    assert (await late.look(), await first.look(), await bare.look()) == ([3], [2, 3], [3])
    assert bare.adopted[-1].sources["webform"].trust == 70
    assert await numbers(first) == [1, 2, 3]


async def test_what_was_changed_while_nobody_looked_holds_from_the_start(start: Start, tmp_path: Path) -> None:
    """Also where the folder was set back to what held before."""
    folder = write(tmp_path / "a", 50)
    await start(folder).begin()
    write(folder, 60)
    assert await start(folder).begin() == 2
    write(folder, 50)
    assert await start(folder).begin() == 3


async def test_nothing_is_decided_by_the_old_revision_once_the_new_one_is_active(start: Start, tmp_path: Path) -> None:
    folder = write(tmp_path / "a", 50)
    process, other = start(folder), start(folder)
    await process.begin()
    async with process.database.transaction() as connection:
        await held(connection, 1)
        write(folder, 60)
        activation = asyncio.create_task(other.revisions.look())
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(activation), 0.5)
        assert not activation.done(), "an activation waits for what is being decided"
        assert await numbers(process) == [1]
    await activation
    with pytest.raises(Outdated):
        async with process.database.transaction() as connection:
            await held(connection, 1)
    async with process.database.transaction() as connection:
        await held(connection, 2)


async def test_only_what_concerns_contacts_has_them_said_again(start: Start, tmp_path: Path) -> None:
    folder = write(tmp_path / "a", 50)
    process = start(folder)
    await process.begin()
    write(folder, 60)
    await process.look()
    (folder / "channels.yaml").write_text("channels: {log: {}}\n", "utf-8")
    await process.look()
    write(folder, 60, "# a remark\n" + rule("true"))
    await process.look()
    write(folder, 60, "# another remark\n" + rule("true"))
    await process.look()
    assert await numbers(process) == [1, 2, 3, 4, 5]
    assert await jobs(process) == {1: ["sources", "fields", "rules", "providers"], 2: ["sources"], 4: ["rules"]}
