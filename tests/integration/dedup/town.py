"""What tests of dedup say and ask: events by hand, batches, and the state of the tables as plain sets."""

import asyncio
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from services.dedup.core.decide import Law
from services.dedup.core.model import load_model
from services.dedup.core.population import Population
from services.dedup.settings import DedupSettings
from services.dedup.stage import Dedup, Identity
from shared.domain.configuration import Configuration, Fields, Source
from shared.domain.contact import Cause, Contact
from shared.domain.events import (
    Event,
    InteractionReceived,
    PersonRef,
    RecordDeleted,
    RecordReceived,
    RefreshRequested,
    Retired,
    Snapshot,
)
from shared.domain.ids import derived_id
from shared.runtime.broker import Draft, Headers, Message
from shared.runtime.clock import RandomIds, SystemClock
from shared.runtime.database import Database
from shared.runtime.settings import Settings
from shared.runtime.stage import Settled, Taken
from shared.runtime.world import World
from shared.topology import DECIDED, Type

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
SOURCES = {name: Source(trust=50, country="DE") for name in ("webform", "newsletter", "registration", "crm")}
CONFIGURATION = Configuration(digest="test", sources=SOURCES, fields=Fields(), rules=())


class Ear:
    """A producer that remembers."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def send(self, drafts: Sequence[Draft]) -> None:
        self.drafts += drafts


class Town:
    """One installation of dedup, and the hand that writes to it."""

    def __init__(self, database: Database, **settings: Any) -> None:
        self.database = database
        self.ear = Ear()
        self.world = World(
            settings=Settings(),
            configuration=CONFIGURATION,
            broker=None,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            producer=self.ear,
            admin=None,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            database=database,
            clock=SystemClock(),
            ids=RandomIds(),
        )
        self.settings = DedupSettings(**settings)
        self.law = Law(load_model(self.settings.model.read_bytes()), Population.default(), self.settings.merge)
        self.identity = Identity(self.world, self.settings, self.law)
        self.stage = Dedup(self.world, self.settings, self.identity)

    async def settle(self, *events: Event) -> Settled:
        """One batch, decided; nothing is acknowledged yet."""
        return await self.stage.settle([taken(event) for event in events])

    async def tell(self, *events: Event) -> Settled:
        """One batch, decided and acknowledged."""
        batch = [taken(event) for event in events]
        settled = await self.stage.settle(batch)
        await self.stage.acknowledged(batch, settled)
        return settled

    async def empty(self) -> None:
        """Forget everything."""
        tables = ("record", "block_key", "evidence", "contact", "decision", "unsaid", "review", "review_record",
                  "generic_key", "reconcile")  # fmt: skip
        await self.database.execute(f"truncate {', '.join(f'dedup.{table}' for table in tables)}")

    async def groups(self) -> set[frozenset[str]]:
        """The records of every contact."""
        rows = await self.database.fetch(
            "select array_agg(record_id::text) as r from dedup.record where contact_id is not null group by contact_id"
        )
        return {frozenset(row["r"]) for row in rows}

    async def homes(self) -> dict[str, str | None]:
        """The contact of every record."""
        rows = await self.database.fetch("select record_id::text, contact_id::text from dedup.record")
        return {row[0]: row[1] for row in rows}

    async def versions(self) -> dict[str, tuple[int, str | None, str | None]]:
        """Every contact's version, how it ended and where it leads."""
        rows = await self.database.fetch(
            "select contact_id::text, version, retired, merged_into::text from dedup.contact"
        )
        return {row[0]: (row[1], row[2], row[3]) for row in rows}

    async def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """All tables, for comparing before and after."""
        tables = {
            "record": "select record_id, contact_id, revision, keys, traits, body from dedup.record order by 1",
            "block_key": "select key, record_id from dedup.block_key order by 1, 2",
            "evidence": "select a, b, a_revision, b_revision, weight, veto from dedup.evidence order by 1, 2",
            "contact": "select contact_id, version, retired, merged_into, founder from dedup.contact order by 1",
            "decision": "select event_id, outcome, contact_id, version from dedup.decision order by 1",
            "review": "select review_id, state, weight from dedup.review order by 1",
            "parked": "select event_id, key from dedup.parked order by 1",
        }
        return {name: [tuple(row) for row in await self.database.fetch(query)] for name, query in tables.items()}


