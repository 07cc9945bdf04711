"""Keeping the queue right, inside the identity transaction: what is asked, what is no question any more, what was seen.

Called once everything else is written: evidence and contacts are read as they stand from now on.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.dedup import store
from services.dedup.core.judging import Judge, Verdict, Withdraw
from services.dedup.core.model import Bands
from services.dedup.core.reviewing import Review, asked_again, reviews_of, seen_between
from services.dedup.core.scene import Plan, Scene
from services.dedup.reviews import store as reviews
from shared.runtime.database import Connection


async def keep(
    connection: Connection, plan: Plan, scene: Scene, bands: Bands, now: datetime
) -> Mapping[str, Sequence[str]]:
    """Ask what the plan offers and what has to be asked again; close what is no question any more. The records of each
    review that is open now and was not before.
    """
    if not scene.regroup and not plan.offers:
        return {}
    asked = {
        one.review_id: one for one in [*await _again(connection, scene, bands, now), *reviews_of(plan.offers, now)]
    }
    stale = [
        one.review_id
        for one in await reviews.naming(connection, plan.home)
        if one.review_id not in asked
        and plan.home.keys() >= {*one.records}
        and not (one.reason == "control" and len({plan.home[record] for record in one.records}) == 1)
    ]
    await reviews.close(connection, stale)
    opened = await reviews.open_(connection, list(asked.values()), now)
    return {review_id: one.records for review_id, one in asked.items() if review_id in opened}


async def _again(connection: Connection, scene: Scene, bands: Bands, now: datetime) -> list[Review]:
    """What was judged, and has evidence against it now."""
    if not scene.judgements:
        return []
    seen = await reviews.seen(connection, [one.judgement_id for one in scene.judgements])
    named = {record for one in seen.values() for record in one.revisions}
    revisions = await reviews.revisions(connection, named)
    if all(revisions.get(record, was) == was for one in seen.values() for record, was in one.revisions.items()):
        return []
    edges = {pair: found for pair, (found, _, _) in (await store.edges(connection, revisions)).items()}
    return asked_again(scene.judgements, seen, edges, revisions, bands, now)


async def settle(connection: Connection, verdict: Verdict, scene: Scene, judgement_ids: Sequence[str]) -> None:
    """Note what the judgements that this verdict gave rest on, and the question they answer. One that is taken back
    leaves its question to be asked again.
    """
    if isinstance(verdict.wish, Withdraw):
        answered = await reviews.answered_by(connection, verdict.wish.judgement.judgement_id)
        await reviews.close(connection, [] if answered is None else [answered])
        return
    given = [one for one in scene.judgements if one.judgement_id in judgement_ids]
    named = {record for one in given for record in (*one.left, *one.right)}
    revisions = await reviews.revisions(connection, named)
    edges = {pair: found for pair, (found, _, _) in (await store.edges(connection, named)).items()}
    seen = {one.judgement_id: seen_between(one, edges, revisions) for one in given}
    await reviews.note(connection, seen, verdict.settles)
    if verdict.settles is not None and isinstance(verdict.wish, Judge):
        await reviews.settle(connection, verdict.settles, verdict, "same" if verdict.wish.same else "different")
