"""Firing: what a contact's timer finds due, as firings to be noted once and events that say so.

The law: a firing is noted for the contact and for every contact merged into it, and only if none of these had it; so
nobody is told twice, whoever merges with whom before or after.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from services.rules.core.happenings import SOURCE
from services.rules.core.rulebook import Holding, Open
from shared.domain.contact import Cause, Contact
from shared.domain.events import Event, Happened
from shared.domain.ids import derived_id
from shared.domain.outcome import Outgoing
from shared.topology import EVENTS, Type


class Noted(NamedTuple):
    """One row of what was requested once."""

    contact_id: str
    rule: str
    part: str
    occasion: str


class Firing(NamedTuple):
    """Something a rule requests at an occasion. `channel` and `purpose` are what its event tells besides."""

    notification_id: str
    contact_id: str
    version: int
    rule: str
    part: str
    occasion: str
    expires_at: datetime | None
    once: bool
    channel: str
    purpose: str | None
    lineage: tuple[str, ...]

    def rows(self) -> list[Noted]:
        """What is noted: one row for the contact and for each that was merged into it."""
        return [Noted(contact_id, self.rule, self.part, self.occasion) for contact_id in self.lineage]


def firings(contact: Contact, holding: Holding) -> list[Firing]:
    """Everything open for a contact, requested before or not."""
    return [_firing(contact, one) for one in holding.open]


def _firing(contact: Contact, one: Open) -> Firing:
    rule, occasion = one.rule, one.window.occasion
    wanted = rule.then.mail if one.part == "mail" else rule.then.notify
    assert wanted is not None, "a part that is open is configured"
    return Firing(
        notification_id=derived_id(Type.NOTIFICATION_REQUESTED, contact.contact_id, rule.name, one.part, occasion),
        contact_id=contact.contact_id,
        version=contact.version,
        rule=rule.name,
        part=one.part,
        occasion=occasion,
        expires_at=one.window.fires_until,
        once=rule.delivery == "at-most-once",
        channel=wanted.channel,
        purpose=rule.then.mail.purpose if one.part == "mail" and rule.then.mail is not None else None,
        lineage=(contact.contact_id, *contact.merged_from),
    )


def first_time(wanted: Iterable[Firing], new: set[Noted]) -> list[Firing]:
    """Those of which every row was new. Each row counts once, so of two contacts of one line only the first fires."""
    left = set(new)
    found: list[Firing] = []
    for firing in wanted:
        rows = set(firing.rows())
        if rows <= left:
            found.append(firing)
        left -= rows
    return found


def requested(firing: Firing, now: datetime) -> Outgoing:
    """`notification.requested`: ids and codes only; its id is the notification's, wherever it goes."""
    data = Happened(
        contact_id=firing.contact_id,
        version=firing.version,
        at=now,
        cause=Cause(kind="rule", id=firing.notification_id),
        rule=firing.rule,
        occasion=firing.occasion,
        part=firing.part,
        channel=firing.channel,
        purpose=firing.purpose,
    )
    return Outgoing(
        EVENTS,
        firing.contact_id,
        Event(
            id=firing.notification_id,
            type=Type.NOTIFICATION_REQUESTED,
            source=SOURCE,
            time=now,
            subject=firing.contact_id,
            data=data,
        ),
    )


def moved(contact: Contact, holding: Holding) -> bool:
    """True when time alone has changed the categories or segments a contact should have."""
    return (holding.categories, tuple(holding.segments)) != (contact.categories, contact.segments)


def due_at(holding: Holding, now: datetime) -> datetime | None:
    """When a contact is to be looked at: at once while anything is open, at the next turn else, never without one."""
    return now if holding.open else holding.next_at


def lineages(wanted: Sequence[Firing]) -> list[Noted]:
    """All rows of several firings, each once, in the one order in which they are locked."""
    return sorted({row for firing in wanted for row in firing.rows()})
