"""From contacts.resolved to contacts.enriched: both stages in the one loop, over the log in memory.

Goal: whatever dedup says arrives, once per saying, in order, in the same partition, under ids that redelivery repeats.
Method: a scripted town of contacts through the real stages; then everything once more, as if no offset was committed.
"""

from datetime import UTC, datetime, timedelta

import pytest

from services.enrich.stage import Enrich
from services.validate.core.standards import standards_of
from services.validate.stage import Validate
from shared.domain.configuration import Fields, Source
from shared.domain.contact import Cause, Contact, Email, Member, Phone
from shared.domain.events import Data, Decision, Event, InteractionResolved, Retired, Snapshot
from shared.domain.ids import derived_id, event_id_of
from shared.domain.outcome import Drop, Forward, Outgoing
from shared.runtime import codec
from shared.runtime.broker.memory import MemoryBroker
from shared.runtime.clock import ManualClock, SeededIds
from shared.runtime.stage import Loop, Stage
from shared.topology import ENRICHED, RESOLVED, VALIDATED, Type, step_of
from tests.unit.runtime.fixtures import Watched

NOW = datetime(2026, 11, 22, 9, 15, tzinfo=UTC)
PARTITIONS = 12
TOWN = [derived_id("contact", str(number)) for number in range(40)]
STANDARDS = standards_of(Fields(required={"mail": ("email",)}), {"webform": Source(country="DE")})


def said(type_: Type, contact_id: str, version: int, data: Data) -> Outgoing:
    """One saying of dedup."""
    event = Event(
        id=event_id_of(type_, contact_id, version),
        type=type_,
        source="/kontaktwerk/dedup",
        time=NOW + timedelta(seconds=version),
        subject=contact_id,
        data=data,
    )
    return Outgoing(RESOLVED, contact_id, event)


def snapshot(contact_id: str, version: int) -> Outgoing:
    """A contact at a version, with something for either stage to do."""
    contact = Contact(
        contact_id=contact_id,
        version=version,
        created_at=NOW,
        updated_at=NOW,
        cause=Cause(kind="record", id="e", source="webform"),
        emails=(Email(value="j.mueller@beispiel.de"), Email(value="n/a")),
        phones=(Phone(value="0171 / 123 45 67"),),
        records=(Member(source="webform", record_id="r"),),
    )
    decision = Decision(event_id="e", outcome="resolved", contact_id=contact_id, version=version)
    return said(Type.CONTACT_RESOLVED, contact_id, version, Snapshot(contact=contact, decisions=(decision,)))


def town() -> list[Outgoing]:
    """Each contact twice; then a call with each, and every fourth one merged away; some decisions alone."""
    cause = Cause(kind="record", id="e", source="webform")
    says = [snapshot(contact_id, version) for version in (1, 2) for contact_id in TOWN]
    for contact_id in TOWN:
        call = InteractionResolved(
            interaction_id=derived_id("call", contact_id), event_id="e", contact_id=contact_id, record_id="r",
            version=2, source="crm", type="call", at=NOW,
        )  # fmt: skip
        says.append(said(Type.INTERACTION_RESOLVED, contact_id, 2, call))
    for contact_id in TOWN[::4]:
        gone = Retired(
            contact_id=contact_id, version=3, reason="merged", merged_into=TOWN[1], merged_into_version=3, at=NOW,
            cause=cause,
        )  # fmt: skip
        says.append(said(Type.CONTACT_RETIRED, contact_id, 3, gone))
        alone = Snapshot(contact=None, decisions=(Decision(event_id="d", outcome="dropped"),))
        says.append(said(Type.CONTACT_RESOLVED, contact_id, 4, alone))
    return says


@pytest.fixture
async def broker() -> MemoryBroker:
    """A log that holds what dedup said about the town."""
    broker = MemoryBroker(seed=1, clock=ManualClock(NOW))
    await broker.admin().ensure_topics(PARTITIONS, 1)
    await broker.producer().send([codec.draft(one) for one in town()])
    return broker


async def drain(broker: MemoryBroker, service: str, stage: Stage, group: str) -> Watched:
    """Run one stage until its topics hold nothing more for this group."""
    step = step_of(service)
    consumer, gauge = broker.consumer(group, [topic.name for topic in step.consumes], None), Watched()
    await consumer.start()
    loop = Loop(step, stage, consumer, broker.producer(), ManualClock(NOW), SeededIds(), gauge, release="0.0.0-test")
    while messages := await consumer.take(stage.messages_max, 0.0):
        await loop.advance(messages)
    await consumer.stop()
    return gauge


async def both(broker: MemoryBroker, group: str) -> tuple[Watched, Watched]:
    """Validate, then enrich."""
    return (
        await drain(broker, "validate", Validate(STANDARDS, messages_max=7), f"{group}.validate"),
        await drain(broker, "enrich", Enrich(messages_max=7), f"{group}.enrich"),
    )


def ways(broker: MemoryBroker, topic: str) -> dict[str, list[tuple[int, str]]]:
    """By contact: partition and event id of everything said about it, in order."""
    found: dict[str, list[tuple[int, str]]] = {}
    for message in broker.messages(topic):
        found.setdefault((message.key or b"").decode(), []).append((message.partition, codec.decode(message).id))
    return found


async def test_all_that_dedup_says_arrives_in_order_in_its_partition(broker: MemoryBroker) -> None:
    validate, enrich = await both(broker, "a")
    came, left = ways(broker, RESOLVED.name), ways(broker, ENRICHED.name)
    assert set(left) == set(TOWN)
    for contact_id in TOWN:
        assert {partition for partition, _ in left[contact_id]} == {came[contact_id][0][0]}
        expected = [
            event_id_of("contact.enriched", contact_id, 1),
            event_id_of("contact.enriched", contact_id, 2),
            event_id_of("interaction.resolved", contact_id, 2),
        ]
        if contact_id in TOWN[::4]:
            expected.append(event_id_of("contact.retired", contact_id, 3))
        assert [event_id for _, event_id in left[contact_id]] == expected
    taken = len(town())
    dropped = sum(isinstance(outcome, Drop) for outcome in validate.outcomes)
    assert (len(validate.outcomes), dropped) == (taken, 10)
    assert len(enrich.outcomes) == taken - dropped
    assert all(isinstance(outcome, Forward) for outcome in enrich.outcomes)


async def test_a_snapshot_has_been_judged_and_enriched(broker: MemoryBroker) -> None:
    await both(broker, "a")
    for message in broker.messages(ENRICHED.name):
        event = codec.decode(message)
        if isinstance(event.data, Snapshot):
            assert event.data.contact is not None
            assert event.data.decisions == ()
            assert event.data.contact.phones[0].value == "+491711234567"
            assert event.data.contact.company.domain == "beispiel.de"
            assert [one.code for one in event.data.contact.quality.findings] == ["email.syntax"]


async def test_redelivered_from_the_start_everything_is_said_byte_for_byte_again(broker: MemoryBroker) -> None:
    await both(broker, "a")
    first = [(one.key, one.value, one.headers) for one in broker.messages(VALIDATED.name)]
    await drain(broker, "validate", Validate(STANDARDS, messages_max=13), "b.validate")
    every = [(one.key, one.value, one.headers) for one in broker.messages(VALIDATED.name)]
    assert len(every) == 2 * len(first)
    assert set(every) == set(first)
