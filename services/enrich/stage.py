"""The stage of enrich: every snapshot is enriched and goes on; what is gone or happened passes.

It joins the facts there are and notes who waits for which; it never asks anybody, so no provider can hold it up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from services.enrich.core.asking import Asked
from services.enrich.core.decide import Plan, decide, plan
from services.enrich.core.filling import Answer
from services.enrich.core.questions import Wanted
from services.enrich.store import Store
from shared.domain.contact import Contact
from shared.domain.events import Event, Happened, InteractionResolved, Retired, Snapshot
from shared.domain.ids import event_id_of
from shared.domain.outcome import DeadLetter, Drop, DropReason, Forward, LetterReason, Outcome, Outgoing
from shared.runtime import erasure
from shared.runtime.clock import Clock
from shared.runtime.database import Connection
from shared.runtime.facts import Fact, Facts, Question, Waiter
from shared.runtime.stage import Settled, Taken
from shared.topology import ENRICHED, MESSAGE_BYTES_MAX, Type

SERVICE: Final = "enrich"

MEASURED_FROM_BYTES: Final = MESSAGE_BYTES_MAX // 4
"""What is added never makes four of one: what came in smaller than this need not be measured."""

Known = Mapping[Question, Fact]


@dataclass(frozen=True, slots=True)
class Memory:
    """What enrich knows from outside: whom it may ask, and the facts it has."""

    providers: tuple[Asked, ...]
    store: Store
    facts: Facts
    clock: Clock


@dataclass(slots=True)
class Enrich:
    """Enriches contacts; without a memory, from themselves alone, and then nothing is read or written."""

    messages_max: int
    memory: Memory | None = None

    async def settle(self, batch: Sequence[Taken]) -> Settled:
        """One outcome a message. Redelivered, it answers alike until a fact comes; then a refresh says it anew."""
        if self.memory is None:
            return Settled([outcome_of(taken, _planned(taken, ())) for taken in batch])
        providers = self.memory.providers
        plans = [_planned(taken, providers) for taken in batch]
        known = await _joined(self.memory, batch, [one for one in plans if one is not None])
        return Settled(
            [
                outcome_of(taken, one, () if one is None else _answers(one, providers, known))
                for taken, one in zip(batch, plans, strict=True)
            ]
        )

    async def acknowledged(self, batch: Sequence[Taken], settled: Settled) -> Sequence[Outgoing]:  # noqa: ARG002
        """Nothing is left to say."""
        return ()


def outcome_of(taken: Taken, planned: Plan | None, answers: Sequence[Answer] = ()) -> Outcome:
    """What becomes of one message; `planned` is the first half of the decision, for a snapshot."""
    event = taken.event
    if planned is not None:
        contact = decide(planned, answers)
        said = Snapshot(contact=contact)
        if len(taken.message.value or b"") > MEASURED_FROM_BYTES and too_large(said):
            return DeadLetter(LetterReason.TOO_LARGE, "with what was added the contact exceeds a message")
        return Forward((Outgoing(ENRICHED, contact.contact_id, _enriched(event, said, contact)),))
    match event.data:
        case Retired() | InteractionResolved() | Happened():
            return Forward((Outgoing(ENRICHED, event.subject, event),))
        case _:
            return Drop(DropReason.NOT_OURS)


def too_large(said: Snapshot) -> bool:
    """True when the snapshot does not fit into one message."""
    return len(msgspec.json.encode(said)) > MESSAGE_BYTES_MAX


def _planned(taken: Taken, providers: Sequence[Asked]) -> Plan | None:
    match taken.event.data:
        case Snapshot(contact=contact) if contact is not None:
            return plan(contact, providers)
        case _:
            return None


async def _joined(memory: Memory, batch: Sequence[Taken], plans: Sequence[Plan]) -> Known:
    """The facts there are, in one transaction with the note of who waits for what, and who no longer does."""
    questions = {_question(one) for planned in plans for one in planned.questions}
    gone = [taken.event.data for taken in batch if isinstance(taken.event.data, Retired)]
    if not questions and not gone:
        return {}
    async with memory.store.database.transaction() as connection:
        known = await memory.facts.known(connection, questions)
        await memory.facts.wait(connection, _waiters(plans, known), memory.clock.now())
        await _forget(memory, connection, gone)
    return known


async def _forget(memory: Memory, connection: Connection, gone: Sequence[Retired]) -> None:
    """Who is gone waits no more; of the erased, what was asked about nobody else goes too."""
    erased = [one.contact_id for one in gone if one.reason == "erased"]
    if erased:
        await memory.facts.erase(connection, erased)
        await erasure.note(connection, SERVICE, erased, memory.clock.now())
    await memory.facts.forget(connection, {one.contact_id: one.version for one in gone})


def personal(providers: Sequence[Asked]) -> list[str]:
    """Those of the providers that are asked about a person and not about a company."""
    return [one.name for one in providers if one.asks != "company_domain"]


def _waiters(plans: Sequence[Plan], known: Known) -> list[Waiter]:
    """Who waits for which answer, with the revision it has seen: what could fill a gap is worth waiting for."""
    return [
        Waiter(planned.contact.contact_id, planned.contact.version, question, _revision(known.get(question)))
        for planned in plans
        for question in (_question(one) for one in planned.questions if one.worth)
    ]


def _revision(fact: Fact | None) -> int:
    return 0 if fact is None else fact.revision


def _answers(planned: Plan, providers: Sequence[Asked], known: Known) -> list[Answer]:
    """What providers know about this contact, surest first; an expired answer stands until there is a new one."""
    by_name = {one.name: one for one in providers}
    found: list[Answer] = []
    for one in planned.questions:
        fact = known.get(_question(one))
        if fact is not None and fact.answer:
            asked = by_name[one.provider]
            values = {path: value for path, value in fact.answer.items() if path in asked.fills}
            found.append(Answer(asked.name, asked.confidence, asked.asks, values))
    return found


def _question(one: Wanted) -> Question:
    return Question(one.provider, one.subject)


def _enriched(came: Event, said: Snapshot, contact: Contact) -> Event:
    return Event(
        id=event_id_of(Type.CONTACT_ENRICHED, contact.contact_id, contact.version),
        type=Type.CONTACT_ENRICHED,
        source="/kontaktwerk/enrich",
        time=came.time,
        subject=came.subject,
        data=said,
        traceparent=came.traceparent,
    )
