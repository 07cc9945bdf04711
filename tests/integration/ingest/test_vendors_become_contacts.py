"""From a vendor's web hook to who is who: people who change their address there, and who are deleted there.

*Method*: the real front door and dedup's stage with its tables; between them a log in memory, in the order of arrival.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import pytest

from shared.commands.simulate import Plan
from shared.domain.configuration import Source
from tests.integration.dedup.town import Town
from tests.integration.ingest.house import House
from tests.integration.ingest.test_connectors import STANDARD_SECRET, configured, simulated

BATCH = 25
"""As many events of one record may stand in one batch as in several."""

OLD, NEW, NEWEST = "adler@example.org", "neu@example.org", "zuletzt@example.org"


async def resolved(house: House, town: Town) -> None:
    """Let dedup decide on everything the door has accepted."""
    await town.empty()
    await town.database.execute("truncate dedup.parked")
    events = house.received()
    for at in range(0, len(events), BATCH):
        await town.tell(*events[at : at + BATCH])


def member(type_: str, minute: int, **data: str) -> bytes:
    """What Mailchimp sends about a member."""
    fields = {f"data{name}" if name.startswith("[") else f"data[{name}]": value for name, value in data.items()}
    return urlencode({"type": type_, "fired_at": f"2026-11-20 21:{minute}:57", "data[list_id]": "a", **fields}).encode()


NAMED: dict[str, Any] = {"[merges][FNAME]": "Jörg", "[merges][LNAME]": "Adler"}
MOVES = [
    member("subscribe", 10, email=OLD, **NAMED),
    member("upemail", 20, new_email=NEW, old_email=OLD, new_id="1"),
    member("profile", 20, email=NEW, **NAMED),
    member("upemail", 30, new_email=NEWEST, old_email=NEW, new_id="2"),
    member("profile", 30, email=NEWEST, **NAMED),
]


WITHOUT_MOVES = (0, 2, 4)


@pytest.mark.parametrize(
    ("order", "people"),
    [((0, 1, 2, 3, 4), [3]), ((4, 3, 2, 1, 0), [3]), ((2, 4, 0, 3, 1), [3]), (WITHOUT_MOVES, [1, 1, 1])],
)
async def test_who_changes_the_address_twice_stays_one_person_in_any_order(
    house: House, order: Sequence[int], people: list[int]
) -> None:
    """The last order is the control: without the two changes there are three people of one name."""
    configured(house, {"letter": Source(connector="mailchimp", secrets=(STANDARD_SECRET,))})
    headers = {"content-type": "application/x-www-form-urlencoded"}
    for place in order:
        answer = await house.post(f"/hooks/letter/{STANDARD_SECRET}", MOVES[place], role=None, headers=headers)
        assert answer.status_code == 202
    town = Town(house.world.database)
    await resolved(house, town)
    assert [len(records) for records in await town.groups()] == people


async def test_a_contact_that_brevo_deletes_is_gone_and_a_late_change_does_not_bring_it_back(house: House) -> None:
    await simulated(house, "brevo", Plan(people=2))
    path, headers = "/hooks/brevo", {"authorization": f"Bearer {STANDARD_SECRET}"}
    gone = {"id": 1, "event": "contact_deleted", "email": "person0.run@example.org", "ts": 1767607200}
    late = {**gone, "event": "contact_updated", "content": [{"FIRSTNAME": "Late"}]}
    for said in (gone, late, gone):
        assert (await house.post(path, said, role=None, headers=headers)).status_code == 202
    town = Town(house.world.database)
    await resolved(house, town)
    assert len(await town.groups()) == 1
