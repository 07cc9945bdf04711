"""The stage of backup: keep what came, once, in one transaction; it says nothing."""

from collections.abc import Sequence
from typing import TypeVar, assert_never

from services.backup.core.decide import Decided, Happening, Kept, Received, Version, decide
from services.backup.store import Store
from shared.domain.outcome import DeadLetter, Drop, DropReason, Forward, Outcome, Outgoing
from shared.runtime.stage import Settled, Taken

T = TypeVar("T")


class Backup:
    """The stage."""

    def __init__(self, store: Store, messages_max: int) -> None:
        self.messages_max = messages_max
        self._store = store

    async def settle(self, batch: Sequence[Taken]) -> Settled:
        """Keep a batch; what was kept before is dropped as redelivered."""
        decided = [decide(taken.event, _key(taken)) for taken in batch]
        values = [taken.message.value for taken in batch]
        versions = {(one.contact_id, one.version): (one, value) for one, value in _of(Version, decided, values)}
        received = {one.event_id: (one, value) for one, value in _of(Received, decided, values)}
        happenings = {one.event_id: (one, value) for one, value in _of(Happening, decided, values)}
        said = {(one.kind, one.id, one.version): (one, value) for one, value in _of(Decided, decided, values)}
        async with self._store.transaction() as connection:
            new_versions = await self._store.keep_versions(connection, list(versions.values()))
            new_events = await self._store.keep_received(connection, list(received.values()))
            new_events |= await self._store.keep_happenings(connection, list(happenings.values()))
            new_events |= await self._store.keep_decided(connection, [said[key] for key in sorted(said)])
            ids = {one.contact_id for one in decided if isinstance(one, Version)} | {
                one.subject for one in decided if isinstance(one, Received)
            }
            await self._store.stay_forgotten(connection, ids)
            for answer in [one.erases for one, _ in said.values() if one.erases is not None]:
                await self._store.forget(connection, answer)
        return Settled([_outcome(one, new_versions, new_events) for one in decided])

    async def acknowledged(self, batch: Sequence[Taken], settled: Settled) -> Sequence[Outgoing]:  # noqa: ARG002
        """Nothing was said, so nothing can have been overtaken."""
        return ()


def _key(taken: Taken) -> str | None:
    key = taken.message.key
    return None if key is None else key.decode("utf-8", "replace")


def _of(kind: type[T], decided: Sequence[object], values: Sequence[bytes | None]) -> list[tuple[T, bytes | None]]:
    return [(one, value) for one, value in zip(decided, values, strict=True) if isinstance(one, kind)]


def _outcome(decided: Kept | Drop | DeadLetter, new_versions: set[tuple[str, int]], new_events: set[str]) -> Outcome:
    match decided:
        case Drop() | DeadLetter():
            return decided
        case Version():
            new = (decided.contact_id, decided.version) in new_versions
        case Received() | Happening():
            new = decided.event_id in new_events
        case Decided():
            new = decided.id in new_events
        case _:
            assert_never(decided)
    return Forward() if new else Drop(DropReason.REDELIVERED)
