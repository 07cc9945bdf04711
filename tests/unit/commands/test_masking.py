import json

from hypothesis import given
from hypothesis import strategies as st

from shared.commands.masking import MASK, PLAIN, masked

CONTACT = {
    "contact_id": "c1",
    "version": 7,
    "name": {"given": "Jörg", "full": "Jörg Müller"},
    "emails": [{"value": "joerg@example.de", "status": "valid", "preferred": True}],
    "provenance": {"/name/given": {"source": "webform", "why": "newest"}},
    "attributes": {"hobby": "Segeln", "size": 42},
    "birthday": "1980-02-29",
    "records": [{"source": "webform", "source_record_id": "joerg@example.de", "record_id": "r1"}],
}


def test_ids_and_codes_are_seen_and_nothing_of_the_person() -> None:
    shown = masked(CONTACT)
    assert shown["contact_id"] == "c1"
    assert shown["emails"] == [{"value": MASK, "status": "valid", "preferred": True}]
    assert shown["provenance"] == CONTACT["provenance"]
    text = json.dumps(shown, ensure_ascii=False)
    assert [word for word in ("Jörg", "Müller", "@", "Segeln", "42", "1980") if word in text] == []


SHORT = st.text(min_size=1, max_size=5)


@given(st.recursive(SHORT, lambda inner: st.lists(inner) | st.dictionaries(SHORT, inner), max_leaves=8))
def test_under_unknown_keys_every_text_is_masked(value: object) -> None:
    def texts(found: object, key: str) -> list[str]:
        match found:
            case dict():
                return [one for name, inner in found.items() for one in texts(inner, name)]
            case list():
                return [one for inner in found for one in texts(inner, key)]
            case _:
                return [] if key in PLAIN or key.startswith("/") else [str(found)]

    assert set(texts(masked({"unknown": value}), "")) <= {MASK}
