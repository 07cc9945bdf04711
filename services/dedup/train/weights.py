"""Weights: a model made of labelled pairs. The features are the very words by which pairs are weighed."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from math import log
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from services.dedup.core.comparison import company_rarity_of, graded, rarity_of, steps_of
from services.dedup.core.model import Bands, Firms, Model
from services.dedup.core.namesakes import MISSING, SUPPORTING, VETOES
from services.dedup.core.population import Population
from services.dedup.core.weighing import AGREEING, FIELDS, TOGETHER, Grades, told
from services.dedup.train.learning import Belief, Row, learn
from services.dedup.train.sets import Labelled
from shared.domain.normalise import Traits

STEPS_MAX: Final = 14
"""Steps of rarity that a table has: 28 bits, more than the rarest full name is worth."""

SEEN_MIN: Final = 3
"""Pairs that must show a feature before it gets a weight of its own: fewer are chance."""

ALONE: Final = 1.0
"""Strength, per nat², by which a weight of one field is held to its belief, 0 where there is none."""

BESIDE: Final = 4.0
"""The same of a weight of two fields together: they say only what one field cannot."""

PRESENT: Final = 10.0
"""The same of every weight of a present model that answers are to move: as strong as some forty doubtful pairs."""

RARE: Final = 20.0
"""The same of one step of rarity: theory holds unless many pairs contradict it, so that tables rise evenly."""

STEP_MILLIBITS: Final = 1_400
"""What a step of two bits of rarity is believed to weigh: a name half as frequent has half the namesakes, but a slip
may make it look rare."""

STRANGERS: Final = 100
"""Pairs of two persons that say nothing, given to every set: it never compares such pairs, a model might."""

WORTH_MILLIBITS: Final = 100
"""Below that, a weight of two fields changes nothing that is decided, and is left out of model and explanation."""

RARITIES: Final = ("unlinked", "weak", "linked", "company")
"""Contexts in which rarity counts: names by what else is shared, companies."""

MILLIBITS: Final = 1_000 / log(2)
"""Millibits in a nat."""

FOR: Final[Mapping[str, frozenset[str]]] = {
    "given": SUPPORTING | {"guessed"},
    "family": SUPPORTING | {"guessed"},
    **AGREEING,
    "birthday": frozenset({"equal", "close"}),
    "sex": frozenset({"equal"}),
    "generation": frozenset({"equal"}),
    "vat": frozenset({"equal"}),
    "owner": frozenset({"named"}),
}
"""Grades that speak for one person: by themselves they never weigh less than nothing. That a common name says little
is the prior's matter, and the rarity's; nobody trusts a sum in which an equal name counts against."""

AGAINST: Final = frozenset({"differs", "initial-differs", "guess-differs", "variant", "year"})
"""Grades that speak for two persons: by themselves they never weigh more than nothing."""

NOTHING: Final = Grades(MISSING, MISSING, MISSING, MISSING, MISSING, MISSING, MISSING)
START: Final = ("start", "prior")
Feature = tuple[str, str]


class Beliefs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What grades weigh (in millibits) that a labelled set may not show at all, and the weights of two firms."""

    weights: dict[str, dict[str, int]]
    firms: Firms
    firm_rarity: tuple[int, ...]


class Example(NamedTuple):
    """The features of one pair, and whether it is one person."""

    features: tuple[Feature, ...]
    same: bool


def beliefs() -> Beliefs:
    """The beliefs that training starts from, set by hand."""
    return msgspec.json.decode(Path(__file__).with_name("beliefs.json").read_bytes(), type=Beliefs)


def examples_of(labelled: Labelled) -> list[Example]:
    """The pairs of persons that would be compared, with the frequencies of the set's own population."""
    population, found = labelled.population(), list[Example]()
    for one, other in labelled.candidates():
        a, b = labelled.traits[one], labelled.traits[other]
        if a.kind == b.kind == "person":
            found.append(example_of(a, b, population, same=labelled.same((one, other))))
    return found


def example_of(a: Traits, b: Traits, population: Population, *, same: bool) -> Example:
    """Two persons' records, and whether they are one."""
    grades = graded(a, b, population)
    rarity = rarity_of(a, b, grades, population) if grades.named else None
    company = company_rarity_of(a, b, population) if grades.company in ("equal", "similar") else None
    return Example(features_of(grades, rarity, company), same)


def features_of(grades: Grades, rarity: int | None, company: int | None) -> tuple[Feature, ...]:
    """Everything the model may weigh of a pair. A rarity of n steps has the features of all n: it weighs their sum."""
    said = told(grades)
    found = [START]
    found += [(field, said[field]) for field in FIELDS if said[field] != MISSING]
    for one, other in TOGETHER:
        if said[one] != MISSING or said[other] != MISSING:
            found.append((f"{one} × {other}", f"{said[one]} × {said[other]}"))
    for table, value in ((said["links"], rarity), ("company", company)):
        if value is not None:
            found += [(f"rarity {table}", str(step)) for step in range(steps_of(value, STEPS_MAX))]
    return tuple(found)


