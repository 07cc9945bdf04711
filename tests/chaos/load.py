"""What is sent: persons, what each of their records says over time, deletions and interactions; all from one seed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.bench.people import FOLDED, people

SOURCE: Final = "crm"

FIRST: Final = datetime(2026, 1, 5, tzinfo=UTC)
"""When the first delivery was observed; the others follow by the second, so that order of arrival cannot matter."""

RECORDS_MAX: Final = 5
"""Of one person: sources that know somebody are few."""

NEW, AGAIN, UPDATE, INTERACTION = 0.5, 0.7, 0.88, 0.97
"""Shares, added up: new persons, their further records, updates, interactions; the rest are deletions."""

TWINS: Final = 0.4
"""Share of new persons of whom two records come at the same moment: what only locks keep together."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing to send: a record's state (`mark` counts them), its deletion (None), or an interaction."""

    kind: str
    record: str
    body: dict[str, Any]
    mark: int | None = None


@dataclass(slots=True)
class Person:
    """Somebody, as the generator knows them: the name in two spellings, and what never changes."""

    number: int
    said: dict[str, Any]
    records: list[str] = field(default_factory=list[str])


@dataclass
class Load:
    """Everything to be sent, drawn as it is asked for. `person_of` and `marks` are the truth about it so far."""

    seed: int
    events: int
    person_of: dict[str, int] = field(default_factory=dict[str, int])
    marks: dict[str, int] = field(default_factory=dict[str, int])
    said: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    deleted: set[str] = field(default_factory=set[str])
    interactions: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        """Draw the persons; each is used once."""
        self._dice = random.Random(self.seed)
        self._everybody = people(self.events + 1, duplicates=0.0, seed=self.seed)
        self._persons: list[Person] = []
        self._clock = 0

    def chunks(self, count: int) -> Iterator[list[Delivery]]:
        """All deliveries in so many pieces. Inside a piece order does not matter; a later piece follows an earlier."""
        size = max(1, self.events // count)
        for number in range(count):
            yield self._chunk(size if number < count - 1 else self.events - size * (count - 1))

    def _chunk(self, size: int) -> list[Delivery]:
        chunk: list[Delivery] = []
        settled = [record for record in self.marks if record not in self.deleted]
        touched: set[str] = set()
        while len(chunk) < size:
            chunk += self._drawn(settled, touched, size - len(chunk))
        return chunk

    def _drawn(self, settled: Sequence[str], touched: set[str], room: int) -> list[Delivery]:
        """The next one or two. `settled`: records of earlier pieces; `touched`: those this piece says something of."""
        dice = self._dice
        kind = dice.random()
        known = [] if kind < NEW or not settled else [dice.choice(settled)]
        if not known or known[0] in self.deleted:
            return self._new(touched, room)
        (record,) = known
        if kind < AGAIN and len(self._persons[self.person_of[record]].records) < RECORDS_MAX:
            return [self._state(self._person(record), None, touched)]
        if kind < UPDATE:
            return [self._state(self._person(record), record, touched)]
        if kind < INTERACTION or record in touched:
            return [self._interaction(record, touched)]
        self.deleted.add(record)
        return [Delivery("deletion", record, {})]

    def _person(self, record: str) -> Person:
        return self._persons[self.person_of[record]]

    def _new(self, touched: set[str], room: int) -> list[Delivery]:
        person = Person(len(self._persons), next(self._everybody))
        self._persons.append(person)
        count = min(room, 2 if self._dice.random() < TWINS else 1)
        return [self._state(person, None, touched) for _ in range(count)]

    def _state(self, person: Person, record: str | None, touched: set[str]) -> Delivery:
        """All that a record says, with a mark that nothing but this delivery bears."""
        if record is None:
            record = f"{person.number}-{len(person.records)}"
            person.records.append(record)
            self.person_of[record] = person.number
            self.marks[record] = 0
        said = person.said
        if len(person.records) > 1 and record != person.records[0]:
            said = {**said, "given_name": said["given_name"].translate(FOLDED), "phone": f"+49 {said['phone'][1:]}"}
        self.marks[record] += 1
        self._clock += 1
        touched.add(record)
        mark = self.marks[record]
        body = {
            **said,
            "source": SOURCE,
            "source_record_id": record,
            "observed_at": (FIRST + timedelta(seconds=self._clock)).isoformat(),
            "job_title": f"Stelle {mark}",
            "attributes": {f"r{record}": mark},
        }
        self.said[record] = body
        return Delivery("record", record, body, mark)

    def _interaction(self, record: str, touched: set[str]) -> Delivery:
        name = f"i{len(self.interactions)}"
        self.interactions[name] = record
        self._clock += 1
        touched.add(record)
        body = {
            "source": SOURCE,
            "interaction_id": name,
            "type": "call",
            "at": (FIRST + timedelta(seconds=self._clock)).isoformat(),
            "contact": {"record": {"source": SOURCE, "source_record_id": record}},
        }
        return Delivery("interaction", record, body)
