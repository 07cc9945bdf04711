"""Takes one guard out of every process of a system under test: found by Python itself when this folder is on its path.

The product knows nothing of it. `CHAOS_WITHOUT` names the guard; where a process must die between two effects for the
guard to be missed, the time between them is made long enough to be hit.
"""

import asyncio
import os
import uuid
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from services.dedup import store
from services.rules import stage as rules
from services.rules import store as timeline
from shared.domain.errors import Transient
from shared.runtime.offsets import next_offsets
from shared.runtime.stage import Loop

GAP_S: Final = 1.5
"""Between commit and what follows: a kill that comes while there is work hits it nearly always."""


def without_the_insert_once_row() -> None:
    """Dedup forgets what it has decided, and rules what has happened: each attempt writes under a key of its own.

    The answer to every first commit is lost on its way, which alone does no harm.
    """

    async def nothing_decided(connection: Any, event_ids: Collection[str]) -> dict[str, Any]:
        return {}

    async def written_nowhere(connection: Any, decisions: Iterable[Any]) -> None:
        return None

    store.decided = nothing_decided
    store.write_decided = written_nowhere
    timeline.derived_id = _never_the_same  # type: ignore[attr-defined]
    settle = rules.Rules.settle
    seen: set[tuple[str, int, int]] = set()

    async def settled_twice(self: Any, batch: Sequence[Any]) -> Any:
        settled = await settle(self, batch)
        first = batch[0].message
        place = (first.topic, first.partition, first.offset)
        if place not in seen:
            seen.add(place)
            raise Transient("the answer to the commit was lost")
        return settled

    rules.Rules.settle = settled_twice  # type: ignore[method-assign]


def _never_the_same(*_: str) -> str:
    return str(uuid.uuid4())


def without_locks() -> None:
    """Dedup waits for nobody who has the same keys."""

    async def lock_nothing(connection: Any, keys: Collection[int]) -> None:
        return None

    store.lock = lock_nothing


def with_the_offset_committed_first() -> None:
    """Every stage commits its offset before it says anything."""
    advance = Loop.advance

    async def hastily(self: Loop, messages: Sequence[Any]) -> None:
        await self.consumer.commit(next_offsets(messages))
        await asyncio.sleep(GAP_S)
        await advance(self, messages)

    Loop.advance = hastily  # type: ignore[method-assign]


{
    "once": without_the_insert_once_row,
    "locks": without_locks,
    "order": with_the_offset_committed_first,
}[os.environ["CHAOS_WITHOUT"]]()
