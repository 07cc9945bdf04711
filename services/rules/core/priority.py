"""Priority: how much a contact deserves attention, as points that add up, each with its reason.

    score = clamp(completeness + recency + interactions + business address + rules, 0, 100) / 100

- completeness: 25 points times `quality.completeness`;
- recency: 25 points, halved every 180 days since the last sign of life (an interaction, or a value that was said);
- interactions: 2 points for each of the last 365 days' interactions, at most 20;
- business address: 10 points when a mail address belongs to the company's own domain;
- rules: the `score` of every rule that holds, as it stands.

The first four reach 80 points; the rest is for what the owner of the list says matters.
"""

from datetime import datetime
from typing import Final, NamedTuple

from services.rules.core.activity import DAYS_BACK, Activity
from shared.domain.contact import Contact, Priority

COMPLETENESS_POINTS: Final = 25.0
"""A contact that can be reached in every way at once."""
RECENCY_POINTS: Final = 25.0
"""As much as completeness: a full card of somebody long gone is worth as little as a fresh name alone."""
HALF_LIFE_DAYS: Final = 180.0
"""Half a year without a sign of life halves the interest; after two years a sixteenth is left."""
INTERACTION_POINTS: Final = 2.0
"""Ten interactions in a year are a lively contact."""
INTERACTIONS_POINTS_MAX: Final = 20.0
"""More than ten tell nothing new: newsletters are opened by the hundred."""
BUSINESS_POINTS: Final = 10.0
"""An address at the company's own domain is one that decides."""
REASONS_MAX: Final = 5
"""What weighs most; the rest is noise to a reader."""
TELLING_POINTS_MIN: Final = 0.05
"""Less is shown as 0.0, which tells nothing."""


class Points(NamedTuple):
    """What one consideration adds."""

    points: float
    reason: str


def priority(contact: Contact, activity: Activity, points: tuple[tuple[str, int], ...], now: datetime) -> Priority:
    """The score from 0 to 1, rounded to thousandths, and its weightiest reasons, heaviest first."""
    parts = [
        _completeness(contact.quality.completeness),
        _recency(last_sign_of_life(contact, activity), now),
        _interactions(activity, now),
        _business(contact),
        *(Points(float(score), f"rule {name}") for name, score in points),
    ]
    total = min(max(sum(part[0] for part in parts), 0.0), 100.0)
    telling = [part for part in parts if abs(part[0]) >= TELLING_POINTS_MIN]
    telling.sort(key=_weight, reverse=True)
    return Priority(
        score=round(total / 100.0, 3), reasons=tuple(f"{why}: {some:+.1f}" for some, why in telling[:REASONS_MAX])
    )


def last_sign_of_life(contact: Contact, activity: Activity) -> datetime | None:
    """The newest time at which anything happened or any value was said; None where nothing has a time."""
    times = {origin.observed_at for origin in contact.provenance.values()}  # mostly a few, of a few records
    times |= {contact.last_activity_at, activity.last_at}
    return max(filter(None, times), default=None)


def _weight(part: Points) -> float:
    return abs(part[0])


def _completeness(completeness: float) -> Points:
    return Points(COMPLETENESS_POINTS * completeness, f"{completeness:.0%} complete")


def _recency(last: datetime | None, now: datetime) -> Points:
    if last is None:
        return _SILENT
    days = max((now - last).total_seconds() / 86_400, 0.0)
    when = "today" if days < 1 else "1 day ago" if days < 2 else f"{int(days)} days ago"
    return Points(RECENCY_POINTS * 0.5 ** (days / HALF_LIFE_DAYS), f"last sign of life {when}")


def _interactions(activity: Activity, now: datetime) -> Points:
    if not activity.tallies:
        return _IDLE
    count = activity.within(DAYS_BACK, now.date())
    noun = "interaction" if count == 1 else "interactions"
    return Points(min(INTERACTION_POINTS * count, INTERACTIONS_POINTS_MAX), f"{count} {noun} in a year")


def _business(contact: Contact) -> Points:
    domain = contact.company.domain
    if domain is None:
        return _PRIVATE
    at_work = any(email.value.rpartition("@")[2].lower() == domain for email in contact.emails)
    return _AT_WORK if at_work else _PRIVATE


_SILENT: Final = Points(0.0, "no sign of life")
_IDLE: Final = Points(0.0, "no interaction in a year")
_AT_WORK: Final = Points(BUSINESS_POINTS, "business address")
_PRIVATE: Final = Points(0.0, "private address")
