"""9. Readers keep the greatest.

What is said of a contact is never a change to it, always the whole of it at one *version*. Whoever keeps the greatest
version of each contact is right, whatever was swapped or said twice on the way. A subscriber need not know more.
"""

from collections.abc import Iterable
from itertools import permutations

import msgspec

from services.rules.core.decide import Around, Published, Seen, Standing, awaited_by, decide
from services.rules.core.happenings import cleaned
from services.rules.core.loading import rulebook
from shared.domain.configuration import Rule, Then
from shared.domain.contact import Cause, Contact
from shared.domain.events import Event
from tests.tutorial.house import NOON, contact_of, event_of, record_of

ANNA = {"source": "crm", "source_record_id": "1", "given_name": "Anna", "family_name": "Schulz", "city": "Kiel"}
RECORD = record_of(event_of(ANNA))
MOVED = record_of(event_of({**ANNA, "city": "Bonn"}))
FIRST = contact_of(RECORD, version=1)
SECOND = contact_of(MOVED, version=2)
RULES = rulebook(
    [Rule(name="in-bonn", when='contact.addresses.exists(a, a.city == "Bonn")', then=Then(segment="bonn"))]
)
AROUND = Around(now=NOON)


def reader(messages: Iterable[Event]) -> dict[str, Contact | None]:
    """A whole subscriber: the greatest version of each contact; None for one that is gone."""
    kept: dict[str, Contact | None] = {}
    versions: dict[str, int] = {}
    for message in messages:
        version = int(message.extensions["version"])
        if version >= versions.get(message.subject, 0):
            versions[message.subject] = version
            kept[message.subject] = message.data if isinstance(message.data, Contact) else None
    return kept


def published(contact: Contact, before: Standing | None = None) -> Published:
    """What rules publishes of a snapshot that must come out."""
    decided = decide(contact, before, AROUND, RULES, awaited=True)
    assert isinstance(decided, Published)
    return decided


def stored(decided: Published) -> Standing:
    """What rules keeps of it: the version seen, the version published, and what was said."""
    version = decided.contact.version
    return Standing(version, version, contact=decided.contact)


def test_in_any_order_and_twice_a_reader_ends_with_the_same() -> None:
    """Two versions and a tombstone, in every order there is, each of them twice: one result."""
    one, two = (cleaned(published(contact).contact, None).event for contact in (FIRST, SECOND))
    gone = msgspec.structs.replace(two, id="gone", data=None, extensions={"version": "3", "reason": "deleted"})

    assert all(reader(order) == reader([one, two]) for order in permutations([one, two, one, two]))
    assert all(reader(order) == {FIRST.contact_id: None} for order in permutations([one, two, gone]))


def test_rules_follow_from_the_contact() -> None:
    """Rules adds categories, segments and priority. The conditions are CEL over the contact; what is decided is a value
    with its reasons, and what happened besides (Anna entered a segment) comes out with it.
    """
    first = published(FIRST)
    assert first.contact.segments == ()

    second = published(SECOND, stored(first))
    assert second.contact.segments == ("bonn",)
    assert "/addresses" in second.contact.changed
    assert [one.event.type.value for one in second.happenings] == ["contact.updated", "segment.entered"]


def test_a_refresh_that_changes_nothing_moves_nothing() -> None:
    """When something that a contact rests on may have changed, it is *said again* with the next version. If nothing
    comes of it, nobody hears of it: only the version that rules has seen moves on.
    """
    before = stored(published(FIRST))
    again = msgspec.structs.replace(FIRST, version=2, cause=Cause(kind="refresh", id="an edited rule"))
    assert not awaited_by(again.cause)
    assert isinstance(decide(again, before, AROUND, RULES, awaited=awaited_by(again.cause)), Seen)


def test_but_whoever_sent_something_sees_it_come_out() -> None:
    """A record that changes nothing still has a sender who waits for its receipt to become `clean`. So its version is
    published, with nothing in `changed`.
    """
    before = stored(published(FIRST))
    again = msgspec.structs.replace(FIRST, version=2, cause=Cause(kind="record", id="the same once more"))
    decided = decide(again, before, AROUND, RULES, awaited=awaited_by(again.cause))
    assert isinstance(decided, Published)
    assert decided.contact.version == 2
    assert decided.contact.changed == ()
