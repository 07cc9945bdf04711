"""Asking: the bodies of requests, with their limits."""

from typing import Annotated, Any, Final, Literal

import msgspec

Text = Annotated[str, msgspec.Meta(max_length=1_000)]
"""A reason in words: as long as any value of a record (contract section 3)."""

CONTACTS_MAX: Final = 20
"""Contacts merged by one decision: whoever means more has a list, and a list wants another look."""

RECORDS_MAX: Final = 200
"""Records named in one decision: as many as a contact may have without asking."""


class MergeWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """These contacts are one."""

    contact_ids: Annotated[tuple[str, ...], msgspec.Meta(min_length=2, max_length=CONTACTS_MAX)]
    reason: Text | None = None


class SplitWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """These records of the contact are somebody else."""

    contact_id: str
    record_ids: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=RECORDS_MAX)]
    reason: Text | None = None


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to a review."""

    judgement: Literal["same", "different", "later"]
    reason: Text | None = None


class Comparison(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two of one kind: ids of records, ids of contacts, or records as a sender writes them."""

    record_ids: tuple[str, str] | None = None
    contact_ids: tuple[str, str] | None = None
    records: tuple[dict[str, Any], dict[str, Any]] | None = None
