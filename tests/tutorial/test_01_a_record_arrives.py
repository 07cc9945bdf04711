"""1. A record arrives.

A *record* is what one source said about one person. It may be wrong, half empty, late, or said twice; we keep it as it
came and never alter it. Contacts, the clean ones, are computed from records (chapters 2 and 10): all can be taken back.
"""

from functools import reduce
from itertools import permutations

from services.ingest.core.decide import Known
from services.ingest.core.reading import read_record
from shared.domain.events import RecordReceived
from shared.domain.record import Patch, fold
from tests.tutorial.house import NOON, SOURCES, arrives, event_of, patch_of, record_of

JOERG = {
    "source": "webform",
    "source_record_id": "4711",
    "given_name": "Jörg",
    "family_name": "Müller",
    "phone": "0171 / 123 45 67",
}


def test_a_delivery_becomes_one_event_and_a_receipt() -> None:
    """The door reads a delivery, gives it ids, and decides what it comes to. All of that is pure: the network before it
    and Kafka behind it are shell.
    """
    accepted = arrives(JOERG)

    # The receipt is our word to the sender: the event that is now on its way, and the record it speaks of.
    assert accepted.receipt.duplicate is False
    assert accepted.says is not None
    event = accepted.says.event
    assert event.id == accepted.receipt.event_id

    # The event is keyed by the record, so everything about one record lies in one partition, in order. The key is a
    # keyed hash: nobody can tell from it who that is.
    assert accepted.says.key == accepted.receipt.record_id
    assert "4711" not in accepted.says.key

    # What was said is carried as it came. Nothing has been cleaned yet; that is other people's work.
    assert isinstance(event.data, RecordReceived)
    assert event.data.fields["phone"] == "0171 / 123 45 67"


def test_the_same_delivery_again_is_a_duplicate() -> None:
    """Senders repeat themselves, and must be able to. The ids follow from source and content, so a delivery that equals
    the last accepted state of its record gets the receipt it got then, and nothing moves.
    """
    first = arrives(JOERG)
    assert first.state is not None
    known = Known(states={first.state.record_id: first.state})

    again = arrives(JOERG, known)
    assert again.receipt.duplicate is True
    assert again.receipt.event_id == first.receipt.event_id
    assert again.says is None

    # But another phone number is news, and going back to the first one afterwards is news as well.
    changed = arrives({**JOERG, "phone": "030 123456"}, known)
    assert changed.receipt.duplicate is False
    assert changed.state is not None
    back = arrives(JOERG, Known(states={changed.state.record_id: changed.state}))
    assert back.receipt.duplicate is False
    assert back.receipt.event_id != first.receipt.event_id


def test_a_wrong_value_is_no_error() -> None:
    """A form with 31 February in it was still filled in by a person. We take it; validation will have a finding
    (chapter 4). Only what is no record at all is refused, and then by its place.
    """
    record = record_of(event_of({**JOERG, "birthday": "31.02.1980", "email": "n/a"}))
    assert record.text("birthday") == "31.02.1980"

    faults = read_record({"source": "webform", "given_name": ["Jörg"]}, SOURCES, NOON)
    assert isinstance(faults, tuple)
    assert [fault.pointer for fault in faults] == ["/given_name"]


def test_an_update_changes_only_what_it_names() -> None:
    """The same `source_record_id` again is an update. Per field the last write holds; a field that is absent stays, and
    `null` clears.
    """
    first = event_of({**JOERG, "observed_at": "2026-11-20T10:00:00Z"})
    update = event_of({**JOERG, "observed_at": "2026-11-21T10:00:00Z", "city": "Kiel", "phone": None})
    record = record_of(first, update)
    assert record.text("given_name") == "Jörg"
    assert record.text("city") == "Kiel"
    assert record.text("phone") is None


def test_the_order_of_arrival_does_not_matter() -> None:
    """Networks swap things. Every field carries the stamp (observed time, event id) of who wrote it last, and so does a
    deletion; so folding the same events in any order, and any of them twice, ends in the same record.
    """
    phone = event_of({**JOERG, "observed_at": "2026-11-20T10:00:00Z"})
    email = event_of({**JOERG, "observed_at": "2026-11-21T10:00:00Z", "phone": None, "email": "joerg@example.de"})
    street = event_of({**JOERG, "observed_at": "2026-11-21T11:00:00Z", "street": "Hauptstr. 5a"})
    events = [phone, email, street]

    orders = [record_of(*order, order[0]) for order in permutations(events)]
    assert all(record == orders[0] for record in orders)
    assert orders[0].text("street") == "Hauptstr. 5a"


def test_what_was_taken_back_stays_gone_whatever_comes_late() -> None:
    """A source may take a record back. What was observed before that and arrives after it does not bring it back; what
    is said anew does.
    """
    first = event_of({**JOERG, "observed_at": "2026-11-20T10:00:00Z"})
    deletion = Patch(event_id="the deletion", observed_at=NOON.replace(day=21), deletes=True)
    late = event_of({**JOERG, "observed_at": "2026-11-20T11:00:00Z", "city": "Kiel"})

    gone = reduce(fold, [deletion, patch_of(late)], record_of(first))
    assert not gone.live

    anew = fold(gone, patch_of(event_of({**JOERG, "observed_at": "2026-11-22T10:00:00Z"})))
    assert anew.live
    assert anew.text("city") is None


def test_a_record_shows_nobody() -> None:
    """What holds a person's data never shows it by accident: not in a log line, not in a traceback."""
    record = record_of(event_of(JOERG))
    assert "Jörg" not in repr(record)
    assert "Jörg" not in repr(event_of(JOERG))
