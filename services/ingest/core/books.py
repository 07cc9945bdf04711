"""Books: every accepted event ends exactly one way, and the columns add up (contract section 5, promise 2)."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

SPOOL: Final = "spool"
"""What of accepted events has not yet reached the log, by the name that a process gives it."""


class Row(NamedTuple):
    """How many receipts of one kind are in one state. `gone`: their record was taken back and not sent again since."""

    kind: str
    state: str
    reason: str | None
    gone: bool
    events: int


class Books(msgspec.Struct, frozen=True):
    """`accepted` = the sum of all others; `dropped` and `dead_letters` by reason."""

    accepted: int
    in_contacts: int
    deleted: int
    erased: int
    dropped: dict[str, int]
    dead_letters: dict[str, int]
    waiting: int

    @property
    def balanced(self) -> bool:
        """True when what was accepted is found again, each event once."""
        ended = self.in_contacts + self.deleted + self.erased
        set_aside = sum(self.dropped.values()) + sum(self.dead_letters.values())
        return self.accepted == ended + set_aside + self.waiting


def books_of(rows: Iterable[Row]) -> Books:
    """The books from the receipts, counted by kind, state, reason and whether their record is gone."""
    accepted = in_contacts = deleted = erased = waiting = 0
    dropped: dict[str, int] = {}
    dead_letters: dict[str, int] = {}
    for row in rows:
        accepted += row.events
        reason = row.reason or "unknown"
        if row.state == "dropped":
            dropped[reason] = dropped.get(reason, 0) + row.events
        elif row.state == "dead-letter":
            dead_letters[reason] = dead_letters.get(reason, 0) + row.events
        elif row.state == "erased":
            erased += row.events
        elif row.state != "clean":
            waiting += row.events
        elif row.kind == "deletion" or row.gone:
            deleted += row.events
        else:
            in_contacts += row.events
    return Books(accepted, in_contacts, deleted, erased, dropped, dead_letters, waiting)


class Stage(msgspec.Struct, frozen=True):
    """How one stage does. None: could not be measured."""

    lag: int | None
    rate: float | None
    oldest_s: float | None
    dead_letters: int | None
    last_error: str | None


class Worker(msgspec.Struct, frozen=True):
    """What one process of a service says about itself; whatever it leaves out is not known."""

    rate: float = 0.0
    last_error: str | None = None
    pending: dict[str, int] = {}


def stage_of(
    messages: int | None, oldest_ms: int | None, workers: Iterable[Worker | None], letters: int | None, now_ms: int
) -> Stage:
    """One stage from its backlog on the log, what its processes say (None: no answer), and its open letters.

    `pending` counts rows of one database, which every process of the service sees alike: the largest answer counts. But
    each has a spool of its own.
    """
    said = list(workers)
    answered = [one for one in said if one is not None]
    known = len(answered) > 0
    pending = sum(one.pending.get(SPOOL, 0) for one in answered) + max(
        (sum(count for name, count in one.pending.items() if name != SPOOL) for one in answered), default=0
    )
    return Stage(
        lag=messages + pending if messages is not None and known else None,
        rate=round(sum(one.rate for one in answered), 1) if known else None,
        oldest_s=None if messages is None else 0.0 if oldest_ms is None else max(0.0, (now_ms - oldest_ms) / 1000),
        dead_letters=letters,
        last_error=next((one.last_error for one in answered if one.last_error), None if known else "does not answer"),
    )
