"""All six services in one process, for the tutorial: the real stages over a log in memory, with a clock moved by hand.

Only Postgres is really there, since the stages keep what they know in it. Nothing runs by itself: `settle` lets every
stage read what is there, in the order of the path, until nobody has anything left to do.
"""

import importlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
from fastapi import FastAPI

from shared.domain.events import Event
from shared.domain.outcome import Outcome
from shared.runtime import codec
from shared.runtime.access import Access, Role, create_token
from shared.runtime.broker.memory import MemoryBroker
from shared.runtime.clock import ManualClock, SeededIds
from shared.runtime.configuration import load
from shared.runtime.database import Database
from shared.runtime.http import application
from shared.runtime.settings import Settings
from shared.runtime.stage import Loop
from shared.runtime.world import Service, World
from shared.topology import PATH, PATH_WORDS, Step, Topic

CONFIG: Final = Path(__file__).parents[2] / "deploy" / "config"
NOON: Final = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PARTITIONS: Final = 3
ROUNDS_MAX: Final = 20


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


@dataclass(frozen=True)
class Answer:
    """What the one address answered."""

    status: int
    body: Any


@dataclass
class Chain:
    """The whole way of a contact. Requests go to the owner of the path, as the one address passes them on."""

    broker: MemoryBroker
    world: World
    services: Mapping[str, Service]
    apps: Mapping[str, FastAPI]
    tokens: Mapping[Role, str]

    async def post(self, path: str, said: Any, role: Role = Role.OPERATOR) -> Answer:
        """POST a JSON value, or bytes as they are."""
        return await self._call("POST", path, role, said)

    async def get(self, path: str, role: Role = Role.OPERATOR) -> Any:
        """The body of a GET that must succeed."""
        answer = await self._call("GET", path, role, None)
        assert answer.status == 200, answer
        return answer.body

    async def call(self, method: str, path: str, role: Role = Role.OPERATOR, said: Any = None) -> Answer:
        """Any other request."""
        return await self._call(method, path, role, said)

    async def send(self, **record: Any) -> str:
        """Post one record of the web form (or of the source that is named); the id of its event."""
        answer = await self.post("/v1/records", {"source": "webform", **record}, Role.SENDER)
        assert answer.status == 202, answer
        event_id: str = answer.body["receipts"][0]["event_id"]
        return event_id

    async def contact_of(self, event_id: str) -> Any:
        """The clean contact that an event has led to."""
        receipt = await self.get(f"/v1/receipts/{event_id}")
        return await self.get(f"/v1/contacts/{receipt['contact_id']}")

    def said(self, topic: Topic) -> list[Event]:
        """Everything on a topic, oldest first."""
        return sorted(map(codec.decode, self.broker.messages(topic.name)), key=lambda event: event.time)

    def forget_offsets(self) -> None:
        """Every group forgets what it has committed: the whole log is delivered again."""
        for step in PATH:
            self.broker.group(step.service).committed.clear()

    async def settle(self) -> None:
        """Let every stage work, in the order of the path, until nobody takes a message any more."""
        for _ in range(ROUNDS_MAX):
            taken = [await self._work(step) for step in PATH]
            for service in self.services.values():
                for chore in service.chores:
                    await chore.run()
            if not any(taken):
                return
        raise AssertionError("the chain never comes to rest")

    async def _work(self, step: Step) -> int:
        stage = self.services[step.service].stage
        assert stage is not None
        world = self.world
        consumer = self.broker.consumer(step.service, [topic.name for topic in step.consumes], None)
        await consumer.start()
        loop = Loop(step, stage, consumer, world.producer, world.clock, world.ids, Silent(), "tutorial")
        taken = 0
        while messages := await consumer.take(stage.messages_max, 0.01):
            taken += len(messages)
            await loop.advance(messages)
        await consumer.stop()
        return taken

    async def _call(self, method: str, path: str, role: Role, said: Any) -> Answer:
        word = path.split("?", maxsplit=1)[0].split("/")[2] if path.startswith("/v1/") else ""
        transport = httpx.ASGITransport(self.apps[PATH_WORDS.get(word, "ingest")])
        headers = {"Authorization": f"Bearer {self.tokens[role]}", "Content-Type": "application/json"}
        async with httpx.AsyncClient(transport=transport, base_url="http://kontaktwerk") as client:
            body = said if isinstance(said, bytes) or said is None else msgspec.json.encode(said)
            answer = await client.request(method, path, headers=headers, content=body)
        return Answer(answer.status_code, answer.json() if answer.content else None)


@asynccontextmanager
async def whole_chain(url: str) -> AsyncGenerator[Chain]:
    """A chain over an empty log and this database without rows."""
    database, clock = Database(url), ManualClock(NOON)
    broker = MemoryBroker(clock=clock)
    await broker.admin().ensure_topics(PARTITIONS, 1)
    producer = broker.producer()
    await producer.start()
    world = World(
        settings=Settings(),
        configuration=load(CONFIG),
        broker=broker,
        producer=producer,
        admin=broker.admin(),
        database=database,
        clock=clock,
        ids=SeededIds(1),
    )
    services: dict[str, Service] = {}
    for step in PATH:
        services[step.service] = await importlib.import_module(f"services.{step.service}.service").build(world)
    for service in services.values():
        for opens in service.open:
            await opens()
    access = Access(database, clock)
    apps = {
        name: application(name, service.routers, {"access": access, "world": world})
        for name, service in services.items()
    }
    try:
        yield Chain(broker, world, services, apps, {role: await create_token(database, role, role) for role in Role})
    finally:
        for service in services.values():
            for closes in service.close:
                await closes()
        await database.close()
