"""The codec: what goes out comes back, and whatever bytes come in, only Malformed is raised."""

import re
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.contact import Cause, Contact
from shared.domain.errors import Malformed
from shared.domain.events import DATA_OF, Event, Happened, RecordReceived
from shared.domain.outcome import Outgoing
from shared.runtime import codec
from shared.topology import CLEAN, MESSAGE_BYTES_MAX, RECEIVED, Type
from tests.unit.runtime.fixtures import NOW, event, message, message_of

HEADERS = tuple(codec.encode(event())[1])
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def record(**fields: object) -> Event:
    data = RecordReceived(record_id="r", source="webform", received_at=NOW, observed_at=NOW, fields=dict(fields))
    return Event(id="e", type=Type.RECORD_RECEIVED, source="/s", time=NOW, subject="r", data=data, traceparent=TRACE)


def test_an_event_comes_back_as_it_went_out() -> None:
    for one in (event(1, TRACE), record(given_name="Jörg \u2028 😀")):
        assert codec.decode(message_of(one)) == one


def test_what_nothing_led_to_begins_a_trace_which_is_the_same_when_it_is_said_again() -> None:
    traces = [codec.decode(message_of(event(number))).traceparent for number in (1, 1, 2)]
    assert traces[0] == traces[1] != traces[2]
    assert all(re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", trace or "") for trace in traces)


def test_an_entry_of_what_happened_says_only_what_its_type_has() -> None:
    merged = Happened(contact_id="c", version=2, at=NOW, cause=Cause(kind="record", id="e"), into="d")
    one = Event(id="e", type=Type.CONTACT_MERGED, source="/s", time=NOW, subject="c", data=merged, traceparent=TRACE)
    assert set(msgspec.json.decode(codec.encode(one)[0] or b"")) == {"contact_id", "version", "at", "cause", "into"}
    assert codec.decode(message_of(one)) == one


def test_a_tombstone_has_no_value_and_keeps_its_extensions() -> None:
    gone = Event(id="e", type=Type.CONTACT_RETIRED, source="/s", time=NOW, subject="c", data=None,
                 traceparent=TRACE, extensions={"version": "7", "reason": "merged"})  # fmt: skip
    value, headers = codec.encode(gone)
    assert value is None
    assert ("ce_version", b"7") in headers
    assert codec.decode(message(None, headers)) == gone


def test_headers_are_cloudevents_in_binary_mode() -> None:
    headers = dict(codec.encode(event())[1])
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_type"] == b"kontaktwerk.refresh.requested.v1"
    assert headers["content-type"] == b"application/json"


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_malformed(value: bytes) -> None:
    for type_ in DATA_OF:
        headers = tuple((name, type_.wire.encode() if name == "ce_type" else one) for name, one in HEADERS)
        with suppress(Malformed):
            codec.decode(message(value, headers))


@given(st.lists(st.tuples(st.sampled_from([name for name, _ in HEADERS]), st.binary(max_size=40)), max_size=12))
def test_no_headers_raise_anything_but_malformed(headers: list[tuple[str, bytes]]) -> None:
    with suppress(Malformed):
        codec.decode(message(b"{}", tuple(headers)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=10), JSON, max_size=5))
def test_any_json_among_the_fields_survives(fields: dict[str, object]) -> None:
    one = record(**fields)
    try:
        back = codec.decode(message_of(one))
    except Malformed as error:
        assert "NUL" in str(error) or "nested" in str(error)  # noqa: PT017 (both ends are allowed)
    else:
        assert back == one


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 200_000, "expected object, got array"),
        (b'{"a":' + b"[" * 200_000, "nested"),
        (b"[]", "expected object, got array at the whole"),
        (b"{}", "required field contact_id at the whole"),
        (b'{"contact_id": 5, "cause": {"kind": "refresh", "id": "x"}}', "expected str, got int at /contact_id"),
        (b'{"contact_id": "a\\u0000", "cause": {"kind": "refresh", "id": "x"}}', "NUL"),
        (b'{"contact_id": "a", "cause": {"kind": "Jane Doe", "id": "x"}}', "none of the values that are allowed"),
    ],
)
def test_a_fault_is_named_by_place_and_kind(value: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        codec.decode(message(value, HEADERS))


def test_a_fault_never_quotes_what_it_found() -> None:
    value = b'{"contact_id": "a", "cause": {"kind": "jane.doe@example.org", "id": "x"}}'
    with pytest.raises(Malformed) as caught:
        codec.decode(message(value, HEADERS))
    assert "jane" not in str(caught.value)


def test_an_escape_that_only_looks_like_nul_is_text() -> None:
    assert not codec.holds_nul(rb'"\\u0000"')
    assert codec.holds_nul(rb'"\\\u0000"')
    assert codec.decode(message_of(record(note=r"\u0000"))) == record(note=r"\u0000")


def test_a_type_we_do_not_know_is_malformed() -> None:
    headers = tuple((name, b"kontaktwerk.record.received.v2" if name == "ce_type" else one) for name, one in HEADERS)
    with pytest.raises(Malformed, match="no type of ours"):
        codec.decode(message(b"{}", headers))


def test_an_event_over_the_limit_is_refused_by_its_id() -> None:
    with pytest.raises(codec.TooLarge, match="event e has") as caught:
        codec.draft(Outgoing(RECEIVED, "k", record(note="x" * MESSAGE_BYTES_MAX)))
    assert "xxx" not in str(caught.value)


def test_every_type_of_the_topology_has_its_data() -> None:
    assert set(DATA_OF) == set(Type)
    assert DATA_OF[Type.CONTACT_CLEANED] is Contact
    assert Type.CONTACT_CLEANED in CLEAN.types
