"""Goal: a thousand contacts, answers at random moments, every process killed between any two effects: nobody is left
without an answer that there is.

Method: the real stage, worker and facts on a real Postgres. Chance, from a seed, decides at every passage between two
effects whether a process dies there, or whether an answer comes in just then. Dedup is a list: a request it has not
heard yet becomes the next version, one it has heard becomes nothing.
"""

import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
import pytest

from services.enrich.core.answers import Ended, Failed, Fault, Found
from services.enrich.core.asking import Asked
from services.enrich.providers.worker import Worker, lease_s
from services.enrich.stage import Enrich, Memory
from services.enrich.store import Store
from shared.domain.contact import Contact
from shared.runtime.clock import ManualClock
from shared.runtime.database import Connection, Database
from shared.runtime.facts import Claimed, Fact, Facts, Question, Waiter
from shared.runtime.refreshing import Reason, ask, request
from tests.integration.enrich.house import NOW, House, contact
from tests.integration.enrich.provider import Playing

CONTACTS = 1_000
COMPANIES = 150
BATCH = 25
QUIET_ROUNDS = 12
"""Rounds in which leases, pauses and breakers run out, until nothing can be under way."""

Passage = Callable[[], Awaitable[None]]


class Killed(Exception):
    """A process died here; what it had not committed is gone."""


class Mortal(Facts):
    """Facts whose process may die before and after every effect, or be overtaken there."""

    passage: Passage

    async def known(self, connection: Connection, questions: Collection[Question]) -> dict[Question, Fact]:
        """Look; then anything may happen before the note."""
        found = await super().known(connection, questions)
        await self.passage()
        return found

    async def wait(self, connection: Connection, waiters: Sequence[Waiter], now: datetime) -> None:
        """Note; then anything may happen before the commit."""
        await super().wait(connection, waiters, now)
        await self.passage()

    async def claim(
        self, worker: str, now: datetime, limit: int, lease_s: float, kinds: Sequence[str]
    ) -> list[Claimed]:
        """Lease; the worker may die with the lease in its hand."""
        claimed = await super().claim(worker, now, limit, lease_s, kinds)
        await self.passage()
        return claimed

    async def answer(
        self, claimed: Claimed, answer: Any, expires_at: datetime, now: datetime, provider: str | None = None
    ) -> None:
        """Write an answer down; the worker may die before, or before the next."""
        await self.passage()
        await super().answer(claimed, answer, expires_at, now, provider)


class Forgetful(Mortal):
    """Wakes by the event: whoever waits when an answer is stored is told, and nobody compares. The control."""

    async def answer(
        self, claimed: Claimed, answer: Any, expires_at: datetime, now: datetime, provider: str | None = None
    ) -> None:
        """Store, then tell who stands there."""
        await super().answer(claimed, answer, expires_at, now, provider)
        async with self._database.transaction() as connection:
            rows = await connection.fetch(
                "SELECT contact_id::text AS id FROM runtime.waiter WHERE kind = $1 AND subject = $2",
                claimed.question.kind,
                claimed.question.subject,
            )
            reasons = {row["id"]: Reason(claimed.question.subject, "fact", "fact") for row in rows}
            await ask(connection, self._service, reasons, now)

    async def wake(self, now: datetime, since: datetime | None) -> int:  # noqa: ARG002 (called as Facts is)
        """Nobody compares."""
        return 0


