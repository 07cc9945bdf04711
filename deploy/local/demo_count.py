"""Counts what became of the demo's deliveries against the truth about them. Pure, and independent of how dedup thinks.

Names, addresses and numbers are folded here in a few lines of their own: a count that used the product's own folding
would repeat its mistakes.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final, NamedTuple

ENDS: Final = {"clean": "in_contacts", "dropped": "dropped", "dead-letter": "dead_letters"}
"""What a receipt's state means in the books; every other one still waits."""

PHONE_DIGITS: Final = 8
"""The last digits of a number tell it, however it is written before them."""

_UMLAUTS: Final = str.maketrans(dict[str, str | int | None](ä="ae", ö="oe", ü="ue", ß="ss"))


class Delivery(NamedTuple):
    """One delivery: its feed, what it is, who is behind it in truth, what was said, and the receipt it got."""

    feed: str
    kind: str
    person: str | None
    said: Mapping[str, Any]
    receipt: Mapping[str, Any]

    @property
    def again(self) -> bool:
        """True when it was known before."""
        return bool(self.receipt.get("duplicate"))


@dataclass(slots=True)
class Feed:
    """One feed's line of the table."""

    sent: int = 0
    again: int = 0
    ends: Counter[str] = field(default_factory=Counter[str])

    @property
    def accepted(self) -> int:
        """What the front door said 202 to for the first time."""
        return self.sent - self.again


@dataclass(frozen=True, slots=True)
class Count:
    """What was counted; each of the lists holds ids or truth keys, never a value of a person."""

    feeds: Mapping[str, Feed]
    records: int
    persons: int
    contacts: int
    lost: Sequence[str]
    twice: Sequence[str]
    twins: Sequence[str]
    apart: Sequence[str]
    strangers: Sequence[str]

    @property
    def good(self) -> bool:
        """True when nothing is lost, nothing is there twice, and nobody who had to be joined is apart."""
        return not (self.lost or self.twice or self.twins)


def count(
    deliveries: Sequence[Delivery],
    states: Mapping[str, Mapping[str, Any]],
    contacts: Mapping[str, Mapping[str, Any]],
) -> Count:
    """Every delivery, its receipt's state (by event id) and the present contacts (by id), held against each other."""
    accepted = [one for one in deliveries if not one.again]
    records = {one.receipt["record_id"]: one.person for one in accepted if _is_clean(one, states)}
    places = _places(contacts)
    apart = _apart(records, places)
    return Count(
        feeds=_feeds(deliveries, states),
        records=len(records),
        persons=len(set(records.values())),
        contacts=len(contacts),
        lost=[*_unfinished(accepted, states), *(record for record in records if not places.get(record))],
        twice=[record for record, found in places.items() if len(found) > 1],
        twins=sorted(person for person in apart if _must_be_one(person, accepted, places, states)),
        apart=sorted(apart),
        strangers=_strangers(records, contacts),
    )


def _is_clean(one: Delivery, states: Mapping[str, Mapping[str, Any]]) -> bool:
    return one.kind == "record" and states.get(one.receipt["event_id"], {}).get("state") == "clean"


def _feeds(deliveries: Iterable[Delivery], states: Mapping[str, Mapping[str, Any]]) -> dict[str, Feed]:
    feeds: dict[str, Feed] = {}
    for one in deliveries:
        feed = feeds.setdefault(one.feed, Feed())
        feed.sent += 1
        if one.again:
            feed.again += 1
        else:
            state = states.get(one.receipt["event_id"], {}).get("state", "")
            feed.ends[ENDS.get(state, "waiting")] += 1
    return feeds


def _places(contacts: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """In which contacts each record stands; a record named twice by one contact stands there twice."""
    places: dict[str, list[str]] = defaultdict(list)
    for contact_id, contact in contacts.items():
        for member in contact["records"]:
            places[member["record_id"]].append(contact_id)
    return dict(places)


def _unfinished(accepted: Iterable[Delivery], states: Mapping[str, Mapping[str, Any]]) -> list[str]:
    ids = [one.receipt["event_id"] for one in accepted]
    return [event_id for event_id in ids if states.get(event_id, {}).get("state") not in ENDS]


def _apart(records: Mapping[str, str | None], places: Mapping[str, Sequence[str]]) -> set[str]:
    """Persons whose records stand in more than one contact."""
    found: dict[str, set[str]] = defaultdict(set)
    for record, person in records.items():
        if person is not None:
            found[person].update(places.get(record, ()))
    return {person for person, contacts in found.items() if len(contacts) > 1}


def _strangers(records: Mapping[str, str | None], contacts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Contacts that hold records of two persons."""
    persons = {
        contact_id: {records[one["record_id"]] for one in contact["records"] if one["record_id"] in records}
        for contact_id, contact in contacts.items()
    }
    return sorted(contact_id for contact_id, found in persons.items() if len(found) > 1)


def _must_be_one(
    person: str,
    accepted: Sequence[Delivery],
    places: Mapping[str, Sequence[str]],
    states: Mapping[str, Mapping[str, Any]],
) -> bool:
    """True when two records of a person stand apart although promise 7 of the contract joins them at once.

    Equal full name with an equal mail or number that nobody else uses.
    """
    shared = _shared(accepted)
    own = [one for one in accepted if one.person == person and _is_clean(one, states)]
    return any(
        set(places.get(one.receipt["record_id"], ())) != set(places.get(other.receipt["record_id"], ()))
        and name_of(one.said)
        and name_of(one.said) == name_of(other.said)
        and (set(addresses_of(one.said)) & set(addresses_of(other.said))) - shared
        for one, other in combinations(own, 2)
    )


def _shared(deliveries: Iterable[Delivery]) -> set[str]:
    """Mail addresses and numbers that more than one person uses."""
    users: dict[str, set[str | None]] = defaultdict(set)
    for one in deliveries:
        for address in addresses_of(one.said):
            users[address].add(one.person)
    return {address for address, persons in users.items() if len(persons) > 1}


def name_of(said: Mapping[str, Any]) -> tuple[str, ...]:
    """The words of a name, folded and sorted; empty where given or family name is missing."""
    given, family = said.get("given_name") or "", said.get("family_name") or ""
    if not given or not family:
        return ()
    return tuple(sorted(re.findall(r"[a-z]+", f"{given} {family}".lower().translate(_UMLAUTS))))


def addresses_of(said: Mapping[str, Any]) -> Iterator[str]:
    """Mail addresses in lower case and the last digits of numbers."""
    if "@" in (said.get("email") or ""):
        yield said["email"].lower()
    numbers = [said.get("phone") or "", *(one["value"] for one in said.get("phones", ()))]
    for number in numbers:
        digits = re.sub(r"\D", "", number)
        if len(digits) >= PHONE_DIGITS:
            yield digits[-PHONE_DIGITS:]
