"""Goal: what the release before has left behind is read by this one: tables, events, letters, and what was under way.

Method: the fixture of an earlier state is laid into an empty database and empty topics; `up` migrates and starts every
stage, each of which reads its topics from the first message on, and everything is asked for at the doors. There is no
release yet: the state of revision 0011 stands for one (tests/upgrades/make.py).
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared.commands import present
from shared.commands.running import Running
from shared.runtime.migrations import migrate
from shared.runtime.tables import newest_revision, revision_of
from tests.chaos.relations import orphans
from tests.support.stack import Stack
from tests.support.system import System, running
from tests.upgrades import kept

CALM_S = 120.0
"""Contacts are said again on the way: facts have aged since then."""

MAY_HANG = {
    "rules has every contact's last version": "said again because time has passed, a contact may say nothing new",
    "ingest has seen every contact's last version": "for the same reason",
    "a timer's contact is there": "the timers of rules that this configuration does not have wake nobody",
}

LETTERS = "SELECT stage FROM ingest.dead_letter WHERE state = 'open'"
PRESENT = "SELECT contact_id FROM rules.contact WHERE document IS NOT NULL"


async def test_everything_the_release_before_has_left_is_read_and_goes_on(
    stack: Stack,
    empty_database: str,
    topic_prefix: str,
    earlier: str,
    system_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KONTAKTWERK_TOPIC_PREFIX", topic_prefix)
    known = kept.known(earlier)
    settings = {
        "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "DATABASE_URL": empty_database,
        "KONTAKTWERK_GROUP_PREFIX": topic_prefix,
        "KONTAKTWERK_PARTITIONS": str(kept.PARTITIONS),
    }
    await migrate(empty_database)
    connection = await asyncpg.connect(empty_database)
    letters = Counter(str(row[0]) for row in await connection.fetch(LETTERS))
    hung_before = await orphans(connection)
    async with running(system_folder, settings=settings) as system:
        accepted = known["accepted"] + len(known["later"])
        books = await system.settled(accepted)
        assert books["accepted"] == accepted
        assert await revision_of(empty_database) == newest_revision()
        await _the_doors_answer(system, known)
        await _letters_are_shown_and_sent_again(system, letters)
        await _nothing_new_hangs(connection, hung_before)
        said = await present.contacts(Running(system.data, settings))
        there = {str(row[0]) for row in await connection.fetch(PRESENT)}
    await connection.close()
    assert set(said) == there


async def _nothing_new_hangs(connection: asyncpg.Connection, before: Mapping[str, int]) -> None:
    """Once all is said, no relation is broken that the release before had not broken."""
    until = time.monotonic() + CALM_S
    while True:
        rows = await orphans(connection)
        hanging = {name: rows[name] for name in rows.keys() - MAY_HANG if rows[name] > before.get(name, 0)}
        if not hanging:
            return
        assert time.monotonic() < until, (hanging, before)
        await asyncio.sleep(0.5)


async def _the_doors_answer(system: System, known: dict[str, Any]) -> None:
    for contact_id in known["contacts"]:
        status, body = await system.call("GET", f"/v1/contacts/{contact_id}")
        assert status == (404 if contact_id == known["gone"] else 200), (contact_id, body)
    _, body = await system.call("GET", f"/v1/contacts/{known['merged'][0]}")
    assert {one["source_record_id"] for one in body["records"]} >= {"t1", "t2"}
    _, body = await system.call("GET", f"/v1/contacts/{known['pinned']}")
    assert (body["job_title"], body["provenance"]["/job_title"]["why"]) == ("Leiterin", "pinned")
    assert (await system.call("GET", f"/v1/contacts/{known['forgotten']}"))[0] == 410
    for path in ("histories", "explanations", "identities", "timelines"):
        status, body = await system.call("GET", f"/v1/{path}/{known['heard']}")
        assert status == 200, (path, body)
    _, receipt = await system.call("GET", f"/v1/receipts/{known['event']}")
    assert receipt["state"] == "clean"
    _, found = await system.call("POST", "/v1/contact-searches", json={"text": "Iris Fest"})
    assert [one["contact_id"] for one in found["items"]] == [known["pinned"]]
    _, reviews = await system.call("GET", "/v1/reviews?state=open")
    assert reviews["items"]
    _, segments = await system.call("GET", "/v1/segments/newsletter/contacts")
    assert known["heard"] in {one["contact_id"] for one in segments["items"]}


async def _letters_are_shown_and_sent_again(system: System, kept_letters: Counter[str]) -> None:
    """Read from the first message on, each letter is indexed once more, under the id that this release gives it: the
    same message set aside by the same stage, now perhaps for a reason that was not yet told apart.
    """
    _, letters = await system.call("GET", "/v1/dead-letters?limit=500")
    found = Counter(letter["stage"] for letter in letters["items"])
    assert found == kept_letters + kept_letters
    for letter in letters["items"]:
        status, shown = await system.call("GET", f"/v1/dead-letters/{letter['id']}")
        assert status == 200, shown
        assert shown["message"] is not None, letter
    status, sent = await system.call("POST", "/v1/dead-letters/replay", json={"stage": "dedup"})
    assert (status, sent["replayed"] + len(sent["skipped"])) == (200, found["dedup"]), sent
    assert sent["replayed"] >= kept_letters["dedup"]
