"""Saying: what was measured, as lines of a table for people and as figures for programs."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from services.dedup.core.clustering import Policy
from services.dedup.train.choosing import Trial
from services.dedup.train.measuring import Tally, intervals

POLICIES: Final[tuple[Policy, ...]] = ("careful", "eager")


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as a Markdown table; the first is its head."""
    head, *body = rows
    return [_row(head), _row(["---"] * len(head)), *map(_row, body)]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def figures(counted: Tally) -> list[str]:
    """Precision, recall and F1, each with its interval of 95 %."""
    counts, ends = counted.counts(), intervals(counted)
    values = {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1}
    return [f"{value:.4f} ({ends[name][0]:.3f}–{ends[name][1]:.3f})" for name, value in values.items()]


def compared(named: Iterable[tuple[str, Trial]]) -> list[str]:
    """A table of models on persons they have not seen: by pair, merged alone, and merged as whole groups."""
    rows = [["model", "what", "precision", "recall", "F1"]]
    for name, trial in named:
        rows.append([name, "pairs", *figures(trial.pairs)])
        rows += [[name, f"contacts, {policy}", *figures(trial.clusters(policy))] for policy in POLICIES]
    return table(rows)


def reliability(trial: Trial) -> list[str]:
    """Whether probabilities mean what they say: by band of probability, what was said and what was true."""
    rows = [["probability", "pairs", "said", "true"]]
    for low, high in sorted({(one.low, one.high) for measured in trial.measured for one in measured.reliability}):
        bins = [
            one for measured in trial.measured for one in measured.reliability if (one.low, one.high) == (low, high)
        ]
        pairs = sum(one.pairs for one in bins)
        said = sum(one.said * one.pairs for one in bins) / pairs
        true = sum(one.true * one.pairs for one in bins) / pairs
        rows.append([f"{low:g}–{high:g}", f"{pairs:,}", f"{said:.3f}", f"{true:.3f}"])
    return [*table(rows), "", f"Brier score {trial.brier:.4f}."]


def document(trial: Trial) -> dict[str, Any]:
    """The same for programs."""
    found: dict[str, Any] = {"brier": round(trial.brier, 6), "pairs": _figures(trial.pairs)}
    return found | {policy: _figures(trial.clusters(policy)) for policy in POLICIES}


def _figures(counted: Tally) -> dict[str, Any]:
    counts, ends = counted.counts(), intervals(counted)
    return {
        "precision": round(counts.precision, 6), "recall": round(counts.recall, 6), "f1": round(counts.f1, 6),
        "interval": {name: [round(low, 6), round(high, 6)] for name, (low, high) in ends.items()},
    }  # fmt: skip
