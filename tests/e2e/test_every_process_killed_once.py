"""Goal: nothing is lost and nothing happens twice when any process dies at any moment.

Method: 3,000 records are sent while every service, Kafka and Postgres are killed with -9 once each. The contacts on
`contacts.clean` are then compared with an oracle that groups the same records by hand, and with what the API says.
"""

import asyncio
from collections import defaultdict
from pathlib import Path

from shared.commands import present
from shared.commands.running import Running
from tests.bench.people import FOLDED, people
from tests.support.system import System, running

RECORDS = 3_000
VICTIMS = ("dedup", "validate", "kafka", "enrich", "ingest", "rules", "postgres", "backup")
PAUSE_S = 1.5


async def test_whatever_is_killed_the_books_and_the_contacts_are_right(system_folder: Path) -> None:
    records = [{**person, "source": "crm"} for person in people(RECORDS, duplicates=0.3, seed=5)]
    async with running(system_folder) as system:
        killing = asyncio.create_task(_kill_everybody(system))
        for start in range(0, RECORDS, 50):
            await system.post_until_accepted(records[start : start + 50])
            await asyncio.sleep(0.1)
        await killing
        books = await system.settled(RECORDS, seconds=180)
        contacts = await present.contacts(Running(system.data))
        status, page = await system.call("GET", "/v1/contacts?limit=50", "reader")
        assert status == 200
        said = {contact_id: contact["version"] for contact_id, contact in contacts.items()}
        assert not [one for one in page["items"] if said.get(one["contact_id"]) != one["version"]]
    # A sender whose answer was lost sends again; with Postgres away at that moment it is taken as one more update.
    assert books["in_contacts"] == books["accepted"] >= RECORDS
    expected: dict[str, set[str]] = defaultdict(set)
    for record in records:
        expected[record["email"] + record["given_name"].translate(FOLDED)].add(record["source_record_id"])
    found = [{member["source_record_id"] for member in contact["records"]} for contact in contacts.values()]
    assert sorted(map(sorted, found)) == sorted(map(sorted, expected.values()))


async def _kill_everybody(system: System) -> None:
    for victim in VICTIMS:
        await asyncio.sleep(PAUSE_S)
        await system.replaced(victim, system.kill(victim))
