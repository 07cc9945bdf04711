"""The oracle: what must have become of everything that was sent, by a few lines that know nothing of how we decide.

Pure and single-threaded. Persons are put together as the contract promises (section 5, 7): equal full name with
an equal mail or number. Nothing here is imported from a service.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from tests.chaos.load import Delivery, Load

ENDED: Final = frozenset({"clean", "dropped", "dead-letter", "erased"})
RIDES_ALONG: Final = ("quality", "priority", "last_activity_at")
"""What changes without being said at once (contract section 4)."""

DIGITS: Final = 9
FOLDED: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


class Said(NamedTuple):
    """One message: where it lies, its key, value and headers."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes | None
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that can be seen of the system from outside, after it has come to rest."""

    received: frozenset[str]
    clean: Sequence[Said]
    events: Sequence[Said]
    letters: Counter[tuple[str, str, int, int, str]]
    """Stage, topic, partition, offset, reason."""
    expected_letters: Counter[tuple[str, str, int, int, str]]
    receipts: Mapping[str, tuple[str, str | None]]
    table: Mapping[str, Mapping[str, Any]]
    interactions: Mapping[str, int]
    """By record id, entries of the timeline."""
    orphans: Mapping[str, int]
    books: Mapping[str, Any]


@dataclass(slots=True)
class Verdict:
    """The five that must be empty, each with what was found; and what is only told."""

    lost: Counter[str] = field(default_factory=Counter[str])
    twice: Counter[str] = field(default_factory=Counter[str])
    split: int = 0
    different: Counter[str] = field(default_factory=Counter[str])
    orphans: Counter[str] = field(default_factory=Counter[str])
    joined_wrongly: int = 0
    persons: int = 0
    contacts: int = 0

    @property
    def five(self) -> dict[str, int]:
        """What `make chaos` is about."""
        return {
            "lost": self.lost.total(),
            "done twice": self.twice.total(),
            "split persons": self.split,
            "contacts where topic and table differ": self.different.total(),
            "orphans": self.orphans.total(),
        }

    @property
    def holds(self) -> bool:
        """Whether all five are 0."""
        return not any(self.five.values())


def judge(load: Load, accepted: Mapping[str, Delivery], seen: Seen) -> Verdict:
    """Compare what was accepted with what is there."""
    present = last_of(seen.clean)
    verdict = Verdict(contacts=len(present), orphans=Counter(dict(seen.orphans)))
    places: dict[str, list[str]] = defaultdict(list)
    ids: dict[str, str] = {}
    for contact_id, contact in present.items():
        for record in contact["records"]:
            places[record["source_record_id"]].append(contact_id)
            ids[record["source_record_id"]] = record["record_id"]
    _events(verdict, accepted, seen)
    _records(verdict, load, places, present)
    _interactions(verdict, load, ids, seen.interactions)
    _letters(verdict, seen)
    _said_twice(verdict, seen)
    _persons(verdict, load, places)
    _table(verdict, present, seen.table)
    return verdict


def last_of(clean: Iterable[Said]) -> dict[str, dict[str, Any]]:
    """By contact id the last value, as a subscriber has it who keeps the greatest version; the gone are not in it."""
    found: dict[str, tuple[int, bytes | None]] = {}
    for said in clean:
        version = int(said.headers["ce_version"]) if said.value is None else int(json.loads(said.value)["version"])
        if version >= found.get(said.key, (0, None))[0]:
            found[said.key] = (version, said.value)
    return {key: json.loads(value) for key, (_, value) in found.items() if value is not None}


def _events(verdict: Verdict, accepted: Mapping[str, Delivery], seen: Seen) -> None:
    for event_id in accepted:
        state, _ = seen.receipts.get(event_id, ("none", None))
        if event_id not in seen.received:
            verdict.lost["accepted and not on the log"] += 1
        elif state not in ENDED:
            verdict.lost[f"receipt is {state}"] += 1
        elif state == "dead-letter":
            verdict.lost["a good delivery was set aside"] += 1


def _records(
    verdict: Verdict, load: Load, places: Mapping[str, Sequence[str]], present: Mapping[str, Mapping[str, Any]]
) -> None:
    for record, mark in load.marks.items():
        where = places.get(record, ())
        if record in load.deleted:
            verdict.lost["deletion without effect"] += len(where)
            continue
        if not where:
            verdict.lost["record in no contact"] += 1
        elif len(where) > 1:
            verdict.twice["record in two contacts"] += 1
        elif present[where[0]]["attributes"].get(f"r{record}") != mark:
            verdict.lost["update without effect"] += 1


def _interactions(verdict: Verdict, load: Load, ids: Mapping[str, str], found: Mapping[str, int]) -> None:
    expected = Counter(record for record in load.interactions.values() if record not in load.deleted)
    for record, count in expected.items():
        there = found.get(ids.get(record, ""), 0)
        verdict.lost["interaction in no timeline"] += max(0, count - there)
        verdict.twice["interaction in a timeline twice"] += max(0, there - count)


def _letters(verdict: Verdict, seen: Seen) -> None:
    verdict.lost["poison without its letter"] += (seen.expected_letters - seen.letters).total()
    verdict.twice["letter too many, or for another reason"] += (seen.letters - seen.expected_letters).total()


def _said_twice(verdict: Verdict, seen: Seen) -> None:
    """The same happening under two ids, a cause that made two versions, a version with two values."""
    happenings: dict[tuple[str, str], set[str]] = defaultdict(set)
    versions: dict[tuple[str, str], set[int]] = defaultdict(set)
    for said in seen.events:
        value = json.loads(said.value or b"{}")
        happened = {name: one for name, one in value.items() if name != "at"}
        type_ = said.headers["ce_type"]
        happenings[type_, json.dumps(happened, sort_keys=True)].add(said.headers["ce_id"])
        if type_.endswith((".contact.created.v1", ".contact.updated.v1")) and value["cause"]["kind"] == "record":
            versions[value["contact_id"], value["cause"]["id"]].add(value["version"])
    verdict.twice["happening under two ids"] += sum(len(some) - 1 for some in happenings.values())
    bodies: dict[tuple[str, int], set[bytes]] = defaultdict(set)
    for said in seen.clean:
        if said.value is not None:
            contact = json.loads(said.value)
            bodies[said.key, contact["version"]].add(said.value)
            if contact["cause"]["kind"] == "record":
                versions[said.key, contact["cause"]["id"]].add(contact["version"])
    verdict.twice["one cause, two versions"] += sum(len(some) - 1 for some in versions.values())
    verdict.twice["one version, two values"] += sum(len(some) - 1 for some in bodies.values())


def _persons(verdict: Verdict, load: Load, places: Mapping[str, Sequence[str]]) -> None:
    groups = together({record: said for record, said in load.said.items() if record not in load.deleted})
    verdict.persons = len(groups)
    homes: dict[str, set[int]] = defaultdict(set)
    for number, group in enumerate(groups):
        contacts = {contact for record in group for contact in places.get(record, ())}
        verdict.split += len(contacts) > 1
        for contact in contacts:
            homes[contact].add(number)
    verdict.joined_wrongly = sum(len(some) > 1 for some in homes.values())


def together(said: Mapping[str, Mapping[str, Any]]) -> list[set[str]]:
    """Records that are one person: the same name in other letters, and the same mail or the same number."""
    leader = {record: record for record in said}

    def found(record: str) -> str:
        while leader[record] != record:
            leader[record] = record = leader[leader[record]]
        return record

    first: dict[tuple[str, str], str] = {}
    for record, one in said.items():
        name = f"{one['given_name']} {one['family_name']}".lower().translate(FOLDED)
        for address in (one["email"].lower(), re.sub(r"\D", "", one["phone"])[-DIGITS:]):
            other = first.setdefault((name, address), record)
            leader[found(record)] = found(other)
    groups: dict[str, set[str]] = defaultdict(set)
    for record in said:
        groups[found(record)].add(record)
    return list(groups.values())


def _table(verdict: Verdict, present: Mapping[str, Mapping[str, Any]], table: Mapping[str, Mapping[str, Any]]) -> None:
    for contact_id in present.keys() | table.keys():
        if contact_id not in table or contact_id not in present:
            verdict.different["only one of them has it"] += 1
        elif present[contact_id]["version"] != table[contact_id]["version"]:
            verdict.different["another version"] += 1
        elif _said(present[contact_id]) != _said(table[contact_id]):
            verdict.different["another value"] += 1


def _said(contact: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in contact.items() if name not in RIDES_ALONG}
