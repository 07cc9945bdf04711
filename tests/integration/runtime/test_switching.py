"""Goal: contacts that were said again under one revision after the other look as if only the last had ever been.

Method: the six real services over a log in memory. Rules, trust and required fields are switched back and forth, a
switch comes while the one before is still being carried out, and a second chain takes the same records under the last
configuration alone. Ids, versions and times are not compared: they go on.
"""

import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from services.dedup.requests import renewing
from services.dedup.requests.renewing import Renewing
from shared.domain.configuration import Configuration
from shared.domain.errors import Transient
from shared.runtime import renewal
from shared.runtime.database import Database
from shared.runtime.renewal import left, standing
from shared.runtime.revisions import Revisions
from tests.support.stack import Stack, create_database, drop_database
from tests.tutorial.chain import Chain, whole_chain

SOURCES = "sources:\n  crm: {trust: %d, country: DE}\n  webform: {trust: %d, country: DE}\n"
FIELDS = "required: {mail: [%s]}\nsurvivorship: {default: [pinned, valid, trust, recency]}\n"
RULE = (
    "rules:\n  - {name: place, when: 'contact.addresses.exists(a, a.city == \"%s\")', then: {category: %s, score: 7}}\n"
)

ONE = (SOURCES % (80, 20), FIELDS % "email", RULE % ("Berlin", "home"))
OTHER = (SOURCES % (20, 80), FIELDS % "email, phone", RULE % ("Hamburg", "harbour"))

PEOPLE = [("Jörg", "Vogel"), ("Anna", "Brandt"), ("Mehmet", "Yıldız"), ("Käthe", "Lang"), ("Tom", "Ende")]


