"""Measuring: how right a model is on a labelled set, as `reconcile` would decide it, with confidence intervals."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import combinations, pairwise
from math import sqrt
from time import process_time
from typing import Final, NamedTuple

from services.dedup.core.clustering import Policy, partition
from services.dedup.core.comparison import Evidence, compare
from services.dedup.core.model import Model, probability
from services.dedup.train.sets import Labelled, Pair

GROUPS: Final = 100
"""Groups of persons that are left out one by one: enough that the width of an interval is known to a tenth."""

NORMAL: Final = 1.96
"""Standard deviations either side that hold 95 % of a normal distribution."""

BINS: Final = (0.0, 0.01, 0.1, 0.3, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0)
"""Bounds of the reliability table: narrow where decisions are made."""


class Counts(NamedTuple):
    """Pairs said to be one person, those of them that are, and those that are at all."""

    said: float
    right: float
    true: float

    @property
    def precision(self) -> float:
        return self.right / self.said if self.said else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.said + self.true) if self.said + self.true else 1.0


class Tally(NamedTuple):
    """Counts by person. A wrong pair counts half for each of its two persons, so that persons can be drawn."""

    said: Mapping[str, float]
    right: Mapping[str, float]
    true: Mapping[str, float]

    def counts(self) -> Counts:
        """The counts of all persons."""
        return Counts(sum(self.said.values()), sum(self.right.values()), sum(self.true.values()))


class Bin(NamedTuple):
    """Pairs whose probability lies between two bounds: how many, the mean that was said, the share that is true."""

    low: float
    high: float
    pairs: int
    said: float
    true: float


class Measured(NamedTuple):
    """What came of one model on one set: pairs by their own weight, clusters by policy, calibration and times."""

    candidates: int
    blocked: Counts
    pairs: Tally
    clusters: Mapping[Policy, Tally]
    reliability: Sequence[Bin]
    brier: float
    pair_us: float


def measure(labelled: Labelled, model: Model, policies: Sequence[Policy] = ("careful", "eager")) -> Measured:
    """Every candidate pair weighed, every component clustered as a whole, with the set's own name frequencies."""
    population, candidates = labelled.population(), labelled.candidates()
    begun = process_time()
    evidence = {
        pair: compare(labelled.traits[pair[0]], labelled.traits[pair[1]], model, population) for pair in candidates
    }
    pair_us = 1e6 * (process_time() - begun) / max(1, len(candidates))
    alone = [pair for pair, one in evidence.items() if one.veto is None and one.weight > model.bands.offer_millibits]
    chances = [(0.0 if one.veto else probability(one.weight), labelled.same(pair)) for pair, one in evidence.items()]
    return Measured(
        len(candidates),
        Counts(len(candidates), sum(map(labelled.same, candidates)), labelled.true_pairs),
        tally(labelled.persons, alone),
        {policy: tally(labelled.persons, joined(labelled, evidence, policy, model)) for policy in policies},
        reliability(chances),
        sum((chance - same) ** 2 for chance, same in chances) / max(1, len(chances)),
        pair_us,
    )


def joined(labelled: Labelled, evidence: Mapping[Pair, Evidence], policy: Policy, model: Model) -> list[Pair]:
    """The pairs that end in one contact under this policy."""
    kept = {pair: one for pair, one in evidence.items() if one.weight >= model.bands.keep_millibits}
    by_record: dict[str, list[Pair]] = defaultdict(list)
    for pair in kept:
        by_record[pair[0]].append(pair)
    found: list[Pair] = []
    bands = model.bands
    for component in components(pair for pair, one in kept.items() if one.veto is None or one.is_doubted(bands)):
        members = {record_id: labelled.traits[record_id] for record_id in component}
        within = {pair: kept[pair] for record_id in component for pair in by_record[record_id] if pair[1] in members}
        for group in partition(members, within, (), policy, model).groups:
            found += combinations(sorted(group), 2)
    return found


def components(pairs: Iterable[Pair]) -> list[list[str]]:
    """The records that hang together by these pairs, each component sorted."""
    home: dict[str, set[str]] = {}
    for one, other in pairs:
        here, there = home.setdefault(one, {one}), home.setdefault(other, {other})
        if here is not there:
            small, large = sorted((here, there), key=len)
            large |= small
            home.update(dict.fromkeys(small, large))
    return sorted({id(group): sorted(group) for group in home.values()}.values())


def tally(persons: Mapping[str, str], said: Iterable[Pair]) -> Tally:
    """Count the pairs that are said to be one person against the truth."""
    saying: defaultdict[str, float] = defaultdict(float)
    right: defaultdict[str, float] = defaultdict(float)
    for one, other in said:
        here, there = persons[one], persons[other]
        saying[here] += 0.5
        saying[there] += 0.5
        if here == there:
            right[here] += 1
    true = {person: count * (count - 1) / 2 for person, count in Counter(persons.values()).items()}
    return Tally(saying, right, true)


def together(tallies: Iterable[Tally]) -> Tally:
    """Tallies of halves that share no person, as one."""
    said, right, true = dict[str, float](), dict[str, float](), dict[str, float]()
    for one in tallies:
        said.update(one.said)
        right.update(one.right)
        true.update(one.true)
    return Tally(said, right, true)


def intervals(counted: Tally) -> dict[str, tuple[float, float]]:
    """95 % intervals of precision, recall and F1, by leaving out one group of persons after the other (the jackknife:
    Efron & Tibshirani, An Introduction to the Bootstrap, 11): what hangs together stays, and no dice are needed.
    """
    groups = [[0.0, 0.0, 0.0] for _ in range(GROUPS)]
    for person, true in counted.true.items():
        group = groups[int.from_bytes(blake2b(person.encode(), digest_size=4).digest()) % GROUPS]
        for place, number in enumerate((counted.said.get(person, 0.0), counted.right.get(person, 0.0), true)):
            group[place] += number
    every = counted.counts()
    without = [Counts(*(all_ - one for all_, one in zip(every, group, strict=True))) for group in groups]
    return {
        "precision": _around(every.precision, [one.precision for one in without]),
        "recall": _around(every.recall, [one.recall for one in without]),
        "f1": _around(every.f1, [one.f1 for one in without]),
    }


def _around(value: float, without: Sequence[float]) -> tuple[float, float]:
    mean = sum(without) / len(without)
    spread = sqrt(sum((one - mean) ** 2 for one in without) * (len(without) - 1) / len(without))
    return max(0.0, value - NORMAL * spread), min(1.0, value + NORMAL * spread)


def reliability(chances: Sequence[tuple[float, bool]]) -> list[Bin]:
    """By band of probability, what was said and what was true."""
    bins: list[Bin] = []
    for low, high in pairwise(BINS):
        inside = [one for one in chances if low <= one[0] < high or (high == 1.0 and one[0] == 1.0)]
        if inside:
            said = sum(chance for chance, _ in inside) / len(inside)
            bins.append(Bin(low, high, len(inside), said, sum(same for _, same in inside) / len(inside)))
    return bins
