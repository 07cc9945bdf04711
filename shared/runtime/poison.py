"""Poison: a message that kills its process is found, and set aside after it has done so twice alone.

A process that begins a partition writes down which batch it begins; once that is done with, the partition is proven and
nothing more is written. A batch begun too often without an end is taken message by message, each written down before it
is tried: the one that was tried alone twice and never finished is the poison. Only deciding counts: while it waits for
Kafka or Postgres its beginning is taken back, so that a kill from outside condemns no good one.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol, TypeVar

import msgspec

from shared.domain.errors import Transient
from shared.runtime.broker import Message, TopicPartition
from shared.runtime.database import Database

T = TypeVar("T")

TOGETHER_MAX: Final = 2
"""Beginnings of one batch before it is taken message by message: a process also dies of other things."""

ALONE_MAX: Final = 2
"""Beginnings of one message alone before it is set aside: killing its process twice is no coincidence."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """How often a partition's next batch was begun, and how often one message of it alone."""

    first_offset: int
    attempts: int = 0
    alone_offset: int | None = None
    alone_attempts: int = 0


def begun(previous: Attempt | None, first_offset: int) -> Attempt:
    """The attempt with one more beginning of the batch that starts at this offset; another batch starts a new count."""
    if previous is None or previous.first_offset != first_offset:
        return Attempt(first_offset=first_offset, attempts=1)
    return msgspec.structs.replace(previous, attempts=previous.attempts + 1)


def begun_alone(previous: Attempt, offset: int) -> Attempt:
    """The attempt with one more beginning of this message alone; what lay before it is done with."""
    again = previous.alone_offset == offset
    return msgspec.structs.replace(
        previous,
        first_offset=offset,
        alone_offset=offset,
        alone_attempts=previous.alone_attempts + 1 if again else 1,
    )


def one_by_one(attempt: Attempt) -> bool:
    """True when the batch must be taken message by message."""
    return attempt.attempts > TOGETHER_MAX


def is_poison(attempt: Attempt, offset: int) -> bool:
    """True when this message was begun alone so often, without an end, that it is not tried again."""
    return attempt.alone_offset == offset and attempt.alone_attempts >= ALONE_MAX


def first_offsets(messages: Sequence[Message]) -> dict[TopicPartition, int]:
    """Where the batch begins in each partition."""
    found: dict[tuple[str, int], int] = {}
    for message in messages:
        place = (message.topic, message.partition)
        if found.get(place, message.offset) >= message.offset:
            found[place] = message.offset
    return {TopicPartition(*place): offset for place, offset in found.items()}


class Attempts(Protocol):
    """Where beginnings are written down, to be found by the next process."""

    async def read(self, positions: Sequence[TopicPartition]) -> Mapping[TopicPartition, Attempt]:
        """What is written about these partitions."""
        ...

    async def write(self, attempts: Mapping[TopicPartition, Attempt]) -> None:
        """Write it down, for good."""
        ...

    async def forget(self, positions: Sequence[TopicPartition]) -> None:
        """These partitions are proven."""
        ...


class Unwatched:
    """For messages that are not tried alone: nothing is written down about them."""

    async def begins(self) -> None:
        """Nothing."""

    async def rests(self) -> None:
        """Nothing."""


class Trial(Unwatched):
    """One message tried alone: its beginning is written down while our own code works on it, and only then."""

    def __init__(self, attempts: Attempts, before: Attempt, message: Message) -> None:
        begun = begun_alone(before, message.offset)
        self._attempts = attempts
        self._begun = {message.position: begun}
        self._taken_back = {message.position: msgspec.structs.replace(begun, alone_attempts=begun.alone_attempts - 1)}
        self._counts = False

    async def begins(self) -> None:
        """It is being decided from here on. Raises Transient: then it is not begun."""
        if not self._counts:
            await self._attempts.write(self._begun)
            self._counts = True

    async def rests(self) -> None:
        """It waits, and what happens meanwhile is no fault of its own; while Postgres is away, that cannot be said."""
        if self._counts:
            with suppress(Transient):
                await self._attempts.write(self._taken_back)
                self._counts = False


async def tried(trial: Unwatched, effect: Callable[[], Awaitable[T]]) -> T:
    """One try of our own code, counted unless the world was away; whatever else ends it ends the process."""
    await trial.begins()
    try:
        return await effect()
    except Transient:
        await trial.rests()
        raise


class StoredAttempts:
    """Beginnings in `runtime.attempt`."""

    def __init__(self, database: Database, service: str) -> None:
        self._database = database
        self._service = service

    async def read(self, positions: Sequence[TopicPartition]) -> Mapping[TopicPartition, Attempt]:
        """What is written about these partitions."""
        rows = await self._database.fetch(
            """SELECT topic, "partition", first_offset, attempts, alone_offset, alone_attempts FROM runtime.attempt
               WHERE service = $1 AND topic = ANY($2::text[])""",
            self._service,
            sorted({position.topic for position in positions}),
        )
        return {
            TopicPartition(row["topic"], row["partition"]): Attempt(
                first_offset=row["first_offset"],
                attempts=row["attempts"],
                alone_offset=row["alone_offset"],
                alone_attempts=row["alone_attempts"],
            )
            for row in rows
        }

    async def write(self, attempts: Mapping[TopicPartition, Attempt]) -> None:
        """Write it down."""
        positions = sorted(attempts)
        await self._database.execute(
            """INSERT INTO runtime.attempt
               SELECT $1, * FROM unnest($2::text[], $3::int[], $4::bigint[], $5::int[], $6::bigint[], $7::int[])
               ON CONFLICT (service, topic, "partition") DO UPDATE SET first_offset = excluded.first_offset,
               attempts = excluded.attempts, alone_offset = excluded.alone_offset,
               alone_attempts = excluded.alone_attempts""",
            self._service,
            [position.topic for position in positions],
            [position.partition for position in positions],
            [attempts[position].first_offset for position in positions],
            [attempts[position].attempts for position in positions],
            [attempts[position].alone_offset for position in positions],
            [attempts[position].alone_attempts for position in positions],
        )

    async def forget(self, positions: Sequence[TopicPartition]) -> None:
        """Take the lines out."""
        await self._database.execute(
            """DELETE FROM runtime.attempt
               USING unnest($2::text[], $3::int[]) AS done (topic, "partition")
               WHERE service = $1 AND attempt.topic = done.topic AND attempt."partition" = done."partition" """,
            self._service,
            [position.topic for position in positions],
            [position.partition for position in positions],
        )
