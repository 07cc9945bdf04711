"""3. Two feeds, one person.

Records that are surely one person become one contact. The decision is a sum of evidence, so it can be shown; records
are never altered, so it can be taken back.
"""

from shared.topology import CLEAN
from tests.tutorial.chain import Chain

FORM = {"given_name": "Jörg", "family_name": "Müller-Lüdenscheidt", "phone": "0171 1234567"}
LETTER = {
    "source": "newsletter",
    "given_name": "Joerg",
    "family_name": "Mueller-Luedenscheidt",
    "phone": "+491711234567",
}


async def _two(chain: Chain) -> tuple[str, str]:
    first = await chain.send(**FORM, birthday="1980-02-29")
    await chain.settle()
    second = await chain.send(**LETTER, email="joerg@example.de")
    await chain.settle()
    return first, second


async def test_two_records_become_one_contact(chain: Chain) -> None:
    """The second record made version 2 of the contact that the first one had made."""
    first, second = await _two(chain)
    contact = await chain.contact_of(second)
    assert contact == await chain.contact_of(first)
    assert (contact["version"], contact["records_total"]) == (2, 2)
    assert (contact["birthday"], contact["emails"][0]["value"]) == ("1980-02-29", "joerg@example.de")


async def test_the_reasons_add_up(chain: Chain) -> None:
    """The explanation is the score: its parts are weights in bits, and their sum decides."""
    _, second = await _two(chain)
    contact = await chain.contact_of(second)
    [pair] = (await chain.get(f"/v1/explanations/{contact['contact_id']}"))["pairs"]
    assert round(sum(part["bits"] for part in pair["parts"]), 3) == pair["bits"]
    assert (pair["outcome"], pair["probability"] > 0.995) == ("merge", True)


async def test_a_namesake_stays_apart(chain: Chain) -> None:
    """Another birthday is evidence against, and enough of it."""
    first = await chain.send(given_name="Jörg", family_name="Müller", birthday="1980-02-29", city="Kiel")
    second = await chain.send(given_name="Jörg", family_name="Müller", birthday="1961-07-11", city="Kiel")
    await chain.settle()
    one, other = await chain.contact_of(first), await chain.contact_of(second)
    assert one["contact_id"] != other["contact_id"]


async def test_a_person_decides_and_takes_it_back(chain: Chain) -> None:
    """A split is a *judgement* about records. Withdrawn, everything is as if it had never been given."""
    _, second = await _two(chain)
    contact = await chain.contact_of(second)
    chosen = [one["record_id"] for one in contact["records"] if one["source"] == "newsletter"]
    split = await chain.post("/v1/splits", {"contact_id": contact["contact_id"], "record_ids": chosen})
    assert split.status == 200
    await chain.settle()
    assert {event.subject for event in chain.said(CLEAN)} == set(split.body["contact_ids"])
    assert (await chain.get(f"/v1/contacts/{contact['contact_id']}"))["records_total"] == 1

    await chain.call("DELETE", f"/v1/judgements/{split.body['judgement_ids'][0]}")
    await chain.settle()
    again = await chain.get(f"/v1/contacts/{contact['contact_id']}")
    assert (again["records_total"], again["emails"]) == (2, contact["emails"])


async def test_a_former_id_leads_to_the_present_contact(chain: Chain) -> None:
    """Merged away is not lost: the id redirects for ever, and the topic says so by a message without value."""
    first = await chain.send(given_name="Jörg", family_name="Müller", city="Kiel")
    second = await chain.send(given_name="Jörg", family_name="Müller", email="joerg@example.de")
    await chain.settle()
    ids = [(await chain.contact_of(one))["contact_id"] for one in (first, second)]
    assert ids[0] != ids[1]

    await chain.post("/v1/merges", {"contact_ids": ids})
    await chain.settle()
    both = [await chain.get(f"/v1/contacts/{one}") for one in ids]
    assert both[0]["contact_id"] == both[1]["contact_id"]
    assert [event.extensions["reason"] for event in chain.said(CLEAN) if event.data is None] == ["merged"]
