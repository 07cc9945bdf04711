"""The stage of enrich: every snapshot is enriched and goes on; what is gone or happened passes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from services.enrich.core.decide import decide, plan
from shared.domain.contact import Contact
from shared.domain.events import Event, Happened, InteractionResolved, Retired, Snapshot
from shared.domain.ids import event_id_of
from shared.domain.outcome import DeadLetter, Drop, DropReason, Forward, LetterReason, Outcome, Outgoing
from shared.runtime.stage import Settled, Taken
from shared.topology import ENRICHED, MESSAGE_BYTES_MAX, Type

MEASURED_FROM_BYTES: Final = MESSAGE_BYTES_MAX // 4
"""What is added never makes four of one: what came in smaller than this need not be measured."""


@dataclass(slots=True)
class Enrich:
    """Enriches contacts; holds nothing."""

    messages_max: int

    async def settle(self, batch: Sequence[Taken]) -> Settled:
        """One outcome a message; nothing is read or written, so redelivered it answers alike."""
        return Settled([outcome_of(taken) for taken in batch])

    async def acknowledged(self, batch: Sequence[Taken], settled: Settled) -> Sequence[Outgoing]:  # noqa: ARG002
        """Nothing is left to say."""
        return ()


def outcome_of(taken: Taken) -> Outcome:
    """What becomes of one message."""
    event = taken.event
    match event.data:
        case Snapshot(contact=None):
            return Drop(DropReason.NOT_OURS)
        case Snapshot(contact=contact) if contact is not None:
            said = Snapshot(contact=decide(plan(contact)))
            if len(taken.message.value or b"") > MEASURED_FROM_BYTES and too_large(said):
                return DeadLetter(LetterReason.TOO_LARGE, "with what was added the contact exceeds a message")
            return Forward((Outgoing(ENRICHED, contact.contact_id, _enriched(event, said, contact)),))
        case Retired() | InteractionResolved() | Happened():
            return Forward((Outgoing(ENRICHED, event.subject, event),))
        case _:
            return Drop(DropReason.NOT_OURS)


def too_large(said: Snapshot) -> bool:
    """True when the snapshot does not fit into one message."""
    return len(msgspec.json.encode(said)) > MESSAGE_BYTES_MAX


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
