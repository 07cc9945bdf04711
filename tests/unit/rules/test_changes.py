"""What counts as a change, and under which path it is told."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rules.core.changes import changed_paths
from shared.domain.contact import Company, Contact, Email, Name, Origin, Priority, Quality
from tests.unit.rules.build import NOW, a_cause, a_contact

BASE = a_contact(attributes={"a/b": 1, "hobby": "Segeln"})


@pytest.mark.parametrize(
    ("what", "paths"),
    [
        ({"name": Name(given="Anne", family="Müller", full="Anne Müller")}, ("/name/given", "/name/full")),
        ({"emails": (Email(value="anna@beispiel.org"),)}, ("/emails",)),
        ({"company": Company(industry="insurance")}, ("/company/industry",)),
        ({"attributes": {"a/b": 2, "seats": 3}}, ("/attributes/a~1b", "/attributes/hobby", "/attributes/seats")),
        ({"quality": Quality(completeness=0.5)}, ("/quality/completeness",)),
        ({"segments": ("s",)}, ("/segments",)),
        ({"provenance": {"/birthday": Origin(source="crm")}}, ("/provenance",)),
        ({"records_total": 2, "job_title": "Leiterin"}, ("/job_title", "/records_total")),
    ],
)
def test_a_change_is_told_by_its_path(what: dict[str, Any], paths: tuple[str, ...]) -> None:
    after = msgspec.structs.replace(BASE, **what)
    assert changed_paths(BASE, after) == paths


@pytest.mark.parametrize(
    "what",
    [
        {"quality": Quality(score=0.1)},
        {"priority": Priority(score=0.9, reasons=("because",))},
        {"last_activity_at": NOW},
        {"version": 9},
        {"updated_at": NOW + timedelta(days=1)},
        {"cause": a_cause("fact", "other")},
        {"changed": ("/phones",)},
    ],
)
def test_what_rides_along_is_no_change(what: dict[str, Any]) -> None:
    after = msgspec.structs.replace(BASE, **what)
    assert changed_paths(BASE, after) == ()


def test_a_new_contact_has_changed_in_all_that_is_not_empty() -> None:
    assert changed_paths(None, a_contact()) == (
        "/name/given", "/name/family", "/name/full", "/emails", "/records", "/records_total",
    )  # fmt: skip


@given(st.sampled_from(Contact.__struct_fields__), st.sampled_from(Contact.__struct_fields__))
def test_equal_contacts_have_no_changes_whatever_they_hold(one: str, other: str) -> None:
    texts = {"birthday", "gender", "department", "job_title", "language", "timezone", "owner", "website"}
    what: dict[str, Any] = {name: "x" for name in (one, other) if name in texts}
    contact = msgspec.structs.replace(BASE, **what)
    assert changed_paths(contact, msgspec.structs.replace(contact)) == ()
    assert set(changed_paths(BASE, contact)) == {f"/{name}" for name in what}
