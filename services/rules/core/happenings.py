"""Happenings: what follows on `contacts.events` from one new clean version. Ids and codes only.

Their ids are derived from what they say about which version, so a reader can drop the second. Merged, split and revived
are dedup's to say.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.rules.core.rulebook import Holding
from shared.domain.contact import Cause, ConsentState, Contact
from shared.domain.events import Event, Happened
from shared.domain.ids import derived_id
from shared.domain.outcome import Outgoing
from shared.topology import CLEAN, EVENTS, Type

SOURCE: Final = "/kontaktwerk/rules"
"""Who says it (CloudEvents `source`)."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """Which version of which contact, when, why, and the trace it belongs to."""

    contact_id: str
    version: int
    at: datetime
    cause: Cause
    traceparent: str | None = None


def of_change(
    occasion: Occasion, before: Contact | None, after: Contact, holding: Holding, *, first: bool
) -> tuple[Outgoing, ...]:
    """Everything that happened between what was said before and what is said now."""
    says: list[Outgoing] = []
    if first:
        says.append(_happened(occasion, Type.CONTACT_CREATED))
    elif after.changed:
        says.append(_happened(occasion, Type.CONTACT_UPDATED, changed=after.changed))
    says += _consents(occasion, () if before is None else before.consents, after.consents)
    old = () if before is None else before.segments
    says += [_segment(occasion, Type.SEGMENT_LEFT, name) for name in old if name not in after.segments]
    says += [
        _segment(occasion, Type.SEGMENT_ENTERED, name, rule)
        for name, rule in holding.segments.items()
        if name not in old
    ]
    return tuple(says)


def left_all(occasion: Occasion, before: Contact | None, reason: str) -> tuple[Outgoing, ...]:
    """What happens when a contact goes: it leaves its segments; merged is said by dedup, deleted and erased here."""
    if before is None:
        return ()
    says = [_segment(occasion, Type.SEGMENT_LEFT, name) for name in before.segments]
    if reason == "merged":
        return tuple(says)
    return (*says, _happened(occasion, Type.CONTACT_ERASED if reason == "erased" else Type.CONTACT_DELETED))


def cleaned(contact: Contact, traceparent: str | None = None) -> Outgoing:
    """The clean contact as `contacts.clean` says it."""
    return Outgoing(
        CLEAN,
        contact.contact_id,
        Event(
            id=derived_id(Type.CONTACT_CLEANED, contact.contact_id, str(contact.version)),
            type=Type.CONTACT_CLEANED,
            source=SOURCE,
            time=contact.updated_at,
            subject=contact.contact_id,
            data=contact,
            traceparent=traceparent,
            extensions={"version": str(contact.version)},
        ),
    )


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A contact that is gone, as it is stored; `cause` is JSON of ids and codes, as the clean contact has it."""

    contact_id: str
    version: int
    reason: str
    at: datetime
    merged_into: str | None = None
    merged_into_version: int | None = None
    cause: str | None = None


def tombstone(gone: Tombstone, traceparent: str | None = None) -> Outgoing:
    """The message without value that ends a contact on `contacts.clean`."""
    extensions = {"version": str(gone.version), "reason": gone.reason}
    if gone.merged_into is not None:
        extensions["mergedinto"] = gone.merged_into
    if gone.merged_into_version is not None:
        extensions["mergedintoversion"] = str(gone.merged_into_version)
    if gone.cause is not None:
        extensions["cause"] = gone.cause
    return Outgoing(
        CLEAN,
        gone.contact_id,
        Event(
            id=derived_id(Type.CONTACT_RETIRED, gone.contact_id, str(gone.version)),
            type=Type.CONTACT_RETIRED,
            source=SOURCE,
            time=gone.at,
            subject=gone.contact_id,
            data=None,
            traceparent=traceparent,
            extensions=extensions,
        ),
    )


def _consents(occasion: Occasion, before: tuple[ConsentState, ...], after: tuple[ConsentState, ...]) -> list[Outgoing]:
    """One event for each purpose, channel and address whose state differs; one that is no longer said is `none`.

    The address stands neither in the event nor in its id, which a guess could be checked against.
    """
    if before == after:
        return []
    old = {(one.purpose, one.channel, one.address): one.status for one in before}
    new = {(one.purpose, one.channel, one.address): one.status for one in after}
    differing = [place for place in {**old, **new} if old.get(place) != new.get(place)]
    return [
        _happened(
            occasion,
            Type.CONSENT_CHANGED,
            part=str(place),
            purpose=purpose,
            channel=channel,
            status=new.get((purpose, channel, address), "none"),
        )
        for place, (purpose, channel, address) in enumerate(differing)
    ]


def _segment(occasion: Occasion, type_: Type, name: str, rule: str | None = None) -> Outgoing:
    return _happened(occasion, type_, part=name, name=name, rule=rule)


def _happened(occasion: Occasion, type_: Type, part: str = "", **what: Any) -> Outgoing:
    data = Happened(
        contact_id=occasion.contact_id, version=occasion.version, at=occasion.at, cause=occasion.cause, **what
    )
    return Outgoing(
        EVENTS,
        occasion.contact_id,
        Event(
            id=derived_id(type_, occasion.contact_id, str(occasion.version), part),
            type=type_,
            source=SOURCE,
            time=occasion.at,
            subject=occasion.contact_id,
            data=data,
            traceparent=occasion.traceparent,
        ),
    )
