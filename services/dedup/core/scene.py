"""The scene of a decision: what is read and locked before it, and the plan that comes out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from services.dedup.core.clustering import Judgement, Offer
from services.dedup.core.comparison import Evidence
from services.dedup.core.folding import Stored
from services.dedup.core.pinning import Pin
from shared.domain.contact import Cause
from shared.domain.normalise import Traits

Pair = tuple[str, str]
"""Two record ids, the smaller first."""

NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored record that shares keys with one that changed: what is needed of it to be compared."""

    record_id: str
    contact_id: str | None
    revision: int
    traits: Traits
    shared: Sequence[int]


@dataclass(frozen=True, slots=True)
class Scores:
    """The evidence of the changed records that is kept, and the keys found to be generic."""

    evidence: Mapping[Pair, Evidence]
    generic: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Row:
    """A contact's own facts, as stored: its version, where it went, who founded it, and what made this version."""

    contact_id: str
    version: int
    founder: str
    created_at: datetime
    updated_at: datetime
    cause: Cause
    retired: Literal["merged", "deleted", "erased"] | None = None
    merged_into: str | None = None
    merged_into_version: int | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything a decision reads, after it was locked.

    `rows` holds the locked contacts and the former ids that redirect into them; `members` all records of the living
    ones; `edges` the stored evidence among them; `regroup` the contacts whose records are grouped anew, `resay` those
    that get a new version whatever comes out; `formers` says where every former id leads that leads to one of them;
    `restored` is the contact to which all new records belong, since they did so before; `pins` hang on the members.
    """

    rows: Mapping[str, Row] = field(default_factory=dict[str, Row])
    members: Mapping[str, Stored] = field(default_factory=dict[str, Stored])
    edges: Mapping[Pair, Evidence] = field(default_factory=dict[Pair, Evidence])
    judgements: Sequence[Judgement] = ()
    regroup: frozenset[str] = NOTHING
    resay: frozenset[str] = NOTHING
    formers: Mapping[str, str] = field(default_factory=dict[str, str])
    restored: str | None = None
    pins: Sequence[Pin] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written and said. `was` and `home` are the contact of every record at hand before and after, None
    for one that is new or gone; `groups` the records of each contact in `rows`.
    """

    rows: Mapping[str, Row]
    home: Mapping[str, str | None]
    groups: Mapping[str, frozenset[str]]
    was: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    revived: frozenset[str] = NOTHING
    splits: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    offers: tuple[Offer, ...] = ()

    @property
    def moved(self) -> dict[str, str]:
        """The records that are in another contact now, with it."""
        return {
            record_id: where for record_id, where in self.home.items() if where and where != self.was.get(record_id)
        }

    @property
    def reassigned(self) -> set[str]:
        """The contacts that have other records than before."""
        both = [(self.was.get(record_id), where) for record_id, where in self.home.items()]
        return {contact for was, is_ in both if was != is_ for contact in (was, is_) if contact is not None}

    @property
    def merged(self) -> list[Row]:
        """The contacts that other contacts took in."""
        return [row for row in self.rows.values() if row.retired == "merged"]


def led(contact_ids: Iterable[str], rows: Mapping[str, Row]) -> frozenset[str]:
    """Where these contacts are now: former ids lead to what took them in, deleted and unknown ones nowhere."""
    known = [rows[contact] for contact in contact_ids if contact in rows]
    return frozenset(row.merged_into or row.contact_id for row in known if row.retired in {None, "merged"})


def held_by(home: Mapping[str, str | None]) -> dict[str, frozenset[str]]:
    """The records of each contact."""
    held: dict[str, list[str]] = {}
    for record_id, contact in home.items():
        if contact is not None:
            held.setdefault(contact, []).append(record_id)
    return {contact: frozenset(records) for contact, records in held.items()}
