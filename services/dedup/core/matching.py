"""Matching: which contacts a record would be joined with, or offered for, if it came."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from services.dedup.core.blocking import blocking_keys
from services.dedup.core.clustering import Judgement, partition
from services.dedup.core.comparison import Evidence
from services.dedup.core.decide import Law, score
from services.dedup.core.folding import Change, Stored
from services.dedup.core.scene import Candidate, Pair
from shared.domain.normalise import Traits
from shared.domain.record import Record

Outcome = Literal["merge", "review"]

PAIRS_MAX: Final = 5
"""Pairs shown of one contact, the strongest: the others say the same more weakly."""


@dataclass(frozen=True, slots=True)
class Match:
    """One contact that is, or may be, the person, and by stored record the pairs that say so, the strongest first."""

    contact_id: str
    outcome: Outcome
    pairs: tuple[tuple[str, Evidence], ...]

    @property
    def weight(self) -> int:
        """The strongest evidence, in millibits."""
        return self.pairs[0][1].weight


def arriving(record: Record, traits: Traits) -> Change:
    """The change that this record would be, were it new."""
    return Change(None, record, traits, blocking_keys(traits), 1, ())


def evidence_for(change: Change, candidates: Iterable[Candidate], shared_max: int, law: Law) -> dict[str, Evidence]:
    """By stored record what connects it with the one in question."""
    new = change.record.record_id
    scores = score({new: change}, candidates, shared_max, law)
    return {next(one for one in pair if one != new): found for pair, found in scores.evidence.items()}


def matches(
    change: Change,
    found: Mapping[str, Evidence],
    members: Mapping[str, Stored],
    edges: Mapping[Pair, Evidence],
    judgements: Sequence[Judgement],
    law: Law,
) -> list[Match]:
    """What would become of it, decided as on entry over all records of these contacts; the likeliest first."""
    new = change.record.record_id
    assert change.traits is not None, "whoever asks says something"
    traits = {one: stored.traits for one, stored in members.items() if stored.traits is not None}
    evidence = {pair: one for pair, one in edges.items() if pair[0] in traits and pair[1] in traits}
    evidence |= {(new, one): seen for one, seen in found.items() if one in traits}
    parted = partition({**traits, new: change.traits}, evidence, judgements, law.policy, law.model)
    joined = next(group for group in parted.groups if new in group)
    offered = {
        one
        for offer in parted.offers
        if any(new in group for group in offer.groups)
        for group in offer.groups
        for one in group
    }
    outcomes: dict[str, Outcome] = {}
    for record_id in sorted((joined | offered) - {new}):
        home = members[record_id].contact_id
        if home is not None and outcomes.get(home) != "merge":
            outcomes[home] = "merge" if record_id in joined else "review"
    shown = [Match(home, outcome, _pairs(home, found, members)) for home, outcome in outcomes.items()]
    return sorted((one for one in shown if one.pairs), key=lambda one: (one.outcome, -one.weight, one.contact_id))


def _pairs(home: str, found: Mapping[str, Evidence], members: Mapping[str, Stored]) -> tuple[tuple[str, Evidence], ...]:
    mine = [(one, seen) for one, seen in found.items() if one in members and members[one].contact_id == home]
    return tuple(sorted(mine, key=lambda item: (-item[1].weight, item[0]))[:PAIRS_MAX])
