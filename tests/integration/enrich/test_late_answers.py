"""Goal: providers down, slow or lying never hold up the chain, and late answers arrive by refresh, paid for once.

Method: the real stage, worker and client on a real Postgres, against a provider on this machine that does what it is
told; a clock by hand.
"""

# ruff: noqa: ARG002
# Who plays a client or a store is called as those are.

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import pytest

from services.enrich.client import Client
from services.enrich.core.answers import Ended, Found
from services.enrich.core.asking import Asked
from services.enrich.core.meter import OPEN_FIRST_S
from services.enrich.providers.worker import RETRY_S, lease_s
from shared.domain.contact import Company
from shared.domain.events import Retired
from shared.runtime.addresses import Private
from shared.runtime.database import Database
from shared.runtime.facts import Claimed, Facts, Question
from tests.integration.enrich.house import NOW, House, contact, taken
from tests.integration.enrich.provider import Answers, Playing, down, lying, slow, well


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client that may ask on this machine."""
    client = Client(Private.ALLOW)
    yield client
    await client.close()


@pytest.fixture
def house(tables: Database, server: Playing, client: Client) -> House:
    """A process with a provider that answers within a second or not at all."""
    return House(tables, server.provider(timeout="1s"), client)


async def test_a_late_answer_arrives_by_refresh_and_serves_everybody(house: House, server: Playing) -> None:
    first = await house.say(*(contact(number) for number in range(5)))
    assert [one.company.industry for one in first] == [None] * 5
    await house.worker.run()
    assert server.asked == {"beispiel.de": 1}
    assert await house.to_refresh() == sorted(one.contact_id for one in first)
    again = await house.say(*(contact(number, version=2) for number in range(5)))
    assert {one.company.industry for one in again} == {"industry of beispiel.de"}
    assert again[0].provenance["/company/industry"].source == "provider:companies"
    await house.worker.run()
    assert server.asked == {"beispiel.de": 1}


async def test_who_has_the_answer_is_woken_no_more(house: House) -> None:
    await house.say(contact())
    await house.worker.run()
    await house.to_refresh()
    await house.database.execute("TRUNCATE runtime.refresh_due")
    await house.say(contact(version=2))
    assert await house.to_refresh() == []


async def test_a_source_is_not_replaced_but_suggested_to(house: House) -> None:
    one = contact(company=Company(industry="banking"))
    await house.say(contact(2))
    await house.worker.run()
    (found,) = await house.say(one)
    assert found.company.industry == "banking"
    assert [it.value for it in found.suggestions if it.origin == "provider:companies"] == ["industry of beispiel.de"]


async def test_knowing_nothing_is_kept_for_its_time_and_asked_again_after(house: House, server: Playing) -> None:
    await house.say(contact(domain="nobody-knows.de"))
    await house.worker.run()
    house.clock.advance(timedelta(days=13).total_seconds())
    await house.say(contact(2, domain="nobody-knows.de"))
    await house.facts.ask_again(house.clock.now())
    await house.worker.run()
    assert server.asked["nobody-knows.de"] == 1
    house.clock.advance(timedelta(days=2).total_seconds())
    await house.facts.ask_again(house.clock.now())
    await house.worker.run()
    assert server.asked["nobody-knows.de"] == 2


@pytest.mark.parametrize("does", [down, slow, lying], ids=["down", "slow", "lying"])
async def test_the_stage_settles_while_the_provider_is_down_or_slow_or_lies(
    house: House, server: Playing, does: Answers
) -> None:
    """The stage never waits for the network: it answers while a question hangs, and again when it has failed."""
    server.answers = does
    await house.say(contact())
    asking = asyncio.create_task(house.worker.run())
    await server.reached.wait()
    (found,) = await house.say(contact(2, domain="anders.de"))
    assert found.company.industry is None
    assert does is not slow or not asking.done(), "the question still hangs"
    await asking
    facts = await house.database.fetch("SELECT FROM runtime.fact")
    assert facts == [], "a silence is no answer"
    assert await house.to_refresh() == []


async def test_the_stage_asks_nobody(tables: Database, server: Playing) -> None:
    """Harm: one look-up on the way, and a provider's outage is ours. The client of this house would end the test."""

    class Never(Client):
        async def ask(self, asked: Asked, subject: str, now: datetime) -> Ended:
            raise AssertionError

    house = House(tables, server.provider(), Never(Private.ALLOW))
    await house.say(*(contact(number, domain=f"d{number}.de") for number in range(50)))
    with pytest.raises(AssertionError):
        await house.worker.run()


