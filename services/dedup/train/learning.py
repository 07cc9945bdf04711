"""Learning: a regularised logistic regression over features that are there or not, by L-BFGS, in plain Python.

Pairs with the same features are one row with two counts: 24,000 pairs of a CRM make 3,000 rows, learned in seconds on
one core, without a library of numbers beside the services. (Nocedal, Updating Quasi-Newton Matrices with Limited
Storage, 1980.) Deterministic: rows and features come sorted, sums run in their order.
"""

from collections.abc import Sequence
from math import exp, inf, log1p
from typing import Final, NamedTuple

ROUNDS_MAX: Final = 300
"""Steps after which learning ends whatever is left to gain; the sets at hand need 50 to 150."""

MEMORY: Final = 10
"""Steps that are remembered to guess the curvature: the usual number; more gained nothing."""

GAIN_MIN: Final = 1e-6
"""Share of the loss that a step must gain: below, the weights move by less than a hundredth of a bit."""

ARMIJO: Final = 1e-4
"""Share of the promised gain with which a step is content (Nocedal & Wright, Numerical Optimization, 3.1)."""

STEP_MIN: Final = 1e-6
"""Share of a step below which halving it again helps nothing: the loss is flat to rounding."""

HALVED_MAX: Final = 20
"""Times that a step is halved: two to the twentieth is STEP_MIN."""

Vector = list[float]


class Row(NamedTuple):
    """Pairs with these features: how many are one person, and how many are two."""

    features: tuple[int, ...]
    same: int
    different: int


class Belief(NamedTuple):
    """What a weight (in nats) is before anything is seen, and how strongly: `strength` pulls it back, per nat²; `low`
    and `high` are what it never leaves, whatever is seen.
    """

    weight: float
    strength: float
    low: float = -inf
    high: float = inf

    def within(self, weight: float) -> float:
        """The weight, or the bound that it has passed."""
        return min(max(weight, self.low), self.high)


def learn(rows: Sequence[Row], beliefs: Sequence[Belief]) -> Vector:
    """The weights, in nats, that make these rows likeliest, held to the beliefs; one for each belief."""
    scale = _scale(rows, beliefs)
    weights = [belief.within(belief.weight) for belief in beliefs]
    loss, slope = _loss(rows, beliefs, weights)
    seen: list[tuple[Vector, Vector, float]] = []
    for _ in range(ROUNDS_MAX):
        free = [_free(*one) for one in zip(beliefs, weights, slope, strict=True)]
        direction = _kept(_direction(_kept(slope, free), seen, scale), free)
        step = 1.0
        moved, lower, steeper = weights, loss, slope
        for _ in range(HALVED_MAX):
            moved = [
                belief.within(weight - step * by)
                for belief, weight, by in zip(beliefs, weights, direction, strict=True)
            ]
            lower, steeper = _loss(rows, beliefs, moved)
            promised = sum(by * (new - old) for by, new, old in zip(slope, moved, weights, strict=True))
            if lower <= loss + ARMIJO * promised or step < STEP_MIN:
                break
            step /= 2
        taken = [new - old for new, old in zip(moved, weights, strict=True)]
        change = [new - old for new, old in zip(steeper, slope, strict=True)]
        curvature = _dot(taken, change)
        if curvature > 0:
            seen = [*seen, (taken, change, 1 / curvature)][-MEMORY:]
        done = loss - lower < GAIN_MIN * max(1.0, abs(loss))
        weights, loss, slope = moved, lower, steeper
        if done:
            break
    return weights


def _free(belief: Belief, weight: float, slope: float) -> bool:
    """False for a weight at a bound that the slope would push it beyond: it stays there in this step."""
    return not (weight <= belief.low and slope > 0) and not (weight >= belief.high and slope < 0)


def _kept(vector: Vector, free: Sequence[bool]) -> Vector:
    return [value if is_free else 0.0 for value, is_free in zip(vector, free, strict=True)]


def _loss(rows: Sequence[Row], beliefs: Sequence[Belief], weights: Vector) -> tuple[float, Vector]:
    """The negative log-likelihood with what the beliefs add, and its slope."""
    slope = [belief.strength * (weight - belief.weight) for belief, weight in zip(beliefs, weights, strict=True)]
    loss = 0.0
    for belief, weight in zip(beliefs, weights, strict=True):
        loss += belief.strength * (weight - belief.weight) ** 2 / 2
    for features, same, different in rows:
        total = 0.0
        for feature in features:
            total += weights[feature]
        small = exp(-abs(total))
        certain = log1p(small)
        loss += same * (certain + max(-total, 0.0)) + different * (certain + max(total, 0.0))
        chance = 1 / (1 + small) if total > 0 else small / (1 + small)
        error = (same + different) * chance - same
        for feature in features:
            slope[feature] += error
    return loss, slope


def _scale(rows: Sequence[Row], beliefs: Sequence[Belief]) -> Vector:
    """How stiff each weight is, roughly: a tenth for each pair that has the feature, where a quarter is the most."""
    scale = [belief.strength for belief in beliefs]
    for features, same, different in rows:
        for feature in features:
            scale[feature] += (same + different) / 10
    return scale


def _direction(slope: Vector, seen: Sequence[tuple[Vector, Vector, float]], scale: Vector) -> Vector:
    """The two loops of L-BFGS."""
    ahead = slope
    parts: list[float] = []
    for taken, change, share in reversed(seen):
        part = share * _dot(taken, ahead)
        parts.append(part)
        ahead = [value - part * by for value, by in zip(ahead, change, strict=True)]
    ahead = [value / stiff for value, stiff in zip(ahead, scale, strict=True)]
    for (taken, change, share), part in zip(seen, reversed(parts), strict=True):
        more = part - share * _dot(change, ahead)
        ahead = [value + more * by for value, by in zip(ahead, taken, strict=True)]
    return ahead


def _dot(one: Vector, other: Vector) -> float:
    return sum(map(float.__mul__, one, other))
