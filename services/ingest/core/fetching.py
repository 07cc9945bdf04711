"""Fetching: what an answer of a vendor's API means, and when it is asked again."""

from datetime import timedelta
from typing import Final, NamedTuple

ATTEMPTS_MAX: Final = 12
"""With pauses that double up to an hour about seven hours: longer than a vendor is away for an evening's work."""

BATCH: Final = 10
"""As many as one turn fetches, one after the other."""

TURN: Final = timedelta(seconds=2)
"""A vendor has its next turn so much later, whichever process takes it: 300 requests a minute at most (pretix allows
360)."""

PAGES_MAX: Final = 200
"""Of one list asked for while somebody waits: ten thousand attendees of an event, about a minute."""

PAUSE: Final = timedelta(seconds=15)
"""Before the second try of one thing; it doubles."""

PAUSE_MAX: Final = timedelta(hours=1)
"""The longest pause, also where the vendor names a longer one: an hour late is still the same day."""

FAILURES_MAX: Final = 3
"""After so many failures in a row a vendor is left alone for a while, whatever is asked: two may be chance."""

OK: Final = 200
TOO_MANY: Final = 429
REQUEST_TIMEOUT: Final = 408
UNAUTHORIZED: Final = (401, 403)
SERVER: Final = 500


class Answer(NamedTuple):
    """What the vendor said. `retry_after` is the header's text, `following` the address that a Link header names as the
    next page. Its repr shows no body.
    """

    status: int
    content_type: str
    retry_after: str | None
    body: bytes
    following: str | None = None

    def __repr__(self) -> str:
        return f"Answer({self.status}, {len(self.body)} bytes)"


class Refusal(NamedTuple):
    """Why nothing was fetched; `lasting` when asking again would change nothing. `wait` is what the vendor asks for."""

    why: str
    lasting: bool
    wait: timedelta | None = None


def refusal_of(answer: Answer) -> Refusal | None:
    """None for an answer that can be read.

    A wrong token (401, 403) is no lasting one: whoever runs this mends it, and what waits is fetched then.
    """
    if answer.status == OK:
        return None
    why = f"the vendor answered {answer.status}"
    again = answer.status >= SERVER or answer.status in (TOO_MANY, REQUEST_TIMEOUT, *UNAUTHORIZED)
    return Refusal(why, lasting=not again, wait=_seconds(answer.retry_after))


def pause_after(attempts: int, wait: timedelta | None) -> timedelta:
    """How long one thing waits after so many tries (1 or more), as long as the vendor asks, an hour at most."""
    doubled = PAUSE * (1 << min(attempts - 1, ATTEMPTS_MAX))
    return min(PAUSE_MAX, max(doubled, wait or timedelta()))


def rest_after(failures: int, wait: timedelta | None) -> timedelta:
    """How long a vendor is left alone after so many failures in a row: at once as long as it asks, else from the third
    one on with pauses that double.
    """
    if failures < FAILURES_MAX:
        return min(PAUSE_MAX, wait or timedelta())
    return pause_after(failures - FAILURES_MAX + 1, wait)


def _seconds(text: str | None) -> timedelta | None:
    """A Retry-After in seconds; the other form, a date, is left to our own pauses."""
    text = (text or "").strip()
    if not (text.isascii() and text.isdigit()):
        return None
    return min(PAUSE_MAX, timedelta(seconds=int(text[:9])))
