"""Goal: what people decide is carried out, remembered, and can be taken back exactly.

Method: dedup's own paths over HTTP without a network, on a real Postgres; tables and words looked at.
"""

import random
from typing import Any

import httpx
import pytest

from shared.domain.events import Snapshot
from shared.runtime.access import Role, create_token
from shared.topology import Type
from tests.integration.dedup.town import Town, record_id, says, snapshots, takes_back, types_in_outbox

NOBODY = "00000000-0000-7000-8000-000000000000"
PEOPLE: list[dict[str, Any]] = [
    {"given_name": "Jörg", "family_name": "Lüdenscheidt", "email": "jl@example.de"},
    {"given_name": "Ute", "family_name": "Kern", "email": "ute.kern@example.de"},
    {"given_name": "Bernd", "family_name": "Abendroth", "phone": "0171 7654321"},
    {"given_name": "Clara", "family_name": "Bleibtreu", "email": "clara@example.org", "phone": "0172 1111111"},
]


async def contact_of(town: Town, name: str) -> str:
    home = (await town.homes())[record_id(name)]
    assert home is not None
    return home


async def settle_people(town: Town) -> None:
    await town.tell(*(says(f"p{number}", at=1, **said) for number, said in enumerate(PEOPLE)))


async def test_a_merge_joins_and_is_said_at_once(town: Town, steward: httpx.AsyncClient) -> None:
    await settle_people(town)
    one, two = await contact_of(town, "p0"), await contact_of(town, "p1")
    answer = (await steward.post("/v1/merges", json={"contact_ids": [one, two], "reason": "same desk"})).json()
    (kept,) = answer["contact_ids"]
    (gone,) = {one, two} - {kept}
    assert answer["versions"] == {kept: 2}
    assert (await town.versions())[gone] == (2, "merged", kept)
    assert await types_in_outbox(town) == [Type.CONTACT_MERGED.wire]
    assert {draft.key for draft in town.ear.drafts} == {one.encode(), two.encode()}
    assert await town.database.fetch("select from dedup.unsaid") == []
    shown = (await steward.get(f"/v1/identities/{gone}")).json()
    assert (shown["contact_id"], shown["redirected_from"], shown["former_ids"]) == (kept, gone, [gone])
    assert [(one["judgement"], one["by"], one["reason"]) for one in shown["judgements"]] == [
        ("same", "stewardess", "same desk")
    ]


async def test_a_dry_run_answers_and_changes_nothing(town: Town, steward: httpx.AsyncClient) -> None:
    await settle_people(town)
    before = await town.state()
    one, two = await contact_of(town, "p0"), await contact_of(town, "p1")
    answer = await steward.post("/v1/merges?dry_run=true", json={"contact_ids": [one, two]})
    assert (answer.status_code, len(answer.json()["contact_ids"])) == (200, 1)
    assert (await town.state(), town.ear.drafts) == (before, [])


async def test_a_merge_taken_back_restores_what_would_have_been(town: Town, steward: httpx.AsyncClient) -> None:
    await settle_people(town)
    one, two = await contact_of(town, "p0"), await contact_of(town, "p1")
    merged = (await steward.post("/v1/merges", json={"contact_ids": [one, two]})).json()
    await town.tell(says("p0", at=5, phone="0176 5555555"))
    taken_back = await steward.delete(f"/v1/judgements/{merged['judgement_ids'][0]}")
    assert set(taken_back.json()["contact_ids"]) == {one, two}
    assert (await contact_of(town, "p0"), await contact_of(town, "p1")) == (one, two)
    assert (await steward.delete(f"/v1/judgements/{merged['judgement_ids'][0]}")).status_code == 404
    wires = [Type.CONTACT_MERGED.wire, Type.CONTACT_SPLIT.wire, Type.CONTACT_REVIVED.wire]
    assert await types_in_outbox(town) == wires


async def test_an_id_stays_with_its_person_however_large_the_other_part_grew(
    town: Town, steward: httpx.AsyncClient
) -> None:
    namesakes = [{**PEOPLE[0]}, {**PEOPLE[0], "email": "another.jl@example.org"}]
    await town.tell(says("p0", at=1, **namesakes[0]), says("p1", at=1, source="crm", **namesakes[1]))
    one, two = await contact_of(town, "p0"), await contact_of(town, "p1")
    merged = (await steward.post("/v1/merges", json={"contact_ids": [one, two]})).json()
    (kept,) = merged["contact_ids"]
    other = namesakes[0] if kept == two else namesakes[1]
    await town.tell(says("more", at=5, source="crm", **other), says("most", at=5, source="newsletter", **other))
    assert len(await town.groups()) == 1
    await steward.delete(f"/v1/judgements/{merged['judgement_ids'][0]}")
    assert (await contact_of(town, "p0"), await contact_of(town, "p1")) == (one, two)