def write(folder: Path, texts: tuple[str, str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in zip(("sources", "fields", "rules"), texts, strict=True):
        (folder / f"{name}.yaml").write_text(text, "utf-8")


def anything(configuration: Configuration) -> None:
    """Nothing is wrong with it."""


class Installation:
    """A chain whose configuration lies in a folder."""

    def __init__(self, chain: Chain, folder: Path) -> None:
        self.chain = chain
        self.database = chain.world.database
        self.revisions = Revisions("dedup", self.database, folder, chain.world.clock, anything)

    async def begin(self) -> None:
        """Take up what the folder holds, as every process does at its start."""
        configuration = await self.revisions.begin()
        self.revisions.adopt += [partial(setattr, self.chain.world, "configuration")]
        self.revisions.adopt += [service.adopt for service in self.chain.services.values()]
        for adopt in self.revisions.adopt:
            adopt(configuration)

    async def send(self) -> None:
        """Two sources that contradict each other about everybody."""
        for number, (given, family) in enumerate(PEOPLE):
            name = {"given_name": given, "family_name": family, "email": f"{family.lower()}{number}@example.de"}
            await self.chain.send(source="crm", source_record_id=str(number), city="Berlin", postcode="10115", **name)
            await self.chain.send(source="webform", source_record_id=f"w{number}", city="Hamburg", postcode="20095",
                                  **name)  # fmt: skip

    async def settle(self) -> None:
        """Until nothing is left to be done, and nobody to be said again."""
        for _ in range(20):
            due = await self.database.fetch("SELECT count(*) AS n FROM runtime.refresh_due")
            all_asked = due[0]["n"] + await left(self.database) == 0
            await self.chain.settle()  # once more behind the last that was asked for
            if all_asked:
                return
        raise AssertionError("contacts are said again for ever")

    async def faces(self) -> dict[str, Any]:
        """Every contact as it looks, by its records."""
        page = await self.chain.get("/v1/contacts?limit=100")
        assert len(page["items"]) == len(PEOPLE), "both sources speak of the same people"
        return {" ".join(sorted(one["source_record_id"] for one in face["records"])): _look(face)
                for face in page["items"]}  # fmt: skip


def _look(face: dict[str, Any]) -> dict[str, Any]:
    kept = ("addresses", "categories", "segments", "suggestions", "quality", "name", "emails")
    return {key: face[key] for key in kept} | {"score": face["priority"]["score"]}


@pytest.fixture
async def second_database(stack: Stack, migrated_tables: str) -> AsyncIterator[str]:
    """Another one like `database`."""
    name = f"test_{secrets.token_hex(8)}"
    yield await create_database(stack.database_url, name, migrated_tables)
    await drop_database(stack.database_url, name)


@asynccontextmanager
async def installation(url: str, folder: Path, texts: tuple[str, str, str]) -> AsyncGenerator[Installation]:
    write(folder, texts)
    async with whole_chain(url) as chain:
        found = Installation(chain, folder)
        await found.begin()
        await found.send()
        await found.settle()
        yield found


async def test_switching_back_and_forth_ends_where_a_fresh_evaluation_ends(
    database: str, second_database: str, tmp_path: Path
) -> None:
    async with installation(second_database, tmp_path / "fresh", OTHER) as fresh:
        expected = await fresh.faces()
    async with installation(database, tmp_path / "switched", ONE) as switched:
        before = await switched.faces()
        assert {*before} == {*expected}
        assert all(before[one] != expected[one] for one in before), "both are told apart"
        for texts in (OTHER, ONE, OTHER):
            write(tmp_path / "switched", texts)
            await switched.revisions.look()
            if texts is ONE:
                await Renewing(switched.chain.world).run()  # asked for, not yet said, when the next one comes
                continue
            await switched.settle()
        assert await switched.faces() == expected
        write(tmp_path / "switched", ONE)
        await switched.revisions.look()
        await switched.settle()
        assert await switched.faces() == before
        shown = await switched.chain.get("/v1/status")
    assert (shown["configuration"]["revision"], shown["configuration"]["job"]["asked"]) == (5, len(PEOPLE))
    assert shown["configuration"]["job"]["ended_at"] is not None
    books = shown["books"]
    assert (books["accepted"], books["in_contacts"], books["waiting"]) == (2 * len(PEOPLE), 2 * len(PEOPLE), 0)


async def test_who_comes_while_a_job_is_at_it_is_not_asked_for_again(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids sort by time: a job that took them along would never end while as many arrive as are let through."""
    monkeypatch.setattr(renewing, "PAGE", 2)
    async with installation(database, tmp_path / "config", ONE) as house:
        write(tmp_path / "config", OTHER)
        await house.revisions.look()
        await Renewing(house.chain.world).run()
        await house.chain.send(source="crm", source_record_id="late", given_name="Eva", email="eva@example.org")
        await house.settle()
        shown = await standing(house.database)
    assert shown is not None
    assert (shown["job"]["asked"], shown["job"]["total"]) == (len(PEOPLE), len(PEOPLE))


async def test_without_the_job_contacts_keep_the_look_of_the_revision_before(database: str, tmp_path: Path) -> None:
    """The control of the test above: that everybody looks different comes of being said again."""
    async with installation(database, tmp_path / "config", ONE) as house:
        before = await house.faces()
        write(tmp_path / "config", OTHER)
        await house.revisions.look()
        await house.database.execute("DELETE FROM runtime.configuration_job")
        await house.settle()
        assert await house.faces() == before


async def test_a_job_that_is_killed_on_any_page_asks_for_everybody_once(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page is asked for together with the note that it was."""
    monkeypatch.setattr(renewing, "PAGE", 3)
    async with installation(database, tmp_path / "config", ONE) as house:
        write(tmp_path / "config", OTHER)
        await house.revisions.look()
        advance, killed, asked = renewal.advance, [True, False, True, False, False], list[str]()

        async def deadly(*args: Any, **words: Any) -> None:
            if killed.pop(0):
                raise Transient("killed")
            await advance(*args, **words)

        monkeypatch.setattr(renewal, "advance", deadly)
        for dies in (True, False, True, False):
            try:
                await Renewing(house.chain.world).run()
                assert not dies
            except Transient:
                assert dies
            asked += await _taken(house.database)
    living = await _living(database)
    assert sorted(asked) == living
    assert len(living) == len(PEOPLE)


async def _taken(database: Database) -> list[str]:
    rows = await database.fetch("DELETE FROM runtime.refresh_due RETURNING contact_id::text AS id")
    return [row["id"] for row in rows]


async def _living(url: str) -> list[str]:
    database = Database(url)
    rows = await database.fetch("SELECT contact_id::text AS id FROM dedup.contact WHERE retired IS NULL ORDER BY 1")
    shown = await standing(database)
    await database.close()
    assert shown is not None
    assert shown["job"]["ended_at"] is not None
    return [row["id"] for row in rows]
