"""The stage of validate: every snapshot is judged and goes on; what is gone or happened passes.

It joins what is known of domains and mailboxes and notes who waits for which answer; it never asks anybody itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from services.validate import store
from services.validate.core import bouncing, exchangers
from services.validate.core.bouncing import Told
from services.validate.core.decide import decide
from services.validate.core.standards import Standards
from shared.domain.contact import Contact, Status
from shared.domain.events import Event, Happened, InteractionResolved, Retired, Snapshot
from shared.domain.ids import derived_id, event_id_of
from shared.domain.mail import parse_email
from shared.domain.outcome import DeadLetter, Drop, DropReason, Forward, LetterReason, Outcome, Outgoing
from shared.runtime import erasure
from shared.runtime.clock import Clock
from shared.runtime.database import Connection, Database
from shared.runtime.facts import Fact, Facts, Question, Waiter
from shared.runtime.refreshing import Reason, ask
from shared.runtime.stage import Settled, Taken
from shared.topology import MESSAGE_BYTES_MAX, VALIDATED, Type

SERVICE: Final = "validate"

MEASURED_FROM_BYTES: Final = MESSAGE_BYTES_MAX // 4
"""Findings and suggestions never make four of one: what came in smaller than this need not be measured."""


NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""When the fact about a mailbox expires: what came back stays known until something is read again."""

Known = Mapping[Question, Fact]
NOTHING_KNOWN: Final[Known] = {}


@dataclass(frozen=True, slots=True)
class Memory:
    """What others said of domains and mailboxes; `asks` is False where the DNS is not to be asked."""

    database: Database
    facts: Facts
    clock: Clock
    asks: bool


@dataclass(slots=True)
class Validate:
    """Judges contacts by its standards, and by what it remembers; without a memory, nothing is read or written."""

    standards: Standards
    messages_max: int
    memory: Memory | None = None

    async def settle(self, batch: Sequence[Taken]) -> Settled:
        """One outcome a message; nobody outside is waited for. Redelivered, it answers alike until a fact comes."""
        known = (
            NOTHING_KNOWN if self.memory is None else await _joined(self.memory, [taken.event.data for taken in batch])
        )
        asks = self.memory is not None and self.memory.asks
        return Settled([outcome_of(taken, self.standards, known, asks=asks) for taken in batch])

    async def acknowledged(self, batch: Sequence[Taken], settled: Settled) -> Sequence[Outgoing]:  # noqa: ARG002
        """Nothing is left to say."""
        return ()


async def _joined(memory: Memory, batch: Sequence[Any]) -> Known:
    """What is known about the addresses of a batch, in one transaction with the note of who waits for what."""
    contacts = [data.contact for data in batch if isinstance(data, Snapshot) and data.contact is not None]
    asked = {contact.contact_id: _domains(contact) if memory.asks else frozenset() for contact in contacts}
    mailboxes = {one for contact in contacts for one in _mailboxes(contact)}
    bounces = _told(batch)
    gone = [data for data in batch if isinstance(data, Retired)]
    if not mailboxes and not bounces and not gone:
        return {}
    now = memory.clock.now()
    async with memory.database.transaction() as connection:
        if bounces:
            await _note(memory, connection, bounces, now)
        known = await memory.facts.known(connection, mailboxes.union(*asked.values()))
        waiters = [
            Waiter(contact.contact_id, contact.version, one, known[one].revision if one in known else 0)
            for contact in contacts
            for one in asked[contact.contact_id].union(one for one in _mailboxes(contact) if one in known)
        ]
        await memory.facts.wait(connection, waiters, now)
        await _forget(memory, connection, gone, now)
    return known


async def _forget(memory: Memory, connection: Connection, gone: Sequence[Retired], now: datetime) -> None:
    """Who is gone waits no more; of the erased, what was asked about nobody else goes too, and that is noted."""
    erased = [one.contact_id for one in gone if one.reason == "erased"]
    if erased:
        await memory.facts.erase(connection, erased)
        await erasure.note(connection, SERVICE, erased, now)
    await memory.facts.forget(connection, {one.contact_id: one.version for one in gone})


def _told(batch: Sequence[Any]) -> dict[Question, list[tuple[Told, InteractionResolved]]]:
    """What the interactions of a batch tell about mailboxes."""
    told: dict[Question, list[tuple[Told, InteractionResolved]]] = {}
    for data in batch:
        if isinstance(data, InteractionResolved):
            news, canonical = bouncing.told_by(data), bouncing.address_of(data)
            if news is not None and canonical is not None:
                told.setdefault(Question(bouncing.KIND, bouncing.subject_of(canonical)), []).append((news, data))
    return told


