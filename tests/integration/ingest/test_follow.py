"""What became of it: receipts, books and letters, whatever the order in which the log tells."""

import random
from typing import Literal

from shared.domain.events import Decision
from shared.domain.outcome import DeadLetter, LetterReason
from shared.runtime.access import Role
from shared.runtime.broker import Draft
from shared.runtime.clock import RandomIds
from shared.runtime.dead_letter import letter
from shared.topology import DEAD_LETTERS, RECEIVED, RESOLVED, VALIDATED, step_of
from tests.integration.ingest.house import House, opened

NEW = RandomIds().new


async def accepted(house: House, number: str, **more: str) -> dict[str, str]:
    """One accepted record of the crm."""
    said = {"source": "crm", "source_record_id": number, "email": f"{number}@example.de", **more}
    answer = await house.post("/v1/records", said)
    found: dict[str, str] = answer.json()["receipts"][0]
    return found


def resolved(
    receipt: dict[str, str], contact_id: str, version: int, outcome: Literal["resolved", "deleted"] = "resolved"
) -> Decision:
    """What dedup decides."""
    return Decision(event_id=receipt["event_id"], outcome=outcome, contact_id=contact_id, version=version)


async def test_a_receipt_goes_from_received_to_resolved_to_clean(house: House) -> None:
    receipt, contact_id = await accepted(house, "1"), NEW()
    await house.follow()
    assert await house.state(receipt["event_id"]) == "received"
    await house.resolve(contact_id, 2, resolved(receipt, contact_id, 2))
    await house.clean(contact_id, 1)
    await house.follow()
    assert await house.state(receipt["event_id"]) == "resolved"
    await house.clean(contact_id, 3)
    await house.follow()
    answer = (await house.get(f"/v1/receipts/{receipt['event_id']}")).json()
    assert (answer["state"], answer["contact_id"]) == ("clean", contact_id)
    assert await house.state(NEW()) == "404"


async def test_the_order_of_the_topics_does_not_matter(house: House) -> None:
    """The clean message first, then the decision, then what was received: partitions have no order between them."""
    receipt, contact_id = await accepted(house, "1"), NEW()
    await house.clean(contact_id, 1)
    await house.follow()
    await house.world.database.execute("TRUNCATE ingest.receipt, ingest.record_state")
    await house.resolve(contact_id, 1, resolved(receipt, contact_id, 1))
    await house.follow()
    assert await house.state(receipt["event_id"]) == "404"
    await house.world.producer.send(
        [
            Draft(topic=one.topic, key=one.key, value=one.value, headers=one.headers)
            for one in house.broker.messages(RECEIVED.name)
        ]
    )
    await house.follow()
    assert await house.state(receipt["event_id"]) == "clean"
    (again,) = (
        await house.post("/v1/records", {"source": "crm", "source_record_id": "1", "email": "1@example.de"})
    ).json()["receipts"]
    assert again["duplicate"] is False, "what only the log has told of is called a duplicate by nobody"


async def test_told_again_in_any_order_the_log_ends_in_the_same_receipts(house: House) -> None:
    await shuffled(house)
    before = await house.world.database.fetch("SELECT event_id, state, contact_id FROM ingest.receipt ORDER BY 1")
    assert {row["state"] for row in before} == {"clean", "dropped"}
    messages = [one for topic in (RECEIVED, RESOLVED) for one in house.broker.messages(topic.name)]
    messages += house.broker.messages("contacts.clean")
    for seed in range(3):
        random.Random(seed).shuffle(messages)
        await house.world.database.execute(
            "TRUNCATE ingest.receipt, ingest.record_state, ingest.contact_seen, ingest.dead_letter"
        )
        await house.world.producer.send(
            [Draft(topic=one.topic, key=one.key, value=one.value, headers=one.headers) for one in messages]
        )
        await house.follow()
        after = await house.world.database.fetch("SELECT event_id, state, contact_id FROM ingest.receipt ORDER BY 1")
        assert after == before, f"seed {seed}"


