"""Books: every accepted event ends exactly one way, and the columns add up (contract section 5, promise 2)."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

SPOOL: Final = "spool"
"""What of accepted events has not yet reached the log, by the name that a process gives it."""


COUNTED_ANEW_S: Final = 0.25
"""The books are counted from whole tables. While that takes less than this, every status has its own count."""

COUNTED_SHARE: Final = 10
"""Where it takes longer, a count is told again for so many times as long: a tenth of one connection at most, whoever
asks how often. A count of 10 s is then up to 100 s old; it balances in itself all the same."""


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


class Count(NamedTuple):
    """The books as last counted, when `contacts.received` ended at `end`; they may be told again until `until`."""

    until: float
    end: int
    books: Books

    @classmethod
    def made(cls, started: float, ended: float, end: int, books: Books) -> "Count":
        """A count that took from `started` to `ended`, in seconds of a clock."""
        took = ended - started
        return cls(ended + (took * COUNTED_SHARE if took > COUNTED_ANEW_S else 0.0), end, books)

    def holds(self, now: float, end: int) -> bool:
        """Whether it may be told again: while it is not too old for what it cost; that nothing waits, only while
        nothing new has come. Whoever has just sent, and asks whether it is done, must not hear of before.
        """
        return now < self.until and (self.books.waiting > 0 or self.end == end)


NEVER_COUNTED: Final = Count(float("-inf"), 0, Books(0, 0, 0, 0, {}, {}, 0))


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
