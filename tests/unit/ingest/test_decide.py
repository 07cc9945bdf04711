from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.core.decide import Accepted, Deletion, Item, Known, State, decide, plan
from services.ingest.core.identity import (
    content_of,
    interaction_id_of,
    record_id_of,
    request_id_of,
    submission_ids_of,
)
from services.ingest.core.interaction import Happening, read_interaction
from services.ingest.core.reading import Delivery, read_record
from shared.domain.configuration import Source
from shared.domain.events import InteractionReceived, RecordDeleted, RecordReceived
from shared.domain.record import Patch, Record, fold

KEY = b"k" * 32
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def delivery(at: datetime = NOW, **said: Any) -> Delivery:
    """A delivery of the crm."""
    found = read_record({"source": "crm", **said}, {"crm": Source()}, at)
    assert isinstance(found, Delivery)
    return found


NOBODY = Known()


def accept(items: list[Item], known: Known = NOBODY, at: datetime = NOW) -> list[Accepted]:
    """What becomes of these items."""
    return decide(plan(items, KEY, at), known, None)


def knowing(accepted: list[Accepted]) -> Known:
    """What is known after these."""
    states: dict[str, State] = {}
    for one in accepted:
        if one.state is not None and (
            one.state.record_id not in states or one.state.after(states[one.state.record_id])
        ):
            states[one.state.record_id] = one.state
    return Known(states, frozenset(one.receipt.event_id for one in accepted if one.says is not None))


def test_the_order_of_keys_is_no_content_and_an_observed_time_is() -> None:
    one = delivery(email="a", city="b", x={"p": 1, "q": 2})
    assert content_of(one) == content_of(delivery(x={"q": 2, "p": 1}, city="b", email="a"))
    assert content_of(one) != content_of(delivery(email="a", city="b", x={"p": 1, "q": 3}))
    assert content_of(one) != content_of(delivery(email="a", city="b", x={"p": 1, "q": 2}, observed_at="2026-01-01"))


def test_nobody_can_tell_a_record_id_without_the_key_and_sources_do_not_meet() -> None:
    ids = {
        record_id_of(KEY, "crm", "1"), record_id_of(b"other", "crm", "1"), record_id_of(KEY, "web", "1"),
        record_id_of(KEY, "crm", "2"), interaction_id_of(KEY, "crm", "1"),
    }  # fmt: skip
    assert len(ids) == 5


def test_a_retry_across_the_cut_of_two_windows_finds_its_submission() -> None:
    cut = datetime.fromtimestamp(600 * 3_000_000, UTC)
    now, before = submission_ids_of(KEY, "crm", b"c", cut)
    assert before == submission_ids_of(KEY, "crm", b"c", cut - SECOND)[0]
    assert now != before
    first = accept([delivery(email="a")], at=cut - SECOND)
    again = accept([delivery(email="a")], knowing(first), at=cut + SECOND)
    assert again[0].receipt == msgspec.structs.replace(first[0].receipt, duplicate=True)
    later = accept([delivery(email="a")], knowing(first), at=cut + timedelta(minutes=10))
    assert later[0].receipt.duplicate is False
    assert later[0].receipt.record_id != first[0].receipt.record_id


def test_a_then_b_then_a_again_are_three_updates_in_one_request_and_in_three() -> None:
    a, b = delivery(source_record_id="1", email="a"), delivery(source_record_id="1", email="b")
    together = accept([a, b, a])
    assert [one.receipt.duplicate for one in together] == [False] * 3
    assert len({one.receipt.event_id for one in together}) == 3
    known, ids = Known(), []
    for step, item in enumerate((a, b, a, a)):
        (one,) = accept([item], known, NOW + step * SECOND)
        known = knowing([one]) if one.state else known
        ids.append(one.receipt.event_id)
    assert ids[:3] == [one.receipt.event_id for one in together]
    assert ids[3] == ids[2]


def test_elements_of_one_request_arrive_in_its_order() -> None:
    a, b = delivery(source_record_id="1", email="a"), delivery(source_record_id="1", email="b")
    data = [one.says.event.data for one in accept([a, b]) if one.says]
    assert isinstance(data[0], RecordReceived)
    assert isinstance(data[1], RecordReceived)
    assert data[0].observed_at < data[1].observed_at


def test_an_older_update_that_arrives_later_leaves_the_newer_state_in_place() -> None:
    new = delivery(source_record_id="1", email="b", observed_at="2026-02-01")
    old = delivery(source_record_id="1", email="a", observed_at="2026-01-01")
    accepted = accept([new, old, new, old])
    assert [one.receipt.duplicate for one in accepted] == [False, False, True, True]


def test_when_nobody_could_be_asked_news_never_gets_an_old_id() -> None:
    a = delivery(source_record_id="1", email="a")
    first, blind = accept([a]), accept([a], Known(complete=False), NOW + SECOND)
    assert blind[0].receipt.duplicate is False
    assert blind[0].receipt.event_id != first[0].receipt.event_id
    named = delivery(source_record_id="1", email="a", observed_at="2026-01-01")
    assert accept([named])[0].receipt.event_id == accept([named], Known(complete=False))[0].receipt.event_id


