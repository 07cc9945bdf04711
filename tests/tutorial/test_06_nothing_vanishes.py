"""6. Nothing vanishes, nothing happens twice.

The log may deliver any message again, and any process may die at any moment. What cannot be read is set aside whole;
what is taken back is gone, and its way can still be told.
"""

from shared.runtime.access import Role
from shared.topology import CLEAN, DEAD_LETTERS, RESOLVED
from tests.tutorial.chain import Chain


async def test_everything_delivered_again_changes_nothing(chain: Chain) -> None:
    """Every group forgets where it was and reads the whole log anew, as after the worst of crashes."""
    event_id = await chain.send(given_name="Anna", family_name="Groß", email="anna@example.org")
    await chain.send(source="newsletter", given_name="Anna", family_name="Groß", email="anna@example.org")
    await chain.settle()
    before = await chain.contact_of(event_id)
    ids = {event.id for event in chain.said(RESOLVED)}

    chain.forget_offsets()
    await chain.settle()
    assert await chain.contact_of(event_id) == before
    assert {event.id for event in chain.said(RESOLVED)} == ids
    assert {event.extensions["version"] for event in chain.said(CLEAN)} <= {"1", "2"}


async def test_an_unreadable_body_of_a_vendor_is_set_aside_whole(chain: Chain) -> None:
    """The vendor gets 202, since it can do nothing about it; the letter keeps the body byte for byte."""
    body = b'{"email": "anna@example.org"'
    answer = await chain.post("/hooks/webform", body, Role.SENDER)
    assert answer.status == 202
    [letter] = chain.broker.messages(DEAD_LETTERS["ingest"].name)
    assert letter.value == body
    assert dict(letter.headers)["dead-letter-reason"] == b"unreadable"
    await chain.settle()
    assert (await chain.get("/v1/status"))["books"]["dead_letters"] == {"unreadable": 1}


async def test_a_record_taken_back_takes_its_contact_with_it(chain: Chain) -> None:
    """A tombstone on the topic, 404 with `retired` over HTTP, and a place in the books."""
    event_id = await chain.send(source_record_id="7", given_name="Anna", family_name="Groß", email="anna@example.org")
    await chain.settle()
    contact_id = (await chain.contact_of(event_id))["contact_id"]
    await chain.post("/v1/record-deletions", {"source": "webform", "source_record_ids": ["7"]}, Role.SENDER)
    await chain.settle()
    assert [event.data for event in chain.said(CLEAN)][-1] is None
    gone = await chain.call("GET", f"/v1/contacts/{contact_id}")
    assert (gone.status, bool(gone.body["retired"])) == (404, True)
    assert (await chain.get("/v1/status"))["books"]["deleted"] == 2


async def test_every_version_is_kept_with_its_cause(chain: Chain) -> None:
    """Backup listens; what the contact was at any time can be asked."""
    event_id = await chain.send(source_record_id="7", given_name="Anna", family_name="Groß", city="Kiel")
    await chain.settle()
    await chain.send(source_record_id="7", given_name="Anna", family_name="Groß", city="Bonn")
    await chain.settle()
    contact = await chain.contact_of(event_id)
    history = await chain.get(f"/v1/histories/{contact['contact_id']}")
    assert [(one["version"], one["cause"]["source"]) for one in history["items"]] == [(1, "webform"), (2, "webform")]
