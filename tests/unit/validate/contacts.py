"""Contacts made for tests of validate."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec

from services.validate.core.standards import Standards, standards_of
from shared.domain.configuration import Fields, Source
from shared.domain.contact import Cause, Contact, Member

NOW = datetime(2026, 11, 22, 9, 15, tzinfo=UTC)
TODAY = date(2026, 11, 22)

FIELDS = Fields(
    required={"mail": ("email", "family_name"), "post": ("street", "postcode", "city", "family_name")},
    half_life={"email": "900d", "phone": "700d", "address": "1400d", "job_title": "500d"},
)
STANDARDS = standards_of(FIELDS, {"webform": Source(country="DE"), "swiss": Source(country="CH")})
NOTHING_NEEDED = Standards(homes={"webform": "DE", "swiss": "CH"})


def contact(source: str = "webform", **values: Any) -> Contact:
    """A contact of one record."""
    made = Contact(
        contact_id="0198c0de-0000-7000-8000-000000000001",
        version=7,
        created_at=NOW,
        updated_at=NOW,
        cause=Cause(kind="record", id="e", source=source),
        records=(Member(source=source, record_id="0198c0de-0000-8000-8000-000000000002"),),
        records_total=1,
    )
    return msgspec.structs.replace(made, **values)


def cases(name: str) -> list[dict[str, Any]]:
    """The golden cases of one table; their diff is reviewed like code."""
    path = Path(__file__).parents[2] / "data" / "validate" / f"{name}.json"
    read: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
    return read
