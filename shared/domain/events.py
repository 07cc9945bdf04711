"""What the services tell each other: one frozen type per event, carried as JSON with CloudEvents headers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from shared.domain.contact import Cause, Contact
from shared.domain.record import Consent, Json
from shared.topology import EVENTS, Type


class Quiet(msgspec.Struct, frozen=True, kw_only=True):
    """An event's data. Its repr names the type only: what it holds belongs to a person."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class RecordReceived(Quiet, frozen=True, kw_only=True):
    """A source says something about a record. `fields` holds only what the delivery named; None clears."""

    record_id: str
    source: str
    source_record_id: str | None = None
    received_at: datetime
    observed_at: datetime
    observed_raw: str | None = None
    fields: Mapping[str, Json] = {}
    attributes: Mapping[str, Json] = {}
    consents: tuple[Consent, ...] = ()
    import_id: str | None = None


class RecordDeleted(Quiet, frozen=True, kw_only=True):
    """A source takes a record back."""

    record_id: str
    source: str
    received_at: datetime
    observed_at: datetime


class PersonRef(Quiet, frozen=True, kw_only=True):
    """Whom an interaction is about: exactly one of these is given."""

    record_id: str | None = None
    email: str | None = None
    phone: str | None = None
    contact_id: str | None = None


class InteractionReceived(Quiet, frozen=True, kw_only=True):
    """Something happened with somebody."""

    interaction_id: str
    source: str
    type: str
    at: datetime
    received_at: datetime
    by: str | None = None
    contact: PersonRef
    subject: str | None = None
    detail: Mapping[str, Json] = {}


class RefreshRequested(Quiet, frozen=True, kw_only=True):
    """Say this contact again: something it rests on has changed."""

    contact_id: str
    cause: Cause


class ErasureRequested(Quiet, frozen=True, kw_only=True):
    """Forget a person: exactly one of contact_id, record_id, email and phone says whom."""

    erasure_id: str
    requested_at: datetime
    by: str
    contact_id: str | None = None
    record_id: str | None = None
    email: str | None = None
    phone: str | None = None


class ErasureAnswered(Quiet, frozen=True, kw_only=True):
    """What came of a request to forget: whose contacts and records are gone, and the hashes by which they stay known.

    `events` are interactions that waited for the person, and judgements that named it.
    """

    erasure_id: str
    outcome: Literal["erased", "not-found", "ambiguous"]
    at: datetime
    contact_ids: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()


class Decision(Quiet, frozen=True, kw_only=True):
    """What became of one accepted event: the outcome that its receipt will show.

    `resolved` waits for the contact's clean version to reach `version`; `deleted` likewise; `dropped` has a reason.
    """

    event_id: str
    outcome: Literal["resolved", "deleted", "dropped"]
    reason: str | None = None
    contact_id: str | None = None
    version: int | None = None


class Snapshot(Quiet, frozen=True, kw_only=True):
    """A contact, whole, and the accepted events that this version answers.

    `contact` is None when nothing has to be said about the contact but the decisions (only on `contacts.resolved`).
    """

    contact: Contact | None
    decisions: tuple[Decision, ...] = ()


class Retired(Quiet, frozen=True, kw_only=True):
    """A contact is gone. After a merge, `merged_into` at `merged_into_version` holds its records."""

    contact_id: str
    version: int
    reason: Literal["merged", "deleted", "erased"]
    merged_into: str | None = None
    merged_into_version: int | None = None
    at: datetime
    cause: Cause
    decisions: tuple[Decision, ...] = ()


class InteractionResolved(Quiet, frozen=True, kw_only=True):
    """An interaction with the record it belongs to; the timeline follows the record through merges and splits."""

    interaction_id: str
    event_id: str
    contact_id: str
    record_id: str
    version: int
    source: str
    type: str
    at: datetime
    by: str | None = None
    subject: str | None = None
    detail: Mapping[str, Json] = {}
    address: str | None = None
    """The mail address that was said for the person, where one was."""


class Former(Quiet, frozen=True, kw_only=True):
    """An id that redirects: the contact it was, and the record that founded it."""

    contact_id: str
    version: int
    founder: str
    created_at: datetime


