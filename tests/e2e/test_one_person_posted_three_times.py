"""Goal: two deliveries of one person at the same moment never make twins.

Method: 300 persons, each posted at the same moment by three sources, to two ingest and three dedup processes; then the
clean contacts are counted from the topic, as a subscriber would.
"""

import asyncio
from pathlib import Path
from typing import Any

from shared.commands import present
from shared.commands.running import Running
from tests.bench.people import people
from tests.support.system import running

PERSONS = 300
SOURCES = ("webform", "newsletter", "registration")


async def test_three_posts_of_one_person_at_the_same_moment_make_one_contact(system_folder: Path) -> None:
    persons = list(people(PERSONS, duplicates=0, seed=11))
    async with running(system_folder, workers="ingest=2,dedup=3") as system:

        async def post(person: dict[str, Any], source: str) -> None:
            await system.post_until_accepted([{**person, "source": source}])

        for start in range(0, PERSONS, 20):
            group = persons[start : start + 20]
            await asyncio.gather(*(post(person, source) for person in group for source in SOURCES))
        books = await system.settled(PERSONS * len(SOURCES))
        contacts = await present.contacts(Running(system.data))
    assert books["in_contacts"] == PERSONS * len(SOURCES)
    members = sorted(
        tuple(sorted((one["source_record_id"], one["source"]) for one in contact["records"]))
        for contact in contacts.values()
    )
    assert members == sorted(
        tuple(sorted((person["source_record_id"], source) for source in SOURCES)) for person in persons
    )
