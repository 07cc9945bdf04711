"""Folding: what the events of a batch make of each record, in any order of arrival, and what became of each event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from struct import pack, unpack
from typing import Final

import msgspec

from services.dedup.core.blocking import blocking_keys
from shared.domain.configuration import Source
from shared.domain.normalise import Traits, traits_of
from shared.domain.record import Patch, Record, fold

COUNTRY: Final = "DE"
"""For sources whose configuration names none: most of what arrives is written for Germany."""

_RECORD: Final = msgspec.msgpack.Decoder(Record)
_TRAITS: Final = msgspec.msgpack.Decoder(Traits)
_ENCODER: Final = msgspec.msgpack.Encoder()


class Fate(StrEnum):
    """What one event did to its record, at its place in the order of the batch."""

    LIVES = "lives"
    """The record stands after it."""
    TAKEN = "taken"
    """It took the record back."""
    SUPERSEDED = "superseded"
    """A later deletion had overtaken it."""
    UNKNOWN = "unknown"
    """It takes back a record that never came."""
    UNCHANGED = "unchanged"
    """It takes back what is gone already, or says nothing at all."""


@dataclass(frozen=True)
class Stored:
    """A record as the store holds it; decoded when asked. `revision` 0: only a deletion came, never the record.

    `contact_id` is None exactly for records that do not live. The repr shows no value.
    """

    record_id: str
    contact_id: str | None
    revision: int
    keys: tuple[int, ...]
    packed_traits: bytes | None
    packed_body: bytes

    def __repr__(self) -> str:
        return f"Stored({self.record_id}, revision={self.revision})"

    @cached_property
    def record(self) -> Record:
        """What its source said."""
        return _RECORD.decode(self.packed_body)

    @cached_property
    def traits(self) -> Traits | None:
        """Its comparable form; None for one that does not live."""
        return None if self.packed_traits is None else unpacked_traits(self.packed_traits)


@dataclass(frozen=True, slots=True)
class Told:
    """What one event says about one record. `received_at` is its arrival."""

    record_id: str
    source: str
    source_record_id: str | None
    received_at: datetime
    patch: Patch


@dataclass(frozen=True)
class Change:
    """One record of the batch: as it was stored, as it is now, and the fate of each of its events.

    `traits` is None when it does not live. `compared_anew`: its comparable form differs, so its evidence must be found
    again; `moved`: anything about it differs, so its contact gets a new version.
    """

    before: Stored | None
    record: Record
    traits: Traits | None
    keys: tuple[int, ...]
    revision: int
    fates: tuple[tuple[str, Fate], ...]

    @property
    def contact_id(self) -> str | None:
        """The contact it was in."""
        return self.before.contact_id if self.before is not None else None

    @property
    def moved(self) -> bool:
        """True unless everything was known already."""
        return self.before is None or self.revision != self.before.revision or self.record != self.before.record

    @property
    def compared_anew(self) -> bool:
        """True when its evidence may differ."""
        return (self.before.traits if self.before is not None else None) != self.traits

    @cached_property
    def packed_body(self) -> bytes:
        """The record as bytes for the store."""
        return _ENCODER.encode(self.record)

    @property
    def old_keys(self) -> tuple[int, ...]:
        """The keys under which it is stored."""
        return self.before.keys if self.before is not None else ()


def read(record: Record, source: Source | None) -> Traits:
    """The comparable form of a record; `source` is what is configured of its source, None where nothing is."""
    if source is None:
        return traits_of(record, COUNTRY)
    return traits_of(record, source.country or COUNTRY, source.unique, source.unique_per_person)


def changed(told: Sequence[Told], before: Stored | None, source: Source | None) -> Change:
    """The change that these events, all about one record and in the order of the batch, make to it.

    `source` is what is configured of its source, None where nothing is.
    """
    first = told[0]
    record = before.record if before is not None else _blank(first)
    lived = before is not None and before.revision > 0
    fates: list[tuple[str, Fate]] = []
    for one in told:
        was_live = record.live
        record = fold(record, one.patch)
        if record.source_record_id is None and one.source_record_id is not None:
            record = msgspec.structs.replace(record, source_record_id=one.source_record_id)
        fates.append((one.patch.event_id, _fate(one.patch, record, was_live=was_live, lived=lived)))
        lived = lived or record.live
    live = record.live
    if before is not None and record == before.record:
        return Change(before, record, before.traits, before.keys, before.revision, tuple(fates))
    traits = read(record, source) if live else None
    if traits is not None and before is not None and traits == before.traits:
        keys = before.keys
    else:
        keys = blocking_keys(traits) if traits is not None else ()
    revision = (before.revision if before is not None else 0) + (1 if lived else 0)
    return Change(before, record, traits, keys, revision, tuple(fates))


def _blank(first: Told) -> Record:
    return Record(
        record_id=first.record_id,
        source=first.source,
        source_record_id=first.source_record_id,
        first_received_at=first.received_at,
    )


def _fate(patch: Patch, record: Record, *, was_live: bool, lived: bool) -> Fate:
    if record.live:
        return Fate.LIVES
    if patch.deletes and not lived:
        return Fate.UNKNOWN
    if was_live:
        return Fate.TAKEN
    return Fate.UNCHANGED if patch.deletes or record.deleted is None else Fate.SUPERSEDED


def by_record(told: Sequence[Told]) -> Mapping[str, list[Told]]:
    """The events of a batch by the record they are about, in order."""
    grouped: dict[str, list[Told]] = {}
    for one in told:
        grouped.setdefault(one.record_id, []).append(one)
    return grouped


def packed_traits(traits: Traits | None) -> bytes | None:
    """The traits as bytes for the store."""
    return None if traits is None else _ENCODER.encode(traits)


def unpacked_traits(data: bytes) -> Traits:
    """The traits in these bytes."""
    return _TRAITS.decode(data)


def packed_keys(keys: Sequence[int]) -> bytes:
    """Blocking keys as bytes, eight each, big-endian."""
    return pack(f">{len(keys)}q", *keys)


def unpacked_keys(data: bytes) -> tuple[int, ...]:
    """The keys in these bytes."""
    return unpack(f">{len(data) // 8}q", data)
