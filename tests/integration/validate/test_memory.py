"""Goal: the stage never waits; what others say arrives by a refresh, and a bounce is known wherever its address is."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.validate.core.bouncing import subject_of
from services.validate.core.exchangers import KIND, Ground
from services.validate.core.standards import Standards
from services.validate.stage import NEVER, Memory, Validate
from shared.domain.contact import Cause, Contact, Email
from shared.domain.events import Event, InteractionResolved, Retired, Snapshot
from shared.domain.outcome import Forward, Outgoing
from shared.runtime import codec
from shared.runtime.broker import Message
from shared.runtime.clock import ManualClock
from shared.runtime.database import Database
from shared.runtime.erasure import noted
from shared.runtime.facts import Fact, Facts, Question
from shared.runtime.refreshing import due
from shared.runtime.stage import Taken
from shared.topology import RESOLVED, Type
from tests.unit.validate.contacts import contact

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE = "0198c0de-0000-7000-8000-000000000001"
OTHER = "0198c0de-0000-7000-8000-000000000002"


class House:
    """The stage over a real Postgres."""

    def __init__(self, pool: Database, *, asks: bool) -> None:
        self.pool = pool
        self.clock = ManualClock(NOW)
        self.facts = Facts(pool, "validate")
        self.stage = Validate(Standards(), 200, Memory(pool, self.facts, self.clock, asks))

    async def judged(self, *said: Any) -> list[Contact]:
        """What becomes of these, one batch."""
        settled = await self.stage.settle([taken(one) for one in said])
        found: list[Contact] = []
        for outcome in settled.outcomes:
            assert isinstance(outcome, Forward)
            data = outcome.says[0].event.data
            if isinstance(data, Snapshot):
                assert data.contact is not None
                found.append(data.contact)
        return found

    async def answered(self, domain: str, ground: Ground) -> None:
        fact = Fact(Question(KIND, domain), ground.value, "dns", NOW, NOW + timedelta(days=1), 0)
        async with self.pool.transaction() as connection:
            await self.facts.answered(connection, [fact])
        await self.facts.wake(NOW, None)

    async def due(self) -> set[str]:
        rows = await self.pool.fetch("SELECT contact_id::text FROM runtime.refresh_due")
        assert await due(self.pool, "validate") == len(rows)
        return {row[0] for row in rows}


def taken(data: Any) -> Taken:
    types: dict[Any, Type] = {Snapshot: Type.CONTACT_RESOLVED, Retired: Type.CONTACT_RETIRED}
    type_ = types.get(type(data), Type.INTERACTION_RESOLVED)
    event = Event(id=ONE, type=type_, source="/test", time=NOW, subject=ONE, data=data)
    draft = codec.draft(Outgoing(RESOLVED, ONE, event))
    message = Message(
        topic=RESOLVED.name, partition=0, offset=0, timestamp_ms=0, key=draft.key, value=draft.value,
        headers=draft.headers,
    )  # fmt: skip
    return Taken(message, event)


def person(contact_id: str, email: str, version: int = 1) -> Snapshot:
    return Snapshot(
        contact=contact(contact_id=contact_id, version=version, emails=(Email(value=email, preferred=True),))
    )


def happened(type_: str, address: str, day: int = 0, contact_id: str = ONE, **detail: Any) -> InteractionResolved:
    at = NOW + timedelta(days=day)
    return InteractionResolved(
        interaction_id=f"{type_}-{day}", event_id=f"{type_}-{day}", contact_id=contact_id, record_id=ONE, version=1,
        source="newsletter", type=type_, at=at, detail=detail, address=address,
    )  # fmt: skip


@pytest.fixture
async def house(database: str) -> AsyncIterator[House]:
    pool = Database(database)
    yield House(pool, asks=True)
    await pool.close()


async def test_an_unknown_domain_is_said_at_once_and_again_when_the_answer_comes(house: House) -> None:
    assert [one.emails[0].status for one in await house.judged(person(ONE, "a@firma.de"))] == ["unknown"]
    assert await house.facts.due(NOW) == 1
    await house.answered("firma.de", Ground.NO_DOMAIN)
    assert await house.due() == {ONE}
    (again,) = await house.judged(person(ONE, "a@firma.de", version=2))
    assert again.emails[0].status == "invalid"
    assert [one.code for one in again.quality.findings if one.path == "/emails/0"] == ["email.no-mail-domain"]
    await house.answered("firma.de", Ground.EXCHANGER)
    assert [one.emails[0].status for one in await house.judged(person(ONE, "a@firma.de", version=3))] == ["valid"]


async def test_one_answer_serves_everybody_and_a_warm_one_asks_nobody(house: House) -> None:
    await house.answered("firma.de", Ground.EXCHANGER)
    found = await house.judged(*(person(one, "a@firma.de") for one in (ONE, OTHER)))
    assert [one.emails[0].status for one in found] == ["valid", "valid"]
    assert await house.facts.due(NOW) == 0


async def test_where_the_dns_is_off_nobody_is_asked_and_an_address_speaks_for_itself(database: str) -> None:
    pool = Database(database)
    house = House(pool, asks=False)
    assert [one.emails[0].status for one in await house.judged(person(ONE, "a@firma.de"))] == ["valid"]
    assert await house.facts.due(NOW) == 0
    await pool.close()


async def test_a_bounce_is_known_wherever_the_address_is_and_reading_heals_it(house: House) -> None:
    await house.judged(happened("email.bounced", "A@example.de", kind="hard"))
    assert await house.due() == {ONE}
    found = await house.judged(person(ONE, "a@example.de"), person(OTHER, "a@example.de"))
    assert [one.emails[0].status for one in found] == ["bounced", "bounced"]
    await house.judged(happened("email.opened", "a@example.de", day=1))
    assert [one.emails[0].status for one in await house.judged(person(ONE, "a@example.de", version=2))] == ["valid"]


async def test_what_is_told_twice_or_late_changes_nothing(house: House) -> None:
    bounce, opened = happened("email.bounced", "a@example.de"), happened("email.opened", "a@example.de", day=1)
    await house.judged(bounce, opened)
    assert await house.due() == set()
    await house.judged(bounce)
    assert [one.emails[0].status for one in await house.judged(person(ONE, "a@example.de"))] == ["valid"]


async def test_that_mail_is_read_is_no_news_where_none_came_back(house: House) -> None:
    await house.judged(happened("email.opened", "a@example.de"))
    assert await house.pool.fetch("SELECT FROM runtime.fact") == []


async def test_who_is_gone_waits_no_more_and_who_is_erased_leaves_no_question(house: House) -> None:
    await house.judged(person(ONE, "a@a.de"), person(OTHER, "b@b.de"))
    gone = Retired(contact_id=ONE, version=2, reason="deleted", at=NOW, cause=Cause(kind="record", id="e"))
    erased = Retired(contact_id=OTHER, version=2, reason="erased", at=NOW, cause=Cause(kind="record", id="e"))
    await house.judged(gone, erased)
    assert [row[0] for row in await house.pool.fetch("SELECT subject FROM runtime.question")] == ["a.de"]
    assert await house.pool.fetch("SELECT FROM runtime.waiter") == []
    assert await noted(house.pool, OTHER) == {"validate": NOW}
    assert await noted(house.pool, ONE) == {}


@pytest.mark.parametrize("kind", ["hard", "soft"])
async def test_who_is_erased_leaves_no_trace_of_a_mailbox_that_sent_back(house: House, kind: str) -> None:
    await house.judged(person(ONE, "a@firma.de"), person(OTHER, "b@firma.de"))
    await house.judged(happened("email.bounced", "a@firma.de", kind=kind))
    await house.judged(happened("email.bounced", "b@firma.de", contact_id=OTHER, kind=kind))
    await house.judged(Retired(contact_id=ONE, version=2, reason="erased", at=NOW, cause=Cause(kind="record", id="e")))
    rows = await house.pool.fetch("SELECT subject FROM runtime.fact WHERE kind = 'mailbox'")
    assert [row["subject"] for row in rows] == [subject_of("b@firma.de")]


async def test_who_shares_a_mailbox_that_sent_back_once_learns_when_it_is_read_again(house: House) -> None:
    await house.judged(happened("email.bounced", "a@firma.de"))
    await house.judged(person(ONE, "a@firma.de"), person(OTHER, "a@firma.de"))
    await house.facts.wake(NOW, None)
    assert await house.due() == {ONE}, "who was told of, and nobody who has just been said"
    await house.judged(happened("email.opened", "a@firma.de", day=1, contact_id=ONE))
    await house.facts.wake(NOW, None)
    assert await house.due() == {ONE, OTHER}


def test_a_mailbox_is_remembered_for_good() -> None:
    assert NOW + timedelta(days=365_000) < NEVER
