"""How right the merges of a running system are: pairs of records it holds to be one person, against a labelled file.

    python -m tests.bench.accuracy FILE.csv.gz --data .local/data --source crm

The file has record_id and cluster_id (the truth). Prints pairwise precision and recall of what `contacts.clean` says.
"""

import argparse
import asyncio
import csv
import gzip
import io
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.bench.following import present_contacts


def pairs(groups: Iterable[int]) -> int:
    """How many pairs groups of these sizes hold."""
    return sum(size * (size - 1) // 2 for size in groups)


def precision_and_recall(truth: Mapping[str, str], found: Mapping[str, str]) -> tuple[float, float, int, int]:
    """Pairwise precision and recall, and the numbers of found and true pairs; both map a record to its group."""
    common = [(truth[record], found[record]) for record in found if record in truth]
    said = pairs(Counter(contact for _, contact in common).values())
    true = pairs(Counter(truth.values()).values())
    right = pairs(Counter(common).values())
    return right / said if said else 1.0, right / true if true else 1.0, said, true


def truth_of(path: Path) -> dict[str, str]:
    """record_id -> cluster_id of a labelled CSV, gzipped or not."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return {row["record_id"]: row["cluster_id"] for row in csv.DictReader(io.StringIO(raw.decode()))}


def main() -> int:
    """Compare, print one line, exit 0; exit 1 when records are missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--data", type=Path, default=Path(".local/data"))
    parser.add_argument("--source", default="crm")
    options = parser.parse_args()
    endpoints = json.loads((options.data / "endpoints.json").read_text())
    contacts = asyncio.run(present_contacts(endpoints["kafka"]))
    found = {
        member["source_record_id"]: contact_id
        for contact_id, contact in contacts.items()
        for member in contact["records"]
        if member["source"] == options.source and member.get("source_record_id")
    }
    truth = truth_of(options.file)
    precision, recall, said, true = precision_and_recall(truth, found)
    missing = len(truth.keys() - found.keys())
    print(f"records {len(truth)}  missing {missing}  contacts {len(contacts)}  pairs said {said}  true {true}")
    print(f"precision {precision:.4f}  recall {recall:.4f}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
