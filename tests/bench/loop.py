"""What the loop itself costs: events of the size of a contact taken, decoded, encoded and sent on, on a real Kafka.

`python -m tests.bench.loop [MESSAGES]` with KONTAKTWERK_TEST_KAFKA set; prints microseconds of CPU of this process for
each message. Beside it the pass-through floor of `make bench` shows what a loop without types and outcomes costs.
"""

import asyncio
import os
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.domain.contact import Address, Cause, Contact, Email, Member, Name, Origin, Phone
from shared.domain.events import Event, Snapshot
from shared.domain.outcome import Forward, Outgoing
from shared.runtime import codec
from shared.runtime.broker.kafka import KafkaBroker
from shared.runtime.clock import RandomIds, SystemClock
from shared.runtime.settings import KafkaSettings
from shared.runtime.stage import Loop, Settled, Taken
from shared.runtime.telemetry import Metrics
from shared.topology import RESOLVED, VALIDATED, Type, step_of
from tests.contract.test_broker import forget_topics

BATCH = 500
"""As the stateless stages take them."""


@dataclass
class Passing:
    """Says what it takes."""

    messages_max: int = BATCH
    passed: int = 0

    async def settle(self, batch: Sequence[Taken]) -> Settled:
        """Forward everything."""
        self.passed += len(batch)
        return Settled([Forward((Outgoing(VALIDATED, one.event.subject, one.event),)) for one in batch])

    async def acknowledged(self, batch: Sequence[Taken], settled: Settled) -> Sequence[Outgoing]:  # noqa: ARG002
        """Nothing more."""
        return ()


def snapshot(number: int, now: datetime) -> Outgoing:
    """A contact of the usual size: two kilobytes."""
    contact_id, record_id = f"0199a8c2-aaaa-7bbb-8ccc-{number:012d}", "0" * 36
    paths = ("/name/given", "/name/family", "/emails/0", "/phones/0", "/addresses/0")
    contact = Contact(
        contact_id=contact_id,
        version=1,
        created_at=now,
        updated_at=now,
        cause=Cause(kind="record", id="e", source="webform"),
        name=Name(salutation="Herr", given="Jörg", family="Müller-Lüdenscheidt", full="Jörg Müller-Lüdenscheidt"),
        emails=(Email(value=f"joerg{number}@example.de", preferred=True),),
        phones=(Phone(value="+491711234567"),),
        addresses=(Address(street="Hauptstr.", house_number="5a", postcode="10115", city="Berlin", country="DE"),),
        birthday="1980-02-29",
        records=(Member(source="webform", source_record_id=str(number), record_id=record_id),),
        records_total=1,
        provenance={path: Origin(source="webform", record_id=record_id, observed_at=now) for path in paths},
    )
    event = Event(
        id=f"event-{number}",
        type=Type.CONTACT_RESOLVED,
        source="/kontaktwerk/dedup",
        time=now,
        subject=contact_id,
        data=Snapshot(contact=contact),
    )
    return Outgoing(RESOLVED, contact_id, event)


def report(what: str, count: int, since: tuple[float, float]) -> None:
    """One line of the table."""
    cpu, wall = time.process_time() - since[0], time.perf_counter() - since[1]
    print(f"{what:8} {cpu / count * 1e6:7.1f} µs CPU a message   {count / wall:9.0f} messages a second")


async def measure(count: int) -> None:
    """Encode, send and pass on so many messages."""
    prefix, address = f"bench-{secrets.token_hex(4)}.", os.environ["KONTAKTWERK_TEST_KAFKA"]
    broker = KafkaBroker(KafkaSettings(bootstrap_servers=address), prefix, prefix)
    admin, producer = broker.admin(), broker.producer()
    await admin.ensure_topics(12, 1)
    await producer.start()
    now: Callable[[], tuple[float, float]] = lambda: (time.process_time(), time.perf_counter())  # noqa: E731
    outgoing = [snapshot(number, datetime.now(UTC)) for number in range(count)]
    since = now()
    drafts = [codec.draft(one) for one in outgoing]
    report("encode", count, since)
    since = now()
    for start in range(0, count, BATCH):
        await producer.send(drafts[start : start + BATCH])
    report("send", count, since)
    consumer, stage = broker.consumer("validate", [RESOLVED.name], None), Passing()
    await consumer.start()
    while not await consumer.take(1, 1.0):
        pass
    await consumer.rewind()
    loop = Loop(
        step_of("validate"), stage, consumer, producer, SystemClock(), RandomIds(), Metrics("validate"), "bench"
    )
    loop.stopping = lambda: stage.passed >= count
    since = now()
    await loop.run()
    report("loop", count, since)
    await asyncio.gather(consumer.stop(), producer.stop(), admin.close())
    await forget_topics(address, prefix)


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
