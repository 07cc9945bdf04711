"""Goal: a contact that a restore brings back appears once, whole, with the id it had, in whatever order its parts come.

Method: parts by hand to one or more processes on one Postgres.
"""

import random
from typing import Any

import msgspec
import pytest

from shared.domain.events import Event, Former, IdentityAssigned
from shared.domain.ids import derived_id
from shared.domain.outcome import Forward
from shared.domain.record import Consent
from shared.topology import DECIDED, EVENTS, Type
from tests.integration.dedup.town import EPOCH, Town, happens, record_id, retired, says, snapshots, types_in_outbox

UTE: dict[str, Any] = {"given_name": "Ute", "family_name": "Kern", "email": "ute.kern@example.de"}
OLAF: dict[str, Any] = {"given_name": "Olaf", "family_name": "Petersen", "email": "olaf@example.de"}
CONTACT = "01930000-0000-7000-8000-000000000001"
FORMER = "01930000-0000-7000-8000-000000000002"
GRANTED = Consent(purpose="newsletter", channel="email", status="granted", address=UTE["email"], at=EPOCH)


def parts() -> list[Event]:
    """One contact of two records that nobody would merge, an interaction that withdraws, and a former id."""
    said = [says("a", consents=(GRANTED,), **UTE), says("b", **OLAF)]
    said.append(happens("newsletter.unsubscribed", at=5, email=UTE["email"]))
    homes = [record_id("a"), record_id("b"), record_id("a")]
    identity = IdentityAssigned(
        contact_id=CONTACT,
        version=7,
        founder=record_id("b"),
        created_at=EPOCH,
        at=EPOCH,
        records=(record_id("a"), record_id("b")),
        formers=(Former(contact_id=FORMER, version=3, founder=record_id("a"), created_at=EPOCH),),
        events=len(said),
    )
    first = Event(
        id=derived_id("test", "identity"),
        type=Type.IDENTITY_ASSIGNED,
        source="/kontaktwerk/backup",
        time=EPOCH,
        subject=CONTACT,
        data=identity,
    )
    return [
        first,
        *(
            msgspec.structs.replace(one, extensions={"restores": CONTACT, "record": home})
            for one, home in zip(said, homes, strict=True)
        ),
    ]


@pytest.mark.parametrize("seed", range(4))
async def test_a_contact_is_seen_when_all_of_it_is_there_and_not_before(towns: list[Town], seed: int) -> None:
    dice = random.Random(seed)
    events = parts()
    dice.shuffle(events)
    for place, event in enumerate(events[:-1]):
        settled = await towns[place % 3].tell(event)
        assert (list(settled.outcomes), list(settled.says)) == ([Forward()], [])
        assert await towns[0].versions() == {}
    settled = await towns[3].tell(events[-1])
    contact = snapshots(settled)[CONTACT]
    assert {one.record_id for one in contact.records} == {record_id("a"), record_id("b")}
    assert [one.status for one in contact.consents] == ["withdrawn"]
    assert (contact.version > 7, contact.cause.kind, contact.merged_from) == (True, "restore", (FORMER,))
    assert retired(settled)[FORMER].merged_into == CONTACT
    assert {one.topic.name for one in settled.says}.isdisjoint({EVENTS.name})
    assert await types_in_outbox(towns[0]) == []


async def test_parts_that_come_again_change_nothing(town: Town) -> None:
    events = parts()
    await town.tell(*events)
    before = await town.state()
    settled = await town.tell(*events)
    assert await town.state() == before
    assert {one.topic.name for one in settled.says} <= {"contacts.resolved", DECIDED.name}
    held = await town.database.fetch("select 1 from dedup.held")
    assert held == []


async def test_a_process_that_died_before_it_spoke_is_made_up_for(town: Town) -> None:
    events = parts()
    said = await town.settle(*events)
    again = await town.tell(*events)
    assert snapshots(again).keys() == snapshots(said).keys() == {CONTACT}
    assert snapshots(again)[CONTACT].version == snapshots(said)[CONTACT].version


async def test_records_that_nobody_would_merge_come_back_as_one_and_others_stay_apart(town: Town) -> None:
    twin = says("c", **UTE)
    await town.tell(twin)
    await town.tell(*parts())
    assert await town.groups() == {frozenset({record_id("a"), record_id("b")}), frozenset({record_id("c")})}
    assert (await town.homes())[record_id("b")] == CONTACT
