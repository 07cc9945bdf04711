"""The front door with everything behind it but the other services: a log in memory, a real Postgres, a real app."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from fastapi import FastAPI

from services.ingest.service import build
from shared.domain.configuration import Configuration, Fields, Source
from shared.domain.contact import Cause, Contact
from shared.domain.events import Decision, Event, Retired, Snapshot
from shared.domain.outcome import Outcome, Outgoing
from shared.runtime import codec
from shared.runtime.access import Access, Role, create_token
from shared.runtime.broker import Broker, Message, Producer
from shared.runtime.broker.memory import MemoryBroker
from shared.runtime.clock import RandomIds, SystemClock
from shared.runtime.database import Database
from shared.runtime.http import application
from shared.runtime.settings import Settings
from shared.runtime.stage import Loop
from shared.runtime.world import Service, World
from shared.topology import CLEAN, RECEIVED, RESOLVED, Topic, Type, step_of

SOURCES = {
    "webform": Source(),
    "crm": Source(trust=80),
    "clearing": Source(empty="clear"),
    "vendor": Source(secrets=("old-secret", "new-secret"), map={"email": "data.mail", "family_name": "data.name"}),
}


class Silent:
    """A gauge that nobody reads."""

    def taken(self, messages: int, oldest_ms: int) -> None:
        """Nothing."""

    def done(self, outcomes: Sequence[Outcome], seconds: float) -> None:
        """Nothing."""

    def waiting(self, error: str | None) -> None:
        """Nothing."""

    def halted(self, why: str) -> None:
        """Nothing."""


@dataclass
class House:
    """One ingest process as the world sees it, and a dedup and a rules that say what a test tells them to."""

    world: World
    broker: MemoryBroker
    service: Service
    app: FastAPI
    tokens: Mapping[Role, str]
    said: list[Event] = field(default_factory=list[Event])

    def client(self, role: Role | None = Role.SENDER, token: str | None = None) -> httpx.AsyncClient:
        """A client with a token of this role."""
        bearer = token or (self.tokens[role] if role is not None else None)
        headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://door", headers=headers)

    async def post(self, path: str, said: Any, role: Role | None = Role.SENDER, **more: Any) -> httpx.Response:
        """POST a JSON value (or bytes as they are)."""
        async with self.client(role) as client:
            if isinstance(said, bytes):
                return await client.post(path, content=said, **more)
            return await client.post(path, json=said, **more)

    async def get(self, path: str, role: Role | None = Role.READER, **more: Any) -> httpx.Response:
        """GET a path."""
        async with self.client(role) as client:
            return await client.get(path, **more)

    def received(self) -> list[Event]:
        """What lies on contacts.received, in order of time."""
        return sorted(map(codec.decode, self.broker.messages(RECEIVED.name)), key=lambda event: event.time)

    def letters(self) -> list[Message]:
        """What ingest has set aside."""
        return self.broker.messages(step_of("ingest").dead_letters.name)

    async def follow(self) -> None:
        """Let the follower take all there is."""
        step = step_of("ingest")
        consumer = self.broker.consumer("ingest", [topic.name for topic in step.consumes], None)
        assert self.service.stage is not None
        loop = Loop(
            step, self.service.stage, consumer, self.world.producer, self.world.clock, self.world.ids, Silent(), "test"
        )
        await consumer.start()
        while messages := await consumer.take(500, 0.01):
            await loop.advance(messages)
        await consumer.stop()

    async def resolve(self, contact_id: str, version: int, *decisions: Decision) -> None:
        """Say on contacts.resolved, as dedup would, what these events led to."""
        snapshot = Snapshot(contact=contact(contact_id, version), decisions=decisions)
        await self.say(RESOLVED, contact_id, event(Type.CONTACT_RESOLVED, contact_id, snapshot))

    async def clean(self, contact_id: str, version: int) -> None:
        """Say a contact on contacts.clean, as rules would."""
        said = event(Type.CONTACT_CLEANED, contact_id, contact(contact_id, version), version=str(version))
        await self.say(CLEAN, contact_id, said)

    async def retire(self, contact_id: str, version: int, reason: str, into: str = "", into_version: int = 0) -> None:
        """Say the tombstone of a contact on contacts.clean."""
        more = {"mergedinto": into, "mergedintoversion": str(into_version)} if into else {}
        said = event(Type.CONTACT_RETIRED, contact_id, None, version=str(version), reason=reason, **more)
        await self.say(CLEAN, contact_id, said)

    async def say(self, topic: Topic, key: str, said: Event) -> None:
        """Put one event on a topic."""
        await self.world.producer.send([codec.draft(Outgoing(topic, key, said))])

    async def state(self, event_id: str) -> str:
        """What the receipt of an event says."""
        answer = await self.get(f"/v1/receipts/{event_id}")
        return str(answer.json()["state"]) if answer.status_code == 200 else str(answer.status_code)

    async def books(self) -> dict[str, Any]:
        """The books as status shows them; measured anew."""
        await self.world.clock.sleep(0.6)
        status = (await self.get("/v1/status")).json()
        books: dict[str, Any] = status["books"]
        return books


def contact(contact_id: str, version: int) -> Contact:
    """A contact of which nothing is known but its id and version."""
    now = datetime.now(UTC)
    return Contact(
        contact_id=contact_id, version=version, created_at=now, updated_at=now, cause=Cause(kind="record", id="x")
    )


def event(type_: Type, subject: str, data: Snapshot | Contact | Retired | None, **extensions: str) -> Event:
    """An event of another service."""
    return Event(
        id=RandomIds().new(),
        type=type_,
        source="/kontaktwerk/test",
        time=datetime.now(UTC),
        subject=subject,
        data=data,
        extensions=extensions,
    )


def world_of(broker: Broker, producer: Producer, database: Database, settings: Settings | None = None) -> World:
    """What surrounds a process of ingest."""
    return World(
        settings=settings or Settings(),
        configuration=Configuration(digest="test", sources=SOURCES, fields=Fields(), rules=()),
        broker=broker,
        producer=producer,
        admin=broker.admin(),
        database=database,
        clock=SystemClock(),
        ids=RandomIds(),
    )


async def furnished(world: World) -> tuple[Service, FastAPI]:
    """Ingest in this world, open, and its application."""
    service = await build(world)
    for opens in service.open:
        await opens()
    state = {"access": Access(world.database, world.clock), "world": world}
    return service, application("test", service.routers, state)


async def opened(database: Database, settings: Settings | None = None) -> House:
    """A house with an empty log and this migrated database."""
    broker = MemoryBroker()
    await broker.admin().ensure_topics(3, 1)
    producer = broker.producer()
    await producer.start()
    world = world_of(broker, producer, database, settings)
    service, app = await furnished(world)
    tokens = {role: await create_token(database, role, role.value) for role in Role}
    return House(world, broker, service, app, tokens)


async def closed(house: House) -> None:
    """Close what the house holds open."""
    for closes in house.service.close:
        await closes()
