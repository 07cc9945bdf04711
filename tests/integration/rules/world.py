"""Rules on a real Postgres: messages by hand, and what came of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from services.rules.core.rulebook import Rulebook
from services.rules.stage import Rules
from services.rules.store import Row, Store
from shared.domain.contact import Contact
from shared.domain.events import Event, InteractionResolved, Retired, Snapshot
from shared.domain.ids import derived_id
from shared.domain.outcome import Outgoing
from shared.runtime import codec
from shared.runtime.broker import Message
from shared.runtime.database import Database
from shared.runtime.stage import Settled, Taken, said
from shared.topology import CLEAN, ENRICHED, Type
from tests.unit.rules.build import NOW, a_cause, an_id, rules


@dataclass
class ByHand:
    """A clock that a test moves."""

    time: datetime = NOW

    def now(self) -> datetime:
        """The time it was set to."""
        return self.time

    def monotonic(self) -> float:
        """The same, as seconds."""
        return self.time.timestamp()

    async def sleep(self, seconds: float) -> None:
        """Moves on."""
        self.time += timedelta(seconds=seconds)


@dataclass
class Process:
    """One process of rules: its stage, and what it said so far on `contacts.clean`."""

    database: Database
    rulebook: Rulebook = field(default_factory=rules)
    clock: ByHand = field(default_factory=ByHand)

    def __post_init__(self) -> None:
        """Build the stage."""
        self.store = Store(self.database)
        self.stage = Rules(self.store, self.rulebook, self.clock, 200)

    async def take(self, *batch: Taken) -> Settled:
        """Settle a batch, a second after the one before."""
        self.clock.time += timedelta(seconds=1)
        return await self.stage.settle(batch)

    async def row(self, name: str) -> Row:
        """The row of a contact."""
        async with self.store.transaction() as connection:
            return (await self.store.rows(connection, [an_id(name)]))[an_id(name)]

    async def outbox(self) -> list[tuple[str, str]]:
        """(type, event id) of what waits to be said, in order."""
        rows = await self.database.fetch("SELECT event_id, headers FROM runtime.outbox ORDER BY id")
        found: list[tuple[str, str]] = []
        for row in rows:
            headers = dict(_headers(row["headers"]))
            found.append(
                (headers["ce_type"].decode().removeprefix("kontaktwerk.").removesuffix(".v1"), row["event_id"])
            )
        return found


def _headers(data: bytes) -> list[Any]:
    found: list[Any] = msgspec.msgpack.decode(data)
    return found


def taken(event: Event, topic: str = ENRICHED.name, offset: int = 0, timestamp_ms: int = 0) -> Taken:
    """An event as the loop hands it over."""
    value, headers = codec.encode(event)
    message = Message(
        topic=topic,
        partition=0,
        offset=offset,
        timestamp_ms=timestamp_ms,
        key=event.subject.encode(),
        value=value,
        headers=headers,
    )
    return Taken(message, codec.decode(message))


def enriched(contact: Contact) -> Taken:
    """A snapshot from the stage before."""
    return taken(_event(Type.CONTACT_ENRICHED, contact.contact_id, contact.version, Snapshot(contact=contact)))


def retired(name: str, version: int, reason: str = "deleted", into: str | None = None, into_version: int = 1) -> Taken:
    """A retirement from the stage before."""
    data = Retired(
        contact_id=an_id(name),
        version=version,
        reason=reason,  # type: ignore[arg-type]
        merged_into=None if into is None else an_id(into),
        merged_into_version=None if into is None else into_version,
        at=NOW,
        cause=a_cause(),
    )
    return taken(_event(Type.CONTACT_RETIRED, data.contact_id, version, data))


def interaction(name: str, number: int, at: datetime = NOW, type_: str = "purchase") -> Taken:
    """An interaction with the record of the contact of this name."""
    data = InteractionResolved(
        interaction_id=f"{name}-{number}",
        event_id=an_id(f"interaction-{name}-{number}"),
        contact_id=an_id(name),
        record_id=an_id(f"record-{name}"),
        version=1,
        source="shop",
        type=type_,
        at=at,
        subject="Bestellung",
    )
    return taken(_event(Type.INTERACTION_RESOLVED, data.contact_id, number, data))


def heard(outgoing: Outgoing, at: datetime = NOW, offset: int = 0) -> Taken:
    """What was said on `contacts.clean`, as it is read there."""
    return taken(outgoing.event, CLEAN.name, offset, int(at.timestamp() * 1_000))


def versions(settled: Settled | Sequence[Outgoing]) -> list[tuple[str, int]]:
    """(contact id, version) of everything said on `contacts.clean`; tombstones too."""
    says = said(settled) if isinstance(settled, Settled) else settled
    return [(one.key, int(one.event.extensions["version"])) for one in says if one.topic is CLEAN]


def clean(settled: Settled) -> Contact:
    """The one contact that was said."""
    (one,) = said(settled)
    assert isinstance(one.event.data, Contact)
    return one.event.data


def _event(type_: Type, subject: str, version: int, data: Any) -> Event:
    id_ = derived_id(type_, subject, str(version))
    return Event(id=id_, type=type_, source="/kontaktwerk/enrich", time=NOW, subject=subject, data=data)
