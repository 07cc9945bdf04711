"""Asking: an interaction may make a rule hold or no longer hold; then dedup is asked to say the contact again. It is
asked once a day, too, where an interaction is no more than the last activity.

The row is never changed in place: whatever changes a contact goes through a refresh, so that there is one path.
"""

from datetime import datetime

from services.rules.core.decide import Around, Standing, is_old
from services.rules.core.happenings import SOURCE
from services.rules.core.rulebook import Rulebook
from services.rules.core.schema import Change
from shared.domain.contact import Cause
from shared.domain.events import Event, InteractionResolved, RefreshRequested
from shared.domain.ids import derived_id
from shared.domain.outcome import Outgoing
from shared.topology import RECEIVED, Type


def moves(standing: Standing, around: Around, rulebook: Rulebook) -> bool:
    """True when rules would now give a contact other categories or segments than it has; False for one that is gone."""
    contact = standing.contact
    if contact is None or not rulebook.reads_timeline:
        return False
    holding = rulebook.holding(contact, Change(kind="interaction"), around.activity, around.now, standing.stuck)
    return (holding.categories, tuple(holding.segments)) != (contact.categories, contact.segments)


def is_late(standing: Standing, one: InteractionResolved, now: datetime) -> bool:
    """True when an interaction is newer than the activity that was said of the contact, more than a day ago."""
    contact = standing.contact
    if contact is None or not is_old(contact, now):
        return False
    return contact.last_activity_at is None or one.at > contact.last_activity_at


def refresh(one: InteractionResolved, around: Around) -> Outgoing:
    """Say this contact again, because of this interaction; the same interaction asks under the same id."""
    cause = Cause(kind="interaction", id=one.event_id, source=one.source)
    return Outgoing(
        RECEIVED,
        one.contact_id,
        Event(
            id=derived_id(Type.REFRESH_REQUESTED, one.contact_id, one.event_id),
            type=Type.REFRESH_REQUESTED,
            source=SOURCE,
            time=around.now,
            subject=one.contact_id,
            data=RefreshRequested(contact_id=one.contact_id, cause=cause),
            traceparent=around.traceparent,
        ),
    )
