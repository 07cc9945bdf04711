"""2. A contact is made.

The record passes dedup, validate, enrich and rules, and comes out as a *contact*: on the topic `contacts.clean` for
whoever follows it, and over HTTP for whoever asks.
"""

from shared.topology import CLEAN, EVENTS, Type
from tests.tutorial.chain import Chain


async def test_a_record_becomes_a_clean_contact(chain: Chain) -> None:
    """Nothing runs by itself in these chapters: `settle` lets every stage read what lies there, in order."""
    event_id = await chain.send(given_name="Jörg", family_name="Müller", email="joerg@example.de", phone="0171 1234567")
    assert (await chain.get(f"/v1/receipts/{event_id}"))["state"] == "received"

    await chain.settle()
    assert (await chain.get(f"/v1/receipts/{event_id}"))["state"] == "clean"
    contact = await chain.contact_of(event_id)
    assert contact["version"] == 1
    assert contact["name"]["full"] == "Jörg Müller"
    assert contact["phones"][0]["value"] == "+491711234567"


async def test_every_value_says_where_it_comes_from(chain: Chain) -> None:
    """Paths are those of the contact; `why` tells by which rule a value won, here against nobody."""
    event_id = await chain.send(given_name="Jörg", family_name="Müller", email="joerg@example.de")
    await chain.settle()
    origin = (await chain.contact_of(event_id))["provenance"]["/name/family"]
    assert (origin["source"], origin["why"]) == ("webform", "only one")


async def test_what_is_said_on_the_topic_is_what_http_answers(chain: Chain) -> None:
    """A subscriber needs nothing but this topic: key, version, and the whole contact."""
    event_id = await chain.send(given_name="Jörg", family_name="Müller", email="joerg@example.de")
    await chain.settle()
    contact = await chain.contact_of(event_id)
    [cleaned] = chain.said(CLEAN)
    assert (cleaned.subject, cleaned.extensions["version"]) == (contact["contact_id"], "1")
    assert [event.type for event in chain.said(EVENTS)] == [Type.CONTACT_CREATED]


async def test_the_books_balance(chain: Chain) -> None:
    """Every accepted event ends exactly one way, and `status` adds it up from the tables."""
    for number in range(5):
        await chain.send(given_name="Anna", family_name=f"Schulz{number}", email=f"a{number}@example.org")
    await chain.settle()
    books = (await chain.get("/v1/status"))["books"]
    assert (books["accepted"], books["in_contacts"], books["waiting"]) == (5, 5, 0)
