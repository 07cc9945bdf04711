"""Asking: the bodies of requests, with their limits."""

from datetime import datetime
from math import log2
from typing import Annotated, Any, Final, Literal

import msgspec

from services.dedup.core.model import MILLI
from services.dedup.core.reviewing import Reason

Text = Annotated[str, msgspec.Meta(max_length=1_000)]
"""A reason in words: as long as any value of a record (contract section 3)."""

Name = Annotated[str, msgspec.Meta(max_length=100)]
"""Who answers: as long as a name on a door."""

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
"""A probability."""

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


CONTROLS_MAX: Final = 200
"""Merged pairs drawn at once for people to check: they tell the share of wrong ones to three in a hundred."""

WEIGHT_MAX: Final = 64 * MILLI
"""Evidence of a probability of 0 or 1, in millibits: what is compared as a probability has no more (`model`)."""


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to a review; `until`: when it comes back, for "later" alone. `contact_ids`, for "same" alone: only
    these of its contacts are one person, and none of the others is.
    """

    judgement: Literal["same", "different", "later"]
    reason: Text | None = None
    until: datetime | None = None
    contact_ids: Annotated[tuple[str, ...], msgspec.Meta(min_length=2, max_length=RECORDS_MAX)] | None = None


class Selection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which open reviews: by probability (from, to), by the reason why they are asked, by whose they are ("" is
    nobody). All where nothing is said.
    """

    probability: tuple[Share, Share] | None = None
    reason: Reason | None = None
    assignee: Name | None = None

    @property
    def weights(self) -> tuple[int, int] | None:
        """The least and the greatest evidence in millibits."""
        return None if self.probability is None else (_weight(self.probability[0]), _weight(self.probability[1]))


class Bulk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One answer to many reviews; `confirm` is what the sample said."""

    judgement: Literal["same", "different", "later"]
    reviews: Selection
    reason: Text | None = None
    until: datetime | None = None
    confirm: str | None = None


class Assignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Reviews and who shall answer them; null: anybody."""

    review_ids: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=RECORDS_MAX)]
    assignee: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None


class Draw(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many merged pairs shall be checked."""

    count: Annotated[int, msgspec.Meta(ge=1, le=CONTROLS_MAX)]


class Comparison(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two of one kind: ids of records, ids of contacts, or records as a sender writes them."""

    record_ids: tuple[str, str] | None = None
    contact_ids: tuple[str, str] | None = None
    records: tuple[dict[str, Any], dict[str, Any]] | None = None


def _weight(probability: float) -> int:
    """The evidence of this probability."""
    if probability <= 0 or probability >= 1:
        return WEIGHT_MAX if probability >= 1 else -WEIGHT_MAX
    return round(MILLI * log2(probability / (1 - probability)))
