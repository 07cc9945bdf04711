"""What a member looks at while nothing arrives: that its client still fetches, and that what it committed still holds.

Traps T2 and T10 of docs/decisions/0002-kafka-client-traps.md. Both look like peace: no message comes, nothing is said.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from aiokafka import errors, structs

from shared.runtime.broker.kafka_client import ClientBroken

LOOK_EVERY_S: Final = 15.0
"""A message that was there at one look, was not delivered until the next, and of which nothing is in the client's hands
(its take came back empty) will not come; a fetch is answered within a second. A look costs a few requests of a member
that has nothing else to do."""

ANSWER_S: Final = 5.0
"""The broker answers such questions in milliseconds. If it does not, it is away or regroups: nothing is known then."""

POSITION_S: Final = 1.0
"""The client knows its positions by heart, except of a partition whose reading has not begun."""


class Watch:
    """Over one member of a group, from one assignment of partitions to the next."""

    def __init__(self) -> None:
        self._finished: dict[structs.TopicPartition, int] = {}
        self._awaited: dict[structs.TopicPartition, int | None] = {}
        self._next_look = 0.0
        self.renew()

    def renew(self) -> None:
        """Partitions were assigned: what was seen before says nothing about them."""
        self._finished.clear()
        self._awaited.clear()
        self._next_look = time.monotonic() + LOOK_EVERY_S

    def finished(self, offsets: Mapping[structs.TopicPartition, int]) -> None:
        """These were committed by this member."""
        self._finished.update(offsets)

    async def look(self, consumer: Any) -> None:
        """Called when a take brought nothing. Raises ClientBroken: nothing would come, though messages are there."""
        if consumer._fetcher.error_future.done():  # noqa: SLF001 (the client shows it nowhere else)
            raise ClientBroken("the fetcher has ended")
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_EVERY_S
        awaited, self._awaited = self._awaited, {}
        with suppress(errors.KafkaError, TimeoutError):  # away or regrouping: others say so, and the next look is soon
            async with asyncio.timeout(ANSWER_S):
                self._awaited = await _undelivered(consumer)
                await self._commit_again(consumer)
        if any(position in awaited and awaited[position] == at for position, at in self._awaited.items()):
            raise ClientBroken(f"nothing heard for {LOOK_EVERY_S:.0f} s although messages are there")

    async def _commit_again(self, consumer: Any) -> None:
        """T10: a batch from before a rebalance was committed after it, and took the group's offset back."""
        places = sorted(self._finished.keys() & consumer.assignment())
        committed = await asyncio.gather(*(consumer.committed(place) for place in places))
        moved_back = {
            place: self._finished[place]
            for place, offset in zip(places, committed, strict=True) if offset is None or offset < self._finished[place]
        }  # fmt: skip
        if moved_back:
            await consumer.commit(moved_back)


async def _undelivered(consumer: Any) -> dict[structs.TopicPartition, int | None]:
    """Partitions that hold messages beyond where the member stands, with this position; None where it has not begun."""
    places = sorted(consumer.assignment())
    if not places:
        return {}
    ends: Mapping[structs.TopicPartition, int] = await consumer.end_offsets(places)
    stands = await asyncio.gather(*(_position(consumer, place) for place in places))
    return {place: at for place, at in zip(places, stands, strict=True) if ends[place] > (at or 0)}


async def _position(consumer: Any, place: structs.TopicPartition) -> int | None:
    try:
        async with asyncio.timeout(POSITION_S):
            return int(await consumer.position(place))
    except TimeoutError:
        return None
