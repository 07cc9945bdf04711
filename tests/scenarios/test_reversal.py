"""Goal: whatever was said, judged, pinned and taken back, the contacts follow from what is left, and from nothing else.

Method: random lives in memory on the real core, each compared with a new installation that learns at once all that was
said, with the judgements and pins that hold; `python -m tests.scenarios.reversal` lives 10,000 of them.
"""

from collections.abc import Mapping, Sequence

import pytest

from services.dedup.core.clustering import Judgement, Partition, Policy, partition
from services.dedup.core.comparison import Evidence
from services.dedup.core.model import Model
from shared.domain.normalise import Traits
from tests.scenarios.reversal import Life, compared

LIVES = 150


def test_a_hundred_and_fifty_lives_end_where_a_fresh_computation_ends() -> None:
    ends = {seed: compared(seed) for seed in range(LIVES)}
    assert {seed: never for seed, (_, _, never) in ends.items() if never} == {}
    assert [seed for seed, (_, again, _) in ends.items() if not again] == []
    assert sum(not entry for entry, _, _ in ends.values()) <= LIVES // 20


def test_lives_merge_and_split_and_take_back() -> None:
    """Without these, the comparison above would compare nothing."""
    lives = [Life(seed) for seed in range(30)]
    for life in lives:
        life.live()
    rows = [row for life in lives for row in life.memory.rows.values()]
    assert {row.retired for row in rows} >= {None, "merged", "deleted"}
    assert any(one.same for life in lives for one in life.memory.judgements)
    assert any(not one.same for life in lives for one in life.memory.judgements)
    assert any(life.memory.pins for life in lives)


def test_a_core_that_forgets_the_first_judgement_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""

    def forgetful(
        traits: Mapping[str, Traits],
        evidence: Mapping[tuple[str, str], Evidence],
        judgements: Sequence[Judgement],
        policy: Policy,
        model: Model,
    ) -> Partition:
        return partition(traits, evidence, judgements[1:], policy, model)

    monkeypatch.setattr("services.dedup.core.decide.partition", forgetful)
    assert not all(compared(seed)[1] for seed in range(LIVES))
