"""What is answered in Python is what the engine would have answered, reasons included; or it is left to the engine."""

import re
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.rules.core import conditions
from services.rules.core.activity import Activity, Tally
from services.rules.core.conditions import Given, compiled
from services.rules.core.quick import Facts
from services.rules.core.schema import Change
from services.rules.core.viewing import plain, viewer
from shared.domain.contact import (
    Address,
    Company,
    ConsentState,
    Contact,
    Email,
    Finding,
    Name,
    Origin,
    Phone,
    Priority,
    Quality,
)  # fmt: skip
from tests.unit.rules.build import NOW, a_contact

DAY: Final = date(2026, 11, 22)
MANUAL: Final = (Path(__file__).parents[3] / "docs" / "rules.md").read_text()
PLAIN: Final = [
    'contact.company.industry == "insurance" && timeline.count("purchase", 365) > 3',
    "has(contact.company.name) || has(contact.company.domain)",
    'contact.consents.exists(c, c.purpose == "newsletter" && c.status == "granted")',
    'contact.consents.exists(c, c.purpose == "news") && has(contact.language) && contact.language == "de"',
    'timeline.count("purchase", 365) > 0',
    'timeline.count("email") >= 2',
    'contact.quality.findings.exists(f, f.severity == "error")',
    'contact.emails.all(e, e.status != "bounced")',
    "contact.emails.exists(e, e.preferred)",
    'contact.emails.exists(e, e.preferred && e.kind == "work")',
    'contact.emails.exists(e, e.value.endsWith(".de") || e.kind == "work")',
    'contact.addresses.exists(a, a.country == "DE" && a.postcode.startsWith("10"))',
    'contact.addresses.all(a, a.country == "DE")',
    'contact.attributes.size == "M"',
    "contact.attributes.size == 3",
    "contact.attributes.size > 2",
    "contact.attributes.vip",
    "has(contact.attributes.vip) && contact.attributes.vip",
    '!has(contact.attributes.size) || contact.attributes.size == "M"',
    "contact.attributes.contract_end < today",
    'contact.attributes["size"] != "M"',
    'contact.language in ["de", "at"]',
    'contact.attributes.size in ["M", "L"]',
    '!(contact.language == "de")',
    'contact.language == "de" || contact.company.name == "x"',
    'contact.language == "de" && contact.company.name == "x"',
    'contact.job_title.lowerAscii().contains("leiter")',
    'contact.categories.exists(c, c == "b2b")',
    'contact.provenance["/birthday"].source == "crm"',
    "contact.records_total > 1",
    'contact.emails.exists(e, contact.phones.exists(p, p.kind == e.kind && e.kind != "x"))',
    "true",
    "!false",
]
ENGINE: Final = [
    'change.kind == "record"',
    "contact.quality.score > 0.5",
    'contact.priority.score > 0.5 || contact.language == "de"',
    'contact.created_at < "2026"',
    "size(contact.emails) > 1",
    'contact.suggestions.exists(s, s["from"] == "validate")',
    "contact.emails.exists_one(e, e.preferred)",
    "contact.records_total == -1",
]


def somebody(**what: Any) -> Contact:
    """A contact with these values."""
    return a_contact("anna", **what)


