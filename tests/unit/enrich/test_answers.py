"""Answers: what an HTTP reply says; whoever lies has failed, and crashes nobody."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.enrich.core.answers import REFUSED_WAIT_S, Failed, Fault, Found, Reply, ended_of, result_of
from services.enrich.core.asking import asked_of
from services.enrich.core.meter import Kind
from services.enrich.core.places import place_of, value_at
from shared.domain.configuration import Provider

NOW = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)
(ASKED,) = asked_of(
    {
        "companies": Provider(
            asks="company_domain",
            url="https://companies.example/{company_domain}",
            fills={"company.industry": "$.industry", "timezone": "$.zones[0]", "attributes.size": "$.size"},
            echo="$.domain",
        )
    }
)
GOOD = {"domain": "Beispiel.de", "industry": " insurance ", "zones": ["Europe/Berlin"], "size": 40, "more": {}}


def ended(status: int = 200, body: Any = GOOD, kind: str = "application/json", later: str | None = None) -> Any:
    """What a reply says about beispiel.de."""
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return ended_of(Reply(status, kind, later, data), ASKED, "beispiel.de", NOW)


def test_an_answer_is_what_the_paths_lead_to() -> None:
    assert ended() == Found({"company.industry": "insurance", "timezone": "Europe/Berlin", "attributes.size": 40})
    assert ended(kind="application/vnd.api+json; charset=utf-8") == ended()


def test_what_the_answer_lacks_is_left_out_and_an_empty_answer_is_none() -> None:
    assert ended(body={"domain": "beispiel.de", "industry": None, "zones": [], "size": 1}) == Found(
        {"attributes.size": 1}
    )
    assert ended(body={"domain": "beispiel.de", "industry": ""}) == Found(None)


@pytest.mark.parametrize("status", [204, 404, 410])
def test_knowing_nothing_is_an_answer(status: int) -> None:
    assert ended(status, b"<html>gone</html>", "text/html") == Found(None)


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        ({"status": 500}, Fault.ITS_FAULT),
        ({"status": 503}, Fault.ITS_FAULT),
        ({"status": 302}, Fault.REDIRECT),
        ({"status": 401}, Fault.REFUSED),
        ({"status": 403}, Fault.REFUSED),
        ({"status": 429}, Fault.TOO_MANY),
        ({"status": 400}, Fault.REJECTED),
        ({"status": 422}, Fault.REJECTED),
        ({"kind": "text/html"}, Fault.NOT_JSON),
        ({"body": b"<html>"}, Fault.NOT_JSON),
        ({"body": b'{"domain": "beispiel.de"'}, Fault.NOT_JSON),
        ({"body": b"[" * 100_000}, Fault.NOT_JSON),
        ({"body": b'{"domain": "\xff"}'}, Fault.NOT_JSON),
        ({"body": b"5"}, Fault.WRONG_CONTENT),
        ({"body": b"[]"}, Fault.WRONG_CONTENT),
        ({"body": {**GOOD, "domain": "other.de"}}, Fault.WRONG_CONTENT),
        ({"body": {**GOOD, "domain": 5}}, Fault.WRONG_CONTENT),
        ({"body": {**GOOD, "industry": {"a": 1}}}, Fault.WRONG_CONTENT),
        ({"body": {**GOOD, "industry": 7}}, Fault.WRONG_CONTENT),
        ({"body": {**GOOD, "industry": "x" * 1001}}, Fault.WRONG_CONTENT),
        ({"body": {**GOOD, "industry": "a\u0000b"}}, Fault.WRONG_CONTENT),
        ({"body": {**GOOD, "zones": ["Berlin time"]}}, Fault.WRONG_CONTENT),
        ({"body": {**GOOD, "size": [1]}}, Fault.WRONG_CONTENT),
    ],
    ids=lambda value: str(value)[:40],
)
def test_whoever_fails_or_lies_has_not_answered(reply: dict[str, Any], fault: Fault) -> None:
    found = ended(**reply)
    assert isinstance(found, Failed)
    assert found.fault is fault


@pytest.mark.parametrize(
    ("status", "later", "seconds"),
    [
        (429, "17", 17.0),
        (503, format_datetime(NOW + timedelta(seconds=90)), 90.0),
        (503, format_datetime(NOW - timedelta(seconds=90)), 0.0),
        (503, "soon", 0.0),
        (503, "99999999999999999999", 0.0),
        (503, None, 0.0),
        (429, None, REFUSED_WAIT_S),
        (429, "nonsense", REFUSED_WAIT_S),
    ],
    ids=str,
)
def test_who_asks_us_to_wait_is_heeded(status: int, later: str | None, seconds: float) -> None:
    assert ended(status, later=later).wait_s == seconds


def test_a_question_that_is_rejected_says_nothing_about_the_provider() -> None:
    assert result_of(ended(400)).kind is Kind.REJECTED
    assert result_of(ended(500)).kind is Kind.FAILED
    assert result_of(ended(404)).kind is Kind.WELL


@given(
    body=st.binary(max_size=200), status=st.integers(100, 599), kind=st.text(max_size=20), later=st.text(max_size=12)
)
@settings(max_examples=200, deadline=None)
def test_nothing_a_provider_says_crashes_anybody(body: bytes, status: int, kind: str, later: str) -> None:
    for type_ in (kind, "application/json"):
        assert isinstance(ended(status, body, type_, later), Found | Failed)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@given(parts=st.fixed_dictionaries({}, optional={"industry": JSON, "zones": JSON, "size": JSON}))
@settings(max_examples=200, deadline=None)
def test_whatever_type_a_value_has_it_is_checked_or_refused(parts: dict[str, Any]) -> None:
    found = ended(body={"domain": "beispiel.de", **parts})
    if isinstance(found, Found) and found.values is not None:
        assert all(isinstance(value, str | bool | int | float) for value in found.values.values())


@pytest.mark.parametrize(
    ("text", "value"),
    [("$.a.b[1]", 2), ("$['x y']", 3), ("$.a.b[9]", None), ("$.a[0]", None), ("$.a.b.c", None), ("$.none.c", None)],
)
def test_a_place_leads_to_its_value_or_to_none(text: str, value: Any) -> None:
    place = place_of(text)
    assert place is not None
    assert value_at({"a": {"b": [1, 2]}, "x y": 3}, place) == value


@pytest.mark.parametrize("text", ["", "a", "$a", "$.", "$..a", "$.*", "$[-1]", "$[", "$" + ".a" * 17])
def test_what_is_no_place_is_none(text: str) -> None:
    assert place_of(text) is None
