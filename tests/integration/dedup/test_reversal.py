"""Goal: what people said holds against all that comes, ids lead to their person for ever, a firm is no person.

Method: dedup's own paths over HTTP without a network, on a real Postgres; further records by the thousand.
"""

from typing import Any

import httpx

from shared.domain.events import Snapshot
from tests.integration.dedup.order import reconciled
from tests.integration.dedup.town import Town, record_id, says, snapshots, types_in_outbox

MANY = 1_000
"""Arrivals around a judgement (issue: matching)."""

PERSON = {"given_name": "Jörg", "family_name": "Lüdenscheidt", "email": "jl@example.de"}
FIRM = {"company": "Abendroth Maschinenbau GmbH", "phone": "0431 220550", "email": "info@abendroth-kiel.de"}


async def contact_of(town: Town, name: str) -> str:
    home = (await town.homes())[record_id(name)]
    assert home is not None
    return home


async def decide(steward: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await steward.post(path, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def around(number: int) -> dict[str, Any]:
    """Namesakes, records of the very mailbox, and people who share the town with the two who are different."""
    if number % 200 == 0:
        return PERSON
    if number % 25 == 0:
        return {"given_name": ("Jörg", "J.")[number % 2], "family_name": "Lüdenscheidt", "city": f"Ort {number}"}
    return {"given_name": "Ute", "family_name": f"Kern{number}", "email": f"x{number}@example.de", "city": "Kiel"}


async def test_different_survives_a_thousand_arrivals_around_it_and_a_reconcile(
    town: Town, steward: httpx.AsyncClient
) -> None:
    await town.tell(says("a", at=1, **PERSON), says("b", at=1, source="crm", **PERSON))
    whole = await contact_of(town, "a")
    given = await decide(steward, "/v1/splits", contact_id=whole, record_ids=[record_id("b")])
    apart = {name: await contact_of(town, name) for name in ("a", "b")}
    for at in range(0, MANY, 100):
        await town.tell(*(says(f"new{n}", at=2 + n, source="newsletter", **around(n)) for n in range(at, at + 100)))
        assert await contact_of(town, "a") != await contact_of(town, "b")
    await reconciled(town)
    assert await contact_of(town, "a") != await contact_of(town, "b")
    assert apart["a"] in {await contact_of(town, "a"), *(await formers(steward, await contact_of(town, "a")))}
    await steward.delete(f"/v1/judgements/{given['judgement_ids'][0]}")
    assert await contact_of(town, "a") == await contact_of(town, "b")


async def formers(steward: httpx.AsyncClient, contact_id: str) -> list[str]:
    found: list[str] = (await steward.get(f"/v1/identities/{contact_id}")).json()["former_ids"]
    return found


async def test_former_ids_lead_to_their_person_through_every_merge_and_split(
    town: Town, steward: httpx.AsyncClient
) -> None:
    """Four contacts, merged one after another: every id that ever was leads to the one that lives, in one step."""
    people = [{**PERSON, "given_name": name, "email": f"{name}@example.de"} for name in ("Ada", "Bert", "Cleo", "Dirk")]
    await town.tell(*(says(f"p{number}", at=1, **said) for number, said in enumerate(people)))
    ids = [await contact_of(town, f"p{number}") for number in range(4)]
    judgements: list[str] = []
    for one, other in ((0, 1), (2, 3), (1, 3)):
        judgements += (await decide(steward, "/v1/merges", contact_ids=[ids[one], ids[other]]))["judgement_ids"]
    (living,) = {await contact_of(town, f"p{number}") for number in range(4)}
    for former in ids:
        shown = (await steward.get(f"/v1/identities/{former}")).json()
        assert (shown["contact_id"], shown.get("redirected_from", living)) == (living, former)
    assert {*await formers(steward, living)} == {*ids} - {living}
    await steward.delete(f"/v1/judgements/{judgements[-1]}")
    for number, former in enumerate(ids):
        shown = (await steward.get(f"/v1/identities/{former}")).json()
        assert shown["contact_id"] == await contact_of(town, f"p{number}")
    for judgement in judgements[:-1]:
        await steward.delete(f"/v1/judgements/{judgement}")
    assert [await contact_of(town, f"p{number}") for number in range(4)] == ids


async def test_a_split_is_taken_back_with_the_edits_that_came_meanwhile(town: Town, steward: httpx.AsyncClient) -> None:
    await town.tell(says("a", at=1, **PERSON), says("b", at=1, source="crm", phone="0171 7654321", **PERSON))
    whole = await contact_of(town, "a")
    given = await decide(steward, "/v1/splits", contact_id=whole, record_ids=[record_id("b")])
    assert sorted(given["versions"].values()) == [1, 2]
    edited = await town.tell(says("b", at=5, source="crm", job_title="Leiterin", phone="0172 1111111"))
    assert len(snapshots(edited)) == 1
    undone = await steward.delete(f"/v1/judgements/{given['judgement_ids'][0]}")
    (kept,) = undone.json()["contact_ids"]
    assert kept == whole
    assert {"kontaktwerk.contact.split.v1", "kontaktwerk.contact.merged.v1"} <= {*await types_in_outbox(town)}
    outgoing, _ = await town.identity.say_again([kept])
    assert isinstance(outgoing.event.data, Snapshot)
    golden = outgoing.event.data.contact
    assert golden is not None
    assert (golden.job_title, [phone.value for phone in golden.phones]) == ("Leiterin", ["+491721111111"])


async def test_a_firm_without_a_person_is_an_organisation_and_joins_no_person(town: Town) -> None:
    """Not by the firm's landline, nor by its mailbox, nor by its name and address all together."""
    place = {"street": "Werftstr. 5", "postcode": "24143", "city": "Kiel"}
    settled = await town.tell(
        says("firm", at=1, **FIRM, **place),
        says("boss", at=1, source="crm", given_name="Karl", family_name="Abendroth", **FIRM, **place),
        says("clerk", at=1, source="crm", given_name="Ute", family_name="Kern", **FIRM, **place),
    )
    said = {one.records[0].record_id: one for one in snapshots(settled).values()}
    assert {name: said[record_id(name)].kind for name in ("firm", "boss", "clerk")} == {
        "firm": "organisation", "boss": "person", "clerk": "person",
    }  # fmt: skip
    assert len(await town.groups()) == 3


async def test_two_records_of_one_firm_are_one_organisation(town: Town) -> None:
    again = {**FIRM, "company": "Abendroth Maschinenbau", "email": "Info@abendroth-kiel.de"}
    settled = await town.tell(says("firm", at=1, **FIRM), says("again", at=1, source="crm", **again))
    (firm,) = snapshots(settled).values()
    assert (firm.kind, firm.records_total) == ("organisation", 2)


async def test_a_person_named_at_a_firm_leaves_the_organisation(town: Town) -> None:
    """An update that names a person makes the record one: it leaves the firm's contact, and the firm stays."""
    await town.tell(says("firm", at=1, **FIRM), says("again", at=1, source="crm", **FIRM))
    assert len(await town.groups()) == 1
    await town.tell(says("again", at=2, source="crm", given_name="Karl", family_name="Abendroth"))
    assert len(await town.groups()) == 2
