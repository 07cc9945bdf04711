"""Estimating: precision and recall of the contacts as they stand, from what people answered, with intervals.

Stratified: pairs with evidence are put into bands of two bits, apart for those that are one contact and those that are
not. Of each the share of true pairs is a Beta posterior: the model's own probability, worth PRIOR answers, and what
people said of pairs of that band. Precision is the share of true pairs among those that are one contact; recall is what
they are of all true pairs that have evidence. Intervals are the normal ones of 95 % by the delta method over
independent bands (Cochran, Sampling Techniques, 1977). Pairs without evidence (no key in common) are not in it, nor
are splits and merges that nobody was asked for: complaints are no sample.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from typing import Any, Final, NamedTuple

from services.dedup.core.model import MILLI, probability

BAND_MILLIBITS: Final = 2_000
"""Width of a band: within it the odds of a match differ by a factor of four at most."""

BANDS: Final = (-1, 12)
"""The lowest and the highest band: below and above, probabilities differ by less than answers can tell."""

PRIOR: Final = 4.0
"""Answers that the model's own probability is worth: five answers in a band count for more than the model does."""

Z: Final = 1.959964
"""Standard errors of an interval of 95 %."""

MERGED: Final = frozenset({"control"})
"""Reasons of questions about pairs that are one contact; all other questions are about pairs that are not."""

BIASED: Final = frozenset({"changed"})
"""Reasons of questions that were asked because somebody was likely wrong: no sample of anything."""


class Counted(NamedTuple):
    """How many pairs of a band are (or are not) one contact, of one source or (None) of all."""

    band: int
    merged: bool
    source: str | None
    pairs: int


class Observed(NamedTuple):
    """One answer: `weight` is the strongest evidence seen, in millibits; None where there was none."""

    same: bool
    weight: int | None
    reason: str
    week: str
    sources: frozenset[str]


def quality(counted: Sequence[Counted], observed: Sequence[Observed]) -> dict[str, Any]:
    """Precision and recall with intervals: of everything, by week (from the answers of that week alone) and by source
    (of pairs that touch it), with the answers they rest on, and the bands.
    """
    whole = {(one.band, one.merged): one.pairs for one in counted if one.source is None}
    sources = sorted({one.source for one in counted if one.source is not None})
    weeks = sorted({one.week for one in observed}, reverse=True)
    return {
        **_estimate(whole, observed),
        "weeks": [{"week": week, **_estimate(whole, [one for one in observed if one.week == week])} for week in weeks],
        "sources": [
            {
                "source": source,
                **_estimate(
                    {(one.band, one.merged): one.pairs for one in counted if one.source == source},
                    [one for one in observed if source in one.sources],
                ),
            }
            for source in sources
        ],
        "bands": _bands(whole, observed),
    }


def _estimate(pairs: Mapping[tuple[int, bool], int], observed: Sequence[Observed]) -> dict[str, Any]:
    right, right_variance, merged = 0.0, 0.0, 0
    missed, missed_variance = 0.0, 0.0
    for (band, is_merged), count in pairs.items():
        # What people said of pairs that stood apart is known: "same" made them one, "different" left them apart.
        known = min(count, sum(one.same is is_merged for one in _about(observed, band, merged=False)))
        share, variance = _share(observed, band, merged=is_merged)
        unknown = count - known
        if is_merged:
            merged += count
            right += known + unknown * share
            right_variance += unknown**2 * variance
        else:
            missed += unknown * share
            missed_variance += unknown**2 * variance
    same = sum(one.same for one in observed)
    return {
        "precision": _interval(right / merged, sqrt(right_variance) / merged) if merged else None,
        "recall": _recall(right, right_variance, missed, missed_variance),
        "answers": {"same": same, "different": len(observed) - same},
    }


def _recall(right: float, right_variance: float, missed: float, missed_variance: float) -> dict[str, float] | None:
    """What was found of all that is true, with the error that both leave."""
    every = right + missed
    if not every:
        return None
    return _interval(right / every, sqrt(missed**2 * right_variance + right**2 * missed_variance) / every**2)


def _interval(value: float, error: float) -> dict[str, float]:
    low, high = max(0.0, value - Z * error), min(1.0, value + Z * error)
    return {"value": round(value, 4), "low": round(low, 4), "high": round(high, 4)}


def _share(observed: Iterable[Observed], band: int, *, merged: bool) -> tuple[float, float]:
    """The share of true pairs in a band, and the variance of what we know of it."""
    answers = [one.same for one in _about(observed, band, merged=merged)]
    expected = _expected(band)
    same = sum(answers) + PRIOR * expected
    every = len(answers) + PRIOR
    share = same / every
    return share, share * (1 - share) / (every + 1)


def _about(observed: Iterable[Observed], band: int, *, merged: bool) -> list[Observed]:
    return [
        one
        for one in observed
        if one.reason not in BIASED and (one.reason in MERGED) is merged and band_of(one.weight) == band
    ]


def band_of(weight: int | None) -> int:
    """The band of this evidence."""
    least, greatest = BANDS
    return least if weight is None else max(least, min(greatest, weight // BAND_MILLIBITS))


def _expected(band: int) -> float:
    """The model's probability in the middle of a band."""
    return probability(band * BAND_MILLIBITS + BAND_MILLIBITS // 2)


def _bands(pairs: Mapping[tuple[int, bool], int], observed: Sequence[Observed]) -> list[dict[str, Any]]:
    """By band: pairs that are and are not one contact, what the model expects, what people said."""
    shown: list[dict[str, Any]] = []
    for band in sorted({band for band, _ in pairs} | {band_of(one.weight) for one in observed}):
        answers = [one.same for one in observed if band_of(one.weight) == band and one.reason not in BIASED]
        shown.append(
            {
                "from_bits": band * BAND_MILLIBITS / MILLI,
                "merged": pairs.get((band, True), 0),
                "apart": pairs.get((band, False), 0),
                "expected": round(_expected(band), 4),
                "same": sum(answers),
                "different": len(answers) - sum(answers),
            }
        )
    return shown
