"""Dead letters are for people: counted, mended, sent again, given up, and the books add up throughout."""

from datetime import timedelta
from typing import Any

import pytest

from services.ingest.letters import keeping, sending
from services.ingest.letters.store import ENDED_MAX, Letters
from shared.domain.outcome import DeadLetter, LetterReason
from shared.runtime import codec
from shared.runtime.access import Role
from shared.runtime.broker import Draft
from shared.runtime.dead_letter import letter
from shared.runtime.halt import halt, halted
from shared.runtime.scheduler import scheduler
from shared.topology import RECEIVED, RESOLVED, step_of
from tests.integration.ingest.house import House
from tests.integration.ingest.test_follow import NEW, accepted, resolved

HOOK = "/hooks/vendor/new-secret"
LATIN = '{"data": {"mail": "jörg@example.de"}}'.encode("latin-1")


async def ask(house: House, path: str, said: Any, *, status: int = 200, dry: bool = False) -> Any:
    """What an operator is answered."""
    answer = await house.post(f"/v1/dead-letters{path}{'?dry_run=true' if dry else ''}", said, Role.OPERATOR)
    assert answer.status_code == status, answer.text
    return answer.json()


async def listed(house: House, **which: str) -> Any:
    return (await house.get("/v1/dead-letters", params=which)).json()


async def unread(house: House, body: Any) -> tuple[str, str]:
    """A vendor's delivery that nobody can read: the ids of its event and of its letter."""
    answer = await house.post(HOOK, body, role=None, headers={"content-type": "application/json"})
    event_id = answer.json()["receipts"][0]["event_id"]
    await house.follow()
    (found,) = [one for one in (await listed(house))["items"] if one["event_id"] == event_id]
    return event_id, found["id"]


async def set_aside_by(house: House, stage: str, topic: str, reason: LetterReason = LetterReason.POISON) -> str:
    """The newest message of a topic as a letter of a stage; its id."""
    message = max(house.broker.messages(topic), key=lambda one: dict(one.headers)["ce_time"])
    why = DeadLetter(reason, "in words")
    await house.world.producer.send([letter(message, why, step_of(stage), house.world.clock.now(), "test")])
    await house.follow()
    newest: str = (await listed(house, stage=stage))["items"][0]["id"]
    return newest


async def arrives(house: House, event_id: str) -> None:
    """Dedup and rules do their part for this event."""
    contact_id = NEW()
    await house.resolve(contact_id, 1, resolved({"event_id": event_id}, contact_id, 1))
    await house.clean(contact_id, 1)
    await house.follow()


async def test_a_list_counts_by_stage_and_reason_and_a_letter_says_what_may_be_done(house: House) -> None:
    for body in ({"x": 1}, {"x": 2}, b"{"):
        _, letter_id = await unread(house, body)
    found = await listed(house)
    counted = {(one["stage"], one["reason"]): one["letters"] for one in found["groups"]}
    assert counted == {("ingest", "nothing-to-go-by"): 2, ("ingest", "unreadable"): 1}
    assert all(0 <= one["newest_s"] <= one["oldest_s"] for one in found["groups"])
    assert "--value" in (await house.get(f"/v1/dead-letters/{letter_id}")).json()["advice"]
    assert (await listed(house, reason="unreadable"))["groups"][0]["letters"] == 1
    assert (await listed(house, since="2020-01-01T00:00:00Z", until="2020-02-01T00:00:00Z"))["items"] == []


@pytest.mark.parametrize("wrong", ["stage=nobody", "reason=bad-luck", "state=lost", "since=2026-01-01T00:00:00"])
async def test_a_name_that_is_none_is_told_instead_of_an_empty_list(house: House, wrong: str) -> None:
    assert (await house.get(f"/v1/dead-letters?{wrong}")).status_code == 422


