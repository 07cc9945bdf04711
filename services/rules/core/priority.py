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


class Points(NamedTuple):
    """What one consideration adds."""

    points: float
    reason: str


def priority(contact: Contact, activity: Activity, points: tuple[tuple[str, int], ...], now: datetime) -> Priority:
    """The score from 0 to 1, rounded to thousandths, and its weightiest reasons, heaviest first."""
    parts = [
        _completeness(contact),
        _recency(contact, activity, now),
        _interactions(activity, now),
        _business(contact),
        *(Points(float(score), f"rule {name}") for name, score in points),
    ]
    total = min(max(sum(part.points for part in parts), 0.0), 100.0)
    telling = sorted((part for part in parts if round(part.points, 1)), key=lambda part: -abs(part.points))
    return Priority(
        score=round(total / 100.0, 3),
        reasons=tuple(f"{part.reason}: {part.points:+.1f}" for part in telling[:REASONS_MAX]),
    )


def last_sign_of_life(contact: Contact, activity: Activity) -> datetime | None:
    """The newest time at which anything happened or any value was said; None where nothing has a time."""
    times = [origin.observed_at for origin in contact.provenance.values() if origin.observed_at is not None]
    times += [time for time in (contact.last_activity_at, activity.last_at) if time is not None]
    return max(times, default=None)


def _completeness(contact: Contact) -> Points:
    completeness = contact.quality.completeness
    return Points(COMPLETENESS_POINTS * completeness, f"{completeness:.0%} complete")


def _recency(contact: Contact, activity: Activity, now: datetime) -> Points:
    last = last_sign_of_life(contact, activity)
    if last is None:
        return Points(0.0, "no sign of life")
    days = max((now - last).total_seconds() / 86_400, 0.0)
    when = "today" if days < 1 else f"{int(days)} days ago"
    return Points(RECENCY_POINTS * 0.5 ** (days / HALF_LIFE_DAYS), f"last sign of life {when}")


def _interactions(activity: Activity, now: datetime) -> Points:
    count = activity.within(DAYS_BACK, now.date())
    noun = "interaction" if count == 1 else "interactions"
    return Points(min(INTERACTION_POINTS * count, INTERACTIONS_POINTS_MAX), f"{count} {noun} in a year")


def _business(contact: Contact) -> Points:
    domain = contact.company.domain
    at_work = domain is not None and any(_domain(email.value) == domain for email in contact.emails)
    return Points(BUSINESS_POINTS if at_work else 0.0, "business address")


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()
