"""A contact made for tests."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from shared.domain.contact import Cause, Contact, Email, Name

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def contact(contact_id: str = "c", version: int = 1, **more: Any) -> Contact:
    """One with a name and a mail address."""
    return Contact(
        contact_id=contact_id,
        version=version,
        created_at=AT,
        updated_at=AT,
        cause=Cause(kind="record", id="e"),
        name=Name(given="Jörg"),
        emails=(Email(value="joerg@example.de", preferred=True),),
        **more,
    )


def said() -> Any:
    """That contact as a message carries it."""
    return msgspec.json.decode(msgspec.json.encode(contact()))


def refs(part: Any) -> set[str]:
    """All references within a document."""
    match part:
        case dict():
            own = [part["$ref"]] if "$ref" in part else []
            return {str(one) for one in own}.union(*(refs(one) for one in part.values()))
        case list():
            return set[str]().union(*(refs(one) for one in part))
        case _:
            return set()
