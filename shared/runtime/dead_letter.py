"""Dead letters: a message set aside whole, with the reason, and the limit that stops a stage instead of its data."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from shared.domain.outcome import DeadLetter, Outcome
from shared.runtime.broker import Draft, Message
from shared.topology import Step

WINDOW_MESSAGES: Final = 1_000
"""Long enough that a handful of bad rows in one file is no alarm, short enough to stop within seconds."""

RATIO_MAX: Final = 0.05
"""One letter in twenty: ordinary feeds stay below one in a hundred; a bad release is far above."""

CONSECUTIVE_MAX: Final = 100
"""A hundred letters in a row have one cause, and it is not in the data."""

DETAIL_LENGTH_MAX: Final = 1_000
"""A detail is a sentence; what is longer was quoted from somewhere and may hold what it should not."""

PREFIX: Final = "dead-letter-"


def letter(message: Message, why: DeadLetter, step: Step, now: datetime, release: str) -> Draft:
    """The message as it came, byte for byte, with headers that say what happened to it.

    A message that was a letter before keeps its own headers, with the attempt counted up; the newest reason leads.
    """
    kept = tuple((name, value) for name, value in message.headers if not name.startswith(PREFIX))
    headers = {
        "reason": why.reason.value,
        "stage": step.service,
        "topic": message.topic,
        "partition": str(message.partition),
        "offset": str(message.offset),
        "at": now.isoformat(),
        "attempt": str(attempt_of(message) + 1),
        "detail": why.detail[:DETAIL_LENGTH_MAX],
        "release": release,
    }
    added = tuple((PREFIX + name, value.encode()) for name, value in headers.items())
    return Draft(
        topic=step.dead_letters.name,
        key=message.key,
        value=message.value,
        headers=kept + added,
        partition=message.partition,
    )


def attempt_of(message: Message) -> int:
    """How often this message was set aside before; 0 for one that never was."""
    for name, value in message.headers:
        if name == PREFIX + "attempt":
            return int(value) if value.isdigit() else 0
    return 0


class LetterLimit(msgspec.Struct, frozen=True):
    """What share of the last messages were letters, and how many in a row; immutable, moved on by `after`."""

    recent: tuple[bool, ...] = ()
    in_a_row: int = 0

    def after(self, outcomes: Sequence[Outcome]) -> "LetterLimit":
        """The limit with one more batch seen."""
        fates = [isinstance(outcome, DeadLetter) for outcome in outcomes]
        in_a_row = self.in_a_row
        for died in fates:
            in_a_row = in_a_row + 1 if died else 0
        return LetterLimit((self.recent + tuple(fates))[-WINDOW_MESSAGES:], in_a_row)

    def passed(self) -> str | None:
        """Why the stage must stop, in words, or None. The share counts only once the window is full."""
        if self.in_a_row > CONSECUTIVE_MAX:
            return f"{self.in_a_row} messages in a row became dead letters (limit {CONSECUTIVE_MAX})"
        died = sum(self.recent)
        if len(self.recent) == WINDOW_MESSAGES and died > RATIO_MAX * WINDOW_MESSAGES:
            return f"{died} of the last {WINDOW_MESSAGES} messages became dead letters (limit {RATIO_MAX:.0%})"
        return None
