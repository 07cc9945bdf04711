"""Goal: what becomes of records, one after the other. Method: batches by hand, tables and words looked at."""

from shared.domain.outcome import Drop, DropReason, Forward
from tests.integration.dedup.town import Town, decisions, record_id, retired, says, snapshots, takes_back

JOERG = {"given_name": "Jörg", "family_name": "Müller-Lüdenscheidt", "email": "joerg@example.de"}


async def test_two_sources_that_mean_one_person_make_one_contact(town: Town) -> None:
    first = await town.tell(says("a", **JOERG))
    second = await town.tell(says("b", source="crm", given_name="Joerg", family_name="Mueller-Luedenscheidt",
                                  email="JOERG@example.de", phone="0171 1234567"))  # fmt: skip
    (one,) = snapshots(first).values()
    (two,) = snapshots(second).values()
    assert (one.contact_id, one.version) == (two.contact_id, two.version - 1)
    assert {member.record_id for member in two.records} == {record_id("a"), record_id("b")}
    assert [type(outcome) for outcome in (*first.outcomes, *second.outcomes)] == [Forward, Forward]
    assert await town.groups() == {frozenset({record_id("a"), record_id("b")})}


async def test_a_redelivered_batch_changes_nothing_and_says_the_same_ids(town: Town) -> None:
    batch = [says("a", **JOERG), says("b", given_name="Ute", family_name="Kern", email="ute@example.de")]
    first = await town.settle(*batch)
    before = await town.state()
    again = await town.settle(*batch)
    assert await town.state() == before
    assert {one.event.id for one in again.says} == {one.event.id for one in first.says}
    assert [one.event.data for one in sorted(again.says, key=lambda s: s.key)] == [
        one.event.data for one in sorted(first.says, key=lambda s: s.key)
    ]
    assert list(again.outcomes) == [Drop(DropReason.REDELIVERED)] * 2


async def test_a_record_taken_back_takes_its_contact_along(town: Town) -> None:
    (contact,) = snapshots(await town.tell(says("a", at=1, **JOERG)))
    gone = await town.tell(event := takes_back("a", at=2))
    assert (retired(gone)[contact].reason, retired(gone)[contact].version) == ("deleted", 2)
    assert decisions(gone)[event.id].outcome == "deleted"
    assert await town.groups() == set()
    assert (await town.state())["block_key"] == []
