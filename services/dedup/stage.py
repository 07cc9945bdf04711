"""Dedup's stage: one identity transaction for each batch, in the order that keeps persons whole.

Keys are locked, all in one statement, before anything is read that counts; contacts are locked, sorted, before their
records are read again; whoever finds more to lock starts over with the larger set. Decisions by HTTP and chores go
through the same transaction. Why this order: facts, identity-transactions 4 and 5; interleavings 1 to 10.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Final, assert_never

from services.dedup import store
from services.dedup.core import answering, interactions, judging, restoring, saying
from services.dedup.core import erasing as erasure
from services.dedup.core.answering import Batch, Memo
from services.dedup.core.arriving import Work, at_the_door, event_keys, record_of, work_of
from services.dedup.core.clustering import Judgement
from services.dedup.core.composing import Composer, Result, TooLarge, versions_after, versions_of
from services.dedup.core.decide import Law, regroup, score
from services.dedup.core.folding import Change, Stored, by_record, changed
from services.dedup.core.interactions import Address, Happening, Unfound, Whom
from services.dedup.core.judging import Withdraw
from services.dedup.core.locking import Needs, contacts_of, keys_of, near, needs_of
from services.dedup.core.saying import Decided
from services.dedup.core.scene import NOTHING, Candidate, Pair, Plan, Scene, Scores, led
from services.dedup.pins.fixing import pinned
from services.dedup.pins.store import pins_of
from services.dedup.reconcile.laws import Laws
from services.dedup.reconcile.store import standing
from services.dedup.requests import erasing
from services.dedup.requests.desk import Desk
from services.dedup.reviews import keeping
from services.dedup.settings import DedupSettings
from shared.domain.configuration import Configuration
from shared.domain.errors import Transient
from shared.domain.events import Decision
from shared.domain.outcome import DeadLetter, Drop, DropReason, Forward, LetterReason, Outcome, Outgoing
from shared.runtime import codec, outbox
from shared.runtime.database import Connection
from shared.runtime.revisions import Outdated, held
from shared.runtime.stage import Settled, Taken
from shared.runtime.world import World
from shared.topology import Type

ROUNDS_MAX: Final = 8
"""Times that a transaction starts over with a larger set of locks. A third round was never needed in 240,000 measured
events; whoever gets here is tried again after a pause, as after a deadlock."""


Rests = tuple[set[Pair], dict[str, int], int]
"""The evidence that goes, the revisions of the records on which the rest stands, and the epoch of the population."""


class Crowded(Transient):
    """Others changed what this transaction locks, again and again: worth another try after a pause."""


class _Grown(Exception):
    """More keys must be locked before anything is read: start over with them."""

    def __init__(self, keys: Collection[int]) -> None:
        super().__init__("keys")
        self.keys = frozenset(keys)


class _DryRun(Exception):
    """Nothing of this is to be kept but the answer."""

    def __init__(self, result: Result) -> None:
        super().__init__("dry run")
        self.result = result


class Identity:
    """The identity transaction: whatever changes who is who goes through `carry_out`."""

    def __init__(self, world: World, settings: DedupSettings, law: Law) -> None:
        self._world = world
        self._settings = settings
        self.laws = Laws(law)
        self.adopt(world.configuration)

    def adopt(self, configuration: Configuration) -> None:
        """Decide by this revision from now on; what is under way ends by the one it began with, or starts over."""
        self._revision = configuration.revision
        self._sources = configuration.sources
        self._countries = {name: source.country for name, source in configuration.sources.items()}
        self._composer = Composer(configuration)

    @property
    def key_records_max(self) -> int:
        """Records that may share a key before it gives no candidates any more."""
        return self._settings.key_records_max

    async def carry_out(self, work: Work) -> Result:
        """Decide this work, write it, commit. Raises Transient when the world is away or crowded, Refused for a verdict
        that makes no sense as things stand, TooLarge for a contact that no message could carry.
        """
        try:
            return await copy(self).carry_out_so(work)
        except Outdated:
            await self._world.catch_up()
            return await copy(self).carry_out_so(work)

    async def carry_out_so(self, work: Work) -> Result:
        """The same, while nobody changes the configuration. Raises Outdated, a Transient, where a newer one holds."""
        memo: Memo = {}
        async with self._world.database.connection() as connection:
            keys = await self._keys_before(connection, work, memo)
            for _ in range(ROUNDS_MAX):
                try:
                    return await self._attempt(connection, work, keys, memo)
                except _Grown as grown:
                    keys = keys | grown.keys
        raise Crowded("keys")

    async def _keys_before(self, connection: Connection, work: Work, memo: Memo) -> frozenset[int]:
        """What to lock, as far as it can be told from outside: checked again behind the locks."""
        if not work.told and not work.happenings:
            return frozenset(event_keys(work))
        batch = await self._read(connection, work, memo)
        return keys_of(batch, self._countries) | frozenset(event_keys(work))

    async def _read(self, connection: Connection, work: Work, memo: Memo) -> Batch:
        told = {record_id: list(some) for record_id, some in by_record(work.told).items()}
        batch = Batch(work, await store.records(connection, told) if told else {}, told, memo)
        for record_id in told:
            self._fold(batch, record_id)
        if work.happenings:
            await self._resolve(connection, batch, work.happenings)
        return batch

    def _fold(self, batch: Batch, record_id: str) -> None:
        """Fold all that the batch says about one record; remembered over the attempts, since normalising is dear."""
        told, before = batch.told[record_id], batch.before.get(record_id)
        name = (record_id, tuple(one.patch.event_id for one in told))
        known = batch.memo.get(name)
        if known is None or _body(known.before) != _body(before):
            known = changed(told, before, self._sources.get(told[0].source))
        if known.before is not before:
            known = replace(known, before=before)
        batch.changes[record_id] = batch.memo[name] = known

    async def _attempt(self, connection: Connection, work: Work, keys: frozenset[int], memo: Memo) -> Result:
        try:
            async with connection.transaction():
                await store.lock(connection, keys)
                await held(connection, self._revision)
                done = await self._decide(connection, work, keys, memo)
                _keep(work, done[0])
        except _DryRun as tried:
            return tried.result
        result, scene, changes = done
        says = self._composer.says(result, scene, changes, work, self._world.clock.now())
        return replace(result, says=says)

    async def _decide(
        self, connection: Connection, work: Work, keys: frozenset[int], memo: Memo
    ) -> tuple[Result, Scene, Mapping[str, Change]]:
        """Everything behind the key locks: read, decide, write."""
        redelivered = await self._redelivered(connection, work)
        if work.restored is not None and await store.contacts(connection, [work.restored.identity.contact_id]):
            work = replace(work, restored=None)
        overtaken = await erasing.overtaken(connection, work, self._countries)
        batch = await self._read(connection, work.without({*redelivered, *overtaken}), memo)
        await self._wake(connection, batch)
        missing = keys_of(batch, self._countries) - keys
        if missing:
            raise _Grown(missing)
        scores, was, needs = await self._score(connection, batch)
        scene = await self._lock_contacts(connection, needs)
        scene = await self._judge(connection, batch, scene)
        scene = await pinned(connection, work.pinning, scene)
        restored = batch.work.restored
        if restored is not None:
            scene = restoring.scene_of(scene, restored)
            scene = replace(scene, pins=[*scene.pins, *await pins_of(connection, batch.changes)])
        plan = self._plan(batch, scene, scores)
        if restored is not None:
            plan = restoring.plan_of(plan, scene, restored)
        if work.erasing is not None:
            plan = erasure.plan_of(plan)
        self._composer.measure(plan, scene, batch.changes)
        await self._write(connection, batch, plan, scores, was)
        decided = overtaken | answering.decided(batch, plan, scene)
        await store.write_decided(connection, decided.values())
        await self._write_besides(connection, batch, plan, scene, decided)
        if work.erasing is not None:
            await erasing.forget(connection, work.erasing, self._world.clock.now())
        versions = versions_after(work, plan, scene)
        return Result(plan, decided, redelivered, (), batch.judgement_ids, versions), scene, batch.changes

    async def _redelivered(self, connection: Connection, work: Work) -> dict[str, Decided]:
        """What was decided before. An interaction that comes from where it was parked is not one of them."""
        event_ids = [*(one.patch.event_id for one in work.told), *work.refreshes]
        waited = {one.event_id for one in work.happenings if one.waited}
        event_ids += [one.event_id for one in work.happenings]
        if not event_ids:
            return {}
        known = await store.decided(connection, event_ids)
        return {event_id: one for event_id, one in known.items() if event_id not in waited or one.outcome != "parked"}

    async def _wake(self, connection: Connection, batch: Batch) -> None:
        """Interactions that waited for one of these records, or for an address of theirs, are resolved now."""
        keys: list[int] = []
        for record_id, change in batch.changes.items():
            if change.traits is not None and change.compared_anew:
                keys += [*interactions.address_keys(change.traits), interactions.key_of(f"record|{record_id}")]
        if keys and (woken := await store.parked(connection, keys)):
            mine = {happening.event_id for happening in batch.work.happenings}
            woken = [happening for happening in woken if happening.event_id not in mine]
            batch.work = replace(batch.work, happenings=[*batch.work.happenings, *woken])
            await self._resolve(connection, batch, woken)

    async def _resolve(self, connection: Connection, batch: Batch, happenings: Sequence[Happening]) -> None:
        """Find the record of each interaction; make one where its type introduces somebody; move consent."""
        named = {
            happening.event_id: interactions.addressed(happening.said, self._countries.get(happening.said.source))
            for happening in happenings
        }
        addresses = [address for address in named.values() if address is not None]
        look_up = await self._looked_up(connection, batch, addresses)
        for happening in happenings:
            address = named[happening.event_id]
            found = happening.record_id or self._whose(batch, happening, address, look_up)
            if found in {Unfound.UNKNOWN, Unfound.HOPELESS, interactions.introduced_id(happening)}:
                introduced = interactions.introduced(happening, address)
                if introduced is not None:
                    found = introduced.record_id
                    batch.told.setdefault(found, []).append(introduced)
                    self._fold(batch, found)
            if found is Unfound.UNKNOWN and address is not None and not happening.waited:
                found = answering.departed(batch, look_up["records"], address, happening) or found
            match found:
                case Unfound.HOPELESS:
                    batch.hopeless.append(happening)
                case Unfound.UNKNOWN | Unfound.SHARED:
                    assert address is not None, "what names nobody is hopeless"
                    batch.waiting.append((happening, address.key, found is Unfound.SHARED))
                case str():
                    batch.found.append((happening, found))
                    self._consent(batch, happening, found)

    async def _looked_up(
        self, connection: Connection, batch: Batch, addresses: Sequence[Address]
    ) -> Mapping[Whom | str, Mapping[str, Stored]]:
        """What is stored about these addresses: records by id, and by contact id the record that stands for it."""
        by_key = [address.key for address in addresses if address.whom in (Whom.MAIL, Whom.PHONE)]
        holders: dict[str, Stored] = {}
        if by_key:
            found = await store.candidates(connection, by_key, self._settings.key_records_max)
            having = [one.record_id for one in found if any(interactions.has(one.traits, it) for it in addresses)]
            holders = await store.records(connection, having) if having else {}
        by_id = [address.value for address in addresses if address.whom is Whom.RECORD]
        records = await store.records(connection, by_id) if by_id else {}
        named = [address.value for address in addresses if address.whom is Whom.CONTACT]
        founders = await self._founders(connection, named) if named else {}
        for stored in (*holders.values(), *records.values(), *founders.values()):
            batch.before.setdefault(stored.record_id, stored)
        return {"holders": holders, "records": records, "contacts": founders}

    async def _founders(self, connection: Connection, contact_ids: Sequence[str]) -> dict[str, Stored]:
        """By contact id (former ones too) the record that stands for the contact: its founding record."""
        rows = await store.contacts(connection, contact_ids)
        led = {contact: row.merged_into or contact for contact, row in rows.items() if row.retired != "deleted"}
        rows |= await store.contacts(connection, set(led.values()) - rows.keys())
        living = {contact: rows[into] for contact, into in led.items() if into in rows and rows[into].retired is None}
        founders = await store.records(connection, [row.founder for row in living.values()])
        return {contact: founders[row.founder] for contact, row in living.items() if row.founder in founders}

    def _whose(
        self,
        batch: Batch,
        happening: Happening,
        address: Address | None,
        look_up: Mapping[Whom | str, Mapping[str, Stored]],
    ) -> str | Unfound:
        if address is None:
            return Unfound.HOPELESS
        match address.whom:
            case Whom.RECORD:
                change, stored = batch.changes.get(address.value), look_up["records"].get(address.value)
                live = change.traits is not None if change is not None else stored is not None and stored.contact_id
                return address.value if live else Unfound.UNKNOWN
            case Whom.CONTACT:
                founder = look_up["contacts"].get(address.value)
                return founder.record_id if founder is not None else Unfound.HOPELESS
            case Whom.MAIL | Whom.PHONE:
                return interactions.holder(happening.said.source, answering.holders(batch, look_up["holders"], address))
            case _:
                assert_never(address.whom)

    def _consent(self, batch: Batch, happening: Happening, record_id: str) -> None:
        change, stored = batch.changes.get(record_id), batch.before.get(record_id)
        record = change.record if change is not None else stored.record if stored is not None else None
        told = None if record is None or not record.live else interactions.consenting(happening, record)
        if told is not None:
            batch.told.setdefault(record_id, []).append(told)
            self._fold(batch, record_id)

    async def _score(self, connection: Connection, batch: Batch) -> tuple[Scores, Rests, Needs]:
        """Evidence of what is compared anew: found; gone, with the revisions and the epoch that all rests on; and what
        must be locked for it.
        """
        changes = batch.changes
        anew = {record_id: change for record_id, change in changes.items() if change.compared_anew}
        keys = {key for change in anew.values() for key in change.keys}
        candidates: list[Candidate] = []
        law, generic = self.laws.present, frozenset[int]()
        if keys:
            epoch, generic = await standing(connection, keys)
            law = await self.laws.under(connection, epoch)
            candidates = await store.candidates(connection, keys - generic, self._settings.key_records_max)
        scores = score(changes, candidates, self._settings.key_records_max, law, generic)
        known = [record_id for record_id, change in anew.items() if change.contact_id is not None]
        old = await store.evidence_of(connection, known) if known else {}
        gone = {pair for pair in old if pair not in scores.evidence}
        revisions = {one.record_id: one.revision for one in candidates}
        revisions |= {record_id: change.revision for record_id, change in changes.items()}
        needs = needs_of(batch, scores, old, candidates)
        return scores, (gone, revisions, law.population.epoch), needs

    async def _lock_contacts(self, connection: Connection, needs: Needs) -> Scene:
        """Lock the contacts of these records, those one piece of evidence away, and all former ids among them."""
        if not needs.records and not needs.contacts:
            return Scene()
        homes = {**needs.guess, **await self._homes(connection, needs.records - needs.guess.keys(), {})}
        rows = await store.contacts(connection, needs.contacts) if needs.contacts else {}
        grouped = contacts_of(needs.grouped, homes) | led(needs.named, rows)
        wanted = needs.contacts | contacts_of(needs.watched, homes) | led(needs.resaid, rows)
        wanted |= await store.reach(connection, grouped) if grouped else grouped
        await connection.execute("savepoint contacts")
        for _ in range(ROUNDS_MAX):
            scene, more = await self._scene(connection, needs, wanted)
            if more <= wanted:
                return scene
            await connection.execute("rollback to savepoint contacts")
            wanted |= more
        raise Crowded("contacts")

    async def _scene(
        self, connection: Connection, needs: Needs, wanted: Collection[str]
    ) -> tuple[Scene, frozenset[str]]:
        """Lock these, then read everything in new statements; and all that should have been locked by what is read."""
        rows = await store.lock_contacts(connection, wanted)
        living = [contact for contact, row in rows.items() if row.retired is None]
        members = await store.members(connection, living)
        homes = await self._homes(connection, needs.records, members)
        grouped = contacts_of(needs.grouped, homes) | led(needs.named, rows)
        resaid = led(needs.resaid, rows)
        inside = [record_id for record_id, stored in members.items() if stored.contact_id in grouped]
        edges = await store.edges(connection, members) if grouped else {}
        judgements = await store.judgements(connection, members) if grouped else []
        around = near(grouped, members, edges) | await self._judged_with(connection, judgements, inside, members)
        formers = await store.former(connection, living)
        more = grouped | around | resaid | contacts_of(needs.watched, homes)
        more |= {contact for contact, into in formers.items() if into in grouped | around}
        scene = Scene(
            rows=rows,
            members=members,
            edges={pair: found for pair, (found, _, _) in edges.items() if pair[0] in members and pair[1] in members},
            judgements=judgements,
            regroup=(grouped | around) & frozenset(living),
            resay=resaid & frozenset(living),
            formers={contact: into for contact, into in formers.items() if into in rows},
        )
        return scene, frozenset(more)

    async def _homes(
        self, connection: Connection, record_ids: Collection[str], members: Mapping[str, Stored]
    ) -> dict[str, str | None]:
        """The present contact of these records."""
        homes = {record_id: members[record_id].contact_id for record_id in record_ids if record_id in members}
        elsewhere = [record_id for record_id in record_ids if record_id not in members]
        return homes | (await store.homes(connection, elsewhere) if elsewhere else {})

    async def _judged_with(
        self,
        connection: Connection,
        judgements: Iterable[Judgement],
        inside: Collection[str],
        members: Mapping[str, Stored],
    ) -> frozenset[str]:
        """The contacts of records about which something was judged together with one of those inside."""
        here = set(inside)
        named = {
            record_id
            for one in judgements
            if not here.isdisjoint((*one.left, *one.right))
            for record_id in (*one.left, *one.right)
        }
        return contacts_of(named, await self._homes(connection, named, members)) if named else NOTHING

    async def _judge(self, connection: Connection, batch: Batch, scene: Scene) -> Scene:
        """Give or take back the judgements of a verdict, now that everything it is about is locked."""
        verdict = batch.work.verdict
        if verdict is None:
            return scene
        groups: dict[str, set[str]] = {}
        for record_id, stored in scene.members.items():
            if stored.contact_id is not None:
                groups.setdefault(stored.contact_id, set()).add(record_id)
        frozen = {contact: frozenset(group) for contact, group in groups.items()}
        where = {contact: into for contact in verdict.contact_ids for into in led((contact,), scene.rows)}
        given = judging.judged(verdict, frozen, where, self._world.ids.new)
        kept = list(scene.judgements)
        told = [saying.judged(Type.JUDGEMENT_GIVEN, one, verdict) for one in given]
        if isinstance(verdict.wish, Withdraw):
            withdrawn = verdict.wish.judgement.judgement_id
            await store.withdraw_judgement(connection, withdrawn, verdict.by, verdict.at)
            told = [saying.judged(Type.JUDGEMENT_WITHDRAWN, verdict.wish.judgement, verdict)]
            kept = [one for one in kept if one.judgement_id != withdrawn]
            batch.judgement_ids.append(withdrawn)
        await store.write_judgements(connection, given, verdict.by, verdict.reason)
        await outbox.append(connection, "dedup", told)
        batch.judgement_ids += [one.judgement_id for one in given]
        return replace(scene, judgements=[*kept, *given])

    def _plan(self, batch: Batch, scene: Scene, scores: Scores) -> Plan:
        if not batch.changes and not scene.regroup and not scene.resay:
            home = {record_id: stored.contact_id for record_id, stored in scene.members.items()}
            return Plan(rows={}, home=home, groups={}, was=home)
        times = (self._world.clock.now(), self._world.ids.new)
        return regroup(scene, batch.changes, scores, answering.causes(batch), self.laws.present, times)

    async def _write(self, connection: Connection, batch: Batch, plan: Plan, scores: Scores, was: Rests) -> None:
        gone, revisions, epoch = was
        moved = [batch.changes[record_id] for record_id in sorted(batch.changes) if batch.changes[record_id].moved]
        await store.write_records(connection, moved, plan.home)
        written = {change.record.record_id for change in moved}
        await store.write_homes(connection, {one: where for one, where in plan.moved.items() if one not in written})
        await store.write_keys(connection, moved)
        await store.write_generic(connection, scores.generic)
        await store.write_evidence(connection, gone, scores.evidence, revisions, epoch)
        await store.write_contacts(connection, [plan.rows[contact] for contact in sorted(plan.rows)])

    async def _write_besides(
        self,
        connection: Connection,
        batch: Batch,
        plan: Plan,
        scene: Scene,
        decided: Mapping[str, Decided],
    ) -> None:
        """Reviews, what waits and what waits no more, and what goes through the outbox."""
        now = self._world.clock.now()
        if batch.work.verdict is not None:
            await keeping.settle(connection, batch.work.verdict, scene, batch.judgement_ids)
        opened = await keeping.keep(connection, plan, scene, self.laws.present.model.bands, now)
        woken = [happening for happening, _ in batch.found if happening.waited]
        await store.unpark(connection, [one.event_id for one in (*woken, *batch.hopeless) if one.waited])
        await store.park(connection, batch.waiting, now)
        late = [one for happening in woken for one in answering.told_interaction(happening, decided)]
        late += saying.decided([answer for one in woken if (answer := decided[one.event_id].answer)], now)
        happened = saying.happenings(plan, opened) if batch.work.restored is None else []
        await outbox.append(connection, "dedup", [*happened, *late])

    async def give_up(self, happenings: Sequence[Happening]) -> None:
        """Drop interactions whose person never came, and let their receipts know."""
        async with self._world.database.transaction() as connection:
            gone = await store.unpark(connection, [happening.event_id for happening in happenings])
            dropped = [Decided(event_id, "dropped", DropReason.UNKNOWN_CONTACT) for event_id in sorted(gone)]
            await store.write_decided(connection, dropped)
            answers = [answer for one in dropped if (answer := one.answer) is not None]
            await outbox.append(connection, "dedup", saying.decided(answers, self._world.clock.now()))

    async def say_again(self, contact_ids: Collection[str], decisions: Sequence[Decision] = ()) -> list[Outgoing]:
        """What there is to say about these contacts now, as stored, with decisions that were made before."""
        async with (
            self._world.database.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            rows = await store.contacts(connection, contact_ids)
            living = [contact for contact, row in rows.items() if row.retired is None]
            members = await store.members(connection, living) if living else {}
            formers = await store.former(connection, living) if living else {}
            pins = await pins_of(connection, members) if members else []
        says: list[Outgoing] = []
        for contact, row in rows.items():
            mine = [one for one in decisions if one.contact_id == contact]
            if row.retired is not None:
                says += [saying.retired(row, mine), saying.assigned(row, ())]
                continue
            records = [stored.record for stored in members.values() if stored.contact_id == contact]
            former = [one for one, into in formers.items() if into == contact]
            fixed = [pin for pin in pins if members[pin.record_id].contact_id == contact]
            says.append(saying.resolved(row, self._composer.golden(row, records, former, fixed), mine))
            says.append(saying.assigned(row, [record.record_id for record in records]))
        left = [one for one in decisions if one.contact_id not in rows]
        return says + saying.decided(left, self._world.clock.now())


async def say(world: World, says: Sequence[Outgoing]) -> None:
    """Say these at once, outside the loop, and forget that they were to be said. Raises Transient while Kafka is away:
    they stay unsaid, and the sweeper says them.
    """
    await world.producer.send([codec.draft(one) for one in says])
    async with world.database.connection() as connection:
        await store.said(connection, versions_of(says))


class Dedup:
    """The stage: what arrives on `contacts.received` becomes contacts, said on `contacts.resolved`."""

    def __init__(self, world: World, settings: DedupSettings, identity: Identity) -> None:
        self.messages_max = settings.batch_messages_max
        self._world = world
        self._identity = identity
        self._desk = Desk(world, identity)

    async def settle(self, batch: Sequence[Taken]) -> Settled:
        """Decide a batch in one transaction; what was decided before is said again. Raises Transient."""
        outcomes: dict[int, Outcome] = {}
        seen: set[str] = set()
        for place, taken in enumerate(batch):
            outcome = at_the_door(taken.event)
            if outcome is None and taken.event.id in seen:
                outcome = Drop(DropReason.REDELIVERED)
            if outcome is not None:
                outcomes[place] = outcome
            seen.add(taken.event.id)
        open_ = [place for place in range(len(batch)) if place not in outcomes]
        asked = [place for place in open_ if restoring.is_request(batch[place].event)]
        says = await self._desk.take([batch[place].event for place in asked])
        settled = await self._settled(batch, {**outcomes, **dict.fromkeys(asked, Forward())})
        return Settled(settled.outcomes, [*says, *settled.says])

    async def _settled(self, batch: Sequence[Taken], outcomes: dict[int, Outcome]) -> Settled:
        places = [place for place in range(len(batch)) if place not in outcomes]
        if not places:
            return Settled([outcomes[place] for place in range(len(batch))])
        work = work_of([batch[place].event for place in places])
        try:
            result = await self._identity.carry_out(work)
        except Transient as away:
            if len(places) == 1 or not store.is_lock_table_full(away):
                raise
            return await self._halved(batch, outcomes, places)
        except TooLarge as too_large:
            large = {place for place in places if record_of(batch[place].event) in too_large.record_ids}
            assert large, "a contact grows by an event of the batch"
            why = DeadLetter(LetterReason.TOO_LARGE, "its contact would be larger than a message may be")
            return await self._settled(batch, {**outcomes, **dict.fromkeys(large, why)})
        says = [*result.says, *await self._again(work, result.redelivered)]
        for place in places:
            outcomes[place] = _outcome(batch[place].event.id, result)
        return Settled([outcomes[place] for place in range(len(batch))], says)

    async def _halved(self, batch: Sequence[Taken], outcomes: dict[int, Outcome], places: list[int]) -> Settled:
        """The batch in two transactions, the first half first: all its locks did not fit into the server's table."""
        done = dict(outcomes)
        says: list[Outgoing] = []
        for half in (places[: len(places) // 2], places[len(places) // 2 :]):
            settled = await self._settled([batch[place] for place in half], {})
            done |= dict(zip(half, settled.outcomes, strict=True))
            says += settled.says
        return Settled([done[place] for place in range(len(batch))], says)

    async def _again(self, work: Work, redelivered: Mapping[str, Decided]) -> list[Outgoing]:
        """What was decided in an earlier delivery, said again: it may have died before it was said.

        An interaction alone makes no version, so its contact is said again only where it was never said.
        """
        if not redelivered:
            return []
        answers = [answer for one in redelivered.values() if (answer := one.answer) is not None]
        quiet = {happening.event_id for happening in work.happenings}
        contacts = {one.contact_id for one in redelivered.values() if one.contact_id is not None}
        loud = {one.contact_id for event_id, one in redelivered.items() if event_id not in quiet}
        async with self._world.database.connection() as connection:
            unsaid = await store.unsaid_among(connection, contacts)
        says = await self._identity.say_again(contacts & (loud | unsaid), answers)
        for happening in work.happenings:
            known = redelivered.get(happening.event_id)
            if known is not None and known.outcome == "resolved":
                says += answering.told_interaction(happening, redelivered)
        return says

    async def acknowledged(self, batch: Sequence[Taken], settled: Settled) -> Sequence[Outgoing]:  # noqa: ARG002
        """Forget that these versions are to be said; nothing has to be said besides."""
        async with self._world.database.connection() as connection:
            await store.said(connection, versions_of(settled.says))
        await self._desk.acknowledged()
        return ()


def _outcome(event_id: str, result: Result) -> Outcome:
    if event_id in result.redelivered:
        return Drop(DropReason.REDELIVERED)
    decided = result.decided[event_id]
    if decided.outcome == "dropped":
        assert decided.reason is not None, "what is dropped has a reason"
        return Drop(DropReason(decided.reason))
    return Forward()


def _keep(work: Work, result: Result) -> None:
    """Raises _DryRun, which rolls back, for work that is only tried."""
    if work.dry_run:
        raise _DryRun(result)


def _body(stored: Stored | None) -> bytes | None:
    return None if stored is None else stored.packed_body