async def test_after_an_outage_every_answer_arrives(house: House, server: Playing) -> None:
    server.answers = down
    domains = [f"firma{number}.de" for number in range(30)]
    await house.say(*(contact(number, domain=domain) for number, domain in enumerate(domains)))
    await house.worker.run()
    assert await house.state() == "open server-error"
    asked = server.asked.total()
    house.clock.advance(1)
    await house.worker.run()
    assert server.asked.total() == asked, "an open breaker asks nobody"
    house.clock.advance(OPEN_FIRST_S)
    await house.worker.run()
    assert server.asked.total() == asked + 1, "a trial is one question"
    server.answers = well
    for _ in range(20):
        house.clock.advance(RETRY_S)
        await house.worker.run()
    assert await house.state() == "closed server-error"
    assert len(await house.to_refresh()) == 30


async def test_who_is_gone_waits_no_more(house: House) -> None:
    one = contact()
    await house.say(one)
    gone = Retired(contact_id=one.contact_id, version=2, reason="deleted", at=NOW, cause=one.cause)
    await house.stage.settle([taken(gone)])
    await house.worker.run()
    assert await house.to_refresh() == []


async def test_a_budget_that_is_spent_waits_for_the_next_day(tables: Database, server: Playing, client: Client) -> None:
    house = House(tables, server.provider(day=3), client)
    await house.say(*(contact(number, domain=f"d{number}.de") for number in range(5)))
    await house.worker.run()
    assert server.asked.total() == 3
    house.clock.advance(timedelta(days=1).total_seconds())
    await house.worker.run()
    assert server.asked.total() == 5


class Counting(Client):
    """Answers at once after some turns of the loop, and counts how often each question was paid for."""

    def __init__(self, seed: int) -> None:
        super().__init__(Private.REFUSE)
        self.dice = random.Random(seed)
        self.asked: list[str] = []

    async def ask(self, asked: Asked, subject: str, now: datetime) -> Ended:
        """The answer."""
        self.asked.append(subject)
        for _ in range(self.dice.randrange(5)):
            await asyncio.sleep(0)
        return Found({"company.industry": f"industry of {subject}"})


class Careless(Facts):
    """Takes questions without leasing them: the negative control."""

    async def claim(
        self, worker: str, now: datetime, limit: int, lease_s: float, kinds: Sequence[str]
    ) -> list[Claimed]:
        """What is due, for whoever looks."""
        rows = await self._database.fetch(
            "SELECT kind, subject, epoch, attempts FROM runtime.question WHERE due_at <= $1 ORDER BY 2 LIMIT $2",
            now,
            limit,
        )
        return [Claimed(Question(row["kind"], row["subject"]), row["epoch"], row["attempts"]) for row in rows]


async def ask_all(tables: Database, server: Playing, seed: int, facts: type[Facts], day: int | None) -> list[str]:
    """Four processes ask 200 questions at once, again and again until nothing is due; what was asked, in order."""
    client = Counting(seed)
    asked = server.provider(day=day)
    houses = [House(tables, asked, client, f"w{number}") for number in range(4)]
    for house in houses:
        house.worker.facts = facts(tables, "enrich")
    await houses[0].say(*(contact(number, domain=f"d{number}.de") for number in range(200)))
    for _ in range(8):
        await asyncio.gather(*(house.worker.run() for house in houses))
        for house in houses:
            house.clock.advance(1)
    return client.asked


@pytest.mark.parametrize("seed", range(3))
async def test_several_workers_never_ask_one_question_twice(tables: Database, server: Playing, seed: int) -> None:
    asked = await ask_all(tables, server, seed, Facts, None)
    assert sorted(asked) == sorted({f"d{number}.de" for number in range(200)})


async def test_without_a_lease_they_would(tables: Database, server: Playing) -> None:
    asked = await ask_all(tables, server, 0, Careless, None)
    assert len(asked) > len(set(asked))


@pytest.mark.parametrize("seed", range(3))
async def test_several_workers_together_keep_to_one_budget(tables: Database, server: Playing, seed: int) -> None:
    asked = await ask_all(tables, server, seed, Facts, 77)
    assert len(asked) == len(set(asked)) == 77


async def test_a_worker_that_dies_leaves_its_questions_to_another(
    house: House, tables: Database, server: Playing
) -> None:
    await house.say(contact())
    assert len(await house.facts.claim("dead", NOW, 10, lease_s(house.worker.asked), ["companies"])) == 1
    await house.worker.run()
    assert not server.asked, "leased to somebody"
    house.clock.advance(lease_s(house.worker.asked) + 1)
    await house.worker.run()
    assert server.asked == {"beispiel.de": 1}
    assert len(await tables.fetch("SELECT FROM runtime.fact")) == 1
