"""Goal: what becomes of records, one after the other. Method: batches by hand, tables and words looked at."""

from itertools import permutations
from typing import Any

from shared.domain.outcome import DeadLetter, Drop, DropReason, Forward, LetterReason
from shared.topology import Type
from tests.integration.dedup.town import (
    Town,
    decisions,
    record_id,
    refresh,
    retired,
    says,
    snapshots,
    takes_back,
    types_in_outbox,
)

JOERG: dict[str, Any] = {"given_name": "Jörg", "family_name": "Müller-Lüdenscheidt", "email": "joerg@example.de"}
ALSO: dict[str, Any] = {"given_name": "Joerg", "family_name": "Mueller-Luedenscheidt", "email": "JOERG@example.de"}
UTE: dict[str, Any] = {"given_name": "Ute", "family_name": "Kern", "email": "ute.kern@example.de"}


async def test_two_sources_that_mean_one_person_make_one_contact(town: Town) -> None:
    first = await town.tell(says("a", **JOERG))
    second = await town.tell(says("b", source="crm", phone="0171 1234567", **ALSO))
    (one,) = snapshots(first).values()
    (two,) = snapshots(second).values()
    assert (one.contact_id, one.version) == (two.contact_id, two.version - 1)
    assert {member.record_id for member in two.records} == {record_id("a"), record_id("b")}
    assert [type(outcome) for outcome in (*first.outcomes, *second.outcomes)] == [Forward, Forward]
    assert await town.groups() == {frozenset({record_id("a"), record_id("b")})}


async def test_what_the_first_record_of_a_batch_decided_its_second_knows(town: Town) -> None:
    settled = await town.tell(says("a", **JOERG), says("c", **UTE), says("b", source="crm", **ALSO))
    assert {len(contact.records) for contact in snapshots(settled).values()} == {1, 2}
    (both,) = [contact for contact in snapshots(settled).values() if len(contact.records) == 2]
    assert [decision.contact_id for decision in decisions(settled).values()].count(both.contact_id) == 2


async def test_a_redelivered_batch_changes_nothing_and_says_the_same_ids(town: Town) -> None:
    batch = [says("a", **JOERG), says("b", **UTE)]
    first = await town.settle(*batch)
    before = await town.state()
    again = await town.settle(*batch)
    assert await town.state() == before
    assert {one.event.id for one in again.says} == {one.event.id for one in first.says}
    assert [one.event.data for one in sorted(again.says, key=lambda s: s.key)] == [
        one.event.data for one in sorted(first.says, key=lambda s: s.key)
    ]
    assert list(again.outcomes) == [Drop(DropReason.REDELIVERED)] * 2


async def test_a_redelivery_after_newer_versions_says_the_newest_and_still_answers(town: Town) -> None:
    await town.tell(first := says("a", at=1, **JOERG))
    await town.tell(says("a", at=2, phone="0171 1234567"))
    again = await town.tell(first)
    (contact,) = snapshots(again).values()
    assert contact.version == 2
    assert decisions(again)[first.id].version == 1


async def test_one_event_twice_in_one_batch_counts_once(town: Town) -> None:
    event = says("a", **JOERG)
    settled = await town.tell(event, event)
    assert list(settled.outcomes) == [Forward(), Drop(DropReason.REDELIVERED)]
    (contact,) = snapshots(settled).values()
    assert contact.version == 1


async def test_updates_in_any_order_end_in_the_same_record(town: Town) -> None:
    events = [says("a", at=1, **JOERG), says("a", at=2, phone="0171 1234567"), says("a", at=3, email="j@example.de")]
    bodies: set[bytes] = set()
    for number, order in enumerate(permutations(events)):
        for event in order:
            await town.tell(event)
        rows = await town.database.fetch("select traits from dedup.record")
        bodies.add(rows[0]["traits"])
        await town.empty()
        assert len(bodies) == 1, number


async def test_phone_x_then_y_then_x_again_ends_at_x(town: Town) -> None:
    await town.tell(says("a", at=1, phone="0171 1111111", **JOERG))
    await town.tell(says("a", at=2, phone="0171 2222222"))
    settled = await town.tell(says("a", at=3, phone="0171 1111111"))
    (contact,) = snapshots(settled).values()
    assert (contact.version, [phone.value for phone in contact.phones]) == (3, ["+491711111111"])


async def test_a_record_taken_back_takes_its_contact_along(town: Town) -> None:
    (contact,) = snapshots(await town.tell(says("a", at=1, **JOERG)))
    gone = await town.tell(event := takes_back("a", at=2))
    assert (retired(gone)[contact].reason, retired(gone)[contact].version) == ("deleted", 2)
    assert decisions(gone)[event.id].outcome == "deleted"
    state = await town.state()
    assert (await town.groups(), state["block_key"], state["evidence"]) == (set(), [], [])


async def test_a_record_taken_back_leaves_the_others_of_its_contact(town: Town) -> None:
    await town.tell(says("a", at=1, **JOERG), says("b", at=1, source="crm", **ALSO))
    gone = await town.tell(event := takes_back("a", at=2))
    (contact,) = snapshots(gone).values()
    assert ([member.record_id for member in contact.records], contact.version) == ([record_id("b")], 2)
    assert (decisions(gone)[event.id].outcome, decisions(gone)[event.id].version) == ("deleted", 2)


