"""Goal: a value that a person fixed is replaced by no feed, goes with its record, and leaves no trace when it ends.

Method: the paths of pins over HTTP without a network, on a real Postgres; what is said looked at.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from services.dedup.api import router
from services.dedup.pins import api as pins
from services.dedup.pins import fixing
from shared.domain.contact import Contact
from shared.domain.events import Event, PinSaid, Snapshot
from shared.runtime.access import Access, Role, create_token
from shared.runtime.broker import Headers
from shared.runtime.clock import SystemClock
from shared.runtime.http import application
from shared.topology import DECIDED, Type
from tests.integration.dedup.town import Town, record_id, refresh, says, snapshots

NOBODY = "00000000-0000-7000-8000-000000000000"
KARIN = {"given_name": "Karin", "family_name": "Weber", "email": "karin@example.de"}
SABINE = {"given_name": "Sabine", "family_name": "Kern", "email": "sabine@example.org"}


@pytest.fixture
async def steward(town: Town) -> AsyncIterator[httpx.AsyncClient]:
    """A steward at the door of dedup."""
    token = await create_token(town.database, Role.STEWARD, "stewardess")
    app = application(
        "dedup",
        [router(town.world, town.identity), pins.router(town.world, town.identity)],
        {"access": Access(town.database, town.world.clock), "world": town.world},
    )
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://dedup", headers=headers
    ) as client:
        yield client


async def home(town: Town, name: str) -> str:
    found = (await town.homes())[record_id(name)]
    assert found is not None
    return found


async def shown(town: Town, name: str) -> Contact:
    """The contact of a record, as it would be said now."""
    contact_id = await home(town, name)
    (said,) = [one.event.data for one in await town.identity.say_again([contact_id]) if _is_snapshot(one.event)]
    assert isinstance(said, Snapshot)
    assert said.contact is not None
    return said.contact


def _is_snapshot(event: Event) -> bool:
    return isinstance(event.data, Snapshot)


async def told(town: Town) -> list[tuple[str, PinSaid]]:
    """What waits in the outbox about pins, in order."""
    rows = await town.database.fetch(
        "select headers, value from runtime.outbox where topic = $1 order by id", DECIDED.name
    )
    found = [
        (dict(msgspec.msgpack.decode(row["headers"], type=Headers))["ce_type"].decode(), row["value"]) for row in rows
    ]
    types = (Type.PIN_SET.wire, Type.PIN_REMOVED.wire)
    return [(type_, msgspec.json.decode(value, type=PinSaid)) for type_, value in found if type_ in types]


async def pin(steward: httpx.AsyncClient, contact_id: str, field: str, value: Any, **more: Any) -> httpx.Response:
    return await steward.put(f"/v1/pins/{contact_id}/{field}", json={"value": value, **more})


async def test_a_pinned_value_is_said_at_once_and_no_later_record_replaces_it(
    town: Town, steward: httpx.AsyncClient
) -> None:
    await town.tell(says("k", at=1, job_title="Einkauf", **KARIN))
    contact_id = await home(town, "k")
    answer = await pin(steward, contact_id, "job_title", "Leitung Einkauf")
    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    assert {draft.key for draft in town.ear.drafts} == {contact_id.encode()}
    (later,) = snapshots(await town.tell(says("k", at=9, job_title="Verkauf", **KARIN))).values()
    assert (later.version, later.job_title) == (3, "Leitung Einkauf")
    assert (later.provenance["/job_title"].why, later.provenance["/job_title"].source) == ("pinned", "pin")
    (again,) = snapshots(await town.tell(refresh(contact_id))).values()
    assert again.job_title == "Leitung Einkauf"


async def test_a_pin_that_is_taken_away_leaves_what_would_have_been_without_it(
    town: Town, steward: httpx.AsyncClient
) -> None:
    await town.tell(says("k", at=1, job_title="Einkauf", **KARIN))
    contact_id = await home(town, "k")
    before = await shown(town, "k")
    await pin(steward, contact_id, "job_title", "Leitung")
    await pin(steward, contact_id, "email", "chefin@example.de")
    pinned = await shown(town, "k")
    assert [one.value for one in pinned.emails] == ["chefin@example.de", "karin@example.de"]
    assert [one.preferred for one in pinned.emails] == [True, False]
    assert pinned.provenance["/emails/1"] == before.provenance["/emails/0"]
    for field in ("job_title", "email"):
        assert (await steward.delete(f"/v1/pins/{contact_id}/{field}")).status_code == 200
    after = await shown(town, "k")
    same = {"version": before.version, "cause": before.cause, "updated_at": before.updated_at}
    assert msgspec.structs.replace(after, **same) == before
    assert (await steward.delete(f"/v1/pins/{contact_id}/email")).status_code == 404


async def test_a_pin_goes_with_its_record_over_merge_and_split_and_the_newer_of_two_holds(
    town: Town, steward: httpx.AsyncClient
) -> None:
    await town.tell(says("k", at=1, **KARIN), says("s", at=2, **SABINE))
    karin, sabine = await home(town, "k"), await home(town, "s")
    await pin(steward, karin, "owner", "anna")
    await pin(steward, sabine, "owner", "bert")
    merged = (await steward.post("/v1/merges", json={"contact_ids": [karin, sabine]})).json()
    both = await shown(town, "k")
    assert both.owner == "bert"
    assert [(one.path, one.value, one.origin) for one in both.suggestions] == [("/owner", "anna", "dedup")]
    (judgement,) = merged["judgement_ids"]
    await steward.delete(f"/v1/judgements/{judgement}")
    assert [(await shown(town, name)).owner for name in "ks"] == ["anna", "bert"]
    assert (await shown(town, "k")).suggestions == ()


async def test_a_pin_on_a_former_id_lands_on_the_present_contact(town: Town, steward: httpx.AsyncClient) -> None:
    await town.tell(says("k", at=1, **KARIN), says("s", at=2, **SABINE))
    one, two = await home(town, "k"), await home(town, "s")
    (kept,) = (await steward.post("/v1/merges", json={"contact_ids": [one, two]})).json()["contact_ids"]
    (gone,) = {one, two} - {kept}
    assert (await pin(steward, gone, "owner", "anna")).json()["contact_id"] == kept
    assert (await shown(town, "k")).owner == "anna"


async def test_a_pin_ends_by_its_time_and_is_told_with_everything_else(town: Town, steward: httpx.AsyncClient) -> None:
    await town.tell(says("k", at=1, owner="carl", **KARIN))
    contact_id = await home(town, "k")
    until = town.world.clock.now() + timedelta(days=1)
    set_ = (await pin(steward, contact_id, "owner", "anna", until=until.isoformat())).json()
    await fixing.end(town.world, town.identity)
    assert (await shown(town, "k")).owner == "anna"
    await fixing.end(replace(town.world, clock=_Later(until)), town.identity)
    ended = await shown(town, "k")
    assert (ended.owner, ended.version, ended.cause.kind, ended.cause.by) == ("carl", 3, "pin", "until")
    (came, first), (went, last) = await told(town)
    assert (came, first.pin_id, first.record_id, first.value) == (
        Type.PIN_SET.wire, set_["pin_id"], record_id("k"), "anna"
    )  # fmt: skip
    assert (went, last.pin_id, last.by, last.value) == (Type.PIN_REMOVED.wire, set_["pin_id"], "until", None)


class _Later(SystemClock):
    """A clock that is ahead."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        """The time it was set to."""
        return self._now


async def test_a_dry_run_of_a_pin_changes_nothing(town: Town, steward: httpx.AsyncClient) -> None:
    await town.tell(says("k", at=1, **KARIN))
    contact_id = await home(town, "k")
    before = await town.state()
    answer = await steward.put(f"/v1/pins/{contact_id}/owner?dry_run=true", json={"value": "anna"})
    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    assert (await town.state(), town.ear.drafts, await told(town)) == (before, [], [])
    assert await town.database.fetch("select from dedup.pin") == []


@pytest.mark.parametrize(
    ("field", "said", "status"),
    [
        ("emails", {"value": "a@example.de"}, 422),
        ("owner", {"value": 7}, 422),
        ("owner", {"value": " "}, 422),
        ("owner", {"value": "n/a"}, 422),
        ("owner", {}, 422),
        ("owner", {"value": "a", "until": "2020-01-01T00:00:00Z"}, 422),
        ("owner", {"value": "x" * 1001}, 422),
        ("address", {"value": {"planet": "Mars"}}, 422),
        ("attributes.size", {"value": None}, 422),
    ],
)
async def test_what_cannot_be_pinned_is_refused(
    town: Town, steward: httpx.AsyncClient, field: str, said: dict[str, Any], status: int
) -> None:
    await town.tell(says("k", at=1, **KARIN))
    answer = await steward.put(f"/v1/pins/{await home(town, 'k')}/{field}", json=said)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert await town.database.fetch("select from dedup.pin") == []


async def test_nobody_cannot_be_pinned(steward: httpx.AsyncClient) -> None:
    assert (await pin(steward, NOBODY, "owner", "anna")).status_code == 404
    assert (await pin(steward, "somebody", "owner", "anna")).status_code == 404
