"""Splink beside our own: its notebooks' models on the same halves of the persons, in an environment of its own."""

import csv
import gzip
import io
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from time import monotonic
from typing import Final

from services.dedup.train.choosing import Half
from services.dedup.train.measuring import Tally, components, tally, together
from services.dedup.train.saying import figures, table
from services.dedup.train.sets import Pair

ROOT: Final = Path(__file__).parents[2]
PYTHON: Final = ROOT / ".local" / "splink" / "bin" / "python"
PROGRAM: Final = Path(__file__).with_name("splink_models.py")

COLUMNS: Final[tuple[str, ...]] = (
    "record_id", "given_name", "family_name", "email", "phone", "street", "city", "postcode", "dob", "company",
)  # fmt: skip
"""What is written for Splink: everything that its notebooks and ours compare."""

MODELS: Final = {
    "fake_1000": "fake",
    "febrl3": "febrl",
    "historical_50k.fold0": "historical",
    "uganda_openCR": "registry",
}
"""The notebook of each set; the others are CRM data."""

CERTAIN: Final = 0.95
"""The threshold that Splink's own notebooks cluster at."""

TIME_MAX_S: Final = 1_800
"""A half takes seconds to minutes; more is a program that hangs."""

THRESHOLDS: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, CERTAIN, 0.97, 0.99, 0.995, 0.999, 0.9999, 0.99999)
"""Those that are tried for the best, which nobody knows without the truth."""


def lines(path: Path, halves: tuple[Half, Half], also: Mapping[str, str]) -> list[str]:
    """A table of contacts by Splink: at its own threshold, and at the best chosen on the truth of both halves.

    Contacts are connected components. Raises FileNotFoundError where Splink is not installed (make matching does).
    """
    rows = _rows(path, also)
    model = MODELS.get(path.name.removesuffix(".csv.gz"), "crm")
    begun = monotonic()
    said = [_predicted(model, [rows[one] for one in sorted(half.labelled.traits)]) for half in halves]
    seconds = monotonic() - begun
    by_threshold = {threshold: _joined(halves, said, threshold) for threshold in THRESHOLDS}
    best = max(THRESHOLDS, key=lambda threshold: by_threshold[threshold].counts().f1)
    shown = [["Splink", "precision", "recall", "F1"]]
    for name, threshold in ((f"at {CERTAIN:g}", CERTAIN), (f"at {best:g}, the best chosen on the truth", best)):
        shown.append([f"contacts, {name}", *figures(by_threshold[threshold])])
    return [*table(shown), "", f"Both halves took Splink {seconds:.0f} s."]


def _rows(path: Path, also: Mapping[str, str]) -> dict[str, dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
        read = [row | {field: row[column] for column, field in also.items()} for row in csv.DictReader(file)]
    return {row["record_id"]: row for row in read}


def _predicted(model: str, rows: Sequence[Mapping[str, str]]) -> list[tuple[Pair, float]]:
    with tempfile.NamedTemporaryFile("w", suffix=".csv", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([row.get(column, "") for column in COLUMNS] for row in rows)
        file.flush()
        done = subprocess.run(
            [PYTHON, "-I", PROGRAM, model, file.name], stdout=subprocess.PIPE, stderr=sys.stderr, text=True,
            timeout=TIME_MAX_S, check=True,
        )  # fmt: skip
    return [((min(one, other), max(one, other)), float(chance)) for one, other, chance in _read(done.stdout)]


def _read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def _joined(halves: tuple[Half, Half], said: Sequence[Sequence[tuple[Pair, float]]], threshold: float) -> Tally:
    """The pairs in one contact where everything at or above the threshold is joined."""
    return together(
        tally(
            half.labelled.persons,
            [
                pair
                for group in components(pair for pair, chance in found if chance >= threshold)
                for pair in combinations(group, 2)
            ],
        )
        for half, found in zip(halves, said, strict=True)
    )
