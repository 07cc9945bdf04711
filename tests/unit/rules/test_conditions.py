"""A condition is checked when it is loaded and never raises when it is used."""

from typing import Any

import pytest

from services.rules.core.conditions import (
    EXPRESSION_LENGTH_MAX,
    Condition,
    Given,
    Refused,
    Verdict,
    Why,
    compiled,
    given,
)

CONTACT = {
    "kind": "person",
    "birthday": "1980-02-29",
    "company": {"name": "Beispiel GmbH"},
    "emails": [{"value": "a@b.de", "status": "valid"}],
    "attributes": {"contract_end": "2027-01-31", "seats": 12},
}
TIMELINE = {
    "day": 739_577,
    "counts": [["purchase", 739_577, 2], ["purchase", 739_300, 1], ["email.opened", 739_570, 4]],
    "last": "2025-11-22",
}


def verdict(text: str, contact: dict[str, Any] | None = None) -> Verdict:
    """The verdict on the contact above."""
    change = {"kind": "record", "paths": ["/phones"], "created": False}
    prepared = given(CONTACT if contact is None else contact, change, TIMELINE, "2025-11-23")
    return compiled(text).verdict(Given(None, lambda: prepared))


@pytest.mark.parametrize(
    "text",
    [
        'contact.company.name == "Beispiel GmbH"',
        'contact.emails.exists(e, e.status == "valid")',
        'timeline.count("purchase", 365) == 3',
        'timeline.count("purchase", 30) == 2',
        'timeline.count("email", 30) == 4',
        'timeline.count("purchase") == 3',
        "timeline.last < today",
        "contact.attributes.contract_end > today",
        "contact.attributes.seats >= 10",
        "!has(contact.company.industry)",
        'has(contact.company.industry) ? contact.company.industry == "x" : true',
        'contact.company.name.lowerAscii().contains("gmbh")',
        'change.paths.exists(p, p.startsWith("/phones")) && change.kind == "record" && !change.created',
        'contact.company.industry == "insurance" || contact.kind == "person"',
    ],
)
def test_what_is_so_holds(text: str) -> None:
    assert verdict(text) == Verdict(holds=True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('contact.company.industry == "insurance"', Why.ABSENT),
        ('contact.company.industry != "insurance"', Why.ABSENT),
        ("contact.attributes.nothing == 1", Why.ABSENT),
        ("contact.attributes.contract_end > 3", Why.TYPE),
        ("contact.attributes.contract_end", Why.TYPE),
        ('contact.emails[7].value == "x"', Why.FAILED),
        ('timestamp(contact.birthday) < timestamp("2000-01-01T00:00:00Z")', Why.FAILED),
    ],
)
def test_what_cannot_be_answered_is_no_with_a_reason(text: str, why: Why) -> None:
    assert verdict(text) == Verdict(holds=False, why_not=why)


def test_a_condition_that_does_not_hold_has_no_reason() -> None:
    assert verdict('contact.kind == "organisation"') == Verdict(holds=False)


GOLDEN = {
    'contact.company.indutsry == "x"': (
        "line 1, column 16: unknown field contact.company.indutsry, did you mean industry?"
    ),
    'contact.nmae.given == "x"': "line 1, column 8: unknown field contact.nmae, did you mean name?",
    'contact["emial"] == "x"': "line 1, column 8: unknown field contact.emial, did you mean emails?",
    'contact.emails.exists(e, e.statu == "x")': (
        "line 1, column 27: unknown field contact.emails[].statu, did you mean status?"
    ),
    'contact.emails.exists(e, e.status == "vaild")': (
        'line 1, column 35: contact.emails[].status is never "vaild", did you mean valid?'
    ),
    'contact.kind in ["persn"]': 'line 1, column 14: contact.kind is never "persn", did you mean person?',
    'contact.emails.status == "valid"': (
        "line 1, column 15: contact.emails is a list, not one thing: use contact.emails.exists(e, e.status == …)"
    ),
    'contact.emails[0].vlue == "x"': "line 1, column 18: unknown field contact.emails[].vlue, did you mean value?",
    "contact.birthday.year == 1980": "line 1, column 17: contact.birthday is a single value, it has no field year",
    'contact.birthday == "x" ||\n contact.job_titel == "y"': (
        "line 2, column 9: unknown field contact.job_titel, did you mean job_title?"
    ),
    "contct.kind == 1": "line 1, column 7: unknown name contct.kind, did you mean contact?",
    'timeline.cnt("purchase", 3) > 1': "line 1, column 13: unknown name cnt, did you mean count?",
    'timeline.lst == "x"': "line 1, column 9: unknown field timeline.lst, did you mean last?",
    '"yes"': "the condition gives string, not yes or no",
    "today > 3": "line 1, column 7: found no matching overload for '_>_' applied to '(string, int)'",
    'contact.name.given.lowerASCII() == "x"': ("line 1, column 30: unknown name lowerASCII, did you mean lowerAscii?"),
}


@pytest.mark.parametrize("text", list(GOLDEN))
def test_what_could_never_work_is_refused_with_the_place_and_what_was_meant(text: str) -> None:
    with pytest.raises(Refused) as refused:
        compiled(text)
    assert str(refused.value) == GOLDEN[text]


def test_every_fault_of_a_condition_is_named_at_once() -> None:
    with pytest.raises(Refused) as refused:
        compiled('contact.nmae.given == "x" && contact.kind == "persn"')
    assert str(refused.value).count("did you mean") == 2


def test_broken_syntax_is_refused_with_its_place() -> None:
    with pytest.raises(Refused, match=r"^line 1, column 16: Syntax error"):
        compiled("contact.kind ==")


def test_a_condition_too_long_to_read_is_refused() -> None:
    with pytest.raises(Refused, match=str(EXPRESSION_LENGTH_MAX)):
        compiled("true" + " || true" * EXPRESSION_LENGTH_MAX)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('contact.company.industry == "x" && contact["kind"] == "person"', {"company", "kind"}),
        ('timeline.count("purchase", 3) > 1', set[str]()),
        ("contact.emails.exists(e, contact.phones.exists(p, p.value == e.value))", {"emails", "phones"}),
        ('"kind" in contact', None),
    ],
)
def test_a_condition_knows_which_fields_it_reads(text: str, fields: set[str] | None) -> None:
    condition: Condition = compiled(text)
    assert condition.fields == (None if fields is None else frozenset(fields))
    assert condition.reads_timeline == ("timeline" in text)


def test_a_pattern_that_explodes_elsewhere_answers_at_once() -> None:
    """RE2 has no backtracking: the same pattern takes a Python engine longer than the test suite."""
    contact = {"emails": [{"value": "a" * 5_000 + "!"}]}
    assert verdict('contact.emails.exists(e, e.value.matches("^(a+)+$"))', contact) == Verdict(holds=False)
