"""Showing: identities, evidence and reviews as answers, for those who may see what the records say."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from services.dedup.core.comparison import Evidence
from services.dedup.core.explanation import Language, explain_pair, short, why_not
from services.dedup.core.folding import Stored
from services.dedup.core.model import MILLI, Model, probability
from services.dedup.core.reviewing import Review
from services.dedup.core.scene import Pair
from shared.domain.record import LIST_FIELDS, SOMETHING_TO_GO_BY, TEXT_FIELDS, Record, Said

_LABEL: Final = ("salutation", "name_prefix", "given_name", "family_name", "full_name", "company")
"""By what a person recognises a record."""


def members(stored: Iterable[Stored]) -> list[dict[str, Any]]:
    """Records with what they say, in the names of a record, the first to come first."""
    records = sorted((one.record for one in stored), key=lambda one: (one.first_received_at, one.record_id))
    return [
        {
            "record_id": record.record_id,
            "source": record.source,
            "source_record_id": record.source_record_id,
            "first_received_at": record.first_received_at,
            "observed_at": record.observed_at,
            "fields": {name: said.value for name, said in record.fields.items() if said.value is not None},
            "attributes": {name: said.value for name, said in record.attributes.items() if said.value is not None},
            "consents": record.consents,
        }
        for record in records
    ]


def label(stored: Stored) -> dict[str, Any]:
    """A record by its ids and the name it bears."""
    record = stored.record
    said = [text for name in _LABEL if (text := record.text(name))]
    return {
        "record_id": record.record_id,
        "source": record.source,
        "source_record_id": record.source_record_id,
        "name": " ".join(dict.fromkeys(said)) or None,
    }


def pair(ids: Pair, found: Evidence, model: Model, language: Language) -> dict[str, Any]:
    """The evidence of one pair: its parts in words and bits, their sum, what follows, and what keeps them apart."""
    shown = explain_pair(found, model, language)
    shown["record_ids"] = list(ids)
    shown["summary"] = short(found, language)
    if shown["outcome"] != "merge":
        shown["why_not"] = why_not(found, model, language)
    return shown


def review(
    asked: Review, records: Mapping[str, Stored], evidence: Mapping[Pair, Evidence], model: Model, language: Language
) -> dict[str, Any]:
    """A review with its groups as they are now, and the evidence across them."""
    home = {one: records[one].contact_id for one in asked.records if one in records}
    side = {one: place for place, group in enumerate(asked.groups) for one in group if one in records}
    across = [
        pair(ids, found, model, language)
        for ids, found in evidence.items()
        if ids[0] in side and ids[1] in side and side[ids[0]] != side[ids[1]]
    ]
    return {
        "review_id": asked.review_id,
        "state": asked.state,
        "bits": asked.weight / MILLI,
        "probability": round(probability(asked.weight), 6),
        "reason": asked.reason,
        "benefit": asked.benefit / MILLI,
        "assignee": asked.assignee,
        "opened_at": asked.opened_at,
        "due_at": asked.due_at,
        "answer": asked.answer,
        "answer_reason": asked.answer_reason,
        "decided_by": asked.decided_by,
        "groups": [
            {
                "contact_id": next((home[one] for one in group if home.get(one)), None),
                "records": members(records[one] for one in group if home.get(one)),
            }
            for group in asked.groups
        ],
        "evidence": sorted(across, key=lambda one: -one["bits"]),
    }


def is_question(shown: Mapping[str, Any]) -> bool:
    """False for a review whose groups are gone, or meanwhile one contact where it asks whether they should be."""
    there = [group["contact_id"] for group in shown["groups"] if group["contact_id"] is not None]
    return len(there if shown["reason"] in ("changed", "control") else {*there}) > 1


def as_written(written: Mapping[str, Any], pointer: str) -> Record | Sequence[tuple[str, str]]:
    """A record as a sender writes it, or what is wrong with it: pointers and reasons. It is not stored, so it has no
    time of its own; unknown fields are ignored.
    """
    faults = [
        (f"{pointer}/{name}", "this is a text")
        for name in TEXT_FIELDS
        if written.get(name) is not None and not isinstance(written[name], str)
    ]
    faults += [
        (f"{pointer}/{name}", "this is a list")
        for name in LIST_FIELDS
        if written.get(name) is not None and not isinstance(written[name], list)
    ]
    if not any(written.get(name) for name in SOMETHING_TO_GO_BY):
        faults.append((pointer, "there is nothing to go by: name, mail, phone, company, street or birthday"))
    if faults:
        return faults
    said = {name: Said(written[name], _NEVER, "") for name in (*TEXT_FIELDS, *LIST_FIELDS) if written.get(name)}
    source = written.get("source")
    return Record(
        record_id=pointer,
        source=source if isinstance(source, str) else "",
        fields=said,
        first_received_at=_NEVER,
    )


_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of what is compared and not stored."""
