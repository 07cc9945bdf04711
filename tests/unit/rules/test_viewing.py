"""A contact as conditions see it is the contact as JSON, without what is absent."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from services.rules.core.schema import Change
from services.rules.core.viewing import plain, viewer
from shared.domain.contact import (
    Address,
    Company,
    ConsentState,
    Contact,
    Email,
    Finding,
    Former,
    Origin,
    Phone,
    Priority,
    Quality,
    Suggestion,
)  # fmt: skip
from tests.unit.rules.build import NOW, a_contact

FULL = a_contact(
    emails=(Email(value="anna@beispiel.de", kind="work", status="valid", preferred=True), Email(value="a@b.de")),
    phones=(Phone(value="+491711234567"),),
    addresses=(Address(city="Köln", country="DE"),),
    birthday="1980-02-29",
    company=Company(industry="insurance"),
    consents=(ConsentState(purpose="newsletter", channel="email", status="granted", since=NOW),),
    attributes={"seats": 12, "nothing": None, "deep": {"list": [1, "two", None]}},
    provenance={"/birthday": Origin(source="crm", observed_at=NOW - timedelta(days=1))},
    former=(Former(path="/job_title", value="Leiterin", source="crm", until=NOW),),
    suggestions=(Suggestion(path="/emails/0", value="x", why="y", origin="validate"),),
    quality=Quality(score=1, findings=(Finding(path="/a", code="b", severity="error", message="c"),)),
    priority=Priority(score=0.5, reasons=("because",)),
    last_activity_at=NOW,
)


def bare(value: Any) -> Any:
    """JSON without nulls in what is a struct; what sources send in `attributes` stays as it is."""
    if isinstance(value, dict):
        return {name: bare(one) if name != "attributes" else one for name, one in value.items() if one is not None}
    return [bare(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("contact", [FULL, a_contact()])
def test_the_whole_view_is_the_contact_without_what_is_absent(contact: Contact) -> None:
    assert viewer(None)(contact) == bare(msgspec.json.decode(msgspec.json.encode(contact)))


def test_a_view_of_some_fields_has_those_fields() -> None:
    assert viewer(frozenset({"birthday", "suggestions", "job_title"}))(FULL) == {
        "birthday": "1980-02-29",
        "suggestions": [{"path": "/emails/0", "value": "x", "why": "y", "from": "validate"}],
    }
    assert viewer(frozenset())(FULL) == {}


def test_a_change_is_seen_with_lists_for_tuples() -> None:
    assert plain(Change(kind="record", paths=("/phones",))) == {
        "kind": "record",
        "created": False,
        "paths": ["/phones"],
    }
