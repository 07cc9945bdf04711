"""Decide: what becomes of one snapshot or retirement, given what is stored of the contact.

The law: a version is stored once and never overwritten by an older; what is stored is what is said. Content that has
not changed moves nothing but the version seen, unless a sender waits for its event to come out at the end.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import msgspec

from services.rules.core.activity import NO_ACTIVITY, Activity
from services.rules.core.changes import changed_paths, drifted
from services.rules.core.happenings import Occasion, left_all, of_change
from services.rules.core.priority import priority
from services.rules.core.rulebook import Holding, Rulebook
from services.rules.core.schema import Change
from shared.domain.contact import Cause, Contact
from shared.domain.events import Retired
from shared.domain.outcome import Outgoing

ADDED: Final = ("categories", "segments")
"""The fields that rules fill, and whose change counts (`priority` rides along)."""

QUIET: Final = frozenset({"refresh", "fact", "rule"})
"""Causes nobody waits for: without a change of content they are not said."""

DRIFT_EVERY: Final = timedelta(days=1)
"""How often what rides along may be said by itself (contract section 4)."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is stored of a contact. `contact` is the published document, None for one that is gone."""

    version: int
    published_version: int
    contact: Contact | None = None
    retired: str | None = None
    stuck: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Around:
    """What else a decision rests on: what happened with the contact, what stuck to those merged into it, the time."""

    now: datetime
    activity: Activity = NO_ACTIVITY
    inherited: frozenset[str] = frozenset()
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """Nothing to say: only the version seen moves on."""

    contact_id: str
    version: int
    holding: Holding = field(default_factory=Holding)


@dataclass(frozen=True, slots=True)
class Published:
    """A new clean version: stored, said, and with it what happened. `before` is what was said last."""

    contact: Contact
    before: Contact | None
    holding: Holding
    happenings: tuple[Outgoing, ...]


@dataclass(frozen=True, slots=True)
class Gone:
    """The contact is gone: a tombstone from now on. `before` is what was said last."""

    retired: Retired
    at: datetime
    before: Contact | None
    happenings: tuple[Outgoing, ...]


Decided = Seen | Published | Gone


def decide(
    snapshot: Contact, standing: Standing | None, around: Around, rulebook: Rulebook, *, awaited: bool
) -> Seen | Published:
    """What becomes of a snapshot newer than what was seen. `awaited`: a sender waits for this version or a later one.

    `updated_at` is the time of publication and never goes back; `changed` compares with what was published before.
    """
    before = None if standing is None else standing.contact
    asked = _as_before(snapshot, before)
    paths = changed_paths(before, asked)
    stuck = around.inherited | (standing.stuck if standing is not None else frozenset())
    if snapshot.cause.kind == "restore" and standing is None:
        stuck |= rulebook.sticking(snapshot)
    holding = rulebook.holding(asked, _change(snapshot, before, paths), around.activity, around.now, stuck)
    contact = msgspec.structs.replace(
        snapshot,
        categories=holding.categories,
        segments=tuple(holding.segments),
        last_activity_at=_latest(snapshot.last_activity_at, around.activity.last_at),
        priority=priority(snapshot, around.activity, holding.points, around.now),
        updated_at=max(around.now, before.updated_at) if before is not None else around.now,
    )
    if before is not None:
        paths += tuple(f"/{name}" for name in ADDED if getattr(before, name) != getattr(contact, name))
        if not paths and not awaited and not (is_old(before, around.now) and drifted(before, contact)):
            return Seen(snapshot.contact_id, snapshot.version, holding)
    contact = msgspec.structs.replace(contact, changed=paths)
    occasion = Occasion(contact.contact_id, contact.version, contact.updated_at, contact.cause, around.traceparent)
    if contact.cause.kind == "restore" and standing is None:
        return Published(contact, before, holding, ())  # it has all happened before
    happenings = of_change(occasion, before, contact, holding, first=standing is None or not standing.published_version)
    return Published(contact, before, holding, happenings)


def decide_gone(retired: Retired, standing: Standing | None, around: Around) -> Gone:
    """What becomes of a retirement newer than what was seen."""
    before = None if standing is None else standing.contact
    occasion = Occasion(retired.contact_id, retired.version, around.now, retired.cause, around.traceparent)
    return Gone(retired, around.now, before, left_all(occasion, before, retired.reason))


def said_again(standing: Standing, cause: Cause, now: datetime) -> Contact:
    """The published content under the version seen since: for a sender whose event fell between the two."""
    assert standing.contact is not None, "a contact that is gone is said by its tombstone"
    return msgspec.structs.replace(
        standing.contact,
        version=standing.version,
        cause=cause,
        changed=(),
        updated_at=max(now, standing.contact.updated_at),
    )


def awaited_by(cause: Cause) -> bool:
    """True when a sender waits for the version this caused to come out at the end."""
    return cause.kind not in QUIET


def is_old(contact: Contact, now: datetime) -> bool:
    """True for what was said so long ago that mere drift may be said."""
    return now - contact.updated_at >= DRIFT_EVERY


def _change(snapshot: Contact, before: Contact | None, paths: tuple[str, ...]) -> Change:
    cause = snapshot.cause
    return Change(kind=cause.kind, source=cause.source, by=cause.by, created=before is None, paths=paths)


def _as_before(snapshot: Contact, before: Contact | None) -> Contact:
    """The snapshot with the categories, segments and priority it has so far: what rules add is no change to rules."""
    if before is None:
        return snapshot
    return msgspec.structs.replace(
        snapshot, categories=before.categories, segments=before.segments, priority=before.priority
    )


def _latest(*times: datetime | None) -> datetime | None:
    return max((time for time in times if time is not None), default=None)