def taken(event: Event) -> Taken:
    message = Message(topic="contacts.received", partition=0, offset=0, timestamp_ms=0, key=None, value=b"{}")
    return Taken(message, event)


def record_id(name: str) -> str:
    return derived_id("test record", name)


def says(name: str, *, at: float = 0, source: str = "webform", event: str | None = None, **fields: Any) -> Event:
    """A source says this about the record of this name, `at` seconds after the epoch."""
    observed = EPOCH + timedelta(seconds=at)
    attributes = fields.pop("attributes", {})
    consents = fields.pop("consents", ())
    data = RecordReceived(
        record_id=record_id(name),
        source=source,
        source_record_id=name,
        received_at=observed,
        observed_at=observed,
        fields=fields,
        attributes=attributes,
        consents=consents,
    )
    event_id = derived_id("test event", event or f"{name} {at} {sorted(fields.items())} {attributes}")
    return _event(event_id, Type.RECORD_RECEIVED, data)


def takes_back(name: str, *, at: float = 0, source: str = "webform") -> Event:
    observed = EPOCH + timedelta(seconds=at)
    data = RecordDeleted(record_id=record_id(name), source=source, received_at=observed, observed_at=observed)
    return _event(derived_id("test deletion", name, str(at)), Type.RECORD_DELETED, data)


def happens(type_: str, *, at: float = 0, source: str = "newsletter", event: str = "", **whom: str) -> Event:
    when = EPOCH + timedelta(seconds=at)
    name = event or f"{type_} {at} {whom}"
    data = InteractionReceived(
        interaction_id=name, source=source, type=type_, at=when, received_at=when, contact=PersonRef(**whom)
    )
    return _event(derived_id("test interaction", name), Type.INTERACTION_RECEIVED, data)


def refresh(contact_id: str, name: str = "again") -> Event:
    cause = Cause(kind="refresh", id=derived_id("test cause", name))
    data = RefreshRequested(contact_id=contact_id, cause=cause)
    return _event(derived_id("test refresh", contact_id, name), Type.REFRESH_REQUESTED, data)


def _event(event_id: str, type_: Type, data: Any) -> Event:
    return Event(id=event_id, type=type_, source="/kontaktwerk/ingest", time=EPOCH, subject="test", data=data)


def snapshots(settled: Settled) -> dict[str, Contact]:
    """The contacts that were said, by id."""
    data = [one.event.data for one in settled.says]
    return {one.contact.contact_id: one.contact for one in data if isinstance(one, Snapshot) and one.contact}


def retired(settled: Settled) -> dict[str, Retired]:
    data = [one.event.data for one in settled.says]
    return {one.contact_id: one for one in data if isinstance(one, Retired)}


def decisions(settled: Settled) -> dict[str, Any]:
    data = [one.event.data for one in settled.says]
    return {d.event_id: d for one in data if isinstance(one, Snapshot | Retired) for d in one.decisions}


async def types_in_outbox(town: Town) -> list[str]:
    """The types of what waits in the outbox, but for the archive and for reviews: what is doubtful, the model says."""
    rows = await town.database.fetch("select headers from runtime.outbox where topic <> $1 order by id", DECIDED.name)
    types = [dict(msgspec.msgpack.decode(row["headers"], type=Headers))["ce_type"].decode() for row in rows]
    return [one for one in types if one != Type.REVIEW_OPENED.wire]


@dataclass
class Crowd:
    """Several workers on one installation, as a group of processes would be."""

    towns: Sequence[Town]
    seed: int
    batch: int = 10
    settled: list[Settled] = field(default_factory=list)

    async def tell(self, events: Iterable[Event]) -> None:
        """All events, spread over the workers in shuffled batches, at the same time."""
        shuffled = list(events)
        random.Random(self.seed).shuffle(shuffled)
        batches = [shuffled[at : at + self.batch] for at in range(0, len(shuffled), self.batch)]
        await asyncio.gather(
            *(self._work(town, batches[place :: len(self.towns)]) for place, town in enumerate(self.towns))
        )

    async def _work(self, town: Town, batches: Sequence[Sequence[Event]]) -> None:
        for batch in batches:
            self.settled.append(await town.tell(*batch))
