"""Judged: pairs of records of which reviewers have said whether they are one person, to learn from and to measure by.

They are no sample of all pairs: the queue offers what is doubtful. So a model is held to the present one and moved only
as far as the answers ask; and what is measured on them compares two models, it is no estimate of either.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import product
from typing import Final, NamedTuple

import msgspec

from services.dedup.core.clustering import Judgement
from services.dedup.core.comparison import compare
from services.dedup.core.model import Model, probability
from services.dedup.core.population import Population
from services.dedup.train.choosing import Trial
from services.dedup.train.measuring import Counts, Measured, reliability, tally
from services.dedup.train.weights import Example, example_of, model_of
from shared.domain.normalise import Traits

PAIRS_OF_ONE: Final = 4
"""Pairs that one judgement counts for at most: an answer about two large contacts is one answer, not hundreds."""

PAIRS_MIN: Final = 100
"""Judged pairs below which nothing is learned: weights would follow single answers."""


class JudgedPair(NamedTuple):
    """Two records and what was said of them. The repr of traits shows ids only."""

    name: str
    a: Traits
    b: Traits
    same: bool


def pairs_of(judgements: Sequence[Judgement], traits: Mapping[str, Traits]) -> list[JudgedPair]:
    """The pairs across each judgement, the newest judgement of a pair alone, ordered by name."""
    found: dict[str, JudgedPair] = {}
    for judgement in judgements:
        across = [
            (min(pair), max(pair))
            for pair in product(sorted(judgement.left), sorted(judgement.right))
            if pair[0] in traits and pair[1] in traits and pair[0] != pair[1]
        ]
        for one, other in across[:PAIRS_OF_ONE]:
            a, b = traits[one], traits[other]
            if a.kind == b.kind == "person":
                found.setdefault(f"{one} {other}", JudgedPair(f"{one} {other}", a, b, judgement.same))
    return [found[name] for name in sorted(found)]


def learned(pairs: Sequence[JudgedPair], population: Population, present: Model, version: str) -> Model:
    """The present model, moved by these answers."""
    examples: list[Example] = [example_of(one.a, one.b, population, same=one.same) for one in pairs]
    model = model_of(examples, version, present.bands, present.vetoes, present)
    return msgspec.structs.replace(model, firms=present.firms)


def measured(pairs: Sequence[JudgedPair], population: Population, model: Model) -> Measured:
    """How a model answers what reviewers answered: alone from its merge band, with offers from its offer band."""
    evidence = {one.name: compare(one.a, one.b, model, population) for one in pairs}
    sides = {f"{one.name}{side}": f"{one.name}{'' if one.same else side}" for one in pairs for side in ("<", ">")}

    def said(least: int) -> list[tuple[str, str]]:
        good = (name for name, one in evidence.items() if one.veto is None and one.weight >= least)
        return [(f"{name}<", f"{name}>") for name in good]

    chances = [(0.0 if (found := evidence[one.name]).veto else probability(found.weight), one.same) for one in pairs]
    same = sum(one.same for one in pairs)
    offered = tally(sides, said(model.bands.offer_millibits))
    return Measured(
        len(pairs),
        Counts(len(pairs), same, same),
        offered,
        {"careful": tally(sides, said(model.bands.merge_millibits)), "eager": offered},
        reliability(chances),
        sum((chance - same) ** 2 for chance, same in chances) / max(1, len(chances)),
        0.0,
    )


def crossed(pairs: Sequence[JudgedPair], population: Population, present: Model) -> tuple[Trial, Trial]:
    """Learned from one half of the answers and measured on the other, both ways; beside it the present model."""
    halves = [[one for one in pairs if blake2b(one.name.encode(), digest_size=1).digest()[0] % 2 == n] for n in (0, 1)]
    models = [learned(half, population, present, "trial") for half in halves]
    new = Trial((models[1], models[0]), tuple(measured(halves[n], population, models[1 - n]) for n in (0, 1)))
    return new, Trial((present, present), tuple(measured(half, population, present) for half in halves))