async def shuffled(house: House) -> None:
    """Twenty records: some merged along a chain, some dropped, some deleted."""
    ids = [NEW() for _ in range(5)]
    for number in range(20):
        receipt, contact_id = await accepted(house, str(number)), ids[number % 5]
        decision = (
            Decision(event_id=receipt["event_id"], outcome="dropped", reason="superseded")
            if number == 7
            else resolved(receipt, contact_id, 1)
        )
        await house.resolve(contact_id, 1, decision)
    await house.retire(ids[0], 2, "merged", ids[1], 2)
    await house.clean(ids[1], 2)
    await house.retire(ids[1], 3, "merged", ids[2], 4)
    await house.retire(ids[3], 2, "deleted")
    await house.clean(ids[2], 4)
    await house.clean(ids[4], 1)
    await house.follow()


async def test_a_merge_is_followed_to_the_contact_that_survives(house: House) -> None:
    receipt, gone, survivor = await accepted(house, "1"), NEW(), NEW()
    await house.resolve(gone, 1, resolved(receipt, gone, 1))
    await house.retire(gone, 2, "merged", survivor, 5)
    await house.clean(survivor, 4)
    await house.follow()
    assert await house.state(receipt["event_id"]) == "resolved"
    await house.clean(survivor, 5)
    await house.follow()
    answer = (await house.get(f"/v1/receipts/{receipt['event_id']}")).json()
    assert (answer["state"], answer["contact_id"]) == ("clean", survivor)
    last = NEW()
    await house.retire(survivor, 6, "merged", last, 2)
    await house.follow()
    answer = (await house.get(f"/v1/receipts/{receipt['event_id']}")).json()
    assert (answer["state"], answer["contact_id"]) == ("clean", last)


async def test_an_answer_that_names_no_contact_has_none_to_wait_for(house: House) -> None:
    receipt = await accepted(house, "1")
    await house.resolve(NEW(), 1, Decision(event_id=receipt["event_id"], outcome="deleted"))
    await house.follow()
    assert await house.state(receipt["event_id"]) == "clean"


async def test_what_a_zombie_says_late_about_an_older_version_changes_nothing(house: House) -> None:
    receipt, contact_id = await accepted(house, "1"), NEW()
    await house.clean(contact_id, 3)
    await house.follow()
    await house.retire(contact_id, 2, "merged", NEW(), 9)
    await house.follow()
    await house.clean(contact_id, 1)
    await house.resolve(contact_id, 3, resolved(receipt, contact_id, 3))
    await house.follow()
    assert await house.state(receipt["event_id"]) == "clean"


async def test_two_processes_that_each_see_one_half_leave_no_receipt_behind(house: House) -> None:
    other = await opened(house.world.database)
    receipt, contact_id = await accepted(house, "1"), NEW()
    await house.resolve(contact_id, 1, resolved(receipt, contact_id, 1))
    await other.clean(contact_id, 1)
    await other.follow()
    await house.follow()
    assert await house.state(receipt["event_id"]) == "clean"


async def test_the_books_balance_and_a_record_taken_back_is_deleted_together_with_its_deletion(house: House) -> None:
    kept, gone, waits, dropped = [await accepted(house, str(number)) for number in range(4)]
    first, second = NEW(), NEW()
    async with house.client() as client:
        answer = await client.delete(f"/v1/records/{gone['record_id']}")
    deletion = answer.json()["receipts"][0]
    await house.resolve(first, 1, resolved(kept, first, 1))
    await house.resolve(second, 1, resolved(gone, second, 1))
    await house.resolve(second, 2, resolved(deletion, second, 2, "deleted"))
    await house.resolve(first, 1, Decision(event_id=dropped["event_id"], outcome="dropped", reason="unchanged"))
    await house.clean(first, 1)
    await house.retire(second, 2, "deleted")
    await house.follow()
    assert await house.books() == {
        "accepted": 5, "in_contacts": 1, "deleted": 2, "erased": 0, "dropped": {"unchanged": 1}, "dead_letters": {},
        "waiting": 1,
    }  # fmt: skip
    assert await house.state(waits["event_id"]) == "received"


