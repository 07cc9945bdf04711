"""How right and how fast matching is on labelled sets: `make matching DATASETS=FOLDER` prints docs/matching.md anew.

Every set is cut into two halves by person. A model is learned from one half and measured on the other, and the other
way round; its bands are fixed before. Contacts are those of `reconcile`: whole components, with the frequencies of the
half's own names. Pairs that blocking never finds count as missed. *shipped, crossed* is how a model for CRM data is
made: learned from the CRM set alone, for all CRM data; other kinds learn from their own other half.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Final, NamedTuple

from services.dedup.core.model import load_model
from services.dedup.train.choosing import Half, Trial, beside, crossed, halves_of
from services.dedup.train.measuring import Counts
from services.dedup.train.saying import compared, reliability
from services.dedup.train.sets import read_set
from tests.bench.beside import lines as beside_ours

MODEL = Path(__file__).parents[2] / "services" / "dedup" / "model.json"
PAGE = Path(__file__).parents[2] / "docs" / "matching.md"
FIGURES = ("<!-- figures of make matching: begin -->", "<!-- figures of make matching: end -->")


class Set(NamedTuple):
    """A labelled file, the region its numbers are written for, and columns beyond the usual."""

    file: str
    country: str
    kind: str
    also: dict[str, str]


SETS: Final = (
    Set("crm_de_dev", "DE", "CRM, German", {}),
    Set("fake_1000", "GB", "CRM, British, hard", {}),
    Set("febrl3", "AU", "registry, Australian, without its identity numbers", {}),
    Set("uganda_openCR", "UG", "registry, Ugandan, without its identity numbers", {}),
    Set("historical_50k.fold0", "GB", "historical persons", {"x_birth_place": "city"}),
)
"""The last takes the place of birth for the city, as whoever imports it would; nothing else is mapped."""


def lines(folder: Path, names: list[str], *, splink: bool) -> Iterator[str]:
    """The page's figures, line by line as they are known; with `splink` those of Splink beside them."""
    shipped = load_model(MODEL.read_bytes())
    for one in SETS:
        if names and one.file not in names:
            continue
        path = folder / f"{one.file}.csv.gz"
        labelled = read_set(path, one.country, one.also)
        begun = process_time()
        halves = halves_of(labelled)
        trial = crossed(halves)
        seconds = process_time() - begun
        yield from ["", f"### {one.file} ({one.kind})", ""]
        yield _size(labelled.name, halves, trial, seconds)
        yield ""
        named = [("learned from the other half", trial)]
        if one.file != "crm_de_dev":
            named.append(("shipped, learned from crm_de_dev", beside(halves, shipped)))
        yield from compared(named)
        if splink:
            yield from ["", *beside_ours(path, halves, one.also)]
        yield from ["", "Reliability of what was learned from the other half:", ""]
        yield from reliability(trial)


def _size(name: str, halves: tuple[Half, Half], trial: Trial, seconds: float) -> str:
    records = sum(len(half.labelled.traits) for half in halves)
    pairs = sum(half.labelled.true_pairs for half in halves)
    blocked = [one.blocked for one in trial.measured]
    found = Counts(0, sum(one.right for one in blocked), sum(one.true for one in blocked))
    candidates = sum(one.candidates for one in trial.measured)
    pair_us = sum(one.pair_us * one.candidates for one in trial.measured) / max(1, candidates)
    vetoes = ", ".join(sorted(trial.models[0].vetoes & trial.models[1].vetoes))
    return (
        f"{records:,} records of {name}, {pairs:,} true pairs, of which candidates find {found.recall:.4f} "
        f"({candidates / records:.1f} pairs a record). A pair costs {pair_us:.0f} µs, its caches cold; learning and "
        f"measuring twice took {seconds:.0f} s of one core. What forbids, as learned: {vetoes}."
    )


def main() -> int:
    """Print the figures; with --update write them into the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the labelled sets lie")
    parser.add_argument("sets", nargs="*", help="only these")
    parser.add_argument("--update", action="store_true", help="write the figures into docs/matching.md")
    parser.add_argument("--splink", action="store_true", help="and Splink on the same halves")
    arguments = parser.parse_args()
    found: list[str] = []
    for line in lines(arguments.folder, arguments.sets, splink=arguments.splink):
        print(line, flush=True)
        found.append(line)
    if arguments.update:
        before, _, rest = PAGE.read_text().partition(FIGURES[0])
        after = rest.partition(FIGURES[1])[2]
        PAGE.write_text("\n".join([before + FIGURES[0], *found, "", FIGURES[1]]) + after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
