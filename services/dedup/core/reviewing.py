"""Reviewing: offers as questions with an id that stays, so that nobody is asked the same thing twice."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import combinations

import msgspec

from services.dedup.core.clustering import Judgement, Offer
from shared.domain.ids import derived_id


class Review(msgspec.Struct, frozen=True):
    """One question to a person: are these groups of records one? `review_id` follows from the record ids alone."""

    review_id: str
    groups: tuple[tuple[str, ...], ...]
    weight: int
    reason: str


def reviews_of(offers: Iterable[Offer]) -> tuple[Review, ...]:
    """The offers as reviews, the likeliest first; equal sets of records have equal ids, however they are grouped."""
    reviews = [Review(review_id_of(offer.groups), offer.groups, offer.weight, offer.reason) for offer in offers]
    return tuple(sorted(reviews, key=lambda review: (-review.weight, review.review_id)))


def review_id_of(groups: Sequence[Sequence[str]]) -> str:
    """The id that follows from the records of a review."""
    return derived_id("review", *sorted(record for group in groups for record in group))


def judgements_of(review: Review, *, same: bool, at: datetime) -> tuple[Judgement, ...]:
    """What an answer to a review says of its groups: the first against each other one for "same", every two for
    "different". Ids follow from the review, the answer and its time, so that a repeated answer says nothing new.
    """
    pairs = [(review.groups[0], group) for group in review.groups[1:]] if same else list(combinations(review.groups, 2))
    return tuple(
        Judgement(
            derived_id("judgement", review.review_id, str(same), at.isoformat(), left[0], right[0]),
            same,
            left,
            right,
            at,
        )
        for left, right in pairs
    )
