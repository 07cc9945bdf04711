"""Goal: a hundred deliveries of each vendor, some twice, some lost on the way there or back, some forged, in any order,
become exactly the vendor's people: their records, what happened with them, and one contact each.

Method: the simulator drives the real front door on the real Kafka and the real Postgres. What lies on the log then is
decided by dedup's stage with its tables. Vendors whose hooks only point to an API have one, after its documentation.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from services.ingest.core.fetching import BATCH
from shared.commands.proofs import Body
from shared.commands.simulate import Plan, Target, send
from shared.commands.vendors import VENDORS, Vendor
from shared.commands.vendors_answers import ANSWERS
from shared.commands.vendors_people import UNSUBSCRIBES_EACH, people
from shared.domain.configuration import Source
from shared.domain.events import Event, InteractionReceived, RecordReceived
from shared.domain.outcome import DeadLetter
from shared.runtime import codec
from shared.runtime.broker.kafka import KafkaBroker
from shared.runtime.clock import ManualClock
from shared.runtime.database import Database
from shared.runtime.settings import KafkaSettings
from shared.runtime.world import Service, World
from shared.topology import DEAD_LETTERS, RECEIVED
from tests.contract.test_broker import forget_topics
from tests.integration.dedup.town import Town
from tests.integration.ingest.house import furnished, world_of
from tests.integration.ingest.vendor_api import VendorApi, served
from tests.support.stack import Stack

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DELIVERIES = 100
LOST = 0.2
"""Of all answers of 202: the vendor never hears them. As many requests never arrive where the vendor tries again."""

WAIT_S = 60
"""For what Kafka has acknowledged, on a machine that is busy with other things."""

TOWN_BATCH = 50


@dataclass(frozen=True, slots=True)
class Each:
    """What one person comes to: updates, records and interactions; `leaves` more for every fourth one. `named`: the
    vendor names its records, so that one person is one record whenever it comes.
    """

    updates: int = 1
    interactions: int = 0
    leaves: int = 0
    records: int = 1
    named: bool = True


EXPECTED: Final[Mapping[str, Each]] = {
    "typeform": Each(),
    "tally": Each(),
    "jotform": Each(),
    "gravity-forms": Each(),
    "contact-form-7": Each(named=False),
    "form": Each(named=False),
    "mailchimp": Each(updates=2, interactions=1, leaves=1),
    "brevo": Each(updates=2, interactions=1, leaves=1),
    "calendly": Each(interactions=1, leaves=1),
    "cleverreach": Each(interactions=1),
    "hubspot": Each(updates=4),
    "hubspot with a token": Each(),
    "standard-webhooks": Each(updates=2),
    "stripe": Each(updates=2),
    "pretix": Each(interactions=1, leaves=1),
    "eventbrite": Each(updates=2, interactions=1, leaves=1, records=2),
}


FETCHED: Final = frozenset({"cleverreach", "pretix", "eventbrite", "hubspot with a token"})
"""Whose hooks only point to their API."""


def test_every_vendor_is_driven() -> None:
    assert {name.partition(" ")[0] for name in EXPECTED} == set(VENDORS)


@pytest.fixture(scope="module")
def log(stack: Stack) -> Iterator[KafkaBroker]:
    """The topics of this module on the real Kafka."""
    prefix = f"test-{secrets.token_hex(6)}."
    broker = KafkaBroker(KafkaSettings(bootstrap_servers=stack.bootstrap_servers), prefix, prefix)

    async def made() -> None:
        admin = broker.admin()
        await admin.ensure_topics(1, 1)
        await admin.close()

    asyncio.run(made())
    yield broker
    asyncio.run(forget_topics(stack.bootstrap_servers, prefix))


@dataclass
class Running:
    """Ingest on the real engines, by a clock of ours."""

    world: World
    clock: ManualClock
    service: Service
    app: FastAPI
    broker: KafkaBroker
    begins: Mapping[str, int]

    async def said(self, topic: str) -> list[Event]:
        """What this test has said on a topic, in the order of the log."""
        (log,) = (await self.world.admin.backlog("nobody", [topic])).values()
        reader = self.broker.reader(topic)
        await reader.start({0: self.begins[topic]})
        found: list[Event] = []
        async with asyncio.timeout(WAIT_S):
            while len(found) < log.end - self.begins[topic]:
                found += [codec.decode(message) for message in await reader.take(500, 1.0)]
        await reader.stop()
        return found

    async def fetch_all(self, deliveries: int) -> None:
        """Let the worker have as many turns as it may need."""
        (worker,) = [one for one in self.service.chores if one.name == "fetch what hooks point to"]
        for _ in range(deliveries // BATCH + 2):
            self.clock.advance(20)
            await worker.run()


@pytest.fixture
async def running(log: KafkaBroker, tables: Database) -> AsyncIterator[Running]:
    """Ingest on the real engines."""
    producer = log.producer()
    await producer.start()
    world = world_of(log, producer, tables)
    clock = world.clock = ManualClock(world.clock.now())
    service, app = await furnished(world)
    topics = (RECEIVED.name, DEAD_LETTERS["ingest"].name)
    ends = await world.admin.backlog("nobody", topics)
    begins = {position.topic: one.end for position, one in ends.items()}
    yield Running(world, clock, service, app, log, begins)
    for closes in service.close:
        await closes()
    await producer.stop()
    await world.admin.close()


class Way:
    """The way from a vendor to the door, on which requests and answers get lost."""

    def __init__(self, client: httpx.AsyncClient, seed: int, *, tries_again: bool) -> None:
        self._client = client
        self._dice = Random(seed)
        self._tries_again = tries_again
        self._seen: Counter[bytes] = Counter()
        self.arrived: Counter[int] = Counter()

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        """What the vendor hears."""
        self._seen[body] += 1
        if self._tries_again and self._seen[body] == 1 and self._dice.random() < LOST:
            return 0
        status = (await self._client.post(path, content=body, headers=dict(headers))).status_code
        self.arrived[status] += 1
        return 0 if status == 202 and self._dice.random() < LOST else status


def names_of(records: list[RecordReceived]) -> dict[str, str]:
    """Whom the vendor knows: each record folded by observed time, its name by its address."""
    folded: dict[str, dict[str, Any]] = {}
    for one in sorted(records, key=lambda one: one.observed_at):
        folded.setdefault(one.record_id, {}).update(one.fields)
    return {
        one["email"]: one.get("full_name") or f"{one['given_name']} {one['family_name']}" for one in folded.values()
    }


def sent_by(vendor: Vendor, count: int) -> list[Body]:
    """What a vendor tells about so many people."""
    return [body for person in people(count, "run") for body in vendor.bodies(person)]


@pytest.mark.parametrize("case", EXPECTED)
async def test_a_hundred_deliveries_become_exactly_the_vendors_people(running: Running, case: str) -> None:
    name, fetched = case.partition(" ")[0], case in FETCHED
    each, vendor = EXPECTED[case], VENDORS[name]
    count = next(n for n in range(DELIVERIES) if 2 * len(sent_by(vendor, n)) >= DELIVERIES)
    crowd = list(people(count, "run"))
    answers: dict[str, Any] = {}
    for person in crowd if fetched else ():
        answers |= ANSWERS[name](person)
    plan = Plan(people=count, duplicates=1.0, bad_signatures=0.1, out_of_order=True, retries=True)
    async with served(VendorApi(answers)) as api:
        said: dict[str, Any] = {"connector": name, "secrets": (SECRET,), "key": SECRET}
        if fetched:
            said |= {"api": api.url, "token": "token"}
        sources = {"source": msgspec.convert(said, Source)}
        running.world.configuration = msgspec.structs.replace(running.world.configuration, sources=sources)
        transport = httpx.ASGITransport(running.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            way = Way(client, plan.seed, tries_again=bool(vendor.pauses_s))
            hasty = vendor._replace(pauses_s=(0.0,) * min(3, len(vendor.pauses_s)))
            await send(hasty, Target("source", SECRET, "http://door/hooks/source"), plan, way.post, "run")
        assert set(way.arrived) == {202, 401}
        assert way.arrived[202] >= DELIVERIES
        await running.fetch_all(way.arrived[202] if fetched else 0)
    assert await running.said(DEAD_LETTERS["ingest"].name) == []
    events = {event.id: event for event in await running.said(RECEIVED.name)}.values()
    records = [event.data for event in events if isinstance(event.data, RecordReceived)]
    happened = [event.data for event in events if isinstance(event.data, InteractionReceived)]
    fourth = -(-count // UNSUBSCRIBES_EACH)
    assert len(records) == each.updates * count
    assert len({one.record_id for one in records}) == each.records * count
    assert all((one.source_record_id is not None) is each.named for one in records)
    assert len({one.interaction_id for one in happened}) == len(happened)
    assert len(happened) == each.interactions * count + each.leaves * fourth
    assert names_of(records) == {one.email: f"{one.given} {one.family}" for one in crowd}
    town = Town(running.world.database)
    await town.empty()
    told = list(events)
    for at in range(0, len(told), TOWN_BATCH):
        settled = await town.tell(*told[at : at + TOWN_BATCH])
        assert not [one for one in settled.outcomes if isinstance(one, DeadLetter)]
    groups = await town.groups()
    assert [len(group) for group in groups] == [each.records] * count
    assert (await town.state())["parked"] == [], "every interaction found its person"
