"""A record: what one source said about one person, as the fold of everything it said, in any order of arrival.

Every field is a last-write-wins register stamped with the observed time and the event that wrote it, so folding is
commutative, associative and idempotent: two events that arrive swapped end in the same record. `fold` is the law.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

TEXT_FIELDS: Final = (
    "salutation", "name_prefix", "given_name", "family_name", "name_suffix", "full_name", "gender",
    "email", "phone", "street", "address_extra", "postcode", "city", "region", "country", "birthday",
    "company", "department", "job_title", "vat_id", "website", "language", "timezone", "owner",
)  # fmt: skip
"""Fields that hold one text, in the order of the contract."""

LIST_FIELDS: Final = ("emails", "phones", "social_profiles")
"""Fields that hold a list; a later list replaces the earlier one whole."""

SOMETHING_TO_GO_BY: Final = ("given_name", "family_name", "full_name", "email", "emails", "phone", "phones", "company",
                             "street", "birthday")  # fmt: skip
"""At least one of these must be there, or there is no record (contract section 3)."""

Json = Any
"""A decoded JSON value. msgspec has no recursive type for it; what crosses the door was checked there."""


class Consent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One statement of consent, as a source made it; statements are only ever added, never overwritten."""

    purpose: str
    channel: str
    status: str
    address: str | None = None
    at: datetime | None = None
    proof: Json = None

    def __repr__(self) -> str:
        return f"Consent({self.purpose}, {self.channel}, {self.status})"


class Said(msgspec.Struct, frozen=True):
    """A value with the stamp of who wrote it last: observed time first, the event id decides between equals."""

    value: Json
    at: datetime
    by: str

    def __repr__(self) -> str:
        return f"Said(by={self.by}, at={self.at.isoformat()})"

    def beats(self, other: "Said | None") -> bool:
        """True when this write came later than the other (or there is no other)."""
        return other is None or (self.at, self.by) > (other.at, other.by)


class Patch(msgspec.Struct, frozen=True, kw_only=True):
    """What one event says about one record: only what it names changes, None clears, a deletion clears everything."""

    event_id: str
    observed_at: datetime
    fields: Mapping[str, Json] = {}
    attributes: Mapping[str, Json] = {}
    consents: tuple[Consent, ...] = ()
    deletes: bool = False

    def __repr__(self) -> str:
        return f"Patch(event_id={self.event_id}, deletes={self.deletes})"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The present state of one record. Its repr shows ids only; its values belong to a person."""

    record_id: str
    source: str
    source_record_id: str | None = None
    fields: dict[str, Said] = {}
    attributes: dict[str, Said] = {}
    consents: tuple[Consent, ...] = ()
    deleted: Said | None = None
    first_received_at: datetime

    def __repr__(self) -> str:
        return f"Record({self.record_id}, source={self.source}, live={self.live})"

    @property
    def live(self) -> bool:
        """True while the source stands by it: something was said after the last deletion."""
        return any(said.value is not None for said in self.fields.values()) or bool(self.attributes)

    @property
    def observed_at(self) -> datetime:
        """The newest time at which the source said any value that still holds."""
        stamps = [said.at for said in (*self.fields.values(), *self.attributes.values())]
        if self.deleted is not None:
            stamps.append(self.deleted.at)
        return max(stamps, default=self.first_received_at)

    def text(self, field: str) -> str | None:
        """The text of one field, or None where nothing is said."""
        said = self.fields.get(field)
        return said.value if said is not None and isinstance(said.value, str) else None

    def items(self, field: str) -> tuple[Json, ...]:
        """The items of a list field, empty where nothing is said."""
        said = self.fields.get(field)
        return tuple(said.value) if said is not None and isinstance(said.value, list) else ()


def fold(record: Record, patch: Patch) -> Record:
    """The record with one more event folded in; the order in which events are folded does not matter.

    Per field (and per key of `attributes`) the latest (observed_at, event_id) holds; a deletion removes whatever was
    written up to its stamp, and whatever arrives later but was observed before it stays removed.
    """
    stamp = Said(None, patch.observed_at, patch.event_id)
    deleted = stamp if patch.deletes and stamp.beats(record.deleted) else record.deleted
    fields = _written(record.fields, patch.fields, patch, deleted)
    attributes = _written(record.attributes, patch.attributes, patch, deleted)
    consents = record.consents + tuple(one for one in patch.consents if one not in record.consents)
    return msgspec.structs.replace(
        record,
        fields=fields,
        attributes=attributes,
        consents=tuple(sorted(consents, key=msgspec.json.encode)) if patch.consents else record.consents,
        deleted=deleted,
    )


def _written(
    present: Mapping[str, Said], says: Mapping[str, Json], patch: Patch, deleted: Said | None
) -> dict[str, Said]:
    merged = dict(present)
    for name, value in says.items():
        write = Said(value, patch.observed_at, patch.event_id)
        if write.beats(merged.get(name)):
            merged[name] = write
    if deleted is None:
        return merged
    return {name: said for name, said in merged.items() if said.beats(deleted)}