class Outside:
    """A provider that now and then says nothing."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    async def ask(self, asked: Asked, subject: str, now: datetime) -> Ended:  # noqa: ARG002 (called as Client is)
        """An answer, or none."""
        if self._dice.random() < 0.03:
            return Failed(Fault.TIMEOUT)
        return Found({"company.industry": f"industry of {subject}"})


class Town:
    """The chain around enrich: what dedup has said, how far the stage is, and what has come out."""

    def __init__(self, database: Database, asked: Asked, facts: type[Mortal], seed: int) -> None:
        self.dice = random.Random(seed)
        self.database = database
        self.clock = ManualClock(NOW)
        self.asked = asked
        self.made = facts
        self.store = Store(database)
        self.said = [contact(number, domain=f"d{number % COMPANIES}.de") for number in range(CONTACTS)]
        self.dice.shuffle(self.said)
        self.versions = {one.contact_id: one for one in self.said}
        self.heard: set[str] = set()
        self.committed = 0
        self.clean: dict[str, Contact] = {}
        self.killed = {"stage": 0, "worker": 0, "drip": 0}
        self.overtaken = 0
        self.worker = self._new_worker()
        self.waker = facts(database, "enrich")

    def _facts(self, passage: Passage) -> Mortal:
        made = self.made(self.database, "enrich")
        made.passage = passage
        return made

    def _new_worker(self) -> Worker:
        facts = self._facts(self._may_die)
        return Worker(self.asked, self.store, facts, Outside(self.dice), self.clock, f"w{self.dice.random()}")

    async def _may_die(self) -> None:
        if self.dice.random() < 0.04:
            raise Killed

    async def _may_be_overtaken(self) -> None:
        """Between two effects of the stage: it dies, an answer comes in, those who wait are woken, or nothing."""
        await self._may_die()
        if self.dice.random() < 0.3:
            self.overtaken += 1
            await self.work()
            await self.waker.wake(self.clock.now(), None)

    async def stage(self) -> None:
        """A batch, from the last commit on."""
        house = House(self.database, self.asked, Outside(self.dice))
        house.stage = Enrich(
            BATCH, Memory((self.asked,), self.store, self._facts(self._may_be_overtaken), self.clock)
        )  # fmt: skip
        batch = self.said[self.committed : self.committed + BATCH]
        try:
            for one in await house.say(*batch):
                if one.version >= self.clean.get(one.contact_id, one).version:
                    self.clean[one.contact_id] = one
            await self._may_be_overtaken()
        except Killed:
            self.killed["stage"] += 1
        else:
            self.committed += len(batch)

    async def work(self) -> None:
        """One round of the worker; a new one comes where it died."""
        try:
            await self.worker.some()
        except Killed:
            self.killed["worker"] += 1
            self.worker = self._new_worker()

    async def drip(self) -> None:
        """Requests go to dedup, then they are forgotten; who dies in between says them again."""
        rows = await self.database.fetch(
            "SELECT contact_id::text AS id, activation, reasons FROM runtime.refresh_due ORDER BY 1 LIMIT 100"
        )
        for row in rows:
            asked = request("enrich", row["id"], row["activation"], row["reasons"], "fact", self.clock.now()).event.id
            if asked not in self.heard:
                self.heard.add(asked)
                before = self.versions[row["id"]]
                self.versions[row["id"]] = msgspec.structs.replace(before, version=before.version + 1)
                self.said.append(self.versions[row["id"]])
        if self.dice.random() < 0.1:
            self.killed["drip"] += 1
            return
        await self.database.execute(
            "DELETE FROM runtime.refresh_due WHERE contact_id = ANY($1::text[]::uuid[])", [row["id"] for row in rows]
        )

    async def live(self) -> None:
        """Everybody works in any order until nothing can be under way."""
        quiet = 0
        while quiet < QUIET_ROUNDS:
            await self.dice.choice((self.stage, self.work, self.drip))()
            self.clock.advance(1)
            if self.committed < len(self.said):
                continue
            await self.waker.wake(self.clock.now(), None)
            await self.drip()
            quiet = quiet + 1 if self.committed == len(self.said) else 0
            await self.work()
            self.clock.advance(lease_s(self.asked) + 1)

    def left(self) -> int:
        """How many have come out without the answer that there is."""
        return sum(one.company.industry is None for one in self.clean.values())


@pytest.mark.parametrize("seed", range(2))
async def test_nobody_misses_an_answer_whoever_dies_wherever(tables: Database, server: Playing, seed: int) -> None:
    town = Town(tables, server.provider(), Mortal, seed)
    await town.live()
    assert len(await tables.fetch("SELECT FROM runtime.fact")) == COMPANIES
    assert (len(town.clean), town.left()) == (CONTACTS, 0)
    assert min(*town.killed.values(), town.overtaken) > 0, "it was no peaceful world"


async def test_woken_by_the_event_some_are_left_without_an_answer(tables: Database, server: Playing) -> None:
    town = Town(tables, server.provider(), Forgetful, 0)
    await town.live()
    assert len(await tables.fetch("SELECT FROM runtime.fact")) == COMPANIES
    assert town.left() > 0
