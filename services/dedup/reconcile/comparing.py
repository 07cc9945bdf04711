"""Comparing again: records that nobody said anything new about get their evidence anew, behind the same locks as on
entry: their keys, and those of all records with which they had evidence.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from services.dedup import store as identities
from services.dedup.core.blocking import blocking_keys
from services.dedup.core.decide import score
from services.dedup.core.folding import Change, Stored, read
from services.dedup.core.interactions import record_key
from services.dedup.core.scene import Pair
from services.dedup.reconcile import store
from services.dedup.reconcile.laws import Laws
from services.dedup.stage import Crowded
from shared.runtime.database import Connection
from shared.runtime.world import World

ROUNDS_MAX: Final = 8
"""Times that a page starts over with more keys, as on entry."""


class Comparing:
    """Finds the evidence of stored records again, by the law of the epoch and the present way to compare."""

    def __init__(self, world: World, laws: Laws, key_records_max: int) -> None:
        self._database = world.database
        self._laws = laws
        self._shared_max = key_records_max
        self._world = world

    async def again(self, record_ids: Sequence[str]) -> None:
        """Compare these anew: one transaction, which touches no contact. Raises Transient."""
        async with self._database.connection() as connection:
            keys, _ = await self._look(connection, record_ids)
            for _ in range(ROUNDS_MAX):
                async with connection.transaction():
                    await identities.lock(connection, keys)
                    needed, changes = await self._look(connection, record_ids)
                    if needed <= keys:
                        await self._write(connection, changes)
                        return
                keys |= needed
        raise Crowded("keys")

    async def _look(
        self, connection: Connection, record_ids: Sequence[str]
    ) -> tuple[frozenset[int], Mapping[str, Change]]:
        """These records as they are compared today, and the keys that must be held to say so."""
        stored = await identities.records(connection, record_ids)
        changes = {one.record_id: self._read(one) for one in stored.values() if one.traits is not None}
        partners = {record_id for pair in await identities.evidence_of(connection, changes) for record_id in pair}
        keys = {record_key(record_id) for record_id in {*record_ids, *partners}}
        keys.update(*(change.keys for change in changes.values()), *(change.old_keys for change in changes.values()))
        return frozenset(keys), changes

    def _read(self, stored: Stored) -> Change:
        """The record in comparable form, which may come out otherwise than when it came: releases read better."""
        record = stored.record
        traits = read(record, self._world.configuration.sources.get(record.source))
        return Change(stored, record, traits, blocking_keys(traits), stored.revision, ())

    async def _write(self, connection: Connection, changes: Mapping[str, Change]) -> None:
        new = {record_id: replace(change, before=None) for record_id, change in changes.items()}
        keys = {key for change in new.values() for key in change.keys}
        epoch, generic = await store.standing(connection, keys)
        law = await self._laws.under(connection, epoch)
        candidates = await identities.candidates(connection, keys - generic, self._shared_max)
        scores = score(new, candidates, self._shared_max, law, generic)
        gone: Collection[Pair] = {
            pair for pair in await identities.evidence_of(connection, new) if pair not in scores.evidence
        }
        revisions = {one.record_id: one.revision for one in candidates}
        revisions |= {record_id: change.revision for record_id, change in new.items()}
        read_anew = [one for one in changes.values() if one.compared_anew or one.keys != one.old_keys]
        await store.write_traits(connection, read_anew)
        await identities.write_keys(connection, read_anew)
        await identities.write_generic(connection, scores.generic)
        await identities.write_evidence(connection, gone, scores.evidence, revisions, epoch)
