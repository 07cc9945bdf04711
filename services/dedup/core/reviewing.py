"""Reviewing: questions to people with an id that stays, what an answer is worth, and when to ask again."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import combinations
from typing import Final, Literal

import msgspec

from services.dedup.core.clustering import Judgement, Offer
from services.dedup.core.comparison import Evidence
from services.dedup.core.model import Bands, probability
from shared.domain.ids import derived_id

Reason = Literal["borderline", "contradiction", "oversized", "changed", "control"]
Pair = tuple[str, str]

CHANGED_MILLIBITS: Final = 2_000
"""By how much evidence must have turned against a judgement before it is asked again: four times as likely. New name
frequencies move a pair by less than one bit, another house number or job by less than two."""

BENEFIT_MAX: Final = 2**31 - 1
"""The column is an integer of four bytes."""


class Review(msgspec.Struct, frozen=True):
    """One question to a person: are these groups of records one? `review_id` follows from the record ids alone.

    `reason`: borderline (likely, not sure), contradiction (judgements disagree), oversized, changed (evidence turned
    against what was judged), control (drawn from what was merged alone). `benefit`: thousandths of a pair of records
    that the answer is expected to set right. `due_at`: when one that was put off comes back.
    """

    review_id: str
    state: str
    weight: int
    groups: tuple[tuple[str, ...], ...]
    opened_at: datetime
    reason: Reason = "borderline"
    benefit: int = 0
    assignee: str | None = None
    due_at: datetime | None = None
    answer: str | None = None
    answer_reason: str | None = None
    decided_by: str | None = None

    @property
    def records(self) -> list[str]:
        """All records it is about."""
        return [record_id for group in self.groups for record_id in group]


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """What a judgement rested on: the strongest evidence across it in millibits, None where there was none, the vetoes
    across it, and the revisions of its records.
    """

    weight: int | None
    vetoes: tuple[str, ...]
    revisions: dict[str, int]


def reviews_of(offers: Iterable[Offer], now: datetime) -> list[Review]:
    """The offers as open reviews; equal sets of records have equal ids, however they are grouped."""
    return [review_of(offer.groups, offer.weight, offer.reason, now) for offer in offers]


def review_of(groups: tuple[tuple[str, ...], ...], weight: int, reason: Reason, now: datetime) -> Review:
    """An open review of these groups."""
    return Review(
        review_id_of(groups), "open", weight, groups, now, reason, benefit_of([*map(len, groups)], weight, reason)
    )


def review_id_of(groups: Sequence[Sequence[str]]) -> str:
    """The id that follows from the records of a review."""
    return derived_id("review", *sorted(record for group in groups for record in group))


def benefit_of(sizes: Sequence[int], weight_millibits: int, reason: Reason) -> int:
    """Thousandths of a pair that an answer is expected to set right: the probability that what stands now is wrong,
    times the pairs of records across the groups.

    What is offered stands apart, so it is wrong with the match probability. What was merged (control) is wrong with the
    rest to one, and so is a judgement that evidence turned against, of which the weaker chance is taken.
    """
    chance = probability(weight_millibits)
    wrong = min(chance, 1 - chance) if reason in ("control", "changed") else chance
    pairs = sum(one * other for one, other in combinations(sizes, 2))
    return min(round(1_000 * wrong * pairs), BENEFIT_MAX)


def seen_between(judgement: Judgement, edges: Mapping[Pair, Evidence], revisions: Mapping[str, int]) -> Seen:
    """What this judgement rests on now; `revisions` are those of the records at hand."""
    weight, vetoes = _across(_pairs(judgement), edges)
    named = {record: revisions[record] for record in (*judgement.left, *judgement.right) if record in revisions}
    return Seen(weight, tuple(sorted(vetoes)), named)


def asked_again(
    judgements: Sequence[Judgement],
    seen: Mapping[str, Seen],
    edges: Mapping[Pair, Evidence],
    revisions: Mapping[str, int],
    bands: Bands,
    now: datetime,
) -> list[Review]:
    """The judgements against which evidence has turned since: a source says something else of one of their records, and
    "different" became likelier than offered pairs are, or "same" less likely, or forbidden for a new reason.

    The judgement holds until it is answered anew. Of a judgement whose evidence nobody noted, nothing is asked.
    """
    newer: set[frozenset[str]] = set()
    found: list[Review] = []
    for one in sorted(judgements, key=lambda one: (one.at, not one.same, one.judgement_id), reverse=True):
        pairs = [pair for pair in _pairs(one) if frozenset(pair) not in newer]
        newer.update(map(frozenset, pairs))
        then = seen.get(one.judgement_id)
        moved = then is not None and any(
            record in revisions and revisions[record] != revision for record, revision in then.revisions.items()
        )
        if then is None or not moved or not pairs:
            continue
        weight, vetoes = _across(pairs, edges)
        if _turned(one, then, weight, vetoes, bands):
            sides = tuple(tuple(sorted(revisions.keys() & {*side})) for side in (one.left, one.right))
            if all(sides):
                found.append(review_of(tuple(sorted(sides)), weight or bands.keep_millibits, "changed", now))
    return found


def _turned(one: Judgement, then: Seen, weight: int | None, vetoes: set[str], bands: Bands) -> bool:
    was = bands.keep_millibits if then.weight is None else then.weight
    is_ = bands.keep_millibits if weight is None else weight
    if one.same:
        weaker = was > bands.offer_millibits >= is_ and was - is_ >= CHANGED_MILLIBITS
        return weaker or bool(vetoes - {*then.vetoes})
    return is_ > bands.offer_millibits and is_ - was >= CHANGED_MILLIBITS


def _across(pairs: Iterable[Pair], edges: Mapping[Pair, Evidence]) -> tuple[int | None, set[str]]:
    """The strongest evidence that nothing forbids, and what forbids."""
    found = [edges[pair] for pair in pairs if pair in edges]
    weights = [one.weight for one in found if one.veto is None]
    return max(weights, default=None), {one.veto for one in found if one.veto is not None}


def _pairs(judgement: Judgement) -> list[Pair]:
    return [(min(one, other), max(one, other)) for one in judgement.left for other in judgement.right if one != other]
