from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.core.mapping import record_of, text_of, value_at, without


def test_fields_come_from_dotted_paths_and_the_rest_is_kept() -> None:
    payload = {"data": {"merges": {"EMAIL": "a@example.de", "SIZE": 42}}, "type": "subscribe", "given_name": "Anna"}
    map_ = {"email": "data.merges.EMAIL", "attributes.size": "data.merges.SIZE"}
    assert record_of(payload, "fair", map_) == {
        "source": "fair",
        "email": "a@example.de",
        "given_name": "Anna",
        "attributes": {"size": 42, "type": "subscribe"},
    }


def test_a_delivery_never_chooses_its_source() -> None:
    assert record_of({"source": "crm", "email": "a"}, "fair", {}) == {
        "source": "fair", "email": "a", "attributes": {"source": "crm"}
    }  # fmt: skip


def test_numbers_and_lists_become_texts_where_a_text_belongs_and_objects_stay_attributes() -> None:
    found = record_of({"postcode": 10115, "phone": ["1", "2"], "city": {"x": 1}, "emails": "a"}, "fair", {})
    assert found == {
        "source": "fair", "postcode": "10115", "phone": "1, 2", "emails": ["a"], "attributes": {"city": {"x": 1}}
    }  # fmt: skip
    values: list[Any] = [True, 1.5, None, {}, [[1]], [{}]]
    assert [text_of(one) for one in values] == ["true", "1.5", None, None, None, None]


def test_a_path_may_be_a_key_with_dots_or_lead_into_a_list() -> None:
    assert value_at({"a.b": 1, "a": {"b": 2}}, "a.b") == 1
    assert value_at({"a": [{"b": 2}]}, "a.0.b") == 2
    assert value_at({"a": [1]}, "a.7") is None
    assert value_at({"a": 1}, "a.b") is None
    assert without({"a.b": 1, "c": 2}, ["a", "b"]) == {"c": 2}
    assert without({"a": {"b": 1}}, ["a", "b"]) == {}
    assert without({"a": [1]}, ["a", "0"]) == {"a": [1]}


VALUES = st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3))


@given(
    st.dictionaries(st.sampled_from(["email", "x", "source", "attributes", "consents", "phones"]), VALUES, max_size=5),
    st.dictionaries(st.sampled_from(["email", "attributes.y"]), st.sampled_from(["x", "x.0", "email"]), max_size=2),
)
def test_whatever_comes_is_mapped(payload: Any, map_: Any) -> None:
    assert record_of(payload, "fair", map_)["source"] == "fair"
