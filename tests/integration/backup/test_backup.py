"""Goal: history is complete, each version and event kept once, and the state at any time is the one of that time.

Method: what rules says, and what ingest would, handed to backup's stage on a real Postgres; read over HTTP.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.backup.api import router
from services.backup.stage import Backup
from services.backup.store import Store
from shared.domain.contact import Cause, Member
from shared.domain.events import Event, RecordReceived
from shared.domain.outcome import Drop, DropReason, Forward, Outcome
from shared.runtime.access import Access, Role, adopt_token
from shared.runtime.clock import SystemClock
from shared.runtime.database import Database
from shared.runtime.http import application
from shared.runtime.stage import Taken, said
from shared.topology import RECEIVED, Type
from tests.integration.rules.world import Process, enriched, retired, taken
from tests.unit.rules.build import NOW, a_contact, an_id, rules


class Chain:
    """Rules and backup, one after the other, without the log between them."""

    def __init__(self, tables: Database) -> None:
        self.tables = tables
        self.rules = Process(tables, rules())
        self.backup = Backup(Store(tables), 500)
        self.said: list[Taken] = []

    async def take(self, *batch: Taken) -> list[Outcome]:
        """What comes from enrich goes through rules; what rules says is kept."""
        settled = await self.rules.take(*batch)
        events = [taken(one.event, one.topic.name) for one in said(settled)]
        self.said += events
        return list((await self.backup.settle(events)).outcomes)

    async def receive(self, *names: str) -> list[Outcome]:
        """Records received, whose events bear the names."""
        return list((await self.backup.settle([received(name) for name in names])).outcomes)


def received(name: str) -> Taken:
    """A record as ingest says it."""
    data = RecordReceived(
        record_id=an_id("record-anna"), source="webform", received_at=NOW, observed_at=NOW, fields={"city": "Köln"}
    )
    event = Event(
        id=an_id(name),
        type=Type.RECORD_RECEIVED,
        source="/kontaktwerk/ingest",
        time=NOW,
        subject=data.record_id,
        data=data,
    )
    return taken(event, RECEIVED.name)


@pytest.fixture
def chain(tables: Database) -> Chain:
    """Rules and backup."""
    return Chain(tables)


@pytest.fixture
async def client(tables: Database) -> AsyncIterator[httpx.AsyncClient]:
    """A reader over HTTP."""
    await adopt_token(tables, Role.READER, "test", "reader-token")
    app = application("backup", (router(Store(tables), SystemClock()),), {"access": Access(tables, SystemClock())})
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": "Bearer reader-token"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield client


async def history(client: httpx.AsyncClient, who: str = "anna", **query: Any) -> dict[str, Any]:
    """The answer about a contact."""
    answer = await client.get(f"/v1/histories/{an_id(who)}", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_every_version_is_kept_with_cause_and_changes(chain: Chain, client: httpx.AsyncClient) -> None:
    await chain.take(enriched(a_contact(version=1)))
    await chain.take(enriched(a_contact(version=2, job_title="Leiterin")))
    await chain.take(enriched(a_contact(version=3, kind="refresh", job_title="Leiterin")))
    await chain.take(enriched(a_contact(version=4, kind="fact")))
    await chain.take(retired("anna", 5))
    answer = await history(client)
    assert [(one["version"], one["cause"]["kind"], one["changed"][:1]) for one in answer["items"]] == [
        (1, "record", ["/name/given"]),
        (2, "record", ["/job_title"]),
        (4, "fact", ["/job_title"]),
        (5, "record", []),
    ]
    assert answer["items"][1]["contact"]["job_title"] == "Leiterin"
    assert answer["items"][3]["retired"] == "deleted"
    assert "contact" not in answer["items"][3]


async def test_what_is_said_again_is_kept_once(chain: Chain) -> None:
    assert await chain.take(enriched(a_contact())) == [Forward()]
    assert (await chain.backup.settle(chain.said)).outcomes == [Drop(DropReason.REDELIVERED)]
    assert await chain.receive("first", "first") == [Forward(), Forward()]
    assert await chain.receive("first", "second") == [Drop(DropReason.REDELIVERED), Forward()]
    for table, rows in (("version", 1), ("archive", 2)):
        counted = await chain.tables.fetch(f"SELECT count(*) AS n FROM backup.{table}")
        assert counted[0]["n"] == rows, table


async def test_the_state_at_a_time(chain: Chain, client: httpx.AsyncClient) -> None:
    await chain.take(enriched(a_contact(version=1)))
    first = chain.rules.clock.now()
    await chain.take(enriched(a_contact(version=2, job_title="Leiterin")))
    second = chain.rules.clock.now()
    await chain.take(retired("anna", 3))
    third = chain.rules.clock.now()
    assert (await history(client, as_of=first.isoformat()))["contact"].get("job_title") is None
    assert (await history(client, as_of=second.isoformat()))["contact"]["job_title"] == "Leiterin"
    path = f"/v1/histories/{an_id('anna')}"
    assert (await client.get(path, params={"as_of": (first - timedelta(hours=1)).isoformat()})).status_code == 404
    gone = await client.get(path, params={"as_of": third.isoformat()})
    assert (gone.status_code, gone.json()["retired"]) == (404, "deleted")
    raw = await client.get(f"{path}?as_of={first.isoformat()}")  # the plus sign arrives as a blank
    assert raw.json()["version"] == 1


async def test_a_former_id_is_followed_through_merge_and_split(chain: Chain, client: httpx.AsyncClient) -> None:
    both = tuple(Member(source="webform", record_id=an_id(f"record-{name}")) for name in ("anna", "bert"))
    await chain.take(enriched(a_contact("anna")), enriched(a_contact("bert")))
    await chain.take(
        retired("anna", 2, "merged", into="bert", into_version=2),
        enriched(a_contact("bert", version=2, records=both, merged_from=(an_id("anna"),))),
    )
    merged = chain.rules.clock.now()
    answer = await history(client)
    assert (answer["contact_id"], answer["redirected_from"]) == (an_id("bert"), an_id("anna"))
    assert (await history(client, as_of=merged.isoformat()))["contact"]["contact_id"] == an_id("bert")
    await chain.take(enriched(a_contact("bert", version=3)), enriched(a_contact("anna", version=3)))
    answer = await history(client)
    assert [(one["contact_id"] == an_id("anna"), one["version"]) for one in answer["items"]] == [
        (True, 1), (True, 2), (False, 2), (True, 3),
    ]  # fmt: skip
    assert (await history(client, as_of=merged.isoformat()))["contact"]["contact_id"] == an_id("bert")


async def test_a_long_history_comes_in_pages(chain: Chain, client: httpx.AsyncClient) -> None:
    for number in range(1, 6):
        await chain.take(enriched(a_contact(version=number)))
    first = await history(client, limit=3)
    rest = await history(client, limit=3, cursor=first["next"])
    assert [one["version"] for one in first["items"] + rest["items"]] == [1, 2, 3, 4, 5]
    assert rest["next"] is None


async def test_an_event_is_traced_to_the_versions_it_caused(chain: Chain, client: httpx.AsyncClient) -> None:
    cause = Cause(kind="record", id=an_id("first"), source="webform")
    await chain.receive("first", "second")
    await chain.take(enriched(a_contact(cause=cause)))
    by_event = (await client.get(f"/v1/traces/{an_id('first')}")).json()
    assert (by_event["kind"], [one["version"] for one in by_event["versions"]]) == ("event", [1])
    second = (await client.get(f"/v1/traces/{an_id('second')}")).json()
    assert [one["version"] for one in second["versions"]] == [1], "one version answers both"
    by_record = (await client.get(f"/v1/traces/{an_id('record-anna')}")).json()
    assert (by_record["kind"], len(by_record["received"]), len(by_record["versions"])) == ("record", 2, 1)
    by_contact = (await client.get(f"/v1/traces/{an_id('anna')}")).json()
    assert (by_contact["kind"], len(by_contact["received"]), len(by_contact["versions"])) == ("contact", 1, 1)


@pytest.mark.parametrize("path", ["histories/x", "histories/%00", "traces/x", f"traces/{an_id('nobody')}"])
async def test_what_nobody_knows_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"/v1/{path}")).status_code == 404


@pytest.mark.parametrize("query", ["as_of=gestern", "limit=0", "cursor=x", "cursor=WyJ4Il0"])
async def test_a_query_that_is_none_is_refused(chain: Chain, client: httpx.AsyncClient, query: str) -> None:
    await chain.take(enriched(a_contact()))
    assert (await client.get(f"/v1/histories/{an_id('anna')}?{query}")).status_code == 422


async def test_nobody_reads_without_a_token(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/v1/histories/{an_id('anna')}", headers={"Authorization": ""})
    assert answer.status_code == 401


async def test_a_diff_says_what_changed_between_two_times_and_by_one_cause(
    chain: Chain, client: httpx.AsyncClient
) -> None:
    first = chain.rules.clock.now()
    cause = Cause(kind="record", id=an_id("second"), source="webform")
    await chain.take(enriched(a_contact()), enriched(a_contact("bert")))
    between = chain.rules.clock.now()
    await chain.take(enriched(a_contact(version=2, job_title="Leiterin", cause=cause)), retired("bert", 2))
    whole = (await client.get("/v1/diffs", params={"from": first.isoformat()})).json()["items"]
    assert [one["contact_id"] for one in whole] == [an_id("anna")], "bert came and went"
    late = (await client.get("/v1/diffs", params={"from": between.isoformat()})).json()["items"]
    by_id = {one["contact_id"]: one for one in late}
    changes = {one["path"]: (one["before"], one["after"]) for one in by_id[an_id("anna")]["changes"]}
    assert changes["/job_title"] == (None, "Leiterin")
    assert by_id[an_id("bert")]["retired"] == "deleted"
    caused = await client.get("/v1/diffs", params={"from": first.isoformat(), "cause": cause.id})
    assert [one["contact_id"] for one in caused.json()["items"]] == [an_id("anna")]
    assert (await client.get("/v1/diffs", params={"from": "gestern"})).status_code == 422
