"""Goal: an answer wakes everybody who waits for it, however it races with those who begin to wait."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.runtime.database import Database
from shared.runtime.facts import Claimed, Fact, Facts, Question, Waiter
from shared.runtime.refreshing import due

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
HOUR = timedelta(hours=1)
MX = Question("mail-exchangers", "example.net")
OTHER = Question("mail-exchangers", "example.org")
KINDS = ["mail-exchangers"]


def contact(number: int) -> str:
    return f"00000000-0000-7000-8000-{number:012d}"


@pytest.fixture
async def db(database: str) -> AsyncIterator[Database]:
    made = Database(database)
    yield made
    await made.close()


@pytest.fixture
def facts(db: Database) -> Facts:
    return Facts(db, "validate")


async def wait(db: Database, facts: Facts, *waiters: Waiter, now: datetime = NOW) -> None:
    async with db.transaction() as connection:
        await facts.wait(connection, waiters, now)


async def known(db: Database, facts: Facts, *questions: Question) -> dict[Question, Fact]:
    async with db.transaction() as connection:
        return await facts.known(connection, questions)


async def only(facts: Facts, worker: str = "one", now: datetime = NOW) -> Claimed:
    (claimed,) = await facts.claim(worker, now, 10, 60, KINDS)
    return claimed


async def woken(db: Database) -> set[str]:
    rows = await db.fetch("SELECT contact_id::text FROM runtime.refresh_due WHERE service = 'validate'")
    return {row[0] for row in rows}


async def waiting_for(db: Database, question: Question) -> set[str]:
    rows = await db.fetch("SELECT contact_id::text FROM runtime.waiter WHERE subject = $1", question.subject)
    return {row[0] for row in rows}


async def test_an_answer_serves_all_who_asked_and_wakes_each_once(db: Database, facts: Facts) -> None:
    await wait(db, facts, *(Waiter(contact(n), 1, MX, 0) for n in range(3)))
    assert await facts.due(NOW) == 1
    await facts.answer(await only(facts), {"hosts": ["mx.example.net"]}, LATER, NOW)
    assert (await known(db, facts, MX, OTHER))[MX].answer == {"hosts": ["mx.example.net"]}
    assert await facts.wake(NOW, None) == 3
    assert await woken(db) == {contact(n) for n in range(3)}
    assert await facts.wake(NOW, None) == 0
    assert await facts.due(NOW) == 0


async def test_who_has_seen_the_answer_is_left_alone(db: Database, facts: Facts) -> None:
    await wait(db, facts, Waiter(contact(1), 1, MX, 0))
    await facts.answer(await only(facts), ["mx"], LATER, NOW)
    await wait(db, facts, Waiter(contact(1), 2, MX, 1))
    assert await facts.wake(NOW, None) == 0


async def test_the_same_answer_again_wakes_nobody_and_another_one_does(db: Database, facts: Facts) -> None:
    await wait(db, facts, Waiter(contact(1), 1, MX, 0))
    await facts.answer(await only(facts), ["mx"], NOW + HOUR, NOW)
    await wait(db, facts, Waiter(contact(1), 2, MX, 1))
    for answer, expected in ((["mx"], 0), (None, 1)):
        now = NOW + HOUR
        assert await facts.ask_again(now) == 1
        await facts.answer(await only(facts, now=now), answer, now, now)
        assert await facts.wake(now, None) == expected


async def test_a_silence_is_no_answer_and_the_question_comes_again(db: Database, facts: Facts) -> None:
    await wait(db, facts, Waiter(contact(1), 1, MX, 0))
    await facts.fail(await only(facts), NOW + HOUR)
    assert await known(db, facts, MX) == {}
    assert await facts.claim("one", NOW, 10, 60, KINDS) == []
    assert await facts.due(NOW) == 0
    assert (await only(facts, now=NOW + HOUR)).attempts == 1


async def test_two_workers_never_lease_one_question(db: Database, facts: Facts) -> None:
    questions = [Question("mail-exchangers", f"{n}.example") for n in range(60)]
    await wait(db, facts, *(Waiter(contact(n), 1, one, 0) for n, one in enumerate(questions)))
    claims = await asyncio.gather(*(facts.claim(f"worker {n}", NOW, 12, 60, KINDS) for n in range(8)))
    leased = [one.question for some in claims for one in some]
    assert sorted(leased) == sorted(set(leased))
    rest = await facts.claim("the last", NOW, 100, 60, KINDS)
    assert sorted([*leased, *(one.question for one in rest)]) == sorted(questions)


async def test_a_dead_workers_question_is_leased_anew_and_its_late_failure_changes_nothing(
    db: Database, facts: Facts
) -> None:
    await wait(db, facts, Waiter(contact(1), 1, MX, 0))
    dead = await only(facts, "dead")
    after = NOW + timedelta(seconds=61)
    alive = await only(facts, "alive", after)
    await facts.fail(dead, LATER)
    assert await facts.claim("third", after, 10, 60, KINDS) == []
    await facts.answer(alive, ["mx"], LATER, after)
    await facts.answer(dead, ["older"], LATER, NOW)
    assert (await known(db, facts, MX))[MX].answer == ["mx"]


async def test_an_older_version_changes_nothing_and_a_gone_contact_waits_no_more(db: Database, facts: Facts) -> None:
    await wait(db, facts, Waiter(contact(1), 5, OTHER, 0))
    await wait(db, facts, Waiter(contact(1), 4, OTHER, 7))
    await facts.answer(next(one for one in await facts.claim("one", NOW, 9, 60, KINDS)), ["mx"], LATER, NOW)
    assert await facts.wake(NOW, None) == 1
    await wait(db, facts, Waiter(contact(1), 6, MX, 0))
    await wait(db, facts, Waiter(contact(1), 7, OTHER, 1))
    assert [row[0] for row in await db.fetch("SELECT subject FROM runtime.waiter")] == [OTHER.subject]
    async with db.transaction() as connection:
        await facts.forget(connection, {contact(1): 8})
    assert await db.fetch("SELECT FROM runtime.waiter") == []


async def test_a_version_that_comes_again_has_seen_what_it_saw_first(db: Database, facts: Facts) -> None:
    """Those behind took version 1 without the answer, from a process that died then.

    Its successor knows the answer and says version 1 with it, and nobody listens.
    """
    await wait(db, facts, Waiter(contact(1), 1, MX, 0))
    await facts.answer(await only(facts), {"hosts": []}, LATER, NOW)
    await wait(db, facts, Waiter(contact(1), 1, MX, 1))
    assert await facts.wake(NOW, None) == 1, "version 2 is to be said"
    await wait(db, facts, Waiter(contact(1), 2, MX, 1))
    assert await facts.wake(NOW, None) == 0


async def test_what_expired_is_asked_again_only_where_somebody_waits(db: Database, facts: Facts) -> None:
    await wait(db, facts, Waiter(contact(1), 1, MX, 0))
    async with db.transaction() as connection:
        await facts.answered(connection, [Fact(one, ["mx"], "dns", NOW, NOW + HOUR, 0) for one in (MX, OTHER)])
    assert await facts.claim("one", NOW, 10, 60, KINDS) == []
    assert await facts.ask_again(NOW + HOUR) == 1
    assert (await only(facts, now=NOW + HOUR)).question == MX


async def test_what_was_learned_for_an_erased_person_alone_goes_with_them(db: Database, facts: Facts) -> None:
    third = Question("mail-exchangers", "third.example")
    await wait(
        db, facts, Waiter(contact(1), 1, MX, 0), Waiter(contact(1), 1, OTHER, 0), Waiter(contact(1), 1, third, 0)
    )
    await wait(db, facts, Waiter(contact(2), 1, OTHER, 0))
    async with db.transaction() as connection:
        await facts.answered(connection, [Fact(one, ["mx"], "dns", NOW, LATER, 0) for one in (MX, OTHER)])
        await facts.erase(connection, [contact(1)])
    assert set(await known(db, facts, MX, OTHER)) == {OTHER}
    assert [row[0] for row in await db.fetch("SELECT subject FROM runtime.question")] == [OTHER.subject]


async def test_old_facts_that_nobody_needs_are_forgotten(db: Database, facts: Facts) -> None:
    async with db.transaction() as connection:
        await facts.answered(connection, [Fact(one, ["mx"], "dns", NOW, NOW, 0) for one in (MX, OTHER)])
    await wait(db, facts, Waiter(contact(1), 1, MX, 1))
    await facts.forget_old(NOW + timedelta(days=31))
    assert set(await known(db, facts, MX, OTHER)) == {MX}


async def test_woken_by_the_event_alone_who_looked_too_early_would_sleep_on(db: Database, facts: Facts) -> None:
    async with db.transaction() as connection:
        assert await facts.known(connection, [MX]) == {}
        async with db.transaction() as other:
            await facts.answered(other, [Fact(MX, ["mx"], "dns", NOW, LATER, 0)])
        assert await waiting_for(db, MX) == set(), "the event finds nobody"
        await facts.wait(connection, [Waiter(contact(1), 1, MX, 0)], NOW)
    assert await facts.wake(NOW, None) == 1, "the comparison does"


async def test_no_wake_up_is_lost_whoever_comes_first(db: Database, facts: Facts) -> None:
    """The stage looks, the answer arrives, the stage notes: in any order."""
    dice = random.Random(7)
    questions = [Question("mail-exchangers", f"{n}.example") for n in range(40)]
    waiters = [Waiter(contact(n), 1, dice.choice(questions), 0) for n in range(400)]
    asleep: set[str] = set()

    async def stage(some: list[Waiter]) -> None:
        async with db.transaction() as connection:
            seen = await facts.known(connection, {one.question for one in some})
            await asyncio.sleep(dice.random() / 100)
            revisions = {question: fact.revision for question, fact in seen.items()}
            await facts.wait(connection, [one._replace(revision=revisions.get(one.question, 0)) for one in some], NOW)
        asleep.update(one.contact_id for one in some if one.question not in revisions)

    async def answers() -> None:
        for question in questions:
            async with db.transaction() as connection:
                await facts.answered(connection, [Fact(question, ["mx"], "dns", NOW, LATER, 0)])
            await facts.wake(NOW, None)
            await asyncio.sleep(dice.random() / 100)

    await asyncio.gather(answers(), *(stage(waiters[at : at + 20]) for at in range(0, len(waiters), 20)))
    await facts.wake(NOW, NOW - HOUR)
    assert await woken(db) == asleep
    assert await due(db, "validate") == len(asleep)
