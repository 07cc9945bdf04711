"""Goal: in a year, whatever dies, every birthday and every end of a contract is told exactly once, on its day.

Method: two processes of rules on one real Postgres, a clock that is moved through 2027 six hours at a time, both
started anew every few weeks, both down for three days in March; what they request is compared with a calendar that is
counted off by hand. What time changes is said again as dedup would. Without the row that notes a firing, the same year
goes wrong.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from services.rules.core.firing import Noted
from services.rules.core.loading import rulebook
from services.rules.timers import Timers
from shared.domain.configuration import At, Channel, Notify, Rule, Then
from shared.domain.contact import Contact
from shared.runtime.database import Database
from tests.integration.rules.world import ByHand, Process, enriched
from tests.unit.rules.build import a_contact

PEOPLE = 120
START = datetime(2027, 1, 1, tzinfo=UTC)
STEP = timedelta(hours=6)
DOWN = (date(2027, 3, 13), date(2027, 3, 16))
ZONES = ("Europe/Berlin", "America/New_York", "Pacific/Auckland", "Asia/Kathmandu", None)
RULES = [
    Rule(name="birthday", at=At(anniversary="birthday"), then=Then(category="birthday", notify=Notify(channel="log"))),
    Rule(
        name="ends",
        at=At(before="attributes.contract_end", by="30d", valid_for="10d"),
        then=Then(segment="renewals", notify=Notify(channel="log")),
    ),
]
Occasion = tuple[str, str, str]


@pytest.fixture
async def tables(database: str) -> AsyncIterator[Database]:
    """All tables, empty."""
    tables = Database(database)
    yield tables
    await tables.close()


def people(seed: int) -> list[Contact]:
    """Contacts with birthdays all over the year, some on 29 February, and contracts that end within it or later."""
    dice = random.Random(seed)
    found: list[Contact] = []
    for number in range(PEOPLE):
        born = date(1950, 1, 1) + timedelta(days=dice.randrange(20_000))
        if number % 20 == 0:
            born = date(1980, 2, 29)
        if number % 20 == 1:
            born = born.replace(month=3, day=14)
        ends = date(2026, 12, 1) + timedelta(days=dice.randrange(450))
        found.append(
            a_contact(
                f"person-{number}",
                birthday=born.isoformat(),
                created_at=datetime(2026, 1, 1, tzinfo=UTC),
                timezone=ZONES[number % len(ZONES)],
                attributes={"contract_end": ends.isoformat()},
            )
        )
    return found


def calendar(contacts: Sequence[Contact]) -> dict[Occasion, datetime]:
    """What has to be told in the year and when, counted off day by day without any of the code."""
    found: dict[Occasion, datetime] = {}
    for contact in contacts:
        born = date.fromisoformat(contact.birthday or "")
        zone = ZoneInfo(contact.timezone or "Europe/Berlin")
        end = date.fromisoformat(contact.attributes["contract_end"])
        for number in range(-12, 366):
            day = date(2027, 1, 1) + timedelta(days=number)
            at_eight = datetime(day.year, day.month, day.day, 8, tzinfo=zone)
            midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
            is_it = (day.month, day.day) == (born.month, born.day)
            if (born.month, born.day) == (2, 29):
                is_it = (day.month, day.day) == (2, 28)
            if is_it and START - timedelta(days=4) < at_eight < START + timedelta(days=365):
                found[contact.contact_id, "birthday", str(day.year)] = at_eight
            opens = midnight if day == end - timedelta(days=30) else None
            if opens is not None and START - timedelta(days=10) < opens < START + timedelta(days=365):
                found[contact.contact_id, "ends", end.isoformat()] = opens
    return found


class Year:
    """Two processes, and everything that was told."""

    def __init__(self, tables: Database, contacts: Sequence[Contact]) -> None:
        self.clock = ByHand(START)
        self.contacts = {contact.contact_id: contact for contact in contacts}
        book = rulebook(RULES, {"log": Channel()})
        self.stage = Process(tables, book, self.clock)
        self.timers = [Timers(self.stage.store, book, self.clock) for _ in range(2)]
        self.told: dict[Occasion, list[datetime]] = {}
        self.entered: Counter[str] = Counter()

    def restart(self) -> None:
        """Both processes anew: what they had in mind is gone."""
        self.stage = Process(self.stage.database, self.stage.rulebook, self.clock)
        self.timers = [Timers(self.stage.store, self.stage.rulebook, self.clock) for _ in range(2)]

    async def work(self) -> None:
        """Both look at what is due, at the same time, until nothing is asked any more."""
        for _ in range(3):
            await asyncio.gather(*(one.run() for one in self.timers))
            asked = await self.hear()
            if not asked:
                return
            await self.stage.take(*(self.again(contact_id) for contact_id in asked))

    def again(self, contact_id: str) -> Any:
        """The contact as dedup says it again: the same, with the next version."""
        contact = self.contacts[contact_id]
        self.contacts[contact_id] = msgspec.structs.replace(contact, version=contact.version + 1)
        return enriched(self.contacts[contact_id])

    async def hear(self) -> list[str]:
        """Take everything out of the outbox as the relay would; returns whom the drip would have said again."""
        rows = await self.stage.database.fetch("DELETE FROM runtime.outbox RETURNING value, headers")
        for row in rows:
            said = msgspec.json.decode(row["value"])
            headers = bytes(row["headers"])
            if b"notification.requested" in headers:
                occasion = (said["contact_id"], said["rule"], said["occasion"])
                self.told.setdefault(occasion, []).append(self.clock.time)
            if b"segment.entered" in headers:
                self.entered[said["contact_id"]] += 1
        asked = await self.stage.database.fetch("DELETE FROM runtime.refresh_due RETURNING contact_id::text")
        return sorted(row["contact_id"] for row in asked)

    async def live(self) -> None:
        """The year."""
        await self.stage.take(*(enriched(contact) for contact in self.contacts.values()))
        step = 0
        while self.clock.time < START + timedelta(days=365):
            if not DOWN[0] <= self.clock.time.date() < DOWN[1]:
                await self.work()
            step += 1
            self.clock.time = START + step * STEP
            if step % 97 == 0:
                self.restart()


async def test_in_a_year_of_two_processes_with_restarts_and_a_downtime_every_date_is_told_exactly_once(
    tables: Database,
) -> None:
    contacts = people(7)
    year = Year(tables, contacts)
    await year.live()
    expected = calendar(contacts)
    assert len(expected) > PEOPLE * 1.5
    assert {one: len(times) for one, times in year.told.items()} == dict.fromkeys(expected, 1)
    for occasion, due in expected.items():
        (told,) = year.told[occasion]
        opens = max(due, START)
        assert opens <= told < opens + STEP or DOWN[0] <= opens.date() < DOWN[1] <= told.date(), occasion
    assert any(DOWN[0] <= due.date() < DOWN[1] for due in expected.values())
    of_segments = Counter({contact_id: 1 for contact_id, rule, _ in expected if rule == "ends"})
    assert year.entered == of_segments, "and who is told of is in the segment, once"
    left = await tables.fetch("SELECT 1 FROM rules.label WHERE label LIKE 'category:%'")
    assert len(left) <= 2, "birthdays are over with their day"


async def test_without_the_row_that_notes_a_firing_somebody_is_told_twice(
    tables: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forgetful(_: Any, __: Any, wanted: Sequence[Noted], ___: Any) -> set[Noted]:
        return set(wanted)

    contacts = people(7)
    year = Year(tables, contacts)
    monkeypatch.setattr(type(year.stage.store), "fire", forgetful)
    await year.live()
    expected = calendar(contacts)
    assert set(year.told) == set(expected)
    assert max(len(times) for times in year.told.values()) > 1