async def test_a_split_holds_against_the_evidence(town: Town, steward: httpx.AsyncClient) -> None:
    await town.tell(says("a", at=1, **PEOPLE[0]), says("b", at=1, source="crm", **PEOPLE[0]))
    whole = await contact_of(town, "a")
    answer = await steward.post("/v1/splits", json={"contact_id": whole, "record_ids": [record_id("b")]})
    assert len(answer.json()["contact_ids"]) == 2
    await town.tell(says("b", at=2, source="crm", job_title="Leiter", city="Berlin"))
    assert await town.groups() == {frozenset({record_id("a")}), frozenset({record_id("b")})}
    await steward.delete(f"/v1/judgements/{answer.json()['judgement_ids'][0]}")
    assert await town.groups() == {frozenset({record_id("a"), record_id("b")})}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/merges", {"contact_ids": ["x", "y"]}, 422),
        ("POST", "/v1/merges", {"contact_ids": [NOBODY]}, 422),
        ("POST", "/v1/merges", {"contact_ids": [NOBODY, NOBODY]}, 409),
        ("POST", "/v1/splits", {"contact_id": NOBODY, "record_ids": [NOBODY]}, 409),
        ("POST", "/v1/splits", {"contact_id": NOBODY, "record_ids": []}, 422),
        ("POST", "/v1/reviews/nothing", {"judgement": "same"}, 404),
        ("POST", "/v1/comparisons", {}, 422),
        ("POST", "/v1/matches", {}, 422),
        ("POST", "/v1/matches", {"email": 5}, 422),
        ("POST", "/v1/matches", [], 422),
        ("POST", "/v1/comparisons", {"record_ids": [NOBODY, NOBODY]}, 404),
        ("POST", "/v1/comparisons", {"records": [{"email": 5}, {"email": "a@example.de"}]}, 422),
        ("DELETE", "/v1/judgements/x", None, 404),
        ("GET", "/v1/identities/x", None, 404),
        ("GET", f"/v1/explanations/{NOBODY}", None, 404),
        ("GET", "/v1/reviews?cursor=x", None, 422),
        ("GET", "/v1/reviews?state=all", None, 422),
    ],
)
async def test_nonsense_gets_a_clear_answer(
    steward: httpx.AsyncClient, method: str, path: str, body: Any, status: int
) -> None:
    answer = await steward.request(method, path, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_a_reader_reads_and_does_not_decide(town: Town, steward: httpx.AsyncClient) -> None:
    token = await create_token(town.database, Role.READER, "reader")
    headers = {"Authorization": f"Bearer {token}"}
    assert (await steward.get("/v1/reviews", headers=headers)).status_code == 200
    refused = await steward.post("/v1/merges", json={"contact_ids": [NOBODY, NOBODY]}, headers=headers)
    assert refused.status_code == 403


async def test_a_contact_whose_records_are_gone_is_retired(town: Town, steward: httpx.AsyncClient) -> None:
    (contact,) = snapshots(await town.tell(says("a", at=1, **PEOPLE[0])))
    await town.tell(takes_back("a", at=2))
    answer = await steward.get(f"/v1/identities/{contact}")
    assert (answer.status_code, answer.json()["retired"]) == (404, {"reason": "deleted", "version": 2})


async def test_an_explanation_adds_up_and_names_the_neighbours(town: Town, steward: httpx.AsyncClient) -> None:
    namesake = {**PEOPLE[0], "email": "other@example.org", "birthday": "1980-02-29"}
    await town.tell(
        says("a", at=1, birthday="1955-05-05", **PEOPLE[0]),
        says("b", at=1, source="crm", **PEOPLE[0]),
        says("c", at=1, source="crm", **namesake),
    )
    shown = (await steward.get(f"/v1/explanations/{await contact_of(town, 'a')}?language=de")).json()
    (pair,) = shown["pairs"]
    assert round(sum(part["bits"] for part in pair["parts"]), 3) == pair["bits"]
    assert {neighbour["contact_id"] for neighbour in shown["neighbours"]} <= {await contact_of(town, "c")}
    ids = {"record_ids": [record_id("a"), record_id("c")]}
    apart = (await steward.post("/v1/comparisons?language=de", json=ids)).json()
    assert (apart["outcome"], apart["pairs"][0]["why_not"]) == ("apart", "anderes Geburtsdatum: zwei Personen")


async def test_two_records_that_nobody_sent_are_compared(steward: httpx.AsyncClient) -> None:
    records = [{**PEOPLE[0], "source": "webform"}, {**PEOPLE[0], "given_name": "Joerg"}]
    answer = (await steward.post("/v1/comparisons", json={"records": records})).json()
    assert answer["outcome"] == "merge"


@pytest.mark.parametrize("seed", range(3))
async def test_merge_edit_split_ends_where_never_merging_ends(
    town: Town, steward: httpx.AsyncClient, seed: int
) -> None:
    """Random merges, splits and edits, then every judgement taken back: the same records together, the same values."""
    dice = random.Random(seed)
    edits: list[tuple[str, float, dict[str, Any]]] = []
    given: list[str] = []
    await settle_people(town)
    for step in range(14):
        draw = dice.random()
        homes = sorted({home for home in (await town.homes()).values() if home is not None})
        if draw < 0.4:
            edit = (f"p{dice.randrange(4)}", 10.0 + step, {"phone": f"0176 55555{step:02}", "city": f"Ort {step}"})
            edits.append(edit)
            await town.tell(says(edit[0], at=edit[1], attributes={}, **edit[2]))
        elif draw < 0.75 and len(homes) > 1:
            body: dict[str, Any] = {"contact_ids": dice.sample(homes, 2)}
            given += (await steward.post("/v1/merges", json=body)).json()["judgement_ids"]
        elif groups := [group for group in await town.groups() if len(group) > 1]:
            group = sorted(dice.choice(sorted(groups, key=min)))
            home = (await town.homes())[group[0]]
            body = {"contact_id": home, "record_ids": dice.sample(group, dice.randint(1, len(group) - 1))}
            given += (await steward.post("/v1/splits", json=body)).json()["judgement_ids"]
    dice.shuffle(given)
    for judgement in given:
        assert (await steward.delete(f"/v1/judgements/{judgement}")).status_code == 200
    after = await values(town, steward)
    await town.empty()
    await settle_people(town)
    for name, at, said in edits:
        await town.tell(says(name, at=at, attributes={}, **said))
    assert after == await values(town, steward)


async def values(town: Town, steward: httpx.AsyncClient) -> dict[frozenset[str], Any]:
    """What every contact says, by its records, without ids, versions and times."""
    said: dict[frozenset[str], Any] = {}
    for contact in {home for home in (await town.homes()).values() if home is not None}:
        outgoing, _ = await town.identity.say_again([contact])
        assert isinstance(outgoing.event.data, Snapshot)
        golden = outgoing.event.data.contact
        assert golden is not None
        said[frozenset(member.record_id for member in golden.records)] = (
            golden.name, golden.emails, golden.phones, golden.addresses, golden.provenance, golden.former,
        )  # fmt: skip
    return said


async def test_a_match_tells_whom_a_record_would_join_and_whom_it_would_be_offered_for(
    town: Town, steward: httpx.AsyncClient
) -> None:
    await settle_people(town)
    before = await town.state()
    same = await steward.post("/v1/matches", json={**PEOPLE[0], "email": "JL@example.de", "source": "crm"})
    (found,) = same.json()["items"]
    assert (found["contact_id"], found["outcome"]) == (await contact_of(town, "p0"), "merge")
    assert found["probability"] > 0.98
    assert found["evidence"][0]["record_ids"] == [record_id("p0")]
    assert sum(part["bits"] for part in found["evidence"][0]["parts"]) == pytest.approx(found["evidence"][0]["bits"])
    assert (await steward.post("/v1/matches", json={"full_name": "Nie Gesehen"})).json() == {"items": [], "next": None}
    assert await town.state() == before


async def test_a_match_answers_as_the_record_is_decided_when_it_comes(town: Town, steward: httpx.AsyncClient) -> None:
    await settle_people(town)
    chance = random.Random(4)
    for number in range(12):
        said = {name: value for name, value in chance.choice(PEOPLE).items() if chance.random() < 0.8}
        if not said:
            continue
        items = (await steward.post("/v1/matches", json=said)).json()["items"]
        merged = {one["contact_id"] for one in items if one["outcome"] == "merge"}
        homes = await town.homes()
        await town.tell(says(f"new{number}", at=100 + number, **said))
        home = await contact_of(town, f"new{number}")
        assert merged == ({home} if home in homes.values() else set())
