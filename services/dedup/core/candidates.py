"""Candidates: everything that records say about one field, which of it lives on, and why."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, Literal

import msgspec

from shared.domain.contact import Former, Origin
from shared.domain.record import Json

Criterion = Literal["valid", "trust", "recency", "agreement", "completeness"]

DEFAULT_ORDER: Final[tuple[Criterion, ...]] = ("valid", "trust", "recency", "agreement", "completeness")
"""What decides first, second, … where the configuration says nothing. A pin stands above all of it."""

TRUST_USUAL: Final = 50
"""Trust of a source that nobody configured, between 0 and 100."""

CONFIDENCE_FLOOR, CONFIDENCE_CEILING = 0.05, 0.98
"""No source is always wrong and none always right."""

CONFIDENCES_MAX: Final = 1_024
"""Confidences remembered, by the trust of the sources that agree: an installation has a dozen sources."""

FORMER_MAX: Final = 50
"""Former values carried by a contact: enough for years of moving house, and far from the size limit of a message."""


class SourceView(msgspec.Struct, frozen=True):
    """What survivorship needs to know of a source: trust from 0 to 100, the country and language it is about."""

    trust: int = TRUST_USUAL
    country: str | None = None
    language: str | None = None


USUAL: Final = SourceView()
"""A source that nobody configured."""


class Candidate(msgspec.Struct, frozen=True):
    """One value that one record says. Values of the same `key` are one value in different spelling.

    `valid` counts what of it is right: 0 for nothing, 1 for a single value, up to 2 for a name of two parts.
    """

    value: Json
    key: str
    source: str
    record_id: str
    at: datetime
    trust: int = TRUST_USUAL
    valid: int = 1
    complete: tuple[bool, bool, int] = (False, False, 0)

    def __repr__(self) -> str:
        return f"Candidate(record_id={self.record_id}, source={self.source})"


class Survivor(msgspec.Struct, frozen=True):
    """The value that lives on, where it comes from, and the candidates of other values in falling order."""

    value: Json
    origin: Origin
    key: str
    others: tuple[Candidate, ...]

    def __repr__(self) -> str:
        return f"Survivor({self.origin})"


def survive(candidates: Iterable[Candidate], order: Sequence[Criterion] = DEFAULT_ORDER) -> Survivor | None:
    """The candidate that wins by the criteria in their order, or None without candidates.

    Independent of the order of candidates: what the criteria leave equal is decided by spelling, then by record id. The
    winning value is shown in its best spelling; the origin is the record that wins.
    """
    every = list(candidates)
    if not every:
        return None
    if len(every) == 1:
        return lone(every[0])
    ranked = rank(every, order)
    best = ranked[0]
    same = [one for one in ranked if one.key == best.key]
    others = tuple(one for one in ranked if one.key != best.key)
    spelled = max(same, key=lambda one: (one.complete, _text(one.value)))
    origin = Origin(
        source=best.source,
        record_id=best.record_id,
        observed_at=best.at,
        confidence=confidence_of(same),
        why=_why(best, same, others, order),
    )
    return Survivor(spelled.value, origin, best.key, others)


def rank(candidates: Iterable[Candidate], order: Sequence[Criterion] = DEFAULT_ORDER) -> list[Candidate]:
    """All candidates, the best first; a total order, so every arrangement of the same candidates ends alike."""
    every = list(candidates)
    if len(every) < 2:
        return every
    agreeing = _agreeing(every)
    return sorted(
        every,
        key=lambda one: (
            *[_measure(one, agreeing[one.key], criterion) for criterion in order],
            one.complete,
            _text(one.value),
            one.record_id,
        ),
        reverse=True,
    )


def lone(only: Candidate) -> Survivor:
    """What survives where nobody else has a word on it."""
    origin = Origin(
        source=only.source,
        record_id=only.record_id,
        observed_at=only.at,
        confidence=_confidence((only.trust,), valid=bool(only.valid)),
        why="only one",
    )
    return Survivor(only.value, origin, only.key, ())


def confidence_of(same: Sequence[Candidate]) -> float:
    """How sure a value is, 0 to 1: that not all sources that say it are wrong; halved where the value is not valid.

    Trust / 100 is taken as the chance that one source is right.
    """
    trusts = sorted({one.source: one.trust for one in same}.values())
    return _confidence(tuple(trusts), valid=any(one.valid for one in same))


@lru_cache(CONFIDENCES_MAX)
def _confidence(trusts: tuple[int, ...], *, valid: bool) -> float:
    doubt = 1.0
    for trust in trusts:
        doubt *= 1 - min(max(trust / 100, CONFIDENCE_FLOOR), CONFIDENCE_CEILING)
    sure = min(1 - doubt, CONFIDENCE_CEILING)
    return round(sure if valid else sure / 2, 3)


def former_values(path: str, survivor: Survivor | None) -> list[Former]:
    """The values that no longer lead, each once with the last time somebody said it."""
    if survivor is None or not survivor.others:
        return []
    last: dict[str, Candidate] = {}
    for one in survivor.others:
        held = last.get(one.key)
        if held is None or (one.at, one.record_id) > (held.at, held.record_id):
            last[one.key] = one
    return [Former(path=path, value=one.value, source=one.source, until=one.at) for _, one in sorted(last.items())]


def _agreeing(every: Iterable[Candidate]) -> dict[str, int]:
    """By key how many sources say it."""
    sources: dict[str, set[str]] = {}
    for one in every:
        sources.setdefault(one.key, set()).add(one.source)
    return {key: len(some) for key, some in sources.items()}


def _measure(one: Candidate, agreeing: int, criterion: Criterion) -> float:
    match criterion:
        case "valid":
            return one.valid
        case "trust":
            return one.trust
        case "recency":
            return one.at.timestamp()
        case "agreement":
            return agreeing
        case "completeness":
            return one.complete[2]


TIED: Final = "first of equals"
"""Why a value leads where no criterion tells it from another: the same every time, and no better."""

_REASONS: Final[dict[Criterion, str]] = {
    "valid": "only valid", "trust": "most trusted", "recency": "newest", "agreement": "most agreed",
    "completeness": "most complete",
}  # fmt: skip


def _why(best: Candidate, same: Sequence[Candidate], others: Sequence[Candidate], order: Sequence[Criterion]) -> str:
    """The first criterion on which the winner is ahead of every other value."""
    if not others:
        return "only one" if len({one.source for one in same}) == 1 else "most agreed"
    agreeing = _agreeing(others)
    mine = len({one.source for one in same})
    rivals = list(others)
    for criterion in order:
        ahead = _measure(best, mine, criterion)
        rivals = [one for one in rivals if _measure(one, agreeing[one.key], criterion) >= ahead]
        if not rivals:
            return _REASONS[criterion]
    return TIED


def _text(value: Json) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value, order="deterministic").decode()
