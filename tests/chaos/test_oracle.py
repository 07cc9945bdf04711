"""The oracle sees what it is there to see: planted breaches, one of each kind, and none where all is well."""

import dataclasses
import json
from collections import Counter
from typing import Any

from tests.chaos.load import Delivery, Load
from tests.chaos.oracle import Said, Seen, judge
from tests.chaos.rubbish import KINDS, letter_of

LETTER = ("dedup", "contacts.received", 0, 7, "unreadable")


def sent() -> tuple[Load, dict[str, Delivery]]:
    """A few persons, what they said, and a name for every delivery."""
    load = Load(seed=3, events=40)
    accepted = {
        f"event-{number}": delivery for number, delivery in enumerate(one for chunk in load.chunks(2) for one in chunk)
    }
    return load, accepted


def contact_of(number: int, records: list[str], load: Load, version: int = 1) -> dict[str, Any]:
    return {
        "contact_id": f"contact-{number}",
        "version": version,
        "records": [{"source_record_id": record, "record_id": f"id-{record}"} for record in records],
        "cause": {"kind": "record", "id": f"event-{number}"},
        "attributes": {f"r{record}": load.marks[record] for record in records},
        "quality": {"score": 0.5},
    }


def message(contact: dict[str, Any]) -> Said:
    return Said("contacts.clean", 0, 0, contact["contact_id"], json.dumps(contact).encode(), {"ce_id": "x"})


def happening(name: str, **value: Any) -> Said:
    headers = {"ce_id": name, "ce_type": "kontaktwerk.contact.updated.v1"}
    return Said("contacts.events", 0, 0, value["contact_id"], json.dumps(value).encode(), headers)


def well() -> tuple[Load, dict[str, Delivery], Seen]:
    """What is seen when everything went well."""
    load, accepted = sent()
    persons: dict[int, list[str]] = {}
    for record, person in load.person_of.items():
        if record not in load.deleted:
            persons.setdefault(person, []).append(record)
    contacts = {number: contact_of(number, records, load) for number, records in persons.items()}
    living = [record for record in load.interactions.values() if record not in load.deleted]
    seen = Seen(
        received=frozenset(accepted),
        clean=[message(contact) for contact in contacts.values()],
        events=[happening("a", contact_id="contact-0", version=1, cause={"kind": "record", "id": "event-0"})],
        letters=Counter({LETTER: 1}),
        expected_letters=Counter({LETTER: 1}),
        receipts=dict.fromkeys(accepted, ("clean", None)),
        table={contact["contact_id"]: {**contact, "quality": {"score": 0.9}} for contact in contacts.values()},
        interactions=Counter(f"id-{record}" for record in living),
        orphans={},
        books={},
    )
    return load, accepted, seen


def changed(**differences: Any) -> dict[str, int]:
    """The five when this much is seen otherwise."""
    load, accepted, seen = well()
    return judge(load, accepted, dataclasses.replace(seen, **differences)).five


def test_where_all_is_well_nothing_is_found() -> None:
    load, accepted, seen = well()
    verdict = judge(load, accepted, seen)
    assert verdict.holds, verdict
    assert verdict.persons == verdict.contacts > 1


def test_what_was_accepted_and_is_not_on_the_log_is_lost() -> None:
    _, accepted, _ = well()
    assert changed(received=frozenset(accepted) - {"event-0"})["lost"] == 1


def test_a_receipt_that_never_comes_to_its_end_is_lost() -> None:
    _, accepted, _ = well()
    receipts = {**dict.fromkeys(accepted, ("clean", None)), "event-0": ("resolved", None)}
    assert changed(receipts=receipts)["lost"] == 1


def test_an_update_without_effect_is_lost() -> None:
    _, _, seen = well()
    first = json.loads(seen.clean[0].value or b"")
    older = {**first, "attributes": dict.fromkeys(first["attributes"], 0)}
    clean = [message(older), *seen.clean[1:]]
    found = changed(clean=clean)
    assert found["lost"] == len(first["attributes"])
    assert found["contacts where topic and table differ"] == 1


def test_a_contact_that_nobody_said_is_lost_and_differs() -> None:
    _, _, seen = well()
    found = changed(clean=seen.clean[1:])
    assert found["lost"] >= 1
    assert found["contacts where topic and table differ"] == 1


def test_a_person_in_two_contacts_is_split_and_a_record_in_two_contacts_is_there_twice() -> None:
    _, _, seen = well()
    first = json.loads(seen.clean[0].value or b"")
    twin = {**first, "contact_id": "twin"}
    found = changed(clean=[*seen.clean, message(twin)])
    assert found["split persons"] == 1
    assert found["done twice"] == len(first["records"])


def test_one_happening_under_two_ids_and_one_cause_with_two_versions_are_done_twice() -> None:
    said = {"contact_id": "contact-0", "version": 1, "cause": {"kind": "record", "id": "event-0"}}
    assert changed(events=[happening("a", **said), happening("a", **said)])["done twice"] == 0
    assert changed(events=[happening("a", **said), happening("b", **said)])["done twice"] == 1
    assert changed(events=[happening("a", **said), happening("b", **{**said, "version": 2})])["done twice"] == 1


def test_an_interaction_once_too_often_is_done_twice_and_one_too_few_is_lost() -> None:
    _, _, seen = well()
    record = next(iter(seen.interactions))
    assert changed(interactions={**seen.interactions, record: seen.interactions[record] + 1})["done twice"] == 1
    assert changed(interactions={**seen.interactions, record: seen.interactions[record] - 1})["lost"] == 1


def test_a_letter_for_another_reason_is_one_lost_and_one_too_many() -> None:
    found = changed(letters=Counter({(*LETTER[:4], "invalid"): 1}))
    assert (found["lost"], found["done twice"]) == (1, 1)


def test_there_are_ten_kinds_of_poison_and_each_has_a_stage_that_sets_it_aside() -> None:
    assert len(KINDS) == 10
    assert {letter_of("contacts.received", kind)[0] for kind in KINDS} == {"dedup"}
