"""The stage of rules: store what is newer, say what is stored, and say it again where the topic is behind.

For every message the row is said as it is stored now, never as the message was: whoever is late repeats the present.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import Final, NamedTuple, TypeVar, assert_never

from services.rules.core.activity import NO_ACTIVITY
from services.rules.core.asking import is_late, moves, refresh
from services.rules.core.conditions import Why
from services.rules.core.decide import Around, Decided, Gone, Published, Seen, decide, decide_gone, said_again
from services.rules.core.happenings import cleaned, tombstone
from services.rules.core.hearing import Hearing
from services.rules.core.plan import Arrived, Heard, Plan, Versioned, planned
from services.rules.core.rulebook import Rulebook
from services.rules.store import Row, Store, as_json, packed
from services.rules.writes import Writes, publish, retire, row_of
from shared.domain.contact import Contact
from shared.domain.events import InteractionResolved, Retired
from shared.domain.outcome import Drop, DropReason, Forward, Outcome, Outgoing
from shared.runtime.clock import Clock
from shared.runtime.database import Connection
from shared.runtime.stage import Settled, Taken, said
from shared.topology import CLEAN

SERVICE: Final = "rules"

T = TypeVar("T")


class Again(NamedTuple):
    """A version that is not newer: the row is said, as it is stored or, with `contact`, as it is stored now."""

    row: Row
    contact: Contact | None = None


class Rules:
    """The stage. `topic_prefix` is what stands before a topic's name in a Kafka shared with others."""

    def __init__(
        self, store: Store, rulebook: Rulebook, clock: Clock, messages_max: int, topic_prefix: str = ""
    ) -> None:
        self.messages_max = messages_max
        self.unanswered: Counter[tuple[str, Why]] = Counter()
        self._store = store
        self.rulebook = rulebook
        self._clock = clock
        self._clean = {CLEAN.name, topic_prefix + CLEAN.name}
        self._hearing = Hearing()
        self._said_more: dict[str, int] = {}

    async def settle(self, batch: Sequence[Taken]) -> Settled:
        """Decide on the newest version of every contact of the batch, in one transaction and by one rulebook."""
        return await copy(self).settle_so(batch)

    async def settle_so(self, batch: Sequence[Taken]) -> Settled:
        """The same, while nobody changes the rulebook."""
        plan = planned([self._arrived(taken) for taken in batch])
        now = self._clock.now()
        async with self._store.transaction() as connection:
            if plan.newest:
                await self._store.lock(connection, plan.newest)
            if plan.fired:
                await self._store.fire(connection, sorted({*plan.fired}), now)
            new = await self._store.note_interactions(connection, list(plan.interactions.values()))
            rows = await self._store.rows(connection, plan.contact_ids())
            around = await self._around(connection, plan, rows, now)
            writes = Writes(now, self.rulebook.plans)
            decided = {
                contact_id: self._decided(plan, newest, rows.get(contact_id), around[contact_id])
                for contact_id, newest in plan.newest.items()
            }  # all decisions first: the same code over and over stays in the processor's cache
            outcomes = {
                contact_id: self._outcome(plan, plan.newest[contact_id], rows.get(contact_id), one, writes)
                for contact_id, one in decided.items()
            }
            writes.happenings += await self._asks(connection, plan.touched(new), rows, now)
            gone = {contact_id for contact_id, row in rows.items() if row.retired == "erased"}
            late = [one for one in plan.interactions.values() if one.contact_id in gone]
            writes.erased.update(one.contact_id for one in late)
            writes.forgotten.update(one.record_id for one in late)
            await writes.write(self._store, connection, SERVICE)
        for place, one in plan.interactions.items():
            known = (one.source, one.interaction_id) not in new
            plan.settled[place] = Drop(DropReason.REDELIVERED) if known else Forward()
        for place, contact_id in plan.places.items():
            plan.settled[place] = outcomes[contact_id] if place == plan.newest[contact_id].place else Forward()
        for heard in plan.heard:
            plan.settled[heard.place] = self._hear(heard, rows.get(heard.contact_id), plan)
        return Settled([plan.settled[place] for place in range(len(batch))])

    async def acknowledged(self, batch: Sequence[Taken], settled: Settled) -> Sequence[Outgoing]:
        """What has become newer than what was just said: another process may have stored it while we slept."""
        versions = _clean_versions(said(settled)) if batch else self._said_more
        newer = await self._store.newer(versions)
        says = [_as_stored(row, None) for row in newer.values()]
        self._said_more = _clean_versions(says)
        return says

    def _arrived(self, taken: Taken) -> Arrived:
        return Arrived(taken.event, taken.message.topic in self._clean, taken.message.timestamp_ms)

    async def _around(
        self, connection: Connection, plan: Plan, rows: Mapping[str, Row], now: datetime
    ) -> dict[str, Around]:
        """What the decisions rest on besides the rows; only what is newer is asked about."""
        fresh = {
            contact_id: newest.data
            for contact_id, newest in plan.newest.items()
            if isinstance(newest.data, Contact) and _is_newer(newest, rows.get(contact_id))
        }
        records = {
            contact_id: [member.record_id for member in contact.records] for contact_id, contact in fresh.items()
        }
        activities = await self._store.activities(connection, records, now) if fresh else {}
        former = sorted({id_ for contact in fresh.values() for id_ in contact.merged_from})
        stuck = await self._store.stuck(connection, former) if former and self.rulebook.sticks else {}
        return {
            contact_id: Around(
                now,
                activities.get(contact_id, NO_ACTIVITY),
                frozenset().union(*(stuck.get(id_, ()) for id_ in fresh[contact_id].merged_from))
                if contact_id in fresh
                else frozenset(),
                newest.traceparent,
            )
            for contact_id, newest in plan.newest.items()
        }

    async def _asks(
        self, connection: Connection, touched: Mapping[str, InteractionResolved], rows: Mapping[str, Row], now: datetime
    ) -> list[Outgoing]:
        """Requests to say those contacts again whose rules an interaction has moved, or whose activity is told late."""
        standings = {contact_id: rows[contact_id].standing() for contact_id in touched if contact_id in rows}
        late = {id_ for id_, standing in standings.items() if is_late(standing, touched[id_], now)}
        records = {
            contact_id: [member.record_id for member in standing.contact.records]
            for contact_id, standing in standings.items()
            if standing.contact is not None and self.rulebook.reads_timeline
        }
        activities = await self._store.activities(connection, records, now) if records else {}
        around = {contact_id: Around(now, activities.get(contact_id, NO_ACTIVITY)) for contact_id in standings}
        moved = {id_ for id_ in records if moves(standings[id_], around[id_], self.rulebook)}
        return [refresh(touched[id_], around[id_]) for id_ in standings if id_ in late | moved]

    def _decided(self, plan: Plan, newest: Versioned, row: Row | None, around: Around) -> Decided | Again:
        if row is not None and not _is_newer(newest, row):
            return _repeated(plan, newest, row, around)
        standing = None if row is None else row.standing()
        if isinstance(newest.data, Retired):
            return decide_gone(newest.data, standing, around)
        asked = plan.awaited.get(newest.contact_id)
        awaited = asked is not None and (standing is None or asked.version > standing.published_version)
        decided = decide(newest.data, standing, around, self.rulebook, awaited=awaited)
        if decided.holding.unanswered:
            self.unanswered.update(decided.holding.unanswered)
        return decided

    def _outcome(
        self, plan: Plan, newest: Versioned, row: Row | None, decided: Decided | Again, writes: Writes
    ) -> Outcome:
        """What becomes of the newest message of one contact; adds what has to be written."""
        match decided:
            case Seen():
                writes.seen[newest.contact_id] = newest.version
                writes.plan(newest.contact_id, newest.version, decided.holding)
                again = row is not None and plan.oldest[newest.contact_id] <= row.version
                return _stored(row, newest) if again and row is not None else Drop(DropReason.UNCHANGED)
            case Published():
                outcome = publish(decided, newest.traceparent, writes)
                if decided.before is None and newest.contact_id in plan.restored and isinstance(outcome, Forward):
                    writes.bring_back(decided.contact, decided.holding)
                return outcome
            case Gone():
                return retire(decided, row, newest.traceparent, writes)
            case Again():
                return _say_again(decided, newest, writes)
            case _:
                assert_never(decided)

    def _hear(self, heard: Heard, row: Row | None, plan: Plan) -> Outcome:
        """Our own topic: where it ends with something older than the row, the row is said again."""
        late = row is not None and self._hearing.is_late(heard, row.published_version, row.updated_at)
        if row is None or heard.contact_id in plan.newest:
            return Drop(DropReason.NOT_OURS)
        return Forward((_as_stored(row, None),)) if late else Drop(DropReason.UNCHANGED)