def model_of(
    examples: Sequence[Example],
    version: str,
    bands: Bands,
    vetoes: frozenset[str] = VETOES,
    present: Model | None = None,
) -> Model:
    """The model that these examples teach, held to the beliefs, or to the present model where one is given: then few
    examples move it a little. Its bands and vetoes are not learned here.
    """
    held = beliefs()
    seen = Counter(feature for example in examples for feature in example.features)
    shown = {feature for feature, number in seen.items() if number >= SEEN_MIN}
    known = sorted({START, *shown, *_believed(held), *(_weighed(present) if present else ())})
    place = {feature: number for number, feature in enumerate(known)}
    counts: defaultdict[tuple[int, ...], list[int]] = defaultdict(lambda: [0, 0])
    for example in examples:
        counts[tuple(place[one] for one in example.features if one in place)][example.same] += 1
    if present is None:
        counts[tuple(place[one] for one in features_of(NOTHING, None, None) if one in place)][False] += STRANGERS
    rows = [Row(features, same, different) for features, (different, same) in sorted(counts.items())]
    learned = learn(rows, [_held(feature, present) if present else _belief(feature, held) for feature in known])
    weights = {feature: round(weight * MILLIBITS) for feature, weight in zip(known, learned, strict=True)}
    return Model(
        version=version,
        prior=weights[START],
        weights={field: _table(weights, field) for field in FIELDS},
        interactions={f"{one} × {other}": _nested(_table(weights, f"{one} × {other}")) for one, other in TOGETHER},
        rarity={
            **{table: _steps(weights, table) for table in RARITIES},
            "firm": held.firm_rarity,
        },
        vetoes=vetoes,
        firms=held.firms,
        bands=bands,
    )


def _believed(held: Beliefs) -> Iterable[Feature]:
    yield from ((field, grade) for field, table in held.weights.items() for grade in table)
    yield from ((f"rarity {table}", str(step)) for table in RARITIES for step in range(STEPS_MAX))


def _belief(feature: Feature, held: Beliefs) -> Belief:
    field, grade = feature
    if feature == START:
        return Belief(-8.0, 1e-3)
    if field.startswith("rarity "):
        return _bounded(feature, STEP_MILLIBITS / MILLIBITS, RARE)
    weight = held.weights.get(field, {}).get(grade, 0) / MILLIBITS
    return _bounded(feature, weight, BESIDE if " × " in field else ALONE)


def _bounded(feature: Feature, weight: float, strength: float) -> Belief:
    """A belief that agreement speaks for, disagreement against, and a rarer name for more than a common one."""
    field, grade = feature
    if field.startswith("rarity ") or grade in FOR.get(field, ()):
        return Belief(weight, strength, low=0.0)
    return Belief(weight, strength, high=0.0) if field in FOR and grade in AGAINST else Belief(weight, strength)


def _weighed(present: Model) -> Iterable[Feature]:
    yield from ((field, grade) for field, table in present.weights.items() for grade in table)
    for field, rows in present.interactions.items():
        yield from ((field, f"{one} × {other}") for one, row in rows.items() for other in row)


def _held(feature: Feature, present: Model) -> Belief:
    """What the present model weighs, so firmly that a hundred answers move it by bits, and one by a hundredth."""
    field, grade = feature
    if feature == START:
        weight = present.prior
    elif field.startswith("rarity "):
        steps, step = present.rarity.get(field.removeprefix("rarity "), ()), int(grade)
        weight = steps[step] - (steps[step - 1] if step else 0) if step < len(steps) else 0
    elif " × " in field:
        one, _, other = grade.partition(" × ")
        weight = present.interactions.get(field, {}).get(one, {}).get(other, 0)
    else:
        weight = present.weights.get(field, {}).get(grade, 0)
    return _bounded(feature, weight / MILLIBITS, PRESENT)


def _table(weights: Mapping[Feature, int], table: str) -> dict[str, int]:
    return {grade: weight for (field, grade), weight in weights.items() if field == table and weight}


def _nested(flat: Mapping[str, int]) -> dict[str, dict[str, int]]:
    nested: dict[str, dict[str, int]] = {}
    for grade, weight in flat.items():
        one, _, other = grade.partition(" × ")
        if abs(weight) >= WORTH_MILLIBITS:
            nested.setdefault(one, {})[other] = weight
    return nested


def _steps(weights: Mapping[Feature, int], table: str) -> tuple[int, ...]:
    steps = (weights.get((f"rarity {table}", str(step)), 0) for step in range(STEPS_MAX))
    return tuple(accumulate(steps))


def written(model: Model) -> bytes:
    """The model as a file: sorted, one table a line, so that its changes can be read."""
    plain = msgspec.to_builtins(model, order="deterministic")
    return _indented(plain, msgspec.json.Encoder(order="sorted").encode).encode() + b"\n"


def _indented(plain: Mapping[str, object], encode: Callable[[object], bytes]) -> str:
    lines: list[str] = []
    for key, value in plain.items():
        if isinstance(value, dict) and any(isinstance(inner, (dict, list)) for inner in value.values()):
            inside = ",\n".join(
                f"    {encode(name).decode()}: {encode(inner).decode()}" for name, inner in value.items()
            )
            lines.append(f"  {encode(key).decode()}: {{\n{inside}\n  }}")
        else:
            lines.append(f"  {encode(key).decode()}: {encode(value).decode()}")
    return "{\n" + ",\n".join(lines) + "\n}"
