"""Goal: a backup is taken while records arrive; everything is lost; a restore brings back all that was in the backup.

Method: two whole systems, started as a user would; the second begins with nothing but the folder of the backup.
"""

import asyncio
import random
from pathlib import Path
from typing import Any, Final

from tests.support.system import System, running

RECORDS: Final = 300
"""Enough to be under way for some seconds; a restore of as many takes a few."""

GIVEN: Final = ("Anna", "Bert", "Clara", "David", "Emma", "Franz", "Greta", "Hugo")
FAMILY: Final = ("Abendroth", "Birkner", "Claasen", "Dornbusch", "Ebeling", "Falkenhain", "Grünwald", "Hagedorn")


def records(dice: random.Random) -> list[dict[str, Any]]:
    """Records of which about a third are of somebody who is there already."""
    found: list[dict[str, Any]] = []
    for number in range(RECORDS):
        if number % 3 == 2:
            twin = dict(dice.choice(found))
            found.append({**twin, "source": "crm", "source_record_id": f"twin-{number}"})
        else:
            name = {"given_name": dice.choice(GIVEN), "family_name": f"{dice.choice(FAMILY)}-{number}"}
            found.append(
                {"source": "webform", "source_record_id": str(number), **name, "email": f"p{number}@example.de",
                 "consents": [{"purpose": "newsletter", "channel": "email", "address": f"p{number}@example.de",
                               "status": dice.choice(["granted", "withdrawn"]), "at": "2026-01-01T00:00:00Z"}]}
            )  # fmt: skip
    return found


async def contacts_of(system: System) -> dict[str, dict[str, Any]]:
    """All clean contacts, without what a restore begins anew."""
    found: dict[str, dict[str, Any]] = {}
    cursor = ""
    while True:
        status, page = await system.call("GET", f"/v1/contacts?limit=200{cursor}", "reader")
        assert status == 200, page
        for one in page["items"]:
            found[one["contact_id"]] = {
                key: value
                for key, value in one.items()
                if key not in ("version", "updated_at", "cause", "changed", "priority", "last_activity_at", "quality")
            }
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


async def ended(system: System, path: str, wish: dict[str, str]) -> dict[str, Any]:
    """Ask for a run, and wait for its end."""
    status, asked = await system.call("POST", path, json=wish)
    assert status == 202, asked
    async with asyncio.timeout(120):
        while True:
            _, run = await system.call("GET", f"{path}/{asked['id']}")
            if run["state"] in ("done", "failed"):
                assert run["state"] == "done", run
                found: dict[str, Any] = run
                return found
            await asyncio.sleep(0.3)


async def test_everything_that_was_backed_up_under_load_comes_back(system_folder: Path) -> None:
    said, sets = records(random.Random(4)), system_folder / "sets"
    async with running(system_folder / "first") as system:
        await system.post_until_accepted(said[:150])
        sending = asyncio.create_task(system.post_until_accepted(said[150:]))
        under_load = await ended(system, "/v1/backups", {"to": str(sets / "under-load")})
        await sending
        await system.settled(RECORDS)
        before = await contacts_of(system)
        await ended(system, "/v1/backups", {"to": str(sets / "calm")})
    async with running(system_folder / "second") as system:
        await ended(system, "/v1/restores", {"from": str(sets / "calm")})
        books = await system.settled(RECORDS)
        assert await contacts_of(system) == before
        assert books["in_contacts"] == RECORDS
        receipts = await system.post_until_accepted([{**said[0], "city": "Köln"}])
        await system.settled(RECORDS + 1)
        status, receipt = await system.call("GET", f"/v1/receipts/{receipts['receipts'][0]['event_id']}")
        assert (status, receipt["contact_id"] in before) == (200, True), "a source's record is known again"
    async with running(system_folder / "third") as system:
        await ended(system, "/v1/restores", {"from": str(sets / "under-load")})
        events = under_load["rows"]["archive"]
        await system.settled(events)
        status, page = await system.call("GET", "/v1/contacts?limit=1", "reader")
        assert (status, events > 0, len(page["items"])) == (200, True, 1)
