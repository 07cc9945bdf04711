"""Goal: what happened with somebody finds its record, waits for it, or makes it. Method: batches by hand."""

from datetime import timedelta
from typing import Any

import pytest

from services.dedup.core.interactions import PARKED
from services.dedup.service import try_parked
from shared.domain.events import InteractionResolved
from shared.domain.outcome import Drop, DropReason, Forward
from shared.runtime.stage import Settled
from shared.topology import RESOLVED, Type
from tests.integration.dedup.town import (
    Town,
    decisions,
    happens,
    record_id,
    says,
    snapshots,
    takes_back,
    types_in_outbox,
)

UTE: dict[str, Any] = {"given_name": "Ute", "family_name": "Kern", "email": "ute.kern@example.de"}


def resolved(settled: Settled) -> list[InteractionResolved]:
    says = [one.event.data for one in settled.says if one.topic is RESOLVED]
    return [data for data in says if isinstance(data, InteractionResolved)]


async def test_an_interaction_goes_to_the_record_with_its_address(town: Town) -> None:
    (contact,) = snapshots(await town.tell(says("a", phone="0171 7654321", **UTE)))
    settled = await town.tell(
        happens("call", phone="+49 171 7654321"),
        mail := happens("email.opened", email="Ute.Kern@EXAMPLE.de"),
        happens("note", record_id=record_id("a")),
        happens("meeting", contact_id=contact),
    )
    assert {(one.record_id, one.contact_id, one.version) for one in resolved(settled)} == {(record_id("a"), contact, 1)}
    assert (len(resolved(settled)), list(settled.outcomes)) == (4, [Forward()] * 4)
    assert decisions(settled)[mail.id].contact_id == contact
    assert snapshots(settled) == {}


async def test_an_interaction_said_again_has_the_same_id(town: Town) -> None:
    await town.tell(says("a", **UTE))
    first = await town.settle(event := happens("call", email=UTE["email"]))
    again = await town.settle(event)
    assert {one.event.id for one in first.says} == {one.event.id for one in again.says}
    assert list(again.outcomes) == [Drop(DropReason.REDELIVERED)]


async def test_somebody_unknown_who_subscribes_becomes_a_contact(town: Town) -> None:
    settled = await town.tell(event := happens("newsletter.subscribed", email="New.Person@example.de"))
    (contact,) = snapshots(settled).values()
    assert [one.value for one in contact.emails] == ["New.Person@example.de"]
    assert [(one.purpose, one.status) for one in contact.consents] == [("newsletter", "pending")]
    assert decisions(settled)[event.id].contact_id == contact.contact_id
    (said,) = resolved(settled)
    assert said.contact_id == contact.contact_id


async def test_two_who_subscribe_with_one_address_in_one_batch_are_one(town: Town) -> None:
    settled = await town.tell(
        happens("newsletter.subscribed", email="new@example.de"), happens("event.registered", email="new@example.de")
    )
    assert len(snapshots(settled)) == 1
    assert len({one.record_id for one in resolved(settled)}) == 1


async def test_confirming_grants_and_unsubscribing_withdraws(town: Town) -> None:
    await town.tell(happens("newsletter.subscribed", at=1, email="new@example.de"))
    granted = await town.tell(happens("newsletter.confirmed", at=2, email="new@example.de"))
    (contact,) = snapshots(granted).values()
    assert ([one.status for one in contact.consents], contact.version) == (["granted"], 2)
    assert contact.cause.kind == "interaction"
    withdrawn = await town.tell(happens("newsletter.unsubscribed", at=3, email="new@example.de"))
    (contact,) = snapshots(withdrawn).values()
    assert [one.status for one in contact.consents] == ["withdrawn"]


