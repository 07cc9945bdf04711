"""Locking: which keys and contacts a batch must hold before what it reads counts."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from services.dedup.core.answering import Batch
from services.dedup.core.folding import Stored, changed
from services.dedup.core.interactions import addressed, introduced, record_key
from services.dedup.core.scene import Candidate, Pair, Scores
from shared.domain.configuration import Source


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be locked: records whose contacts are grouped anew or only read, and contacts named as such.

    `guess` is where the records were before their contacts were locked: where to begin, no more.
    """

    grouped: frozenset[str]
    watched: frozenset[str]
    guess: Mapping[str, str | None]
    named: frozenset[str]
    resaid: frozenset[str]

    @property
    def records(self) -> frozenset[str]:
        """All records whose contacts are locked."""
        return self.grouped | self.watched

    @property
    def contacts(self) -> frozenset[str]:
        """All contacts that are locked as such, former ids among them."""
        return self.named | self.resaid


def keys_of(batch: Batch, countries: Mapping[str, str | None]) -> frozenset[int]:
    """The keys that this batch must hold: of its records, their old and new form, and addresses it looks up."""
    keys: set[int] = set()
    for record_id, change in batch.changes.items():
        keys.add(record_key(record_id))
        keys.update(change.old_keys)
        keys.update(change.keys)
    keys.update(record_key(record_id) for _, record_id in batch.found)
    for happening in batch.work.happenings:
        address = addressed(happening.said, countries.get(happening.said.source))
        if address is not None:
            keys.add(address.key)
        told = introduced(happening, address)
        if told is not None:
            keys.add(record_key(told.record_id))
            keys.update(changed([told], None, Source(country=countries.get(told.source))).keys)
    return frozenset(keys)


def needs_of(batch: Batch, scores: Scores, old: Collection[Pair], candidates: Iterable[Candidate]) -> Needs:
    """What must be locked for a batch with these scores; `old` are the pairs whose evidence may go."""
    changes, verdict = batch.changes, batch.work.verdict
    new = {record_id for record_id, change in changes.items() if change.before is None}
    known = {record_id for record_id, change in changes.items() if change.contact_id is not None}
    partners = {record_id for pair in (*old, *scores.evidence) for record_id in pair} - new
    grouped = partners | {record_id for record_id in known if changes[record_id].compared_anew}
    grouped |= set(verdict.record_ids if verdict is not None else ())
    found = {record_id for _, record_id in batch.found} - new
    pinned = {batch.work.pinning.wish.contact_id} if batch.work.pinning is not None else set[str]()
    again = batch.work.again.contact_ids if batch.work.again is not None else frozenset[str]()
    guess = {one.record_id: one.contact_id for one in candidates}
    guess |= {record_id: stored.contact_id for record_id, stored in batch.before.items()}
    return Needs(
        grouped=frozenset(grouped),
        watched=frozenset((known | found) - grouped),
        guess=guess,
        named=frozenset(verdict.contact_ids if verdict is not None else ()) | again,
        resaid=frozenset(one.contact_id for one in batch.work.refreshes.values()) | pinned,
    )


def contacts_of(record_ids: Iterable[str], homes: Mapping[str, str | None]) -> frozenset[str]:
    """The contacts of these records."""
    return frozenset(contact for record_id in record_ids if (contact := homes.get(record_id)) is not None)


def near(
    grouped: Collection[str], members: Mapping[str, Stored], edges: Mapping[Pair, tuple[object, str, str | None]]
) -> frozenset[str]:
    """The contacts one piece of evidence away from these."""
    found: set[str] = set()
    for pair, (_, other, contact) in edges.items():
        ends = {
            members[one].contact_id if one in members else contact for one in pair if one in members or one == other
        }
        if not ends.isdisjoint(grouped):
            found |= {end for end in ends if end is not None}
    return frozenset(found)
