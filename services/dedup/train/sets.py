"""Labelled sets: records of which it is known who is who, and their halves by person."""

import csv
import gzip
import io
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import combinations
from pathlib import Path
from typing import Final

from services.dedup.core.blocking import blocking_keys
from services.dedup.core.population import Census, Population
from shared.domain.normalise import Traits, traits_of
from shared.domain.record import Record, Said

SHARED_MAX: Final = 60
"""Records that may share a blocking key, as the service is set (KONTAKTWERK_DEDUP_KEY_RECORDS_MAX)."""

COLUMNS: Final = {
    "given_name": "given_name", "family_name": "family_name", "full_name": "full_name", "email": "email",
    "phone": "phone", "street": "street", "city": "city", "postcode": "postcode", "country": "country",
    "dob": "birthday", "birthday": "birthday", "company": "company", "gender": "gender", "x_gender": "gender",
    "vat_id": "vat_id", "salutation": "salutation", "name_suffix": "name_suffix",
}  # fmt: skip
"""Columns of a labelled file and the fields they are; others are not compared."""

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Labelled:
    """Records in comparable form, and by record the person it is of. The repr of traits shows ids only."""

    name: str
    traits: Mapping[str, Traits]
    persons: Mapping[str, str]

    @property
    def true_pairs(self) -> int:
        """Pairs of records that are one person."""
        return sum(count * (count - 1) // 2 for count in Counter(self.persons.values()).values())

    def half(self, number: int) -> "Labelled":
        """Half of the persons, 0 or 1, with all their records: by a hash of the person, the same on every day."""
        mine = {one: person for one, person in self.persons.items() if _half_of(person) == number}
        return Labelled(f"{self.name}/{number}", {one: self.traits[one] for one in mine}, mine)

    def population(self) -> Population:
        """The frequencies of these very records, as `reconcile` learns them: nobody needs to know who is who for it."""
        census = Census()
        for one in self.traits.values():
            census.add(one)
        return census.population(epoch=1)

    def candidates(self) -> list[Pair]:
        """The pairs that share a key which is not generic, smaller id first, in order."""
        by_key: dict[int, list[str]] = defaultdict(list)
        for record_id, one in sorted(self.traits.items()):
            for key in blocking_keys(one):
                by_key[key].append(record_id)
        found = {pair for members in by_key.values() if len(members) <= SHARED_MAX for pair in combinations(members, 2)}
        return sorted(found)

    def same(self, pair: Pair) -> bool:
        """True when both records are one person."""
        return self.persons[pair[0]] == self.persons[pair[1]]


def read_set(path: Path, country: str | None, also: Mapping[str, str] | None = None) -> Labelled:
    """A labelled CSV, gzipped or not: record_id, cluster_id (the truth) and the columns of COLUMNS. `country` is the
    region its numbers are written for, `also` names further columns and the fields they are.

    Raises ValueError where a column is missing or a record comes twice; the text names no value.
    """
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
    columns = {**COLUMNS, **(also or {})}
    rows = csv.DictReader(io.StringIO(text, newline=""))
    if missing := {"record_id", "cluster_id"} - set(rows.fieldnames or ()):
        raise ValueError(f"{path.name} has no column {' and no column '.join(sorted(missing))}")
    traits: dict[str, Traits] = {}
    persons: dict[str, str] = {}
    for number, row in enumerate(rows, 2):
        record = _record(row, columns)
        if record.record_id in persons:
            raise ValueError(f"{path.name}, line {number}: this record_id came before")
        traits[record.record_id] = traits_of(record, country)
        persons[record.record_id] = row["cluster_id"]
    return Labelled(path.name.partition(".")[0], traits, persons)


def _record(row: Mapping[str, str], columns: Mapping[str, str]) -> Record:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    fields = {field: Said(row[column], at, "labelled") for column, field in columns.items() if row.get(column)}
    return Record(record_id=row["record_id"], source="labelled", fields=fields, first_received_at=at)


def _half_of(person: str) -> int:
    return blake2b(person.encode(), digest_size=1).digest()[0] % 2
