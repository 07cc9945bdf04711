from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.core.limits import Fault
from services.ingest.core.reading import NOTHING_TO_GO_BY, Delivery, read_record, read_time
from shared.domain.configuration import Source
from shared.domain.record import TEXT_FIELDS

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SOURCES = {"crm": Source(), "strict": Source(empty="clear")}


def read(**said: Any) -> Delivery:
    """A delivery that must be one."""
    found = read_record({"source": "crm", **said}, SOURCES, NOW)
    assert isinstance(found, Delivery), found
    return found


def faults(said: Any) -> list[Fault]:
    """The faults of what must be none."""
    found = read_record(said, SOURCES, NOW)
    assert not isinstance(found, Delivery)
    return list(found)


def test_only_what_was_named_is_said() -> None:
    found = read(given_name="Jörg", phone=None, city="", street="  ", email="n/a", source_record_id="1")
    assert found.fields == {"given_name": "Jörg", "phone": None, "email": "n/a"}


def test_an_empty_text_clears_where_the_source_says_so() -> None:
    found = read(source="strict", email="a@example.de", city="", hobby="")
    assert found.fields == {"email": "a@example.de", "city": None}
    assert found.attributes == {"hobby": None}
    assert read(email="a@example.de", hobby="").attributes == {}


def test_unknown_fields_become_attributes_and_those_that_are_named_so_hold() -> None:
    found = read(email="a@example.de", hobby="Segeln", size=[1, {"a": None}], attributes={"hobby": "Lesen"})
    assert found.attributes == {"hobby": "Lesen", "size": [1, {"a": None}]}


def test_wrong_values_are_taken_as_they_come() -> None:
    found = read(birthday="31 February", country="Germany", email="n/a", postcode="?")
    assert found.fields == {"birthday": "31 February", "country": "Germany", "email": "n/a", "postcode": "?"}


def test_lists_hold_objects_with_value_and_plain_texts_too() -> None:
    found = read(
        emails=[{"value": "a@example.de", "kind": "work"}, "b@example.de", {"value": ""}, None],
        social_profiles=["https://x.example"],
        phones=[],
    )
    assert found.fields["emails"] == [{"value": "a@example.de", "kind": "work"}, {"value": "b@example.de"}]
    assert found.fields["social_profiles"] == ["https://x.example"]
    assert found.fields["phones"] == []


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"email": 7}, "/email"),
        ({"email": ["a"]}, "/email"),
        ({"emails": "a"}, "/emails"),
        ({"emails": [7]}, "/emails/0"),
        ({"emails": [{"value": 7}]}, "/emails/0/value"),
        ({"emails": [{"value": "a", "kind": 7}]}, "/emails/0/kind"),
        ({"phones": ["a"] * 101}, "/phones"),
        ({"email": "a" * 1001}, "/email"),
        ({"email": "a\0"}, "/email"),
        ({"emails": [{"value": "a" * 1001}]}, "/emails/0/value"),
        ({"source_record_id": 4711}, "/source_record_id"),
        ({"observed_at": 7}, "/observed_at"),
        ({"attributes": []}, "/attributes"),
        ({"a/b~c": "a" * 10_001}, "/a~1b~0c"),
        ({"attributes": {"x": {"y": ["a\0"]}}}, "/attributes/x/y/0"),
        ({"x": 2**64}, "/x"),
        ({"consents": {}}, "/consents"),
        ({"consents": [{"purpose": "x", "channel": "email"}]}, "/consents/0/status"),
        ({"consents": [{"purpose": 7, "channel": "email", "status": "granted"}]}, "/consents/0/purpose"),
        ({"source": "nobody"}, "/source"),
        ({"source": 7}, "/source"),
    ],
)
def test_what_no_reader_can_take_is_named_by_its_place(said: Any, pointer: str) -> None:
    found = faults({"source": "crm", "family_name": "A", **said})
    assert [fault.pointer for fault in found] == [pointer]


def test_all_faults_are_named_at_once() -> None:
    assert {one.pointer for one in faults({"email": 7, "phones": 7})} == {"/source", "/email", "/phones"}
    assert faults([]) == [Fault("", "expected an object")]


def test_there_must_be_something_to_go_by_and_an_update_may_only_clear() -> None:
    nothing = [Fault("", NOTHING_TO_GO_BY)]
    assert faults({"source": "crm", "city": "Kiel", "hobby": "x"}) == nothing
    assert faults({"source": "crm", "email": None}) == nothing
    assert faults({"source": "crm", "email": " ", "emails": []}) == nothing
    assert read(source_record_id="1", phone=None).fields == {"phone": None}


def test_deep_values_end_at_the_limit() -> None:
    value: Any = "x"
    for _ in range(19):
        value = [value]
    assert read(email="a", deep=value).attributes == {"deep": value}
    assert "nested" in faults({"source": "crm", "email": "a", "deep": [value]})[0].detail


def test_a_time_is_taken_with_its_zone_and_clamped_when_it_lies_ahead() -> None:
    found = read(email="a", observed_at="2026-11-22T09:15:00+01:00").observed
    assert (found.at, found.raw, found.stamp) == (NOW.replace(hour=8, minute=15), None, "2026-11-22T08:15:00+00:00")
    ahead = read(email="a", observed_at="2026-11-22T09:05:01Z").observed
    assert (ahead.at, ahead.raw, ahead.stamp) == (NOW, "2026-11-22T09:05:01Z", "2026-11-22T09:05:01+00:00")
    assert read(email="a", observed_at="2026-11-22T09:05:00Z").observed.raw is None
    unread = read(email="a", observed_at="yesterday").observed
    assert (unread.at, unread.raw, unread.stamp) == (NOW, "yesterday", "yesterday")
    assert read(email="a").observed == (NOW, None, "")


@pytest.mark.parametrize("text", ["", "x", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-13-01"])
def test_a_text_that_is_no_time_is_none(text: str) -> None:
    assert read_time(text) is None


def test_a_consent_keeps_a_time_nobody_can_read_and_never_lies_in_the_future() -> None:
    said = {"purpose": "newsletter", "channel": "email", "status": "granted"}
    unread, ahead = read(
        email="a", consents=[{**said, "at": "soon", "proof": 1}, {**said, "at": (NOW + timedelta(1)).isoformat()}]
    ).consents
    assert (unread.at, unread.proof) == (None, {"at": "soon", "proof": 1})
    assert ahead.at == NOW


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    [
        *TEXT_FIELDS[:6],
        "emails",
        "phones",
        "social_profiles",
        "consents",
        "attributes",
        "source_record_id",
        "observed_at",
    ]
)


@given(st.dictionaries(NAMES | st.text(max_size=8), JSON, max_size=6) | JSON)
def test_whatever_comes_is_a_delivery_or_faults_and_a_delivery_can_be_written_as_json(said: Any) -> None:
    if isinstance(said, dict):
        said["source"] = "crm"
    found = read_record(said, SOURCES, NOW)
    if not isinstance(found, Delivery):
        assert found
        return
    says = (found.fields, found.attributes, found.consents)
    assert "\0" not in str(says)
    assert msgspec.json.decode(msgspec.json.encode(says))[0] == found.fields
    assert repr(found) == "Delivery(crm)"
