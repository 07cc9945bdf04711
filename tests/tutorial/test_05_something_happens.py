"""5. Something happens.

An *interaction* is not a field: a call, a purchase, a bounced mail. It goes on the timeline of whoever it was, and
rules may follow from it: categories, segments, priority.
"""

from typing import Any

from shared.topology import EVENTS, Type
from tests.tutorial.chain import Chain


def _purchase(number: int) -> dict[str, Any]:
    return {
        "source": "crm", "interaction_id": f"order-{number}", "type": "purchase", "at": "2026-11-20T10:00:00Z",
        "contact": {"email": "anna@example.org"},
    }  # fmt: skip


async def test_a_purchase_stands_on_the_timeline_and_makes_a_customer(chain: Chain) -> None:
    """`customer` is a rule of deploy/config/rules.yaml: a condition over contact and timeline."""
    event_id = await chain.send(given_name="Anna", family_name="Groß", email="anna@example.org")
    await chain.settle()
    assert (await chain.contact_of(event_id))["categories"] == ["b2b"]

    answer = await chain.post("/v1/interactions", _purchase(1))
    assert answer.status == 202
    await chain.settle()
    contact = await chain.contact_of(event_id)
    timeline = await chain.get(f"/v1/timelines/{contact['contact_id']}")
    assert [one["type"] for one in timeline["items"] if "type" in one] == ["purchase"]
    assert contact["categories"] == ["b2b", "customer"]


async def test_who_is_not_there_yet_is_waited_for(chain: Chain) -> None:
    """The purchase came before the person; it is attached as soon as she comes."""
    await chain.post("/v1/interactions", _purchase(2))
    await chain.settle()
    event_id = await chain.send(given_name="Anna", family_name="Groß", email="anna@example.org")
    await chain.settle()
    contact = await chain.contact_of(event_id)
    timeline = await chain.get(f"/v1/timelines/{contact['contact_id']}")
    assert "purchase" in [one.get("type") for one in timeline["items"]]


async def test_consent_puts_a_contact_into_a_segment(chain: Chain) -> None:
    """Entering and leaving are said on `contacts.events`, once."""
    consent = {"purpose": "newsletter", "channel": "email", "status": "granted", "at": "2026-11-01T08:00:00Z"}
    await chain.send(given_name="Anna", family_name="Groß", email="anna@example.org", consents=[consent])
    await chain.settle()
    entered = [event.data for event in chain.said(EVENTS) if event.type is Type.SEGMENT_ENTERED]
    assert "newsletter" in [getattr(one, "name", None) for one in entered]
    [member] = (await chain.get("/v1/segments/newsletter/contacts"))["items"]
    assert member["name"]["family"] == "Groß"
