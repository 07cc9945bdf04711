"""Goal: dates come once for each person, whoever merges, splits, goes or looks at the same time.

Method: the stage and the timers of one or two processes on a real Postgres, with a clock by hand.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.rules.core.loading import rulebook
from services.rules.core.rulebook import Rulebook
from services.rules.timers import Timers
from shared.domain.configuration import At, Channel, Mail, Notify, Rule, Then
from shared.domain.contact import ConsentState, Contact, Email
from shared.runtime.database import Database
from tests.integration.rules.world import ByHand, Process, clean, enriched, interaction, retired
from tests.unit.rules.build import NOW, a_contact, an_id

DAY = timedelta(days=1)
LOG = Notify(channel="log")
BORN = "1980-11-24"
"""Two days after NOW."""


def book(*rules: Rule) -> Rulebook:
    """These rules, with a channel of each kind that they name."""
    channels = {"log": Channel(), "mail": Channel(smtp="smtp://localhost", from_="crm@example.de")}
    return rulebook(rules, channels, {"birthday.de": "Subject: Alles Gute\n\n{{ greeting }}\n"})


BIRTHDAY = book(Rule(name="birthday", at=At(anniversary="birthday"), then=Then(notify=LOG)))
QUIET = book(Rule(name="quiet", at=At(inactive="10d"), then=Then(category="inactive", notify=LOG)))
ENDS = book(Rule(name="ends", at=At(before="attributes.end", by="30d", valid_for="10d"), then=Then(segment="renewals")))
GREETED = book(
    Rule(name="greet", at=At(anniversary="birthday"), then=Then(mail=Mail(purpose="birthday", template="birthday")))
)


class Town:
    """One process with its timers."""

    def __init__(self, tables: Database, rules: Rulebook, clock: ByHand | None = None) -> None:
        self.process = Process(tables, rules, clock or ByHand())
        self.timers = Timers(self.process.store, rules, self.process.clock)

    async def on(self, time: datetime) -> list[str]:
        """What the timers say at this time: types of events, and whom they ask to say again."""
        self.process.clock.time = time
        await self.process.database.execute("DELETE FROM runtime.outbox")
        await self.timers.run()
        asked = await self.process.database.fetch("DELETE FROM runtime.refresh_due RETURNING cause_kind")
        return [type_ for type_, _ in await self.process.outbox()] + [
            f"refresh by {row['cause_kind']}" for row in asked
        ]

    async def timer(self, name: str = "anna") -> Any:
        """When this contact is looked at again."""
        rows = await self.process.database.fetch(
            "SELECT due_at FROM rules.timer WHERE contact_id = $1::uuid", an_id(name)
        )
        return rows[0]["due_at"] if rows else None


def born(who: str = "anna", **what: Any) -> Contact:
    """Somebody whose birthday is near, known for long."""
    values: dict[str, Any] = {"birthday": BORN, "created_at": NOW - 900 * DAY}
    return a_contact(who, **(values | what))


def ending(**what: Any) -> Contact:
    """Somebody whose contract ends with the year."""
    return a_contact(attributes={"end": "2026-12-31"}, **what)


async def test_a_birthday_is_told_on_its_day_and_not_again_until_the_next(tables: Database) -> None:
    town = Town(tables, BIRTHDAY)
    await town.process.take(enriched(born()))
    assert await town.timer() == datetime(2026, 11, 24, 7, tzinfo=UTC)
    assert await town.on(NOW + DAY) == []
    assert await town.on(NOW + 2 * DAY) == ["notification.requested"]
    assert await town.on(NOW + 2.5 * DAY) == []
    assert await town.on(NOW + 367 * DAY) == ["notification.requested"]


async def test_whoever_says_the_contact_again_on_the_day_has_nobody_told_twice(tables: Database) -> None:
    town = Town(tables, BIRTHDAY)
    await town.process.take(enriched(born()))
    await town.on(NOW + 2 * DAY)
    town.process.clock.time = NOW + 2.1 * DAY
    await town.process.take(enriched(born(version=2, job_title="Leiterin")))
    assert await town.timer() <= town.process.clock.time, "what is open is looked at"
    assert await town.on(NOW + 2.2 * DAY) == []


async def test_who_was_congratulated_before_a_merge_is_not_congratulated_after_it(tables: Database) -> None:
    """Interleaving 20: the mail of one went at eight, at one past eight the two are one."""
    town = Town(tables, BIRTHDAY)
    await town.process.take(enriched(born("anna")))
    assert await town.on(NOW + 2 * DAY) == ["notification.requested"]
    await town.process.take(retired("anna", 2, "merged", into="bert"))
    await town.process.take(enriched(born("bert", merged_from=(an_id("anna"),))))
    assert await town.on(NOW + 2.1 * DAY) == []


async def test_who_was_congratulated_as_one_is_not_congratulated_again_after_a_split(tables: Database) -> None:
    town = Town(tables, BIRTHDAY)
    await town.process.take(retired("anna", 2, "merged", into="bert"))
    await town.process.take(enriched(born("bert", merged_from=(an_id("anna"),))))
    assert await town.on(NOW + 2 * DAY) == ["notification.requested"]
    await town.process.take(enriched(born("anna", version=3)), enriched(born("bert", version=2)))
    assert await town.on(NOW + 2.1 * DAY) == []


async def test_of_two_that_are_being_merged_only_one_is_told(tables: Database) -> None:
    """The survivor's snapshot is here, the other's retirement is not: both look alive."""
    town = Town(tables, BIRTHDAY)
    await town.process.take(enriched(born("anna")), enriched(born("bert", merged_from=(an_id("anna"),))))
    assert await town.on(NOW + 2 * DAY) == ["notification.requested"]


async def test_who_is_gone_has_no_date_ahead(tables: Database) -> None:
    town = Town(tables, BIRTHDAY)
    await town.process.take(enriched(born()))
    await town.process.take(retired("anna", 2))
    assert await town.timer() is None
    assert await town.on(NOW + 2 * DAY) == []


async def test_an_older_snapshot_moves_no_timer(tables: Database) -> None:
    """Interleaving 15."""
    town = Town(tables, BIRTHDAY)
    await town.process.take(enriched(born(version=5)))
    due = await town.timer()
    await town.process.take(enriched(born(version=4, birthday="1980-12-24")))
    assert await town.timer() == due
    async with town.process.store.transaction() as connection:
        await town.process.store.plan(connection, {an_id("anna"): (4, NOW)})
        await town.process.store.plan(connection, {an_id("anna"): (4, None)})
    assert await town.timer() == due, "the statements themselves refuse it"


async def test_a_corrected_birthday_is_told_on_the_right_day_only(tables: Database) -> None:
    town = Town(tables, BIRTHDAY)
    await town.process.take(enriched(born()))
    await town.process.take(enriched(born(version=2, birthday="1980-12-24")))
    assert await town.on(NOW + 3 * DAY) == []
    assert await town.on(NOW + 32 * DAY) == ["notification.requested"]


async def test_two_processes_that_look_at_once_tell_each_person_once(tables: Database) -> None:
    town, other = Town(tables, BIRTHDAY), Town(tables, BIRTHDAY, ByHand(NOW + 2 * DAY))
    await town.process.take(*(enriched(born(f"person-{number}")) for number in range(100)))
    await tables.execute("DELETE FROM runtime.outbox")
    town.process.clock.time = NOW + 2 * DAY
    await asyncio.gather(town.timers.run(), other.timers.run(), town.timers.run(), other.timers.run())
    told = [id_ for type_, id_ in await town.process.outbox() if type_ == "notification.requested"]
    assert len(told) == len(set(told)) == 100
    rows = await tables.fetch("SELECT count(*) AS n FROM rules.delivery")
    assert rows[0]["n"] == 100


async def test_time_alone_brings_a_contact_into_a_segment_and_out_of_it_by_a_refresh(tables: Database) -> None:
    """Interleaving 19: the row is not touched; dedup says the contact again, and that changes it."""
    town = Town(tables, ENDS)
    await town.process.take(enriched(ending()))
    opens = datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert await town.timer() == opens
    assert await town.on(opens) == ["refresh by rule"]
    assert await town.on(opens) == [], "once"
    assert (await town.process.row("anna")).version == 1
    said = clean(await town.process.take(enriched(ending(version=2, kind="rule"))))
    assert said.segments == ("renewals",)
    assert await town.on(opens + 10 * DAY) == ["refresh by rule"]
    said = clean(await town.process.take(enriched(ending(version=3, kind="rule"))))
    assert said.segments == ()


async def test_who_writes_again_is_no_longer_quiet_and_may_become_so_again(tables: Database) -> None:
    town = Town(tables, QUIET)
    await town.process.take(enriched(a_contact()))
    assert await town.on(NOW + 10 * DAY) == ["notification.requested", "refresh by rule"]
    assert clean(await town.process.take(enriched(a_contact(version=2, kind="rule")))).categories == ("inactive",)
    await town.on(NOW + 10 * DAY)
    await town.process.take(interaction("anna", 1, NOW + 10 * DAY))
    assert [type_ for type_, _ in await town.process.outbox()] == ["refresh.requested"]
    assert clean(await town.process.take(enriched(a_contact(version=3, kind="interaction")))).categories == ()
    assert await town.on(NOW + 19 * DAY) == []
    assert await town.on(NOW + 21 * DAY) == ["notification.requested", "refresh by rule"]


async def test_an_interaction_moves_the_date_without_touching_the_timer(tables: Database) -> None:
    """The timer only wakes: what is true then is computed then."""
    town = Town(tables, QUIET)
    await town.process.take(enriched(a_contact()))
    due = await town.timer()
    await town.process.take(interaction("anna", 1, NOW + 5 * DAY))
    assert await town.timer() == due
    assert await town.on(NOW + 10 * DAY) == []
    assert await town.timer() == NOW + 15 * DAY


async def test_a_rule_without_a_date_is_told_once_for_each_contact(tables: Database) -> None:
    town = Town(tables, book(Rule(name="boss", when='contact.job_title == "Chefin"', then=Then(notify=LOG))))
    await town.process.take(enriched(a_contact()))
    assert await town.on(NOW + DAY) == []
    await town.process.take(enriched(a_contact(version=2, job_title="Chefin")))
    assert await town.on(NOW + 1.5 * DAY) == ["notification.requested"]
    await town.process.take(enriched(a_contact(version=3)))
    await town.process.take(enriched(a_contact(version=4, job_title="Chefin")))
    assert await town.on(NOW + 2 * DAY) == []


@pytest.mark.parametrize(("status", "told"), [("granted", 1), ("pending", 0), ("withdrawn", 0), (None, 0)])
async def test_a_mail_to_the_contact_is_requested_only_under_its_consent(
    tables: Database, status: str | None, told: int
) -> None:
    state = ConsentState(purpose="birthday", channel="email", address="anna@beispiel.de", status=status or "")
    town = Town(tables, GREETED)
    await town.process.take(enriched(born(consents=(state,) if status else ())))
    assert await town.on(NOW + 2 * DAY) == ["notification.requested"] * told


@pytest.mark.parametrize(
    "other",
    [{"purpose": "newsletter"}, {"channel": "phone"}, {"address": "other@beispiel.de"}, {"address": None}],
)
async def test_a_consent_for_something_else_is_none(tables: Database, other: dict[str, Any]) -> None:
    said: dict[str, Any] = {"purpose": "birthday", "channel": "email", "address": "anna@beispiel.de"} | other
    town = Town(tables, GREETED)
    await town.process.take(enriched(born(consents=(ConsentState(status="granted", **said),))))
    assert await town.on(NOW + 2 * DAY) == []


async def test_an_address_that_bounced_is_not_written_to(tables: Database) -> None:
    state = ConsentState(purpose="birthday", channel="email", address="anna@beispiel.de", status="granted")
    town = Town(tables, GREETED)
    dead = (Email(value="anna@beispiel.de", status="bounced", preferred=True),)
    await town.process.take(enriched(born(consents=(state,), emails=dead)))
    assert await town.on(NOW + 2 * DAY) == []
    alive = (Email(value="anna@beispiel.de", status="valid", preferred=True),)
    await town.process.take(enriched(born(version=2, consents=(state,), emails=alive)))
    assert await town.on(NOW + 2.5 * DAY) == ["notification.requested"], "while the occasion lasts"


async def test_what_is_said_of_a_notification_are_ids_and_codes(tables: Database) -> None:
    town = Town(tables, BIRTHDAY)
    await town.process.take(enriched(born()))
    await town.on(NOW + 2 * DAY)
    (row,) = await tables.fetch("SELECT value FROM runtime.outbox")
    said = bytes(row["value"]).decode()
    assert "beispiel" not in said
    assert "1980" not in said
    assert '"occasion":"2026"' in said


async def test_who_comes_back_by_a_restore_is_not_congratulated_again_today_but_next_year(tables: Database) -> None:
    town = Town(tables, BIRTHDAY)
    town.process.clock.time = NOW + 2 * DAY
    await town.process.take(enriched(born(version=7, kind="restore")), enriched(born(version=8, kind="refresh")))
    assert await town.on(NOW + 2.1 * DAY) == []
    await town.process.take(enriched(born(version=9, job_title="Leiterin")))
    assert await town.on(NOW + 2.2 * DAY) == []
    assert await town.on(NOW + 367 * DAY) == ["notification.requested"]
