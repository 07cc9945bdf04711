"""The meter of one provider: its breaker, its rate and its budget. Pure; the row it lies in is locked by its caller.

Closed, it lets questions through at the provider's rate. When too many of the recent ones failed, or the provider asked
us to wait, it opens; when that time is over it lets one through (half-open), and that one's answer closes or opens it.
A budget is reserved before anybody is asked, so that no number of processes can overspend it; what was reserved by a
process that died counts as spent.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from services.enrich.core.asking import Limits

WINDOW_ASKED_MIN: Final = 5
"""Fewer answers say nothing about a provider; a single time-out happens to everybody."""

FAILED_SHARE_MAX: Final = 0.5
"""Half of the recent questions in vain: the provider is down or broken, and more of them only add to its load."""

WINDOW_S: Final = 60.0
"""How long an answer counts as recent; long enough for five at a slow rate's usual pace, short enough to forget."""

OPEN_FIRST_S: Final = 30.0
"""How long it stays open at first: most outages are restarts."""

OPEN_MAX_S: Final = 900.0
"""And at most, doubling at each trial in vain: a quarter of an hour after it is back, everything flows again."""

WAIT_MAX_S: Final = 86_400.0
"""A provider that asks for more than a day in Retry-After is misread or mistaken."""

TRIAL_S: Final = 120.0
"""When a trial without an answer is given up, as long as a lease: its process has died."""

BURST_S: Final = 1.0
"""Questions of one second may be asked at once; at least one."""


class Kind(StrEnum):
    """How one question ended, as far as the breaker minds."""

    WELL = "well"
    """The provider answered, be it that it knows nothing."""
    FAILED = "failed"
    """It did not, or not in a way that can be used."""
    REJECTED = "rejected"
    """It does not take this question; that says nothing about others."""


class Result(NamedTuple):
    """How one question ended, and for how many seconds the provider asked us to wait (0: it did not)."""

    kind: Kind
    wait_s: float = 0.0


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a provider between questions. Times are UTC; `openings` counts openings in a row."""

    window_at: datetime | None = None
    asked: int = 0
    failed: int = 0
    openings: int = 0
    open_until: datetime | None = None
    trial_until: datetime | None = None
    tokens: float = 0.0
    tokens_at: datetime | None = None
    day: date | None = None
    used: int = 0


class Room(NamedTuple):
    """How many questions may be asked now, and, if none, when to look again."""

    questions: int
    again_at: datetime


def state(meter: Meter, now: datetime) -> str:
    """`closed`, `open`, or `half-open`: the time is over, and a trial decides."""
    if meter.open_until is None:
        return "closed"
    return "open" if now < meter.open_until else "half-open"


def used(meter: Meter, now: datetime) -> int:
    """Questions reserved on this day, in UTC; a clock that is behind midnight does not bring yesterday back."""
    return meter.used if meter.day is not None and meter.day >= now.astimezone(UTC).date() else 0


def blocked_until(meter: Meter, limits: Limits, now: datetime) -> datetime | None:
    """Until when breaker or budget let nothing through, None when they do; a rate only slows down."""
    if meter.open_until is not None:
        if now < meter.open_until:
            return meter.open_until
        if meter.trial_until is not None and now < meter.trial_until:
            return meter.trial_until
    spent = limits.day is not None and used(meter, now) >= limits.day
    return _tomorrow(now) if spent else None


def room(meter: Meter, limits: Limits, now: datetime) -> Room:
    """How many questions breaker, budget and rate let through at this moment."""
    if (until := blocked_until(meter, limits, now)) is not None:
        return Room(0, until)
    tokens = _tokens(meter, limits, now)
    if tokens < 1.0:
        return Room(0, now + timedelta(seconds=(1.0 - tokens) / limits.rate_per_s))
    most = 1 if meter.open_until is not None else int(tokens)
    return Room(most if limits.day is None else min(most, limits.day - used(meter, now)), now)


def reserve(meter: Meter, limits: Limits, now: datetime, wanted: int) -> tuple[Meter, int]:
    """The meter with questions reserved, and how many: at most those wanted, at most those there is room for."""
    granted = min(wanted, room(meter, limits, now).questions)
    if granted <= 0:
        return meter, 0
    trial = now + timedelta(seconds=TRIAL_S) if meter.open_until is not None else None
    reserved = msgspec.structs.replace(
        meter,
        trial_until=trial,
        tokens=_tokens(meter, limits, now) - granted,
        tokens_at=now,
        day=max(now.astimezone(UTC).date(), meter.day or date.min),
        used=used(meter, now) + granted,
    )
    return reserved, granted


def noted(meter: Meter, results: Sequence[Result], now: datetime) -> Meter:
    """The meter after these questions ended; the order among them does not matter."""
    counted = [result.kind for result in results if result.kind is not Kind.REJECTED]
    failed = sum(kind is Kind.FAILED for kind in counted)
    wait_s = min(max((result.wait_s for result in results), default=0.0), WAIT_MAX_S)
    if wait_s > 0:
        return _opened(meter, now, wait_s, meter.openings)
    if meter.open_until is not None:
        return _after_trial(meter, now, failed, len(results))
    recent = meter.window_at is not None and (now - meter.window_at).total_seconds() < WINDOW_S
    asked, all_failed = len(counted) + recent * meter.asked, failed + recent * meter.failed
    if asked >= WINDOW_ASKED_MIN and all_failed > asked * FAILED_SHARE_MAX:
        return _opened(meter, now, _pause_s(meter.openings), meter.openings + 1)
    return msgspec.structs.replace(
        meter,
        window_at=meter.window_at if recent else now,
        asked=asked,
        failed=all_failed,
        openings=meter.openings if all_failed else 0,
    )


def _after_trial(meter: Meter, now: datetime, failed: int, ended: int) -> Meter:
    """A trial that ended decides; answers to what was asked before it opened only do so when they come then."""
    if meter.open_until is not None and now < meter.open_until:
        return meter
    if failed:
        return _opened(meter, now, _pause_s(meter.openings), meter.openings + 1)
    if not ended:
        return meter
    return msgspec.structs.replace(meter, open_until=None, trial_until=None, window_at=now, asked=0, failed=0)


def _opened(meter: Meter, now: datetime, seconds: float, openings: int) -> Meter:
    until = now + timedelta(seconds=seconds)
    latest = until if meter.open_until is None else max(until, meter.open_until)
    return msgspec.structs.replace(
        meter, open_until=latest, trial_until=None, openings=openings, window_at=None, asked=0, failed=0
    )


def _pause_s(openings: int) -> float:
    return min(OPEN_MAX_S, OPEN_FIRST_S * 2.0 ** min(openings, 16))


def _tokens(meter: Meter, limits: Limits, now: datetime) -> float:
    full = max(1.0, limits.rate_per_s * BURST_S)
    if meter.tokens_at is None:
        return full
    passed_s = max(0.0, (now - meter.tokens_at).total_seconds())
    return min(full, meter.tokens + passed_s * limits.rate_per_s)


def _tomorrow(now: datetime) -> datetime:
    day = now.astimezone(UTC).date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