def _repeated(plan: Plan, newest: Versioned, row: Row, around: Around) -> Again:
    """Nothing newer: the row is said as stored; under the version seen, where a sender waits for one in between."""
    asked = plan.awaited.get(newest.contact_id)
    if asked is not None and asked.version > row.published_version and row.document is not None:
        return Again(row, said_again(row.standing(), asked.cause, around.now))
    return Again(row)


def _say_again(again: Again, newest: Versioned, writes: Writes) -> Outcome:
    if again.contact is None:
        return _stored(again.row, newest)
    writes.rows.append(row_of(again.contact, again.row.stuck, packed(as_json(again.contact))))
    return Forward((cleaned(again.contact, newest.traceparent),))


def _stored(row: Row, newest: Versioned) -> Forward:
    return Forward((_as_stored(row, newest.traceparent),))


def _is_newer(newest: Versioned, row: Row | None) -> bool:
    return row is None or newest.version > row.version


def _as_stored(row: Row, traceparent: str | None) -> Outgoing:
    contact = row.contact()
    return tombstone(row.tombstone(), traceparent) if contact is None else cleaned(contact, traceparent)


def _clean_versions(says: Sequence[Outgoing]) -> dict[str, int]:
    """What was said on `contacts.clean`, by contact."""
    return {one.key: int(one.event.extensions["version"]) for one in says if one.topic is CLEAN}