async def test_what_comes_late_from_before_the_deletion_stays_deleted(town: Town) -> None:
    early = await town.tell(takes_back("a", at=5))
    late = await town.tell(event := says("a", at=4, **JOERG))
    assert list(early.outcomes) == [Drop(DropReason.UNKNOWN_RECORD)]
    assert list(late.outcomes) == [Drop(DropReason.SUPERSEDED)]
    assert decisions(late)[event.id].reason == "superseded"
    assert await town.groups() == set()
    assert list((await town.tell(says("a", at=6, **JOERG))).outcomes) == [Forward()]
    assert list((await town.tell(takes_back("a", at=3))).outcomes) == [Forward()]
    assert await town.groups() == {frozenset({record_id("a")})}


async def test_taking_back_twice_is_counted_once_as_deleted(town: Town) -> None:
    await town.tell(says("a", at=1, **JOERG))
    await town.tell(takes_back("a", at=2))
    assert list((await town.tell(takes_back("a", at=3))).outcomes) == [Drop(DropReason.UNCHANGED)]


async def test_a_record_that_joins_two_contacts_leaves_a_redirect(town: Town) -> None:
    first = await town.tell(says("a", at=1, given_name="Jörg", family_name="Lüdenscheidt", email="jl@example.de"))
    second = await town.tell(
        says("b", at=1, source="crm", given_name="Jörg", family_name="Lüdenscheidt", phone="0171 7654321")
    )
    (one,), (two,) = snapshots(first), snapshots(second)
    assert one != two
    bridge = {"given_name": "Jörg", "family_name": "Lüdenscheidt", "email": "jl@example.de", "phone": "0171 7654321"}
    joined = await town.tell(event := says("c", at=2, source="registration", event=None, attributes={}, **bridge))
    (contact,) = snapshots(joined).values()
    (gone,) = retired(joined).values()
    assert {contact.contact_id, gone.contact_id} == {one, two}
    assert (gone.merged_into, gone.merged_into_version) == (contact.contact_id, contact.version)
    assert list(contact.merged_from) == [gone.contact_id]
    assert decisions(joined)[event.id].contact_id == contact.contact_id
    assert await types_in_outbox(town) == [Type.CONTACT_MERGED.wire]


async def test_when_the_bridge_goes_the_former_contact_comes_back(town: Town) -> None:
    await test_a_record_that_joins_two_contacts_leaves_a_redirect(town)
    (former,) = [contact for contact, (_, gone, _) in (await town.versions()).items() if gone == "merged"]
    apart = await town.tell(takes_back("c", at=3, source="registration"))
    said = snapshots(apart)
    assert len(said) == 2
    assert (said[former].version, [len(contact.records) for contact in said.values()]) == (3, [1, 1])
    wires = [Type.CONTACT_MERGED.wire, Type.CONTACT_SPLIT.wire, Type.CONTACT_REVIVED.wire]
    assert await types_in_outbox(town) == wires


async def test_a_refresh_says_the_contact_again_with_the_next_version(town: Town) -> None:
    (contact,) = snapshots(await town.tell(says("a", **JOERG)))
    settled = await town.tell(refresh(contact), refresh("00000000-0000-7000-8000-000000000000"))
    assert list(settled.outcomes) == [Forward(), Drop(DropReason.UNKNOWN_CONTACT)]
    assert snapshots(settled)[contact].version == 2
    assert snapshots(settled)[contact].cause.kind == "refresh"


async def test_a_version_that_a_sender_waits_for_is_caused_by_the_record_whatever_refresh_comes_with_it(
    town: Town,
) -> None:
    """Harm: rules says what a refresh caused only where something changed, and the sender's receipt waits for ever."""
    contact = next(iter(snapshots(await town.tell(says("a", **JOERG)))))
    for place, batch in enumerate(([True, False], [False, True]), start=1):
        events = [says("a", at=place, **JOERG) if is_record else refresh(contact, str(place)) for is_record in batch]
        assert snapshots(await town.tell(*events))[contact].cause.kind == "record"


async def test_a_refresh_of_a_former_id_follows_the_redirect(town: Town) -> None:
    await test_a_record_that_joins_two_contacts_leaves_a_redirect(town)
    (former,) = [contact for contact, (_, gone, _) in (await town.versions()).items() if gone == "merged"]
    settled = await town.tell(refresh(former))
    ((contact, said),) = snapshots(settled).items()
    assert contact != former
    assert said.version == 3


async def test_an_id_that_no_store_could_hold_is_set_aside(town: Town) -> None:
    settled = await town.tell(refresh("nobody"), says("a", **JOERG))
    assert [type(outcome) for outcome in settled.outcomes] == [DeadLetter, Forward]


async def test_an_event_that_makes_its_contact_too_large_is_set_aside_alone(town: Town) -> None:
    large = {f"key {number}": "x" * 9_000 for number in range(100)}
    settled = await town.tell(says("a", **JOERG), says("b", attributes=large, **UTE))
    assert [type(outcome) for outcome in settled.outcomes] == [Forward, DeadLetter]
    assert settled.outcomes[1] == DeadLetter(
        LetterReason.TOO_LARGE, "its contact would be larger than a message may be"
    )
    assert await town.groups() == {frozenset({record_id("a")})}
