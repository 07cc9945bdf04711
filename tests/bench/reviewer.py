"""What reviewers are worth: `python -m tests.bench.reviewer FILE.csv.gz [--country DE] [--step 100]`.

The records of a labelled set are decided as the service decides them (`careful`), whole components at once. Then a
reviewer who knows the truth answers the offered reviews in the order of the queue, a hundred at a time: same,
different, or which of the contacts are one; everything is decided again, and cluster F1 is printed. A contact of more
persons counts as the one that most of its records are of. Nothing of the model changes: the curve shows answers alone.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Final

from services.dedup.core.clustering import Judgement, Partition, partition
from services.dedup.core.comparison import Evidence, compare
from services.dedup.core.model import Model, load_model
from services.dedup.core.reviewing import Review, reviews_of
from services.dedup.settings import DedupSettings
from services.dedup.train.sets import Labelled, read_set
from shared.domain.ids import derived_id

STEP: Final = 100
"""Answers between two lines of the curve: about what one person gives in a morning."""

BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Point:
    """After so many answers: how many reviews are open, and how right the contacts are."""

    answered: int
    open: int
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        return 2 * self.precision * self.recall / max(1e-9, self.precision + self.recall)


@dataclass
class Installation:
    """The contacts of a labelled set, and what was said about them."""

    labelled: Labelled
    model: Model
    edges: Mapping[Pair, Evidence]
    home: dict[str, int] = field(default_factory=dict[str, int])
    parts: dict[int, Partition] = field(default_factory=dict[int, Partition])
    said: dict[int, list[Judgement]] = field(default_factory=lambda: defaultdict(list))
    answers: int = 0

    def __post_init__(self) -> None:
        """Decide every component."""
        self._members: dict[int, list[str]] = {}
        self._inside: dict[int, dict[Pair, Evidence]] = defaultdict(dict)
        for number, component in enumerate(_components(self.labelled.traits, self.edges)):
            self._members[number] = component
            self.home.update(dict.fromkeys(component, number))
        for pair, found in self.edges.items():
            self._inside[self.home[pair[0]]][pair] = found
        for number in self._members:
            self.decide(number)

    def decide(self, number: int) -> None:
        """Decide one component again, by all that was said of it."""
        traits = {record: self.labelled.traits[record] for record in self._members[number]}
        self.parts[number] = partition(traits, self._inside[number], self.said[number], "careful", self.model)

    def queue(self) -> list[Review]:
        """What is offered, the most useful answer first."""
        found = [one for part in self.parts.values() for one in reviews_of(part.offers, BEGIN)]
        return sorted(found, key=lambda one: (-one.benefit, one.review_id))

    def answer(self, review: Review) -> None:
        """Say the truth about one review, as a person would: which of its groups are one; the others are not."""
        self.answers += 1
        persons: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for group in review.groups:
            persons[self.labelled.persons[_speaker(group, self.labelled.persons)]].append(group)
        most = max(persons.values(), key=lambda groups: (len(groups), groups))
        others = [group for group in review.groups if group not in most]
        at = BEGIN + timedelta(seconds=self.answers)
        number = self.home[review.records[0]]
        if len(most) == 1:
            self._say(number, list(combinations(review.groups, 2)), at, same=False)
            return
        whole = tuple(record for group in most for record in group)
        self._say(number, [(most[0], group) for group in most[1:]], at, same=True)
        self._say(number, [(whole, group) for group in others], at, same=False)

    def _say(
        self, number: int, sides: Sequence[tuple[tuple[str, ...], tuple[str, ...]]], at: datetime, *, same: bool
    ) -> None:
        self.said[number] += [
            Judgement(derived_id("answer", str(self.answers), left[0], right[0]), same, left, right, at)
            for left, right in sides
        ]

    def point(self, waiting: int) -> Point:
        """How right the contacts are now."""
        persons = self.labelled.persons
        groups = [group for part in self.parts.values() for group in part.groups]
        joined = sum(len(group) * (len(group) - 1) // 2 for group in groups)
        right = sum(
            count * (count - 1) // 2 for group in groups for count in Counter(persons[one] for one in group).values()
        )
        return Point(self.answers, waiting, right / max(1, joined), right / max(1, self.labelled.true_pairs))


def curve(labelled: Labelled, model: Model, step: int = STEP, answers_max: int | None = None) -> Iterator[Point]:
    """A point before the first answer and one after every `step`, until nothing is offered any more, or so many answers
    are given.
    """
    population = labelled.population()
    compared = (
        (pair, compare(labelled.traits[pair[0]], labelled.traits[pair[1]], model, population))
        for pair in labelled.candidates()
    )
    edges = {pair: found for pair, found in compared if found.weight >= model.bands.keep_millibits}
    installation = Installation(labelled, model, edges)
    queue = installation.queue()
    yield installation.point(len(queue))
    while queue and (answers_max is None or installation.answers < answers_max):
        answered = queue[:step]
        for review in answered:
            installation.answer(review)
        for number in {installation.home[review.records[0]] for review in answered}:
            installation.decide(number)
        queue = installation.queue()
        yield installation.point(len(queue))


def _speaker(group: Sequence[str], persons: Mapping[str, str]) -> str:
    """The record that speaks for a group: one of the person that most of its records are of."""
    counts = Counter(persons[record] for record in group)
    return max(group, key=lambda record: (counts[persons[record]], persons[record], record))


def _components(records: Mapping[str, object], edges: Mapping[Pair, Evidence]) -> list[list[str]]:
    """The records that hang together by evidence, however far."""
    root = {record: record for record in records}

    def find(record: str) -> str:
        while root[record] != record:
            root[record] = root[root[record]]
            record = root[record]
        return record

    for one, other in edges:
        left, right = find(one), find(other)
        root[max(left, right)] = min(left, right)
    found: dict[str, list[str]] = defaultdict(list)
    for record in sorted(root):
        found[find(record)].append(record)
    return list(found.values())


def main() -> None:
    """Print the curve."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--country", default="DE")
    parser.add_argument("--step", type=int, default=STEP)
    parser.add_argument("--half", type=int, choices=(0, 1), help="only the persons of one half")
    asked = parser.parse_args()
    labelled = read_set(asked.file, asked.country)
    if asked.half is not None:
        labelled = labelled.half(asked.half)
    model = load_model(DedupSettings().model.read_bytes())
    print(f"{labelled.name}: {len(labelled.traits):,} records, model {model.version}")
    print(f"{'answers':>8} {'open':>7} {'precision':>10} {'recall':>8} {'F1':>8}")
    for one in curve(labelled, model, asked.step):
        print(f"{one.answered:>8,} {one.open:>7,} {one.precision:>10.4f} {one.recall:>8.4f} {one.f1:>8.4f}", flush=True)


if __name__ == "__main__":
    main()