FIXES: dict[str, tuple[Any, dict[str, Any], str]] = {
    "a mapping": ({"kontakt": {"mail": "a@example.de"}}, {"map": {"email": "kontakt.mail"}}, "a@example.de"),
    "an encoding": (LATIN, {"encoding": "windows-1252"}, "jörg@example.de"),
    "a field": ({"data": {"x": [1]}}, {"set": {"/data/mail": "b@example.de"}}, "b@example.de"),
    "raw JSON": (b"{rubbish", {"value": {"data": {"mail": "c@example.de"}}}, "c@example.de"),
    "a field too many": (
        {"data": {"mail": "d@example.de", "name": "x" * 2000}}, {"remove": ["/data/name"]}, "d@example.de",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FIXES)
async def test_a_vendors_delivery_is_mended_and_arrives_once(house: House, name: str) -> None:
    body, fix, email = FIXES[name]
    event_id, letter_id = await unread(house, body)
    dry = await ask(house, f"/{letter_id}/fixes", fix, dry=True)
    assert dry["decides"]["outcome"] == "received"
    assert "email" in dry["decides"]["says"][0]["fields"]
    assert email not in str(dry)
    assert house.received() == []
    mended = [await ask(house, f"/{letter_id}/fixes", fix) for _ in range(2)]
    assert {one["event_id"] for one in mended} == {dry["event_id"]}
    said = house.received()
    assert {event.id for event in said} == {dry["event_id"]}
    assert said[0].data.fields["email"] == email  # type: ignore[union-attr]
    await house.follow()
    assert await house.state(event_id) == "received", "the receipt of the old one tells of the new one"
    await arrives(house, dry["event_id"])
    assert await house.state(event_id) == "clean"
    books = await house.books()
    assert (books["accepted"], books["in_contacts"], books["dead_letters"]) == (1, 1, {})
    assert (await listed(house, state="closed"))["items"][0]["mended_as"] == dry["event_id"]
    replayed = await ask(house, "/replay", {"ids": [letter_id]})
    assert replayed["skipped"], "what was mended is not sent again besides"


async def test_a_fix_that_mends_nothing_sends_nothing_and_says_why(house: House) -> None:
    _, letter_id = await unread(house, {"data": {"x": 1}})
    fix = {"set": {"/data/size": 4}}
    dry = await ask(house, f"/{letter_id}/fixes", fix, dry=True)
    assert (dry["decides"]["outcome"], dry["decides"]["reason"]) == ("dead-letter", "nothing-to-go-by")
    await ask(house, f"/{letter_id}/fixes", fix, status=422)
    for wrong in ({}, {"set": {"nowhere": 1}}, {"remove": ["/data/y"]}, {"encoding": "klingon"}, {"colour": 1},
                  {"headers": {"ce_id": "x"}}):  # fmt: skip
        await ask(house, f"/{letter_id}/fixes", wrong, status=422)
    assert house.received() == []
    assert (await listed(house))["items"][0]["state"] == "open"
    answer = await house.post(f"/v1/dead-letters/{letter_id}/fixes", {"set": {"/a": 1}}, Role.STEWARD)
    assert answer.status_code == 403


async def test_a_message_that_dedup_set_aside_is_mended_under_an_id_of_its_own(house: House) -> None:
    receipt = await accepted(house, "1")
    letter_id = await set_aside_by(house, "dedup", RECEIVED.name)
    fix = {"set": {"/fields/email": "new@example.de"}}
    dry = await ask(house, f"/{letter_id}/fixes", fix, dry=True)
    assert dry["decides"] == {"outcome": "decided", "type": "record.received", "matches": None}, "dedup is not asked"
    await ask(house, f"/{letter_id}/fixes", fix)
    old, new = sorted(
        map(codec.decode, house.broker.messages(RECEIVED.name)), key=lambda one: one.id == dry["event_id"]
    )
    assert (new.id, new.extensions) == (dry["event_id"], {"mends": old.id})
    assert new.id != old.id
    assert new.data.fields["email"] == "new@example.de"  # type: ignore[union-attr]
    await house.follow()
    await arrives(house, new.id)
    assert await house.state(receipt["event_id"]) == "clean"
    books = await house.books()
    assert (books["accepted"], books["in_contacts"], books["waiting"]) == (1, 1, 0)


async def test_a_mended_event_that_dies_again_is_a_letter_of_its_own_in_the_same_place_of_the_books(
    house: House,
) -> None:
    receipt = await accepted(house, "1")
    first = await set_aside_by(house, "dedup", RECEIVED.name)
    await ask(house, f"/{first}/fixes", {"set": {"/fields/email": "b@example.de"}})
    await house.follow()
    mended = next(one for one in house.broker.messages(RECEIVED.name) if dict(one.headers).get("ce_mends"))
    why = DeadLetter(LetterReason.REFUSED, "again")
    await house.world.producer.send([letter(mended, why, step_of("dedup"), house.world.clock.now(), "test")])
    await house.follow()
    assert await house.state(receipt["event_id"]) == "dead-letter"
    books = await house.books()
    assert (books["accepted"], books["dead_letters"]) == (1, {"refused": 1})
    (second,) = (await listed(house))["items"]
    last = await ask(house, f"/{second['id']}/fixes", {"set": {"/fields/email": "c@example.de"}})
    await house.follow()
    await arrives(house, last["event_id"])
    assert await house.state(receipt["event_id"]) == "clean"
    assert (await house.books())["accepted"] == 1


async def test_did_a_mended_event_not_name_the_old_one_the_books_would_count_both(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "MENDS", "nobody")
    _, letter_id = await unread(house, b"{rubbish")
    await ask(house, f"/{letter_id}/fixes", FIXES["raw JSON"][1])
    await house.follow()
    assert (await house.books())["accepted"] == 2


async def test_set_aside_again_after_a_crash_it_is_the_same_letter(house: House) -> None:
    """The letter was acknowledged and the offset was not: the message comes again, and so does its letter."""
    await accepted(house, "1")
    await set_aside_by(house, "dedup", RECEIVED.name)
    await set_aside_by(house, "dedup", RECEIVED.name)
    assert len(house.broker.messages(step_of("dedup").dead_letters.name)) == 2
    assert len((await listed(house))["items"]) == 1
    assert (await house.books())["dead_letters"] == {"poison": 1}


async def test_told_again_from_the_log_alone_the_books_know_what_was_mended(house: House) -> None:
    _, letter_id = await unread(house, b"{rubbish")
    await ask(house, f"/{letter_id}/fixes", FIXES["raw JSON"][1])
    await house.follow()
    before = await house.books()
    await house.world.database.execute("TRUNCATE ingest.receipt, ingest.record_state, ingest.dead_letter")
    for topic in (RECEIVED, step_of("ingest").dead_letters):
        again = [Draft(topic=one.topic, key=one.key, value=one.value, headers=one.headers)
                 for one in house.broker.messages(topic.name)]  # fmt: skip
        await house.world.producer.send(again)
    await house.follow()
    assert await house.books() == before | {"waiting": 1}


async def test_replayed_twice_it_is_the_same_event_and_a_page_goes_on_where_it_ended(house: House) -> None:
    for number in range(5):
        await accepted(house, str(number))
        await set_aside_by(house, "dedup", RECEIVED.name)
    pages, cursor = [], None
    while True:
        more: dict[str, str] = {} if cursor is None else {"cursor": cursor}
        page = await ask(house, "/replay", {"stage": "dedup", "limit": 2, **more}, dry=True)
        pages.append(page["replayed"])
        if (cursor := page["next"]) is None:
            break
    assert pages == [2, 2, 1]
    ids = [one["id"] for one in (await listed(house))["items"]]
    before = {dict(one.headers)["ce_id"] for one in house.broker.messages(RECEIVED.name)}
    for _ in range(2):
        assert (await ask(house, "/replay", {"ids": ids}))["replayed"] == 5
    assert len(house.broker.messages(RECEIVED.name)) == 15, "five came, and five were sent twice"
    assert {dict(one.headers)["ce_id"] for one in house.broker.messages(RECEIVED.name)} == before
    await house.follow()
    assert (await house.books())["waiting"] == 5


async def test_given_up_a_letter_ends_as_dropped_and_keeps_who_and_why(house: House) -> None:
    event_id, letter_id = await unread(house, b"{")
    why = {"reason": "unreadable", "why": "a scanner at the door"}
    assert (await ask(house, "/drop", why, dry=True))["dropped"] == 1
    assert await house.state(event_id) == "dead-letter"
    await ask(house, "/drop", {"reason": "unreadable"}, status=422)
    assert (await ask(house, "/drop", why))["ids"] == [letter_id]
    assert (await ask(house, "/drop", {"ids": [letter_id], "why": "again"}))["dropped"] == 0
    (kept,) = (await listed(house, state="dropped"))["items"]
    assert (kept["why"], kept["done_by"]) == ("a scanner at the door", "operator")
    books = await house.books()
    assert (books["accepted"], books["dropped"], books["dead_letters"]) == (1, {"given-up": 1}, {})
    assert (await ask(house, "/replay", {"ids": [letter_id]}))["skipped"][0]["why"] == "was given up"
    await ask(house, f"/{letter_id}/fixes", FIXES["raw JSON"][1], status=409)


async def test_a_letter_about_a_version_that_was_given_up_gives_way_to_the_next_version(house: House) -> None:
    receipt, contact_id = await accepted(house, "1"), NEW()
    await house.resolve(contact_id, 1, resolved(receipt, contact_id, 1))
    letter_id = await set_aside_by(house, "validate", RESOLVED.name, LetterReason.TOO_LARGE)
    await ask(house, f"/{letter_id}/fixes", {"set": {"/a": 1}}, status=409)
    await ask(house, "/drop", {"ids": [letter_id], "why": "too large for ever"})
    assert await house.state(receipt["event_id"]) == "dropped"
    await house.clean(contact_id, 2)
    await house.follow()
    books = await house.books()
    assert (books["accepted"], books["in_contacts"], books["dropped"]) == (1, 1, {})
    assert (await listed(house, state="dropped"))["items"][0]["why"] == "too large for ever"


async def test_what_nobody_mended_in_time_expires_and_what_is_done_with_is_forgotten(house: House) -> None:
    (waits, _), (given_up, done) = await unread(house, b"{"), await unread(house, b"[")
    await ask(house, "/drop", {"ids": [done], "why": "x"})
    young, _ = await unread(house, b"{{")
    await house.world.database.execute(
        """UPDATE ingest.dead_letter SET at = at - $1::interval, done_at = done_at - $1::interval
           WHERE event_id <> $2::uuid""",
        ENDED_MAX + timedelta(days=1),
        young,
    )
    letters = Letters(house.world.database)
    for _ in range(2):
        (chore,) = scheduler(house.world, "ingest", [keeping.job(house.world, letters)])
        await chore.run()
        await house.world.database.execute("UPDATE runtime.job SET since = since - interval '90 days'")
    assert [await house.state(one) for one in (waits, given_up, young)] == ["dropped", "dropped", "dead-letter"]
    (kept,) = (await listed(house, state="dropped"))["items"]
    assert (kept["event_id"], kept["done_by"]) == (waits, "ingest"), "given up by time, it is told of for as long again"
    assert (await house.books())["dropped"] == {"expired": 1, "given-up": 1}


async def test_a_stage_that_stands_still_goes_on_when_an_operator_says_so(house: House) -> None:
    await ask(house, "/resume", {"stage": "nobody"}, status=422)
    await ask(house, "/resume", {"stage": "dedup"}, status=409)
    await halt(house.world.database, "dedup", "101 messages in a row became dead letters (limit 100)")
    assert (await house.post("/v1/dead-letters/resume", {"stage": "dedup"}, Role.STEWARD)).status_code == 403
    assert (await ask(house, "/resume", {"stage": "dedup"}))["resumed"] is True
    assert await halted(house.world.database, "dedup") is None
