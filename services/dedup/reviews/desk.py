"""The desk of reviewers: the queue page by page, answers one by one or many at once, what they say of quality."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from services.dedup import store
from services.dedup.core import estimating, showing
from services.dedup.core.arriving import is_uuid
from services.dedup.core.asking import Answer, Assignment, Bulk
from services.dedup.core.composing import Composer
from services.dedup.core.explanation import Language
from services.dedup.core.folding import Stored
from services.dedup.core.judging import Judge, Withdraw
from services.dedup.core.pinning import Pin
from services.dedup.core.reviewing import Review, review_of
from services.dedup.core.scene import Row
from services.dedup.pins.store import pins_of
from services.dedup.reviews import store as reviews
from services.dedup.reviews.deciding import Deciding
from services.dedup.stage import Identity
from shared.domain.contact import Cause
from shared.domain.ids import derived_id
from shared.runtime.access import Caller
from shared.runtime.database import Connection
from shared.runtime.http import Fault, Problem, encode_cursor, page, unprocessable
from shared.runtime.world import Chore, World

LATER_DAYS: Final = 14
"""Days after which a review that was put off comes back, unless its evidence changes before: two weeks of holidays."""

LATER_DAYS_MAX: Final = 366
"""Whoever puts off for longer means never, and should say "different"."""

BULK_MAX: Final = 200
"""Reviews answered at once: each is a transaction of its own, together they take seconds. The rest comes next."""

SAMPLE: Final = 10
"""Reviews of a bulk that are shown before it is answered: enough to see one in four that does not belong."""

DUE_EVERY_S: Final = 60.0
"""How often what was put off is looked at: nobody waits for it to the minute."""

NOTHING: Final[dict[str, Any]] = {"contact_ids": [], "judgement_ids": [], "versions": {}}


class Show(NamedTuple):
    """How reviews are shown: in which language, and whether with the contact that "same" would make."""

    language: Language
    result: bool = True


class Desk:
    """What reviewers ask for."""

    def __init__(self, world: World, identity: Identity) -> None:
        self._world = world
        self._identity = identity
        self._deciding = Deciding(world, identity)

    async def queue(
        self, state: str, limit: int, after: tuple[int, str] | None, show: Show, **which: Any
    ) -> dict[str, Any]:
        """A page of reviews that still are a question, the most useful answer first."""
        async with self._database.connection() as connection, _steady(connection):
            found = await reviews.queue(connection, state, after=after, rows_max=limit, **which)
            items = await self._shown(connection, found, show)
        last = encode_cursor(found[-1].benefit, found[-1].review_id) if len(found) == limit else None
        return page([one for one in items if state == "decided" or showing.is_question(one)], last)

    async def show(self, review_id: str, show: Show) -> dict[str, Any]:
        """One review, whatever its state. Raises Problem 404."""
        async with self._database.connection() as connection, _steady(connection):
            found = await self._found(connection, review_id)
            (item,) = await self._shown(connection, [found], show)
        return item

    async def answer(self, review_id: str, given: Answer, caller: Caller, *, dry_run: bool) -> dict[str, Any]:
        """Same, different or later. Raises Problem 404 and 409."""
        until = self._until(given)
        async with self._database.connection() as connection:
            review = await self._found(connection, review_id)
        if given.judgement == "later":
            if review.state not in ("open", "later"):
                raise Problem(409, "Conflict", "This review is answered; take the answer back first.")
            await self._put_off([review_id], given.reason, caller, until, dry_run=dry_run)
            return NOTHING
        wish = Judge(given.judgement == "same", review.groups)
        if given.contact_ids is not None:
            wish = await self._some(review, given)
        return await self._deciding.decide(wish, caller, given.reason, review.review_id, dry_run=dry_run)

    async def undo(self, review_id: str, caller: Caller, *, dry_run: bool) -> dict[str, Any]:
        """Take back what was answered: its judgements, or the delay. Raises Problem 404, and 409 where nothing was."""
        async with self._database.connection() as connection:
            review = await self._found(connection, review_id)
            given = (await reviews.answers(connection, [review_id])).get(review_id, [])
            judgements = [await store.judgement(connection, one) for one in given]
        if review.state == "later" and not dry_run:
            async with self._database.transaction() as connection:
                await reviews.come_back(connection, self._world.clock.now(), review_id)
        elif review.state != "later" and not given:
            raise Problem(409, "Conflict", "Nobody answered this review, or the answer was taken back.")
        versions: dict[str, int] = {}
        for one in judgements:
            if one is not None:
                done = await self._deciding.decide(Withdraw(one), caller, None, dry_run=dry_run)
                versions |= done["versions"]
        return {"contact_ids": sorted(versions), "judgement_ids": given, "versions": versions}

    async def bulk(self, asked: Bulk, caller: Caller, show: Show, *, dry_run: bool) -> dict[str, Any]:
        """Answer many alike. Without `confirm`: how many it would be, a sample, and what to confirm; with it they are
        answered, unless they are others by now (409). One that makes no sense any more is skipped.
        """
        until = self._until(asked)
        async with self._database.connection() as connection, _steady(connection):
            found = await reviews.queue(
                connection,
                "open",
                after=None,
                rows_max=BULK_MAX,
                reason=asked.reviews.reason,
                assignee=asked.reviews.assignee,
                weights=asked.reviews.weights,
            )
            ids = sorted(one.review_id for one in found)
            confirm = derived_id("bulk", asked.judgement, *ids)
            drawn = [one for one in found if one.review_id in ids[:SAMPLE]]  # ids are hashes: the least are a fair draw
            sample = [] if asked.confirm else await self._shown(connection, drawn, show)
        if asked.confirm is None or dry_run:
            return {"total": len(ids), "sample": sample, "confirm": confirm}
        if asked.confirm != confirm:
            raise Problem(409, "Conflict", "These are other reviews by now: look at the sample again, then confirm it.")
        if asked.judgement == "later":
            await self._put_off(ids, asked.reason, caller, until, dry_run=False)
            return {"answered": len(ids), "skipped": [], "judgement_ids": []}
        given: list[str] = []
        skipped: list[str] = []
        for one in found:
            wish = Judge(asked.judgement == "same", one.groups)
            try:
                done = await self._deciding.decide(wish, caller, asked.reason, one.review_id, dry_run=False)
            except Problem:
                skipped.append(one.review_id)
                continue
            given += done["judgement_ids"]
        return {"answered": len(ids) - len(skipped), "skipped": skipped, "judgement_ids": given}

    async def assign(self, wish: Assignment, *, dry_run: bool) -> dict[str, Any]:
        """Make reviews somebody's, or nobody's. Raises Problem 422 for what is no id."""
        faults = [
            Fault(f"/review_ids/{at}", "this is no id") for at, one in enumerate(wish.review_ids) if not is_uuid(one)
        ]
        if faults:
            raise unprocessable(faults)
        async with self._database.connection() as connection:
            if dry_run:
                found = await reviews.find(connection, wish.review_ids)
                return {"assigned": sum(one.state in ("open", "later") for one in found.values())}
            return {"assigned": await reviews.assign(connection, wish.review_ids, wish.assignee)}

    async def draw(self, count: int, *, dry_run: bool) -> dict[str, Any]:
        """Ask about pairs that were merged without asking, drawn at random: only that tells how right they are."""
        now = self._world.clock.now()
        async with self._database.transaction() as connection:
            pairs = await reviews.drawn(connection, count)
            asked = [review_of(((one,), (other,)), weight, "control", now) for (one, other), weight in pairs]
            known = await reviews.find(connection, [one.review_id for one in asked])
            new = [one for one in asked if one.review_id not in known]
            opened = set[str]() if dry_run else await reviews.open_(connection, new, now)
        return {"review_ids": sorted(opened), "total": len(new)}

    async def quality(self) -> dict[str, Any]:
        """Precision and recall of the contacts as they stand, from what was answered; and the queue's length."""
        async with self._database.connection() as connection, _steady(connection):
            counted = await reviews.counted(connection, estimating.BAND_MILLIBITS, estimating.BANDS)
            observed = await reviews.observed(connection)
            counts = await reviews.counts(connection)
        states = {state: counts.get(state, 0) for state in ("open", "later", "decided")}
        return {"reviews": states, **estimating.quality(counted, observed)}

    def chore(self) -> Chore:
        """Brings back what was put off until now."""
        return Chore("reviews", DUE_EVERY_S, self._come_back)

    async def _come_back(self) -> None:
        async with self._database.connection() as connection:
            await reviews.come_back(connection, self._world.clock.now())

    @property
    def _database(self) -> Any:
        return self._world.database

    async def _some(self, review: Review, given: Answer) -> Judge:
        """Some of the contacts of a review are one person. Raises Problem 422 where they are none of it."""
        async with self._database.connection() as connection:
            homes = await store.homes(connection, review.records)
        named = frozenset(given.contact_ids or ())
        if given.judgement != "same" or not named <= frozenset(homes.values()):
            raise unprocessable([Fault("/contact_ids", 'contacts of this review, with "same" alone')])
        groups = [group for group in review.groups if named.intersection(homes.get(one) or "" for one in group)]
        return Judge(same=True, groups=tuple(groups), apart=tuple(one for one in review.groups if one not in groups))

    async def _found(self, connection: Connection, review_id: str) -> Review:
        found = (await reviews.find(connection, [review_id])).get(review_id) if is_uuid(review_id) else None
        if found is None:
            raise Problem(404, "Not found", "There is no such review.")
        return found

    def _until(self, given: Answer | Bulk) -> datetime:
        """When a review that is put off comes back. Raises Problem 422 for a time that is past or too far."""
        now = self._world.clock.now()
        if given.until is None:
            return now + timedelta(days=LATER_DAYS)
        if given.judgement != "later":
            raise unprocessable([Fault("/until", "only what is put off has an end")])
        if given.until.tzinfo is None or not now < given.until <= now + timedelta(days=LATER_DAYS_MAX):
            raise unprocessable([Fault("/until", "a time with its zone, later than now and within a year")])
        return given.until

    async def _put_off(
        self, review_ids: Sequence[str], reason: str | None, caller: Caller, until: datetime, *, dry_run: bool
    ) -> None:
        if not dry_run:
            async with self._database.transaction() as connection:
                await reviews.put_off(connection, review_ids, caller.name, reason, self._world.clock.now(), until)

    async def _shown(self, connection: Connection, found: Sequence[Review], show: Show) -> list[dict[str, Any]]:
        """Reviews with both sides, the evidence across them, and the contact that "same" would make of them."""
        home = await store.homes(connection, {one for review in found for one in review.records})
        homes = {one for one in home.values() if one is not None}
        members = await store.members(connection, homes)
        records = {one: members[one] for one in home if one in members}
        rows = await store.contacts(connection, homes) if show.result else {}
        pins = await pins_of(connection, members) if show.result else []
        evidence = await store.evidence_between(connection, records)
        given = await reviews.answers(connection, [one.review_id for one in found if one.state == "decided"])
        model = self._identity.laws.present.model
        shown: list[dict[str, Any]] = []
        for one in found:
            item = showing.review(one, records, evidence, model, show.language)
            if one.state == "decided":
                item["judgement_ids"] = given.get(one.review_id, [])
            elif show.result:
                item["result"] = self._result(one, records, rows, members, pins)
            shown.append(item)
        return shown

    def _result(
        self,
        review: Review,
        records: Mapping[str, Stored],
        rows: Mapping[str, Row],
        members: Mapping[str, Stored],
        pins: Collection[Pin],
    ) -> Any:
        """The golden record of all records of these contacts: the id is that of the contact with most records, of two
        alike the older one.
        """
        homes = {home for one in review.records if one in records and (home := records[one].contact_id) in rows}
        if not homes:
            return None
        mine = {name: one for name, one in members.items() if one.contact_id in homes}
        size = {home: sum(one.contact_id == home for one in mine.values()) for home in homes}
        kept = min((home for home in homes if home is not None), key=lambda home: (-size[home], home))
        row = rows[kept]
        newest = max(rows[home].updated_at for home in homes if home is not None)
        cause = Cause(kind="judgement", id=review.review_id)
        after = Row(kept, row.version + 1, row.founder, row.created_at, newest, cause)
        fixed = [pin for pin in pins if pin.record_id in mine]
        former = [home for home in homes if home is not None and home != kept]
        return Composer(self._world.configuration).golden(after, [one.record for one in mine.values()], former, fixed)


def _steady(connection: Connection) -> Any:
    """A transaction in which all statements see one state."""
    return connection.transaction(isolation="repeatable_read", readonly=True)
