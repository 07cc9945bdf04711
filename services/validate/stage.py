"""The stage of validate: every snapshot is judged and goes on; what is gone or happened passes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from services.validate.core.decide import decide
from services.validate.core.standards import Standards
from shared.domain.contact import Contact
from shared.domain.events import Event, Happened, InteractionResolved, Retired, Snapshot
from shared.domain.ids import event_id_of
from shared.domain.outcome import DeadLetter, Drop, DropReason, Forward, LetterReason, Outcome, Outgoing
from shared.runtime.stage import Settled, Taken
from shared.topology import MESSAGE_BYTES_MAX, VALIDATED, Type

MEASURED_FROM_BYTES: Final = MESSAGE_BYTES_MAX // 4
"""Findings and suggestions never make four of one: what came in smaller than this need not be measured."""


@dataclass(slots=True)
class Validate:
    """Judges contacts; holds nothing but the standards it judges by."""

    standards: Standards
    messages_max: int

    async def settle(self, batch: Sequence[Taken]) -> Settled:
        """One outcome a message; nothing is read or written, so redelivered it answers alike."""
        return Settled([outcome_of(taken, self.standards) for taken in batch])

    async def acknowledged(self, batch: Sequence[Taken], settled: Settled) -> Sequence[Outgoing]:  # noqa: ARG002
        """Nothing is left to say."""
        return ()


def outcome_of(taken: Taken, standards: Standards) -> Outcome:
    """What becomes of one message. The day to judge by is the one on which dedup said the contact."""
    event = taken.event
    match event.data:
        case Snapshot(contact=None):
            return Drop(DropReason.NOT_OURS)
        case Snapshot(contact=contact) if contact is not None:
            said = Snapshot(contact=decide(contact, standards, event.time.date()))
            if len(taken.message.value or b"") > MEASURED_FROM_BYTES and too_large(said):
                return DeadLetter(LetterReason.TOO_LARGE, "with its findings the contact exceeds a message")
            return Forward((Outgoing(VALIDATED, contact.contact_id, _validated(event, said, contact)),))
        case Retired() | InteractionResolved() | Happened():
            return Forward((Outgoing(VALIDATED, event.subject, event),))
        case _:
            return Drop(DropReason.NOT_OURS)


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
