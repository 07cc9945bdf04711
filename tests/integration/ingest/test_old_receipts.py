"""Goal: receipts go after 30 days, and nothing else changes: not the books, not what deletions and erasures come to.

Method: receipts as the log tells of them are made old in the table; then the daily work is done, and the same questions
are asked as before.
"""

from datetime import timedelta
from typing import Any

from services.ingest.receipts import walking
from shared.domain.events import Decision
from shared.runtime.access import Role
from shared.runtime.scheduler import scheduler
from tests.integration.ingest.house import House
from tests.integration.ingest.test_follow import NEW, accepted, resolved

AGED = timedelta(days=31)


async def age(house: House) -> None:
    """Whatever happened so far happened a month ago."""
    await house.world.database.execute(
        """UPDATE ingest.receipt SET received_at = received_at - $1::interval,
                                     resolved_at = resolved_at - $1::interval, clean_at = clean_at - $1::interval""",
        AGED,
    )
    await house.world.database.execute("UPDATE ingest.settled SET received_at = received_at - $1::interval", AGED)


async def purge(house: House) -> None:
    """One night, as if the job had been known for long."""
    await house.world.database.execute("DELETE FROM runtime.run WHERE service = 'ingest'")
    (chore,) = scheduler(house.world, "ingest", [walking.job(house.world)])
    await chore.run()
    await house.world.database.execute("UPDATE runtime.job SET since = since - interval '90 days'")
    (chore,) = scheduler(house.world, "ingest", [walking.job(house.world)])
    await chore.run()


async def receipts(house: House) -> int:
    (row,) = await house.world.database.fetch("SELECT count(*) AS there FROM ingest.receipt")
    found: int = row["there"]
    return found


async def cleaned(house: House, number: str, **more: str) -> tuple[dict[str, str], str]:
    """An accepted record and the contact in which it came out."""
    receipt, contact_id = await accepted(house, number, **more), NEW()
    await house.resolve(contact_id, 1, resolved(receipt, contact_id, 1))
    await house.clean(contact_id, 1)
    await house.follow()
    return receipt, contact_id


async def taken_back(house: House, record_id: str, contact_id: str) -> None:
    async with house.client() as client:
        (deletion,) = (await client.delete(f"/v1/records/{record_id}")).json()["receipts"]
    await house.resolve(contact_id, 2, resolved(deletion, contact_id, 2, "deleted"))
    await house.retire(contact_id, 2, "deleted")
    await house.follow()


async def sources(house: House) -> Any:
    return [
        {name: one[name] for name in ("source", "accepted", "new", "updated", "dropped", "dead_letters", "waiting")}
        for one in (await house.get("/v1/sources")).json()["items"]
    ]


async def test_old_receipts_go_and_the_books_stay(house: House) -> None:
    (clean, _), (gone, second) = await cleaned(house, "1"), await cleaned(house, "2")
    await taken_back(house, gone["record_id"], second)
    dropped, waits = await accepted(house, "3"), await accepted(house, "4")
    await house.resolve(NEW(), 1, Decision(event_id=dropped["event_id"], outcome="dropped", reason="unchanged"))
    await house.follow()
    await age(house)
    young, _ = await cleaned(house, "5")
    before, before_sources = await house.books(), await sources(house)
    await purge(house)
    assert (await house.books(), await sources(house)) == (before, before_sources)
    assert before | {"accepted": 6} == {
        "accepted": 6, "in_contacts": 2, "deleted": 2, "erased": 0, "dropped": {"unchanged": 1}, "dead_letters": {},
        "waiting": 1,
    }  # fmt: skip
    states = [await house.state(one["event_id"]) for one in (clean, gone, dropped, waits, young)]
    assert states == ["404", "404", "404", "received", "clean"]
    assert await receipts(house) == 2


async def test_a_record_whose_receipts_have_gone_is_deleted_and_erased_in_the_books_as_any_other(house: House) -> None:
    (deleted, first), (_, second), _ = [await cleaned(house, number) for number in "123"]
    await accepted(house, "1", city="Köln")
    await age(house)
    await purge(house)
    await taken_back(house, deleted["record_id"], first)
    await house.retire(second, 2, "erased")
    await house.follow()
    books = await house.books()
    assert (books["in_contacts"], books["deleted"], books["erased"], books["waiting"]) == (1, 2, 1, 1)
    await age(house)
    await purge(house)
    assert await house.books() == books, "the receipt of the deletion has gone too"


async def test_what_was_sent_again_after_its_deletion_stays_when_the_receipts_of_both_have_gone(house: House) -> None:
    receipt, contact_id = await cleaned(house, "1")
    await taken_back(house, receipt["record_id"], contact_id)
    await cleaned(house, "1", city="Köln")
    before = await house.books()
    assert (before["in_contacts"], before["deleted"]) == (1, 2)
    await age(house)
    await purge(house)
    assert (await house.books(), await receipts(house)) == (before, 0)


async def test_what_is_older_than_a_deletion_that_is_under_way_waits_for_it(house: House) -> None:
    receipt, contact_id = await cleaned(house, "1")
    async with house.client() as client:
        (deletion,) = (await client.delete(f"/v1/records/{receipt['record_id']}")).json()["receipts"]
    await cleaned(house, "1", city="Köln")
    await age(house)
    await purge(house)
    assert await receipts(house) == 3
    await house.resolve(contact_id, 2, resolved(deletion, contact_id, 2, "deleted"))
    await house.retire(contact_id, 2, "deleted")
    await house.follow()
    books = await house.books()
    assert (books["in_contacts"], books["deleted"]) == (1, 2)


async def test_an_interaction_sent_again_after_its_receipt_has_gone_is_taken_and_answered_as_before(
    house: House,
) -> None:
    """The door has forgotten it and says it again under its old id: dedup has decided it, and answers the same."""
    said = {"source": "crm", "interaction_id": "call-7", "type": "call", "at": "2026-01-05T10:00:00Z",
            "contact": {"email": "1@example.de"}, "detail": {}}  # fmt: skip
    contact_id = NEW()
    for _ in range(2):
        (receipt,) = (await house.post("/v1/interactions", said)).json()["receipts"]
        assert receipt["duplicate"] is False
        await house.resolve(contact_id, 3, resolved(receipt, contact_id, 3))
        await house.clean(contact_id, 3)
        await house.follow()
        assert await house.state(receipt["event_id"]) == "clean"
        await age(house)
        await purge(house)
    assert len({event.id for event in house.received()}) == 1
    books = await house.books()
    assert (books["accepted"], books["in_contacts"], books["waiting"]) == (2, 2, 0)


async def test_two_processes_purge_once_a_day_between_them(house: House) -> None:
    await cleaned(house, "1")
    await age(house)
    await purge(house)
    assert (await house.get("/v1/status", Role.READER)).json()["jobs"][0]["state"] == "done"
    rows = await house.world.database.fetch("SELECT attempts FROM runtime.run WHERE service = 'ingest'")
    assert [row["attempts"] for row in rows] == [1]
