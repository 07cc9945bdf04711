from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.core.limits import Fault
from services.ingest.core.request import Elements, Refused, elements_of, refusal_of


def test_elements_are_taken_apart_and_a_bad_one_does_not_spoil_the_others() -> None:
    found = elements_of(b' [{"a": 1}, {"b": "\xff"}, 7]')
    assert isinstance(found, Elements)
    assert found.array is True
    assert found.values[0] == {"a": 1}
    assert isinstance(found.values[1], Refused)
    assert found.values[2] == 7
    assert elements_of(b'{"a": 1}') == Elements(array=False, values=[{"a": 1}])


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1", b"\xff", b"[" * 200_000, b"{" + b'"a":[' * 50_000, b"\xef\xbb\xbf{}"]
)
def test_what_is_no_json_is_refused_whole(body: bytes) -> None:
    found = elements_of(body)
    refused = found if isinstance(found, Refused) else found.values[0]
    assert isinstance(refused, Refused)


def test_too_much_is_too_large() -> None:
    many = elements_of(b"[" + b",".join([b"1"] * 1001) + b"]")
    assert isinstance(many, Refused)
    assert many.status == 413
    long = elements_of(b'["' + b"a" * 40_000 + b'", 1]')
    assert isinstance(long, Elements)
    assert (long.values[0].status, long.values[1]) == (413, 1)


def test_one_answer_names_all_faults_and_is_too_large_only_where_all_are() -> None:
    large, wrong = Refused(413, (Fault("", "large"),)), Refused(422, (Fault("/a", "wrong"),))
    assert refusal_of([(0, large)], array=False) == large
    assert refusal_of([(2, large), (5, wrong)], array=True) == Refused(
        422, (Fault("/2", "large"), Fault("/5/a", "wrong"))
    )


@given(st.binary(max_size=200) | st.text(alphabet='[]{}",:a0\\u', max_size=60).map(str.encode))
def test_no_bytes_raise(body: bytes) -> None:
    found: Any = elements_of(body)
    assert isinstance(found, Elements | Refused)