class IdentityAssigned(Quiet, frozen=True, kw_only=True):
    """Which records a contact is made of, at one version; the newest of a contact holds.

    In a restore `formers` are the ids that lead to it, `events` how many events follow (headers `ce_restores`, the
    contact, and `ce_record`): it is said when all are there. `categories` and `segments` are those it had.
    """

    contact_id: str
    version: int
    founder: str
    created_at: datetime
    at: datetime
    records: tuple[str, ...] = ()
    retired: Literal["merged", "deleted", "erased"] | None = None
    merged_into: str | None = None
    formers: tuple[Former, ...] = ()
    events: int = 0
    categories: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()


class Judged(Quiet, frozen=True, kw_only=True):
    """What a person said about records: the same or not. Of one that is withdrawn, `by` and `at` tell of that."""

    judgement_id: str
    same: bool
    left: tuple[str, ...]
    right: tuple[str, ...]
    reason: str | None = None
    by: str
    at: datetime


class PinSaid(Quiet, frozen=True, kw_only=True):
    """A value that a person fixed for a field of a record's contact, or, without the value, took away again."""

    pin_id: str
    contact_id: str
    record_id: str
    field: str
    value: Json = None
    until: datetime | None = None
    by: str
    at: datetime


class Happened(Quiet, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of `contacts.events`: ids and codes only. The type of the event says what happened; what its type does
    not have is not there.

    `into` for merged; `records` {record_id: contact_id} for split; `changed` (paths) for updated; `name` and `rule` for
    segments; `review_id` for review.opened; `purpose`, `channel`, `status` for consent.changed; `rule`, `occasion`,
    `part` (notify or mail), `channel`, `purpose` for notification.requested.
    """

    contact_id: str
    version: int
    at: datetime
    cause: Cause
    into: str | None = None
    records: Mapping[str, str] | None = None
    changed: tuple[str, ...] | None = None
    name: str | None = None
    rule: str | None = None
    review_id: str | None = None
    purpose: str | None = None
    channel: str | None = None
    status: str | None = None
    occasion: str | None = None
    part: str | None = None


Data = (
    RecordReceived
    | RecordDeleted
    | InteractionReceived
    | RefreshRequested
    | ErasureRequested
    | ErasureAnswered
    | Snapshot
    | Retired
    | InteractionResolved
    | IdentityAssigned
    | Judged
    | PinSaid
    | Happened
    | Contact
)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event: CloudEvents attributes and typed data. Said again, it carries the same id.

    `data` is None only for a tombstone on `contacts.clean`; `extensions` become further `ce_…` headers.
    """

    id: str
    type: Type
    source: str
    time: datetime
    subject: str
    data: Data | None
    traceparent: str | None = None
    extensions: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"Event({self.type}, id={self.id}, subject={self.subject})"


def following(cause: Event, event: Event) -> Event:
    """The event as one that follows from `cause`: it belongs to the same trace, unless it already names one."""
    if cause.traceparent is None or event.traceparent is not None:
        return event
    return msgspec.structs.replace(event, traceparent=cause.traceparent)


DATA_OF: Mapping[Type, Any] = {
    Type.RECORD_RECEIVED: RecordReceived,
    Type.RECORD_DELETED: RecordDeleted,
    Type.INTERACTION_RECEIVED: InteractionReceived,
    Type.REFRESH_REQUESTED: RefreshRequested,
    Type.ERASURE_REQUESTED: ErasureRequested,
    Type.ERASURE_ANSWERED: ErasureAnswered,
    **dict.fromkeys((Type.CONTACT_RESOLVED, Type.CONTACT_VALIDATED, Type.CONTACT_ENRICHED), Snapshot),
    Type.CONTACT_CLEANED: Contact,
    Type.CONTACT_RETIRED: Retired,
    Type.INTERACTION_RESOLVED: InteractionResolved,
    Type.IDENTITY_ASSIGNED: IdentityAssigned,
    Type.JUDGEMENT_GIVEN: Judged,
    Type.JUDGEMENT_WITHDRAWN: Judged,
    Type.PIN_SET: PinSaid,
    Type.PIN_REMOVED: PinSaid,
    **dict.fromkeys(EVENTS.types, Happened),
}
"""Which data each type carries. On `contacts.clean` a `contact.retired` has no value at all: a tombstone."""
