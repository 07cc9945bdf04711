"""Goal: a backup is taken while records arrive; everything is lost; a restore brings back all that was in the backup.

Method: two whole systems, started as a user would; the second begins with nothing but the folder of the backup, which
was written while half of the records arrived. What the backup holds of a contact must be what the first system says of
it; then the sources send everything again, and both systems know the same people.
"""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.support.system import System, running

RECORDS: Final = 300
"""Enough to be under way for some seconds; a restore of as many takes a few."""

HALF: Final = 150
"""What is there before the backup begins; as many arrive while it is written."""

CALLS: Final = 3
"""One contact each, two of which a steward then merges."""

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


async def kept_of(system: System, contact_ids: Sequence[str]) -> dict[str, Any]:
    """What hangs on these contacts: their timelines and what people decided about them."""
    found: dict[str, Any] = {}
    for contact_id in contact_ids:
        _, timeline = await system.call("GET", f"/v1/timelines/{contact_id}", "reader")
        _, identity = await system.call("GET", f"/v1/identities/{contact_id}", "reader")
        happened = [(one["at"], one["type"]) for one in timeline["items"] if one["kind"] == "interaction"]
        found[contact_id] = (happened, identity["judgements"], sorted(identity["former_ids"]))
    return found


async def lived(system: System, later: set[str]) -> list[str]:
    """Three people were called, and two of them are one, says a steward; the contacts that are left.

    They are people of whom nothing comes later, by their mail addresses.
    """
    there = await contacts_of(system)
    contacts = [one for one, contact in there.items() if later.isdisjoint(mail["value"] for mail in contact["emails"])]
    contacts = contacts[:CALLS]
    calls = [
        {"source": "crm", "interaction_id": f"call-{one}", "type": "call", "at": "2026-01-05T10:00:00Z",
         "contact": {"contact_id": one}, "detail": {}}
        for one in contacts
    ]  # fmt: skip
    status, answer = await system.call("POST", "/v1/interactions", json=calls)
    assert status == 202, answer
    status, merged = await system.call("POST", "/v1/merges", json={"contact_ids": contacts[:2]})
    assert status == 200, merged
    await system.settled(HALF + len(calls))
    return [*merged["contact_ids"], contacts[2]]


def people_of(contacts: dict[str, dict[str, Any]]) -> dict[frozenset[str], Any]:
    """Who is who, by the records; and who may be written to."""
    return {
        frozenset(one["source_record_id"] for one in contact["records"]): sorted(map(str, contact["consents"]))
        for contact in contacts.values()
    }


def records_in(contact: dict[str, Any]) -> set[str]:
    """The records of a contact."""
    return {one["record_id"] for one in contact["records"]}


async def test_everything_that_was_backed_up_under_load_comes_back(system_folder: Path) -> None:
    said, sets = records(random.Random(4)), system_folder / "sets"
    async with running(system_folder / "first") as system:
        await system.post_until_accepted(said[:HALF])
        await system.settled(HALF)
        decided = await lived(system, {one["email"] for one in said[HALF:]})
        sending = asyncio.create_task(system.post_until_accepted(said[HALF:]))
        backup = await ended(system, "/v1/backups", {"to": str(sets)})
        await sending
        await system.settled(RECORDS + CALLS)
        before, kept = await contacts_of(system), await kept_of(system, decided)
    async with running(system_folder / "second") as system:
        await ended(system, "/v1/restores", {"from": str(sets)})
        await system.settled(backup["rows"]["archive"])
        restored = await contacts_of(system)
        whole = {
            one for one, contact in restored.items() if one in before and records_in(before[one]) == records_in(contact)
        }
        assert {one: restored[one] for one in whole} == {one: before[one] for one in whole}
        assert {*decided} <= whole, "nothing came later for them"
        assert await kept_of(system, decided) == kept
        assert sum(len(records_in(restored[one])) for one in whole) >= HALF // 2, "what was there before is there"
        await system.post_until_accepted(said)
        await system.settled(RECORDS + CALLS)
        after = await contacts_of(system)
        assert people_of(after) == people_of(before), "sources send again what came after the backup"
        assert {*whole} <= {*after}, "ids stay"
