"""How well and how fast matching decides on a labelled set: `python -m tests.bench.matching FILE.csv.gz [--errors N]`.

Records arrive in the order of the file, one at a time, at an index of keys in memory; each is compared with its
candidates, and the contacts it touches with those one edge away are clustered again, as the service does.
Pairwise precision and recall count every true pair of the file, also those that blocking never sees.
"""

import argparse
import csv
import gzip
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from time import perf_counter

from services.dedup.core.blocking import blocking_keys
from services.dedup.core.clustering import Policy, partition
from services.dedup.core.comparison import Evidence, compare
from services.dedup.core.model import Model, load_model
from services.dedup.core.population import Population
from shared.domain.normalise import Traits, traits_of
from shared.domain.record import Record, Said

GENERIC_FROM = 60
"""Records that share a key from which on it gives no candidates (facts, matching 7: between 30 and 60)."""

COLUMNS = {
    "given_name": "given_name", "family_name": "family_name", "full_name": "full_name", "email": "email",
    "phone": "phone", "street": "street", "city": "city", "postcode": "postcode", "country": "country",
    "dob": "birthday", "company": "company",
}  # fmt: skip

MODEL = Path(__file__).parents[2] / "services" / "dedup" / "model.json"


class Clusters:
    """Contacts under one policy, kept as the service keeps them: touched contacts and those one edge away."""

    def __init__(self, policy: Policy, model: Model) -> None:
        self.policy: Policy = policy
        self.model = model
        self.home: dict[str, frozenset[str]] = {}
        self.seconds = 0.0

    def arrive(self, record: str, edges: Mapping[str, Mapping[str, Evidence]], traits: Mapping[str, Traits]) -> None:
        begun = perf_counter()
        self.home[record] = frozenset((record,))
        touched = {self.home[one] for one in (record, *edges[record])}
        members = {member for group in touched for member in group}
        beyond = {self.home[other] for member in members for other in edges[member]}
        around = {member for group in touched | beyond for member in group}
        found = {
            (one, other): e for one in around for other, e in edges[one].items() if one < other and other in around
        }
        for group in partition({one: traits[one] for one in around}, found, (), self.policy, self.model).groups:
            self.home.update(dict.fromkeys(group, group))
        self.seconds += perf_counter() - begun


def records_of(path: Path) -> Iterable[tuple[Record, str]]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            fields = {field: Said(row[column], at, "e") for column, field in COLUMNS.items() if row.get(column)}
            record = Record(record_id=row["record_id"], source="set", fields=fields, first_received_at=at)
            yield record, row["cluster_id"]


def run(path: Path, errors: int, country: str | None) -> None:
    model, population = load_model(MODEL.read_bytes()), Population.default()
    arrivals = list(records_of(path))
    truth = {record.record_id: person for record, person in arrivals}
    index: dict[int, list[str]] = defaultdict(list)
    edges: dict[str, dict[str, Evidence]] = defaultdict(dict)
    traits: dict[str, Traits] = {}
    policies = [Clusters("careful", model), Clusters("eager", model)]
    seconds: dict[str, float] = defaultdict(float)
    compared = blocked = 0
    begun = perf_counter()
    for record, person in arrivals:
        start = perf_counter()
        mine = traits[record.record_id] = traits_of(record, country)
        normalised = perf_counter()
        keys = blocking_keys(mine)
        keyed = perf_counter()
        known = {other for key in keys if len(index[key]) <= GENERIC_FROM for other in index[key]}
        for key in keys:
            index[key].append(record.record_id)
        looked = perf_counter()
        for other in known:
            evidence = compare(mine, traits[other], model, population)
            if evidence.veto is None and evidence.weight >= model.bands.keep_millibits:
                edges[record.record_id][other] = edges[other][record.record_id] = evidence
        scored = perf_counter()
        compared += len(known)
        blocked += sum(1 for other in known if truth[other] == person)
        seconds["normalise"] += normalised - start
        seconds["keys"] += keyed - normalised
        seconds["index"] += looked - keyed
        seconds["compare"] += scored - looked
        for clusters in policies:
            clusters.arrive(record.record_id, edges, traits)
    total = perf_counter() - begun
    true_pairs = sum(count * (count - 1) // 2 for count in Counter(truth.values()).values())
    print(f"{path.name}: {len(truth)} records, {len(set(truth.values()))} persons, {true_pairs} true pairs")
    print(f"blocking: {compared / len(truth):.1f} candidates a record, recall {blocked / true_pairs:.3f}")
    for clusters in policies:
        groups = {*clusters.home.values()}
        joined = [pair for group in groups for pair in combinations(sorted(group), 2)]
        right = sum(1 for one, other in joined if truth[one] == truth[other])
        precision, recall = right / max(1, len(joined)), right / true_pairs
        f1 = 2 * precision * recall / max(1e-9, precision + recall)
        print(
            f"{clusters.policy:8} precision {precision:.4f}  recall {recall:.4f}  F1 {f1:.4f}  contacts {len(groups)}"
        )
        if errors:
            _show(joined, truth, traits, edges, errors)
    per = {step: 1e6 * value / len(truth) for step, value in seconds.items()}
    per |= {f"cluster {clusters.policy}": 1e6 * clusters.seconds / len(truth) for clusters in policies}
    print(
        "  ".join(f"{step} {value:.0f} µs" for step, value in per.items()),
        f" a record; {1e6 * seconds['compare'] / max(1, compared):.1f} µs a pair",
    )
    one_policy = total - policies[1].seconds
    print(f"{len(truth) / one_policy:.0f} records/s with one policy")


def _show(
    joined: list[tuple[str, str]],
    truth: Mapping[str, str],
    traits: Mapping[str, Traits],
    edges: Mapping[str, Mapping[str, Evidence]],
    most: int,
) -> None:
    """Wrong pairs with their evidence: only for public or made-up sets, since values are shown."""
    wrong = [pair for pair in joined if truth[pair[0]] != truth[pair[1]]]
    print(f"  wrong pairs {len(wrong)}")
    for one, other in wrong[:: max(1, len(wrong) // most)][:most]:
        evidence = edges[one].get(other)
        shown = [(part.field, part.grade, part.weight) for part in evidence.parts] if evidence else "no evidence"
        for side in (one, other):
            mine = traits[side]
            print("   ", [*mine.given, "/", *mine.family], mine.mails, mine.phones, mine.street, mine.house_number)
            print("      ", mine.postcode, mine.city, mine.birthday, mine.company)
        print("     ", evidence.weight if evidence else None, shown)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--errors", type=int, default=0, help="show this many wrong pairs of each policy")
    parser.add_argument("--country", default="DE", help="the region numbers are written for")
    arguments = parser.parse_args()
    run(arguments.file, arguments.errors, arguments.country)
    return 0


if __name__ == "__main__":
    sys.exit(main())