texts = st.sampled_from(["de", "en", "M", "x", "", "ÄÖ", "Leiter", "LEITER Einkauf", "10115"])
maybe = st.none() | texts
kinds = st.none() | st.sampled_from(["work", "home", "x"])
contacts = st.builds(
    somebody,
    company=st.builds(Company, name=maybe, domain=maybe, industry=st.none() | st.just("insurance")),
    language=maybe,
    job_title=maybe,
    birthday=maybe,
    emails=st.lists(
        st.builds(
            Email,
            value=st.sampled_from(["a@b.de", "c@d.com"]),
            kind=kinds,
            status=st.sampled_from(["valid", "bounced"]),
            preferred=st.booleans(),
        ),
        max_size=3,
    ).map(tuple),
    phones=st.lists(st.builds(Phone, value=st.just("+49"), kind=kinds), max_size=2).map(tuple),
    addresses=st.lists(
        st.builds(Address, country=st.none() | st.sampled_from(["DE", "AT"]), postcode=st.none() | st.just("10115")),
        max_size=3,
    ).map(tuple),
    consents=st.lists(
        st.builds(
            ConsentState,
            purpose=st.sampled_from(["newsletter", "news"]),
            channel=st.just("email"),
            status=st.sampled_from(["granted", "withdrawn"]),
        ),
        max_size=2,
    ).map(tuple),
    attributes=st.dictionaries(
        st.sampled_from(["size", "vip", "contract_end"]),
        st.none()
        | st.booleans()
        | st.integers(-5, 5)
        | st.floats(0, 5)
        | st.sampled_from(["M", "2026-01-01", "2027-01-31"])
        | st.just(["M"])
        | st.just({"a": "M"}),
    ),
    quality=st.builds(
        Quality,
        score=st.floats(0, 1),
        findings=st.lists(
            st.builds(
                Finding,
                path=st.just("/a"),
                code=st.just("a.b"),
                severity=st.sampled_from(["error", "info"]),
                message=st.just("m"),
            ),
            max_size=2,
        ).map(tuple),
    ),
    categories=st.lists(st.sampled_from(["b2b", "c"]), max_size=2).map(tuple),
    provenance=st.dictionaries(
        st.sampled_from(["/birthday", "/x"]), st.builds(Origin, source=st.sampled_from(["crm", "x"]))
    ),
    records_total=st.integers(-1, 3),
    priority=st.just(Priority(score=0.6)),
    name=st.just(Name(given="Anna")),
)
activities = st.lists(
    st.builds(
        Tally,
        st.sampled_from(["purchase", "email.opened", "email", "emails"]),
        st.integers(DAY.toordinal() - 400, DAY.toordinal()),
        st.integers(1, 3),
    ),
    max_size=4,
).map(lambda tallies: Activity(tuple(tallies), NOW if tallies else None))


def both(text: str, contact: Any, activity: Activity) -> tuple[Any, Any]:
    """The verdict, and that of the engine alone."""
    condition = compiled(text)
    change = plain(Change(kind="record"))
    today = DAY.isoformat()
    facts = Facts(contact, activity, today, DAY.toordinal())
    asked = Given(facts, lambda: conditions.given(viewer(None)(contact), change, activity.view(today), today))
    return condition.verdict(asked), condition.by_engine(asked)


@pytest.mark.parametrize("text", PLAIN + ENGINE + re.findall(r"^contact\..*$", MANUAL, re.MULTILINE))
@settings(max_examples=40, deadline=None)
@given(contact=contacts, activity=activities)
def test_the_plain_part_and_the_engine_say_the_same(text: str, contact: Any, activity: Activity) -> None:
    ours, theirs = both(text, contact, activity)
    assert ours == theirs


@pytest.mark.parametrize("text", PLAIN)
def test_what_people_write_is_plain(text: str) -> None:
    assert compiled(text).plain is not None


@pytest.mark.parametrize("text", [ENGINE[0], ENGINE[4], ENGINE[6]])
def test_what_is_not_plain_is_left_to_the_engine(text: str) -> None:
    assert compiled(text).plain is None


@given(contact=contacts)
@settings(max_examples=20, deadline=None)
def test_the_engine_is_not_even_prepared_where_nothing_needs_it(contact: Any) -> None:
    def never() -> Any:
        raise AssertionError("prepared")

    facts = Facts(contact, Activity(), DAY.isoformat(), DAY.toordinal())
    for text in (PLAIN[1], PLAIN[2], PLAIN[4], PLAIN[6]):
        compiled(text).verdict(Given(facts, never))
