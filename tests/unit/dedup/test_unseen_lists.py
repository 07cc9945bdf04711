"""Unseen lists: the shipped model is right on people whom nobody trained on, written down badly.

The lists are small, so the bounds are those promised (issue: matching) and not those measured on large ones
(docs/matching.md, `python -m tests.bench.noisy`).
"""

from pathlib import Path

import pytest
from msgspec.structs import replace

from services.dedup.core.model import Model
from services.dedup.train.measuring import Counts, Measured, measure
from services.dedup.train.sets import Labelled, read_set
from tests.bench.noisy import rows, write
from tests.unit.dedup.made import model

PERSONS = 600


def unseen(folder: Path, kind: str, noise: float, persons: int = PERSONS) -> Labelled:
    path = folder / f"{kind}.csv.gz"
    write(path, rows(kind, persons, noise, seed=11))
    return read_set(path, "US" if kind == "census" else "DE")


def counts(labelled: Labelled, by: Model) -> tuple[Counts, Counts]:
    """What careful merges, and what eager does."""
    measured: Measured = measure(labelled, by)
    return measured.clusters["careful"].counts(), measured.clusters["eager"].counts()


@pytest.mark.parametrize(("kind", "noise", "f1"), [("crm", 1, 0.92), ("crm", 2, 0.88), ("census", 1, 0.95)])
def test_the_shipped_model_is_right_on_lists_that_it_has_never_seen(
    tmp_path: Path, kind: str, noise: float, f1: float
) -> None:
    careful, eager = counts(unseen(tmp_path, kind, noise), model())
    assert eager.f1 >= f1
    assert careful.precision >= 0.995
    assert careful.recall >= 0.5


def test_a_model_that_weighs_no_field_is_found_out(tmp_path: Path) -> None:
    """Negative control: rarity and what fields mean together do not make up for it."""
    _, eager = counts(unseen(tmp_path, "crm", 2), replace(model(), weights={}))
    assert eager.f1 < 0.88


def test_the_same_seed_writes_the_same_list_and_noise_makes_it_worse() -> None:
    assert [*rows("crm", 40, 2, 5)] == [*rows("crm", 40, 2, 5)]
    assert [*rows("crm", 40, 2, 5)] != [*rows("crm", 40, 2, 6)]
    said = [[row.get("given_name", "") for row in rows("crm", 300, noise, 5)] for noise in (0.0, 4.0)]
    kept, noisy = (sum(len(name) > 2 for name in names) / len(names) for names in said)
    assert kept == 1 > noisy
