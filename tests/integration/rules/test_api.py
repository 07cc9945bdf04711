"""Goal: what is stored can be read: one contact, lists, searches, timelines, segments; and no input makes a 500.

Method: the routers in the house's application, on a real Postgres, over HTTP without a network.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.rules.api import router
from services.rules.core.rulebook import Rulebook
from shared.domain.contact import Company, Finding, Member, Name, Phone, Quality
from shared.runtime.access import Access, Role, adopt_token
from shared.runtime.clock import SystemClock
from shared.runtime.database import Database
from shared.runtime.http import application
from tests.integration.rules.world import Process, enriched, interaction, retired
from tests.unit.rules.build import NOW, a_contact, an_id, insured, rules

RULES = rules(insurers='contact.company.industry == "insurance"', nobody="false")


@pytest.fixture
def process(tables: Database) -> Process:
    """One process with two rules."""
    return Process(tables, RULES)


@pytest.fixture
async def client(tables: Database, process: Process) -> AsyncIterator[httpx.AsyncClient]:
    """A reader over HTTP."""
    await adopt_token(tables, Role.READER, "test", "reader-token")
    await adopt_token(tables, Role.SENDER, "test", "sender-token")
    app = of(process, RULES)
    app.state.access = Access(tables, SystemClock())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": "Bearer reader-token"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield client


def of(process: Process, rulebook: Rulebook) -> Any:
    """The application."""
    routes = router(process.store, lambda: rulebook, process.clock, lambda: "DE", process.stage.unanswered)
    return application("rules", (routes,))


async def test_a_contact_is_answered_as_it_was_said(client: httpx.AsyncClient, process: Process) -> None:
    await process.take(enriched(insured()))
    answer = await client.get(f"/v1/contacts/{an_id('anna')}")
    assert answer.status_code == 200
    contact = answer.json()
    assert contact["name"]["full"] == "Anna Müller"
    assert contact["segments"] == ["insurers"]
    assert contact["priority"]["reasons"]
    assert "redirected_from" not in contact


async def test_nobody_reads_without_a_token_of_a_reader(client: httpx.AsyncClient) -> None:
    path = f"/v1/contacts/{an_id('anna')}"
    assert (await client.get(path, headers={"Authorization": ""})).status_code == 401
    assert (await client.get(path, headers={"Authorization": "Bearer sender-token"})).status_code == 403


async def test_removals_are_listed_in_the_order_they_were_said_in_pages(
    client: httpx.AsyncClient, process: Process
) -> None:
    names = ("anna", "bert", "carl", "dora")
    await process.take(*(enriched(a_contact(name)) for name in names))
    await process.take(retired("anna", 2, "merged", "dora"))
    between = process.clock.now() + timedelta(milliseconds=1)
    await process.take(retired("bert", 2))
    await process.take(retired("carl", 2, "erased"))
    first = (await client.get("/v1/removals?limit=2")).json()
    assert [(one["contact_id"], one["reason"]) for one in first["items"]] == [
        (an_id("anna"), "merged"),
        (an_id("bert"), "deleted"),
    ]
    assert first["items"][0]["merged_into"] == an_id("dora")
    assert "merged_into" not in first["items"][1]
    rest = (await client.get("/v1/removals", params={"cursor": first["next"]})).json()
    assert [one["contact_id"] for one in rest["items"]] == [an_id("carl")]
    assert rest["next"] is None
    later = (await client.get("/v1/removals", params={"since": between.isoformat()})).json()
    assert [one["contact_id"] for one in later["items"]] == [an_id("bert"), an_id("carl")]
    assert (await client.get("/v1/removals?since=soon")).json()["errors"][0]["pointer"] == "/since"


async def test_a_former_id_answers_with_the_present_contact(client: httpx.AsyncClient, process: Process) -> None:
    await process.take(enriched(a_contact("anna")), enriched(a_contact("bert")), enriched(a_contact("carl")))
    await process.take(retired("anna", 2, "merged", into="bert"), retired("bert", 2, "merged", into="carl"))
    contact = (await client.get(f"/v1/contacts/{an_id('anna')}")).json()
    assert (contact["contact_id"], contact["redirected_from"]) == (an_id("carl"), an_id("anna"))


async def test_a_former_id_whose_present_contact_is_still_on_its_way_asks_to_come_back(
    client: httpx.AsyncClient, process: Process
) -> None:
    await process.take(retired("anna", 2, "merged", into="bert"))
    answer = await client.get(f"/v1/contacts/{an_id('anna')}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_a_deleted_contact_is_not_found_and_says_so(client: httpx.AsyncClient, process: Process) -> None:
    await process.take(enriched(a_contact()))
    await process.take(retired("anna", 2))
    answer = await client.get(f"/v1/contacts/{an_id('anna')}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["retired"] == "deleted"


@pytest.mark.parametrize("id_", ["unknown", "%00", "..%2f", "f" * 5_000, an_id("nobody")])
async def test_an_unknown_id_is_not_found(client: httpx.AsyncClient, id_: str) -> None:
    answer = await client.get(f"/v1/contacts/{id_}")
    assert answer.status_code == 404
    assert "retired" not in answer.json()


async def test_who_asks_for_a_version_gets_it_when_it_comes(client: httpx.AsyncClient, process: Process) -> None:
    await process.take(enriched(a_contact(version=1)))
    asked = asyncio.create_task(client.get(f"/v1/contacts/{an_id('anna')}?min_version=2"))
    await asyncio.sleep(0.2)
    assert not asked.done()
    await process.take(enriched(a_contact(version=2)))
    assert (await asked).json()["version"] == 2


async def test_a_version_seen_without_news_counts_as_come(client: httpx.AsyncClient, process: Process) -> None:
    await process.take(enriched(a_contact(version=1)))
    await process.take(enriched(a_contact(version=2, kind="refresh")))
    assert (await client.get(f"/v1/contacts/{an_id('anna')}?min_version=2")).json()["version"] == 1


async def test_a_version_that_does_not_come_asks_to_come_back(
    client: httpx.AsyncClient, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.rules.api.WAIT_S", 0.3)
    await process.take(enriched(a_contact(version=1)))
    assert (await client.get(f"/v1/contacts/{an_id('anna')}?min_version=2")).status_code == 503


async def test_a_list_pages_through_everybody_once(client: httpx.AsyncClient, process: Process) -> None:
    await process.take(*(enriched(a_contact(f"person-{number}")) for number in range(5)))
    await process.take(*(enriched(a_contact(f"person-{number}")) for number in range(5, 7)))
    found: list[str] = []
    cursor = ""
    answer: dict[str, Any] = {}
    for _ in range(4):
        answer = (await client.get(f"/v1/contacts?limit=2{cursor}")).json()
        found += [one["contact_id"] for one in answer["items"]]
        cursor = f"&cursor={answer['next']}"
    assert answer["next"] is None
    assert sorted(found) == sorted(an_id(f"person-{number}") for number in range(7))


async def test_a_list_begins_at_a_time(client: httpx.AsyncClient, process: Process) -> None:
    await process.take(enriched(a_contact("anna")))
    await process.take(enriched(a_contact("bert")))
    since = process.clock.now().isoformat()
    items = (await client.get(f"/v1/contacts?updated_since={since}")).json()["items"]
    assert [one["contact_id"] for one in items] == [an_id("bert")]
    later = (process.clock.now() + timedelta(seconds=1)).isoformat()
    assert not (await client.get("/v1/contacts", params={"updated_since": later})).json()["items"]


async def test_a_list_by_segment_finding_and_category(client: httpx.AsyncClient, process: Process) -> None:
    wrong = Quality(findings=(Finding(path="/phones/0", code="phone.invalid", severity="error", message="…"),))
    await process.take(
        enriched(insured()), enriched(a_contact("bert", quality=wrong)), enriched(insured("carl", quality=wrong))
    )

    async def listed(query: str) -> list[str]:
        return [one["contact_id"] for one in (await client.get(f"/v1/contacts?{query}")).json()["items"]]

    assert await listed("segment=insurers") == sorted([an_id("anna"), an_id("carl")])
    assert await listed("finding=phone.invalid") == sorted([an_id("bert"), an_id("carl")])
    assert await listed("segment=insurers&finding=phone.invalid") == [an_id("carl")]
    assert await listed("category=vip") == []
    assert await listed("segment=%00") == []
    first = (await client.get("/v1/segments/insurers/contacts?limit=1")).json()
    second = (await client.get(f"/v1/segments/insurers/contacts?limit=1&cursor={first['next']}")).json()
    assert [one["contact_id"] for one in first["items"] + second["items"]] == sorted([an_id("anna"), an_id("carl")])
    assert second["next"] is None


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "cursor=x", "cursor=WzFd", "updated_since=gestern", "cursor=%00"]
)
async def test_a_query_that_is_none_is_refused(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/v1/contacts?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "search",
    [
        {"email": "Anna@Beispiel.de "},
        {"phone": "0171 / 123 45 67"},
        {"phone": "+491711234567"},
        {"text": "mueller, ANNA"},
        {"text": "Muller"},
        {"text": "beispiel versicherung"},
        {"record": an_id("record-anna")},
        {"record": {"source": "webform", "source_record_id": "anna"}},
    ],
)
async def test_a_contact_is_found_by(client: httpx.AsyncClient, process: Process, search: dict[str, Any]) -> None:
    company = Company(name="Beispiel Versicherung AG")
    await process.take(
        enriched(a_contact("anna", phones=(Phone(value="+491711234567"),), company=company)),
        enriched(a_contact("bert", name=Name(full="Bert Meier"), emails=())),
    )
    answer = await client.post("/v1/contact-searches", json=search)
    assert [one["contact_id"] for one in answer.json()["items"]] == [an_id("anna")]


@pytest.mark.parametrize(
    "body",
    [
        "{}", '{"email": "a", "text": "b"}', '{"emial": "a"}', '{"text": 1}', "[", '{"text": "\\u0000"}', "[" * 200_000,
        '{"text": "a", "cursor": "x"}', '{"email": "a", "limit": 0}',
    ],
)  # fmt: skip
async def test_a_search_that_is_none_is_refused(client: httpx.AsyncClient, body: str) -> None:
    answer = await client.post("/v1/contact-searches", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422


async def test_a_search_without_words_finds_nobody(client: httpx.AsyncClient, process: Process) -> None:
    await process.take(enriched(a_contact()))
    assert (await client.post("/v1/contact-searches", json={"text": "…"})).json() == {"items": [], "next": None}


async def test_a_timeline_shows_interactions_and_changes_newest_first(
    client: httpx.AsyncClient, process: Process
) -> None:
    await process.take(enriched(a_contact()), interaction("anna", 1, NOW - timedelta(days=3)))
    await process.take(enriched(a_contact(version=2, kind="fact", job_title="Leiterin")))
    await process.take(interaction("anna", 2, process.clock.now() + timedelta(seconds=5)))
    path = f"/v1/timelines/{an_id('anna')}"
    items = (await client.get(path)).json()["items"]
    assert [(one["kind"], one.get("changed"), one.get("type")) for one in items] == [
        ("interaction", None, "purchase"),
        ("change", ["/job_title"], None),
        ("change", [], None),
        ("interaction", None, "purchase"),
    ]
    assert items[0]["subject"] == "Bestellung"
    first = (await client.get(f"{path}?limit=3")).json()
    rest = (await client.get(f"{path}?limit=3&cursor={first['next']}")).json()
    assert first["items"] + rest["items"] == items


async def test_a_timeline_of_a_merged_contact_shows_what_happened_with_both(
    client: httpx.AsyncClient, process: Process
) -> None:
    both = tuple(Member(source="webform", record_id=an_id(f"record-{name}")) for name in ("anna", "bert"))
    await process.take(enriched(a_contact("anna")), enriched(a_contact("bert")), interaction("anna", 1))
    await process.take(
        retired("anna", 2, "merged", into="bert"),
        enriched(a_contact("bert", version=2, records=both, merged_from=(an_id("anna"),))),
    )
    items = (await client.get(f"/v1/timelines/{an_id('anna')}")).json()["items"]
    assert [one.get("retired") for one in items].count("merged") == 1
    assert [one["kind"] for one in items].count("interaction") == 1
    assert len(items) == 5


async def test_the_last_activity_rides_along_without_a_new_version(client: httpx.AsyncClient, process: Process) -> None:
    await process.take(enriched(a_contact()))
    await process.take(interaction("anna", 1, NOW))
    contact = (await client.get(f"/v1/contacts/{an_id('anna')}")).json()
    assert (contact["version"], contact["last_activity_at"]) == (1, "2026-11-22T09:00:00Z")


async def test_segments_say_how_many_and_by_which_rules(client: httpx.AsyncClient, process: Process) -> None:
    await process.take(enriched(insured()))
    assert (await client.get("/v1/segments")).json()["items"] == [
        {"name": "insurers", "contacts": 1, "rules": ["insurers"]},
        {"name": "nobody", "contacts": 0, "rules": ["nobody"]},
    ]
    assert (await client.get("/v1/segments/nobody/contacts")).json() == {"items": [], "next": None}
    assert (await client.get("/v1/segments/unknown/contacts")).status_code == 404


async def test_rules_say_what_they_could_not_answer(client: httpx.AsyncClient, process: Process) -> None:
    await process.take(enriched(a_contact()))
    items = (await client.get("/v1/rules")).json()["items"]
    assert items[0]["unanswered"] == {"absent": 1}
    assert items[0]["when"] == 'contact.company.industry == "insurance"'