async def test_an_interaction_waits_for_its_person_and_is_attached(town: Town) -> None:
    waiting = await town.tell(event := happens("call", email=UTE["email"]))
    assert (list(waiting.outcomes), list(waiting.says)) == ([Forward()], [])
    assert list((await town.tell(event)).says) == []
    arrived = await town.tell(says("a", **UTE))
    assert len(snapshots(arrived)) == 1
    assert await types_in_outbox(town) == [Type.INTERACTION_RESOLVED.wire, Type.CONTACT_RESOLVED.wire]
    assert (await town.state())["parked"] == []
    (decided,) = [row for row in (await town.state())["decision"] if str(row[0]) == event.id]
    assert decided[1] == "resolved"


async def test_an_interaction_waits_for_its_record(town: Town) -> None:
    await town.tell(happens("call", record_id=record_id("a")))
    await town.tell(says("a", **UTE))
    assert await types_in_outbox(town) == [Type.INTERACTION_RESOLVED.wire, Type.CONTACT_RESOLVED.wire]


async def test_a_shared_address_waits_until_it_is_one_persons(town: Town) -> None:
    family: dict[str, Any] = {"family_name": "Kern", "email": "kern@example.de"}
    await town.tell(
        says("a", at=1, given_name="Ute", birthday="1955-05-05", **family),
        says("b", at=1, source="crm", given_name="Bernd", birthday="1980-01-02", **family),
    )
    assert len(await town.groups()) == 2
    await town.tell(happens("call", email="kern@example.de"))
    await try_parked(town.world, town.settings, town.identity)
    assert len((await town.state())["parked"]) == 1
    await town.tell(says("b", at=2, source="crm", email="bernd@example.de"))
    await try_parked(town.world, town.settings, town.identity)
    assert (await town.state())["parked"] == []
    assert Type.INTERACTION_RESOLVED.wire in await types_in_outbox(town)


async def test_who_never_comes_is_dropped_after_thirty_days(town: Town) -> None:
    await town.tell(event := happens("call", email="nobody@example.de"))
    await town.database.execute("update dedup.parked set since = since - $1::interval", PARKED + timedelta(minutes=1))
    await try_parked(town.world, town.settings, town.identity)
    (decided,) = (await town.state())["decision"]
    assert (str(decided[0]), decided[1]) == (event.id, "dropped")
    assert await types_in_outbox(town) == [Type.CONTACT_RESOLVED.wire]


@pytest.mark.parametrize("whom", [{"record_id": record_id("a")}, {"email": UTE["email"]}], ids=["record", "email"])
@pytest.mark.parametrize("first", ["interaction", "deletion"])
async def test_what_happened_with_a_record_before_it_was_taken_back_does_not_wait_for_it(
    town: Town, whom: dict[str, str], first: str
) -> None:
    """In one batch, as after a pause of Postgres: one after the other it would have gone with the record."""
    await town.tell(says("a", **UTE))
    event, gone = happens("newsletter.unsubscribed", at=5, **whom), takes_back("a", at=9)
    settled = await town.tell(*((event, gone) if first == "interaction" else (gone, event)))
    assert decisions(settled)[event.id].reason == DropReason.UNKNOWN_CONTACT
    assert await waiting(town) == 0


async def test_what_happens_after_a_record_was_taken_back_waits_for_its_return(town: Town) -> None:
    """The control, and what is known only from the store."""
    await town.tell(says("a", **UTE))
    await town.tell(takes_back("a", at=9))
    before, after = happens("call", at=5, record_id=record_id("a")), happens("call", at=20, record_id=record_id("a"))
    settled = await town.tell(before, after)
    assert decisions(settled)[before.id].reason == DropReason.UNKNOWN_CONTACT
    assert await waiting(town) == 1
    again = await town.tell(says("a", at=30, **UTE))
    assert len(snapshots(again)) == 1
    assert await waiting(town) == 0


async def waiting(town: Town) -> int:
    return len(await town.database.fetch("select from dedup.parked"))


async def test_what_names_nobody_is_dropped_at_once(town: Town) -> None:
    settled = await town.tell(
        happens("call", email="no address"), happens("call", contact_id="00000000-0000-7000-8000-000000000000")
    )
    assert list(settled.outcomes) == [Drop(DropReason.UNKNOWN_CONTACT)] * 2
    assert {one.outcome for one in decisions(settled).values()} == {"dropped"}