async def test_a_letter_of_a_late_stage_holds_up_its_version_until_a_later_one_is_clean(house: House) -> None:
    receipt, contact_id = await accepted(house, "1"), NEW()
    await house.resolve(contact_id, 1, resolved(receipt, contact_id, 1))
    message = house.broker.messages(RESOLVED.name)[-1]
    why = DeadLetter(LetterReason.TOO_LARGE, "too large")
    draft = letter(message, why, step_of("validate"), house.world.clock.now(), "test")
    assert draft.topic == DEAD_LETTERS["validate"].name
    await house.world.producer.send([draft])
    await house.follow()
    assert await house.state(receipt["event_id"]) == "dead-letter"
    assert (await house.books())["dead_letters"] == {"too-large": 1}
    (shown,) = (await house.get("/v1/dead-letters?stage=validate&reason=too-large")).json()["items"]
    assert (shown["contact_id"], shown["version"]) == (contact_id, 1)

    answer = await house.post("/v1/dead-letters/replay", {"ids": [shown["id"]]}, Role.OPERATOR)
    assert answer.json()["items"] == [{"id": shown["id"], "as": "refresh"}]
    refresh = house.received()[-1]
    assert (refresh.type.value, refresh.subject) == ("refresh.requested", contact_id)
    await house.clean(contact_id, 2)
    await house.follow()
    assert await house.state(receipt["event_id"]) == "clean"
    assert (await house.get("/v1/dead-letters")).json()["items"] == []


async def test_a_letter_of_dedup_is_sent_again_as_it_came(house: House) -> None:
    receipt = await accepted(house, "1")
    (message,) = house.broker.messages(RECEIVED.name)
    why = DeadLetter(LetterReason.POISON, "killed the process twice")
    await house.world.producer.send([letter(message, why, step_of("dedup"), house.world.clock.now(), "test")])
    await house.follow()
    assert await house.state(receipt["event_id"]) == "dead-letter"

    stage = {"stage": "dedup", "reason": "poison"}
    dry = await house.post("/v1/dead-letters/replay?dry_run=true", stage, Role.OPERATOR)
    assert (dry.json()["replayed"], len(house.broker.messages(RECEIVED.name))) == (1, 1)
    await house.post("/v1/dead-letters/replay", stage, Role.OPERATOR)
    first, again = sorted(house.broker.messages(RECEIVED.name), key=lambda one: len(one.headers))
    assert (again.key, again.value, again.partition) == (first.key, first.value, first.partition)
    assert set(again.headers) - set(first.headers) == {("dead-letter-attempt", b"1")}
    await house.follow()
    assert await house.state(receipt["event_id"]) == "received"
    contact_id = NEW()
    await house.resolve(contact_id, 1, resolved(receipt, contact_id, 1))
    await house.clean(contact_id, 1)
    await house.follow()
    assert await house.state(receipt["event_id"]) == "clean"


async def test_messages_that_nobody_can_read_stall_nothing(house: House) -> None:
    for topic in (RECEIVED, RESOLVED, VALIDATED, *DEAD_LETTERS.values()):
        for value in (b"\xff\xfe", b"{", None, b"[" * 5000, b'{"decisions": 7}'):
            await house.world.producer.send([Draft(topic=topic.name, key=b"\xff", value=value)])
    await house.follow()
    receipt = await accepted(house, "1")
    await house.follow()
    assert await house.state(receipt["event_id"]) == "received"
    assert len((await house.get("/v1/dead-letters")).json()["items"]) == 5 * len(DEAD_LETTERS)