async def _note(
    memory: Memory,
    connection: Connection,
    told: Mapping[Question, Sequence[tuple[Told, InteractionResolved]]],
    now: datetime,
) -> None:
    """Fold what is told into what is known; whose mailbox stands otherwise now is said again.

    That something was read is worth a note only where something had come back before. Whose mailbox is noted waits for
    more about it, and so do all who have it from their next version on: an erasure finds the note by them.
    """
    await store.lock(connection, [one.subject for one in told])
    known = await memory.facts.known(connection, told)
    learned: list[Fact] = []
    reasons: dict[str, Reason] = {}
    for question, some in told.items():
        before = known[question].answer if question in known else None
        if before is None and all(news[1] == "alive" for news, _ in some):
            continue
        after = bouncing.folded(before, [news for news, _ in some])
        learned.append(Fact(question, after, "bounces", now, NEVER, 0))
        if bouncing.is_bounced(before) != bouncing.is_bounced(after):
            reasons |= {one.contact_id: _reason(one) for _, one in some}
    await memory.facts.answered(connection, learned)
    seen = await memory.facts.known(connection, [fact.question for fact in learned])
    waiters = [
        Waiter(one.contact_id, one.version, question, fact.revision)
        for question, fact in seen.items()
        for _, one in told[question]
    ]
    await memory.facts.wait(connection, waiters, now)
    await ask(connection, SERVICE, reasons, now)


def _reason(one: InteractionResolved) -> Reason:
    return Reason(derived_id(bouncing.KIND, one.event_id), one.type, "interaction")


def _domains(contact: Contact) -> frozenset[Question]:
    return frozenset(Question(exchangers.KIND, domain) for domain in exchangers.domains_of(contact))


def _mailboxes(contact: Contact) -> frozenset[Question]:
    return frozenset(_mailbox(email.value) for email in contact.emails)


def _mailbox(value: str) -> Question:
    return Question(bouncing.KIND, bouncing.subject_of(parse_email(value).canonical or value))


def outcome_of(taken: Taken, standards: Standards, known: Known = NOTHING_KNOWN, *, asks: bool = False) -> Outcome:
    """What becomes of one message. The day to judge by is the one on which dedup said the contact."""
    event = taken.event
    match event.data:
        case Snapshot(contact=None):
            return Drop(DropReason.NOT_OURS)
        case Snapshot(contact=contact) if contact is not None:
            heard = _heard(contact, known, asks=asks)
            said = Snapshot(contact=decide(contact, standards, event.time.date(), heard))
            if len(taken.message.value or b"") > MEASURED_FROM_BYTES and too_large(said):
                return DeadLetter(LetterReason.TOO_LARGE, "with its findings the contact exceeds a message")
            return Forward((Outgoing(VALIDATED, contact.contact_id, _validated(event, said, contact)),))
        case Retired() | InteractionResolved() | Happened():
            return Forward((Outgoing(VALIDATED, event.subject, event),))
        case _:
            return Drop(DropReason.NOT_OURS)


def _heard(contact: Contact, known: Known, *, asks: bool) -> dict[str, Status]:
    """What others said of each address; of a domain that was asked about and not answered, that it is unknown."""
    domains = _domains(contact) if asks else frozenset()
    heard: dict[str, Status] = {}
    for email in contact.emails:
        mailbox = known.get(_mailbox(email.value))
        domain = Question(exchangers.KIND, email.value.lower().rpartition("@")[2])
        if mailbox is not None and bouncing.is_bounced(mailbox.answer):
            heard[email.value] = "bounced"
        elif domain in domains:
            fact = known.get(domain)
            if fact is None:
                heard[email.value] = "unknown"
            elif not exchangers.takes_mail(fact.answer):
                heard[email.value] = "invalid"
    return heard


def too_large(said: Snapshot) -> bool:
    """True when the snapshot does not fit into one message."""
    return len(msgspec.json.encode(said)) > MESSAGE_BYTES_MAX


def _validated(came: Event, said: Snapshot, contact: Contact) -> Event:
    return Event(
        id=event_id_of(Type.CONTACT_VALIDATED, contact.contact_id, contact.version),
        type=Type.CONTACT_VALIDATED,
        source="/kontaktwerk/validate",
        time=came.time,
        subject=came.subject,
        data=said,
        traceparent=came.traceparent,
    )
