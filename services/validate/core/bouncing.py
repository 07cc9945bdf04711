"""Bouncing: whether an address still takes mail, from what came back and what was read since.

The state is the fold of the last events by their time, so that neither order nor repetition of interactions matters.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.events import InteractionResolved
from shared.domain.ids import derived_id
from shared.domain.mail import parse_email

KIND: Final = "mailbox"
"""The kind of fact; nobody is asked for it, it comes with interactions."""

EVENTS_MAX: Final = 20
"""Events kept of an address: what decides are the last few."""

SOFT_MAX: Final = 3
"""Soft bounces in a row (mailbox full, server busy) that count as a hard one."""

SOFT_WITHIN: Final = timedelta(days=30)
"""Soft bounces further apart than this are different troubles."""

_ALIVE: Final = frozenset({"email.opened", "email.clicked", "email.answered", "newsletter.confirmed"})

Told = tuple[str, str]
"""ISO time, and `hard`, `soft` or `alive`."""


def told_by(one: InteractionResolved) -> Told | None:
    """What an interaction tells about its address, None where it tells nothing."""
    if one.type == "email.bounced":
        return one.at.isoformat(), "soft" if one.detail.get("kind") == "soft" else "hard"
    return (one.at.isoformat(), "alive") if one.type in _ALIVE else None


def address_of(one: InteractionResolved) -> str | None:
    """The address an interaction was about; one that only names a person tells nothing about any of their addresses."""
    said = one.address or one.detail.get("address") or one.detail.get("email")
    return parse_email(said).canonical if isinstance(said, str) else None


def subject_of(canonical: str) -> str:
    """What a fact about an address is kept under: two contacts with one mailbox share it, and nobody reads it."""
    return derived_id(KIND, canonical)


def folded(answer: Any, news: Iterable[Told]) -> list[Told]:
    """The events of an address with more of them, each once, the latest kept."""
    known = [(str(at), str(what)) for at, what in answer] if isinstance(answer, list) else []
    return sorted({*known, *news}, key=_moment)[-EVENTS_MAX:]


def is_bounced(answer: Any) -> bool:
    """True after a hard bounce, or three soft ones within 30 days, with nothing read since."""
    softs: list[datetime] = []
    for at, what in reversed(folded(answer, ())):
        if what == "alive":
            return False
        if what == "hard":
            return True
        softs.append(datetime.fromisoformat(at))
        if _are_many(softs):
            return True
    return False


def _are_many(softs: Sequence[datetime]) -> bool:
    """`softs` with the latest first."""
    return len(softs) >= SOFT_MAX and softs[-SOFT_MAX] - softs[-1] <= SOFT_WITHIN


def _moment(told: Told) -> tuple[datetime, str]:
    return datetime.fromisoformat(told[0]), told[1]
