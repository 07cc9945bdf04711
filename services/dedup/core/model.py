"""The model: what each comparison weighs, in thousandths of a bit, and from which sums records are joined or offered.

A sum of log-odds over graded comparisons (Fellegi & Sunter, A Theory for Record Linkage, JASA 64, 1969) with two-way
tables where fields depend on each other; measured within .008 pair F1 of gradient boosting (facts, matching 7). The
weights are learned (services/dedup/train, docs/matching.md). All are integers, so that sums are exact whatever the
order, and what was stored equals what is computed.
"""

from math import exp2

import msgspec

from services.dedup.core.namesakes import VETOES

MILLI = 1000
"""Weights are thousandths of a bit."""


class Bands(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sums, in millibits, from which evidence is kept at all, records are offered, and records are merged alone."""

    keep_millibits: int = -1222
    offer_millibits: int = 1585
    merge_millibits: int = 6629


class Firms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What two organisations weigh. Set by hand: labelled sets hold persons."""

    prior: int
    weights: dict[str, dict[str, int]]

    def weight(self, field: str, grade: str) -> int:
        """The weight of one graded comparison in millibits; 0 for a grade nobody has an opinion on."""
        return self.weights.get(field, {}).get(grade, 0)


class Model(msgspec.Struct, frozen=True, eq=False, forbid_unknown_fields=True):
    """Weights by field and grade, interactions by two fields and two grades, what rarity counts, and the bands.

    `prior` is the log-odds of two candidates of which nothing is known. `rarity` says, by context, what a rare name (or
    company) adds: the n-th number for n steps of rarity, the last for all beyond. `vetoes` forbid joining whatever else
    agrees. `provenance` tells what it was learned from, and how well it did on what it had not seen. A model is itself
    only: loaded twice, it is two.
    """

    version: str
    prior: int
    weights: dict[str, dict[str, int]]
    interactions: dict[str, dict[str, dict[str, int]]]
    rarity: dict[str, tuple[int, ...]]
    vetoes: frozenset[str]
    firms: Firms
    bands: Bands = Bands()
    provenance: dict[str, str] = {}


def load_model(data: bytes) -> Model:
    """The model from its JSON. Raises msgspec.ValidationError for another shape, ValueError for bands in disorder or a
    veto that nobody knows.
    """
    model = msgspec.json.decode(data, type=Model)
    bands = model.bands
    if not bands.keep_millibits <= bands.offer_millibits <= bands.merge_millibits:
        raise ValueError("the bands of the model are in disorder: keep <= offer <= merge must hold")
    if unknown := sorted(model.vetoes - VETOES):
        raise ValueError(f"the model names vetoes that nobody knows: {', '.join(unknown)}")
    return model


def probability(weight_millibits: int) -> float:
    """The match probability, 0 to 1, of a sum of weights that includes the prior."""
    bits = max(-64.0, min(64.0, weight_millibits / MILLI))
    return 1 / (1 + exp2(-bits))
