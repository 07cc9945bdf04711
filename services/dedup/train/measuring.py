"""Measuring: how right a model is on a labelled set, as `reconcile` would decide it, with confidence intervals."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from random import Random
from time import process_time
from typing import Final, NamedTuple

from services.dedup.core.clustering import Policy, partition
from services.dedup.core.comparison import Evidence, compare
from services.dedup.core.model import Model, probability
from services.dedup.train.sets import Labelled, Pair

DRAWS: Final = 200
"""Bootstrap draws: the ends of a 95 % interval rest on five draws each, steady to a tenth of their width."""

SEED: Final = 5
"""Of the draws, so that two runs print the same."""

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
    for component in components(pair for pair, one in kept.items() if one.veto is None):
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
    """95 % intervals of precision, recall and F1: persons drawn with replacement, so that what hangs together stays."""
    random, persons = Random(SEED), sorted(counted.true)  # noqa: S311 (a sample, no secret)
    rows = [(counted.said.get(one, 0.0), counted.right.get(one, 0.0), counted.true[one]) for one in persons]
    rows = [row for row in rows if any(row)] or [(0.0, 0.0, 0.0)]
    drawn: list[Counts] = []
    for _ in range(DRAWS):
        sample = random.choices(rows, k=len(rows))
        drawn.append(Counts(*(sum(column) for column in zip(*sample, strict=True))))
    return {
        "precision": _middle([one.precision for one in drawn]),
        "recall": _middle([one.recall for one in drawn]),
        "f1": _middle([one.f1 for one in drawn]),
    }


def _middle(values: list[float]) -> tuple[float, float]:
    ordered = sorted(values)
    cut = len(ordered) // 40
    return ordered[cut], ordered[-1 - cut]


def reliability(chances: Sequence[tuple[float, bool]]) -> list[Bin]:
    """By band of probability, what was said and what was true."""
    bins: list[Bin] = []
    for low, high in pairwise(BINS):
        inside = [one for one in chances if low <= one[0] < high or (high == 1.0 and one[0] == 1.0)]
        if inside:
            said = sum(chance for chance, _ in inside) / len(inside)
            bins.append(Bin(low, high, len(inside), said, sum(same for _, same in inside) / len(inside)))
    return bins
