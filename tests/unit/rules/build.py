"""Contacts, rules and times for the tests of rules, with nothing in them but what a test names."""

from datetime import UTC, datetime
from typing import Any, Final

from services.rules.core.loading import rulebook
from services.rules.core.rulebook import Rulebook
from shared.domain.configuration import Rule, Then
from shared.domain.contact import Cause, CauseKind, Company, Contact, Email, Member, Name
from shared.domain.ids import derived_id

NOW: Final = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def an_id(name: str) -> str:
    """The id that stands for a name in a test."""
    return derived_id("test", name)


def a_cause(kind: CauseKind = "record", name: str = "event") -> Cause:
    """Some cause."""
    return Cause(kind=kind, id=an_id(name), source="webform")


def a_contact(who: str = "anna", /, version: int = 1, kind: CauseKind = "record", **what: Any) -> Contact:
    """A contact as the stage before says it, with one record."""
    values: dict[str, Any] = {
        "created_at": NOW,
        "updated_at": NOW,
        "cause": a_cause(kind, f"{who}-{version}"),
        "name": Name(given="Anna", family="Müller", full="Anna Müller"),
        "emails": (Email(value="anna@beispiel.de", status="valid", preferred=True),),
        "records": (Member(source="webform", source_record_id=who, record_id=an_id(f"record-{who}")),),
        "records_total": 1,
    }
    return Contact(contact_id=an_id(who), version=version, **(values | what))


def insured(who: str = "anna", /, **what: Any) -> Contact:
    """A contact at an insurer."""
    return a_contact(who, company=Company(name="Beispiel AG", domain="beispiel.de", industry="insurance"), **what)


def rules(**conditions: str) -> Rulebook:
    """One rule for each condition, named as it is given, making a segment of its name."""
    return rulebook([Rule(name=name, when=when, then=Then(segment=name)) for name, when in conditions.items()])
