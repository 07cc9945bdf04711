"""Timers: contacts whose time has come are looked at again, by as many processes as there are, each contact by one.

A timer is a wake-up only. What follows is computed from the contact as it is stored now: what is open is requested
once, what time alone has changed is said again by a refresh, and the next time is set; all in one transaction.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from services.rules.core.activity import NO_ACTIVITY, Activity
from services.rules.core.firing import firings, first_time, lineages, moved, requested
from services.rules.core.rulebook import Holding, Rulebook
from services.rules.core.schema import Change
from services.rules.stage import SERVICE
from services.rules.store import Row, Store, names_in
from shared.domain.contact import Contact
from shared.runtime import outbox, refreshing
from shared.runtime.clock import Clock
from shared.runtime.database import Connection
from shared.runtime.refreshing import Reason
from shared.runtime.world import Chore

CONTACTS_MAX: Final = 200
"""Contacts of one transaction: as many as the stage takes, for the same 50 ms."""

ROUNDS_MAX: Final = 25
"""Transactions before the chore lets others run: 5,000 contacts, some seconds."""

EVERY_S: Final = 1.0
"""How often an idle process looks: a mail may come a second after eight."""


class Timers:
    """One process's part of the work."""

    def __init__(self, store: Store, rulebook: Rulebook, clock: Clock) -> None:
        self._store = store
        self.rulebook = rulebook
        self._clock = clock

    def chore(self) -> Chore:
        """The chore that looks."""
        return Chore(name="timers", every_s=EVERY_S, run=self.run)

    async def run(self) -> None:
        """Look at all contacts whose time has come, or at as many as one round of the chore may."""
        for _ in range(ROUNDS_MAX):
            if await self.some() < CONTACTS_MAX:
                return

    async def some(self) -> int:
        """Look at some, at most CONTACTS_MAX, and return how many."""
        now, rulebook = self._clock.now(), self.rulebook
        async with self._store.transaction() as connection:
            due = await self._store.due(connection, now, CONTACTS_MAX)
            if not due:
                return 0
            rows = await self._store.rows(connection, due)
            contacts = {one: contact for one, row in rows.items() if (contact := row.contact()) is not None}
            activities = await self._activities(connection, contacts if rulebook.reads_timeline else {}, now)
            found = {
                one: rulebook.holding(
                    contact,
                    Change(kind="rule"),
                    activities.get(one, NO_ACTIVITY),
                    now,
                    names_in(rows[one].stuck),
                )
                for one, contact in contacts.items()
            }
            await self._act(connection, contacts, found, now)
            await self._say_again(connection, rows, contacts, found, now)
            await self._store.plan(connection, {one: _next(rows.get(one), found.get(one)) for one in due})
        return len(due)

    async def _activities(
        self, connection: Connection, contacts: Mapping[str, Contact], now: datetime
    ) -> dict[str, Activity]:
        if not contacts:
            return {}
        records = {one: [member.record_id for member in contact.records] for one, contact in contacts.items()}
        return await self._store.activities(connection, records, now)

    async def _act(
        self, connection: Connection, contacts: Mapping[str, Contact], found: Mapping[str, Holding], now: datetime
    ) -> None:
        """Request what is open and was not requested before."""
        wanted = [firing for one, holding in found.items() for firing in firings(contacts[one], holding)]
        if not wanted:
            return
        new = first_time(wanted, await self._store.fire(connection, lineages(wanted), now))
        await self._store.request(connection, new, now)
        await outbox.append(connection, SERVICE, [requested(firing, now) for firing in new])

    async def _say_again(
        self,
        connection: Connection,
        rows: Mapping[str, Row],
        contacts: Mapping[str, Contact],
        found: Mapping[str, Holding],
        now: datetime,
    ) -> None:
        """Ask for those whose categories or segments time has changed, once for each version seen of them."""
        moves = [one for one, holding in found.items() if moved(contacts[one], holding)]
        asked = {one: Reason(f"date:{rows[one].version}", "date", "rule") for one in moves}
        await refreshing.ask(connection, SERVICE, asked, now)


def _next(row: Row | None, holding: Holding | None) -> tuple[int, datetime | None]:
    """When to look again: at the next turn; never at who is gone."""
    return 0 if row is None else row.version, None if holding is None else holding.next_at
