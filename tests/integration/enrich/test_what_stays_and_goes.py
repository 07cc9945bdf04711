"""Goal: what was paid for is not lost, and what was asked about a person goes with them and is never told.

Method: the real stage and worker on a real Postgres, with a client that answers at once; Postgres breaks on demand.
"""

# ruff: noqa: ARG002
# Who plays a client or a store is called as those are.

from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
import structlog

from services.enrich.core.answers import Ended, Failed, Fault, Found
from services.enrich.core.asking import Asked, asked_of
from services.enrich.core.meter import WINDOW_ASKED_MIN
from services.enrich.store import Store
from shared.domain.configuration import Provider
from shared.domain.errors import Transient
from shared.domain.events import Retired
from shared.runtime.database import Database
from shared.runtime.facts import Claimed, Facts
from tests.integration.enrich.house import NOW, House, contact, taken

(PEOPLE,) = asked_of(
    {"people": Provider(asks="email", url="https://people.example/{email}", fills={"job_title": "$.t"}, rate="100/s")}
)


class Answering:
    """Answers everything alike, and notes what it was asked."""

    def __init__(self, ended: Ended) -> None:
        self.ended = ended
        self.asked: list[str] = []

    async def ask(self, asked: Asked, subject: str, now: datetime) -> Ended:
        """The answer."""
        self.asked.append(subject)
        return self.ended


class Breaking(Facts):
    """Loses its Postgres at the second answer, once."""

    answers = 0

    async def answer(
        self, claimed: Claimed, answer: Any, expires_at: datetime, now: datetime, provider: str | None = None
    ) -> None:
        """Write it down, or not."""
        self.answers += 1
        if self.answers == 2:
            raise Transient("ConnectionDoesNotExistError")
        await super().answer(claimed, answer, expires_at, now)


async def test_answers_that_were_paid_for_are_written_when_postgres_is_back(tables: Database) -> None:
    outside = Answering(Found({"job_title": "Leiterin"}))
    house = House(tables, PEOPLE, outside)
    house.worker.facts = Breaking(tables, "enrich")
    await house.say(*(contact(number) for number in range(5)))
    with pytest.raises(Transient):
        await house.worker.run()
    assert len(await tables.fetch("SELECT FROM runtime.fact")) == 1
    await house.worker.run()
    assert len(await tables.fetch("SELECT FROM runtime.fact")) == 5
    assert len(outside.asked) == len(set(outside.asked)) == 5
    (row,) = (await house.worker.store.rows(["people"])).values()
    assert row.counts.answered == 5


async def gone(house: House, number: int, reason: Literal["deleted", "erased"]) -> None:
    """A contact ends."""
    one = contact(number)
    event = Retired(contact_id=one.contact_id, version=9, reason=reason, at=NOW, cause=one.cause)
    await house.stage.settle([taken(event)])


async def subjects(tables: Database) -> set[str]:
    """What questions and answers are about."""
    rows = await tables.fetch("SELECT subject FROM runtime.fact UNION ALL SELECT subject FROM runtime.question")
    return {row["subject"] for row in rows}


async def test_what_was_asked_about_the_erased_goes_with_them(tables: Database) -> None:
    house = House(tables, PEOPLE, Answering(Found({"job_title": "Leiterin"})))
    await house.say(contact(1), contact(2))
    await house.worker.run()
    await house.say(contact(3))
    assert await subjects(tables) == {"p1@beispiel.de", "p2@beispiel.de", "p3@beispiel.de"}
    await gone(house, 1, "erased")
    await gone(house, 3, "erased")
    assert await subjects(tables) == {"p2@beispiel.de"}
    erased = await tables.fetch("SELECT id::text FROM runtime.erased WHERE service = 'enrich'")
    assert {row["id"] for row in erased} >= {contact(1).contact_id, contact(3).contact_id}


async def test_an_answer_about_a_person_that_nobody_wants_goes_and_a_wanted_one_stays(tables: Database) -> None:
    house = House(tables, PEOPLE, Answering(Found({"job_title": "Leiterin"})))
    await house.say(contact(1), contact(2))
    await house.worker.run()
    await gone(house, 1, "deleted")
    store = Store(tables)
    await store.forget(["people"], NOW - timedelta(hours=1))
    assert len(await subjects(tables)) == 2, "too fresh"
    await store.forget(["companies"], NOW + timedelta(hours=1))
    assert len(await subjects(tables)) == 2, "not about people"
    await store.forget(["people"], NOW + timedelta(hours=1))
    assert await subjects(tables) == {"p2@beispiel.de"}


async def test_nothing_is_forgotten_while_contacts_are_being_said_again(tables: Database) -> None:
    """Harm: who was woken waits for nothing until it is said, and its answer would have to be paid for again."""
    house = House(tables, PEOPLE, Answering(Found({"job_title": "Leiterin"})))
    await house.say(contact(1))
    await house.worker.run()
    assert len(await house.to_refresh()) == 1
    await Store(tables).forget(["people"], NOW + timedelta(hours=1))
    assert len(await subjects(tables)) == 1


async def test_a_provider_that_fails_is_told_of_without_whom_it_was_asked_about(tables: Database) -> None:
    house = House(tables, PEOPLE, Answering(Failed(Fault.ITS_FAULT)))
    await house.say(*(contact(number) for number in range(WINDOW_ASKED_MIN + 1)))
    with structlog.testing.capture_logs() as told:
        await house.worker.run()
    assert [(one["event"], one["provider"], one["reason"]) for one in told] == [
        ("provider left alone", "people", "server-error")
    ]
    assert "beispiel" not in repr(told)