def test_a_request_with_a_key_says_the_same_events_whoever_can_be_asked() -> None:
    record_id = record_id_of(KEY, "crm", "1")
    a, b = delivery(source_record_id="1", email="a"), delivery(source_record_id="1", email="b")
    items: list[Item] = [a, b, a, Deletion(record_id, "crm"), delivery(email="nameless")]

    def ids(known: Known, at: datetime, request: str) -> list[str]:
        return [one.receipt.event_id for one in decide(plan(items, KEY, at, request), known, None)]

    knew = knowing(accept([b, delivery(email="nameless, before")]))
    first = ids(Known(complete=False), NOW, "k")
    assert len(set(first)) == len(items), "each place in the request is an event of its own"
    assert ids(NOBODY, NOW + SECOND, "k") == first
    assert ids(knew, NOW + SECOND, "k") == first
    assert not set(ids(knew, NOW, "other")) & set(first), "another request is news"
    assert ids(Known(complete=False), NOW + SECOND, "") != ids(NOBODY, NOW, ""), "without a key nobody can know"


def test_a_key_is_a_day_old_and_no_older() -> None:
    cut = datetime.fromtimestamp(86400 * 20_000, UTC)
    assert request_id_of("t", "k", cut) == request_id_of("t", "k", cut + timedelta(hours=23))
    assert request_id_of("t", "k", cut) != request_id_of("t", "k", cut + timedelta(hours=24))
    assert request_id_of("t", "k", cut) != request_id_of("other", "k", cut)


def test_a_deletion_beats_what_was_observed_a_little_ahead_of_our_clock() -> None:
    ahead = delivery(source_record_id="1", email="a", observed_at=(NOW + timedelta(minutes=4)).isoformat())
    first = accept([ahead])
    record_id = first[0].receipt.record_id
    assert record_id is not None
    gone = accept([Deletion(record_id, "crm")], knowing(first), NOW + SECOND)
    assert gone[0].says is not None
    data = gone[0].says.event.data
    assert isinstance(data, RecordDeleted)
    assert data.observed_at > NOW + timedelta(minutes=4)
    again = accept([Deletion(record_id, "crm")], knowing(gone), NOW + 2 * SECOND)
    assert (again[0].says, again[0].receipt.event_id) == (None, gone[0].receipt.event_id)


def test_a_deletion_in_the_same_request_beats_the_newest_of_its_record_not_the_last() -> None:
    ahead = delivery(source_record_id="1", email="a", observed_at=(NOW + timedelta(minutes=4)).isoformat())
    old = delivery(source_record_id="1", email="b", observed_at="2026-01-01")
    *_, gone = accept([ahead, old, Deletion(record_id_of(KEY, "crm", "1"), "crm")])
    assert gone.state is not None
    assert gone.state.observed_at > ahead.observed.at


def test_an_interaction_lies_with_its_record_and_no_address_is_a_key() -> None:
    def call(**contact: Any) -> Happening:
        said = {"source": "crm", "interaction_id": "1", "type": "call", "at": "2026-01-01", "contact": contact}
        found = read_interaction(said, {"crm": Source()}, NOW)
        assert isinstance(found, Happening)
        return found

    known = record_id_of(KEY, "crm", "7")
    (about_record,) = accept([call(record={"source": "crm", "source_record_id": "7"})])
    assert about_record.says is not None
    assert (about_record.says.key, about_record.receipt.record_id) == (known, known)
    (about_mail,) = accept([call(email="a@example.de")])
    assert about_mail.says is not None
    assert about_mail.says.key == interaction_id_of(KEY, "crm", "1")
    data = about_mail.says.event.data
    assert isinstance(data, InteractionReceived)
    assert (data.contact.email, data.contact.record_id) == ("a@example.de", None)


VALUES = st.sampled_from(["a", "b"])
TIMES = st.sampled_from([None, "2026-01-01", "2026-02-01"])
STEPS = st.lists(st.tuples(VALUES, TIMES) | st.just("delete"), min_size=1, max_size=8)


@given(STEPS, st.randoms(use_true_random=False))
def test_leaving_out_what_is_called_a_duplicate_never_changes_the_record(steps: list[Any], dice: Any) -> None:
    """The law behind duplicates: folding every delivery, or only those that were said, ends in the same values."""
    record_id, known, at = record_id_of(KEY, "crm", "1"), Known(), NOW
    everything = said = Record(record_id=record_id, source="crm", first_received_at=NOW)
    accepted: list[Accepted] = []
    for step in steps:
        at += SECOND
        item: Item = Deletion(record_id, "crm")
        if step != "delete":
            value, time = step
            item = delivery(at, source_record_id="1", email=value, **({"observed_at": time} if time else {}))
        (one,) = accept([item], known, at)
        (blind,) = accept([item], Known(complete=False), at)
        everything = folded(everything, blind, one)
        if one.says is not None:
            said = folded(said, one, one)
            accepted.append(one)
            known = knowing(accepted)
    dice.shuffle(accepted)
    any_order = Record(record_id=record_id, source="crm", first_received_at=NOW)
    for one in accepted:
        any_order = folded(any_order, one, one)
    assert values(any_order) == values(said) == values(everything)


def folded(record: Record, says: Accepted, under: Accepted) -> Record:
    """The record with what `says` says folded in, under the event id that it got."""
    assert says.says is not None
    data, event_id = says.says.event.data, under.receipt.event_id
    if isinstance(data, RecordDeleted):
        deletes_at = (
            under.says.event.data.observed_at
            if under.says and isinstance(under.says.event.data, RecordDeleted)
            else data.observed_at
        )
        return fold(record, Patch(event_id=event_id, observed_at=deletes_at, deletes=True))
    assert isinstance(data, RecordReceived)
    return fold(record, Patch(event_id=event_id, observed_at=data.observed_at, fields=data.fields))


def values(record: Record) -> dict[str, Any]:
    """What holds."""
    return {name: said.value for name, said in record.fields.items()}
