from hypothesis import given
from hypothesis import strategies as st

from services.ingest.connectors.generic import FORM, payloads_of
from services.ingest.connectors.hook import Unreadable


def test_bracketed_names_nest_and_repeated_ones_hold_lists() -> None:
    body = b'type=subscribe&data[merges][EMAIL]=a%40example.de&data[tags][]=x&data[tags][]=y&rawRequest={"q": 1}'
    assert payloads_of(FORM, body) == [
        {
            "type": "subscribe",
            "data": {"merges": {"EMAIL": "a@example.de"}, "tags": ["x", "y"]},
            "rawRequest": {"q": 1},
        }
    ]


def test_names_that_contradict_each_other_lose_nothing() -> None:
    assert payloads_of(FORM, b"a=1&a[b]=2") == [{"a": "1", "b": "2"}]
    assert payloads_of(FORM, b"a[b]=2&a=1") == [{"a": [{"b": "2"}, "1"]}]


def test_a_charset_beside_the_type_does_not_matter() -> None:
    assert payloads_of("application/json; charset=utf-8", b'{"a": 1}') == [{"a": 1}]
    assert payloads_of("", b'[{"a": 1}, {"b": 2}]') == [{"a": 1}, {"b": 2}]


@given(
    st.sampled_from([FORM, "multipart/form-data; boundary=x", "multipart/form-data", "application/json", "", "x"]),
    st.binary(max_size=100)
    | st.text(alphabet='[]{}",:a0=&%-x\r\n', max_size=80).map(str.encode)
    | st.binary(max_size=40).map(
        lambda one: b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + one + b"\r\n--x--"
    ),
)
def test_no_body_raises(content_type: str, body: bytes) -> None:
    found = payloads_of(content_type, body)
    assert isinstance(found, Unreadable) or all(isinstance(one, dict) for one in found)
