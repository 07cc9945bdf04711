"""Choosing: a model from a labelled set, tried on the half it was not learned from, beside the present one."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from services.dedup.core.clustering import Policy
from services.dedup.core.model import Bands, Model
from services.dedup.core.namesakes import VETOES
from services.dedup.train.measuring import Measured, Tally, measure, together
from services.dedup.train.sets import Labelled
from services.dedup.train.weights import Example, examples_of, model_of

BANDS: Final = Bands()
"""The bands of every learned model, fixed before anything is measured: kept from .3, offered from .75, merged alone
from .99."""

CERTAIN: Final = frozenset({"generation"})
"""The veto that no set loosens: junior and senior are two by definition."""

LOOSENED: Final = 0.02
"""F1 on its own training half that a model must gain before other birthdays or given names forbid no more. Registries
full of wrong dates gain .3; a CRM .003, where a wrong merge costs more than F1 says."""

DECISIONS_RIGHT: Final = 0.995
"""Share of automatic merges that must be right (contract, promise 7)."""


class Half(NamedTuple):
    """One half of the persons, with what can be learned from it."""

    labelled: Labelled
    examples: Sequence[Example]


class Trial(NamedTuple):
    """A model on the half that it has not seen, by half, with the model that was learned from the other."""

    models: tuple[Model, ...]
    measured: tuple[Measured, ...]

    def clusters(self, policy: Policy) -> Tally:
        """Both halves as one: they share no person."""
        return together(one.clusters[policy] for one in self.measured)

    @property
    def pairs(self) -> Tally:
        """Every pair by its own weight, both halves."""
        return together(one.pairs for one in self.measured)

    @property
    def brier(self) -> float:
        """Mean squared error of the probabilities, over all candidate pairs of both halves."""
        return sum(one.brier * one.candidates for one in self.measured) / sum(one.candidates for one in self.measured)


def halves_of(labelled: Labelled) -> tuple[Half, Half]:
    """Both halves of the persons."""
    first, second = labelled.half(0), labelled.half(1)
    return Half(first, examples_of(first)), Half(second, examples_of(second))


def crossed(halves: tuple[Half, Half], version: str = "trial") -> Trial:
    """Learn from one half, measure on the other, and the other way round."""
    first, second = (chosen(half, version) for half in halves)
    measured = (measure(halves[0].labelled, second), measure(halves[1].labelled, first))
    return Trial((second, first), measured)


def beside(halves: tuple[Half, Half], present: Model) -> Trial:
    """The present model on the same halves."""
    return Trial((present, present), (measure(halves[0].labelled, present), measure(halves[1].labelled, present)))


def chosen(half: Half, version: str) -> Model:
    """The model of this half. Other birthdays and given names forbid unless the half itself says otherwise, clearly."""
    strict = model_of(half.examples, version, BANDS, VETOES)
    loose = msgspec.structs.replace(strict, vetoes=CERTAIN)
    gains = {name: _f1(half.labelled, model) for name, model in (("strict", strict), ("loose", loose))}
    return loose if gains["loose"] - gains["strict"] > LOOSENED else strict


def _f1(labelled: Labelled, model: Model) -> float:
    return measure(labelled, model, ("eager",)).clusters["eager"].counts().f1


def whole(halves: tuple[Half, Half], trial: Trial, version: str, provenance: Mapping[str, str]) -> Model:
    """The model of both halves: what both trials forbade, it forbids."""
    vetoes = trial.models[0].vetoes | trial.models[1].vetoes
    examples = [*halves[0].examples, *halves[1].examples]
    return msgspec.structs.replace(model_of(examples, version, BANDS, vetoes), provenance=dict(provenance))


def worse(new: Trial, present: Trial) -> str | None:
    """Why the new model must not replace the present one, or None."""
    f1, before = new.clusters("eager").counts().f1, present.clusters("eager").counts().f1
    if f1 < before:
        return f"its F1 would be {f1:.4f}, that of the present model is {before:.4f}"
    alone, held = new.clusters("careful").counts().precision, present.clusters("careful").counts().precision
    if alone < min(DECISIONS_RIGHT, held):
        return f"only {alone:.4f} of what it merges alone would be right"
    return None
