"""Goal: an import is looked at in one call, and what it brought, nothing else, is taken back as a whole."""

from typing import Any

import pytest

from shared.domain.events import RecordDeleted
from shared.runtime.access import Role
from tests.integration.ingest.house import House

FILE = "crm-2026-11"


async def bring(house: House, numbers: range, **more: Any) -> None:
    """Send records of the crm."""
    rows = [{"source": "crm", "source_record_id": str(n), "email": f"p{n}@example.de", **more} for n in numbers]
    assert (await house.post("/v1/records", rows)).status_code == 202


async def take_back(house: House, role: Role = Role.OPERATOR, **more: Any) -> Any:
    """Take back as a whole."""
    return await house.post("/v1/record-deletions", {"source": "crm", **more}, role)


async def state(house: House) -> Any:
    """The import as it is told."""
    return (await house.get(f"/v1/imports/{FILE}")).json()["sources"][0]


def deleted(house: House) -> int:
    """How many deletions were said."""
    return sum(isinstance(event.data, RecordDeleted) for event in house.received())


@pytest.mark.parametrize("door_remembers", [True, False])
async def test_what_an_import_brought_is_taken_back_and_what_was_there_before_stays(
    house: House, *, door_remembers: bool
) -> None:
    await bring(house, range(3))
    await bring(house, range(8), city="Köln", import_id=FILE)
    if not door_remembers:  # a door that died between Kafka and Postgres: the follower makes up for it
        await house.world.database.execute("TRUNCATE ingest.record_state, ingest.receipt")
    await house.follow()
    told = await state(house)
    assert (told["records"], told["states"], told["taken_back"]) == (5, {"received": 5}, 0)
    answer = await take_back(house, import_id=FILE)
    assert (answer.status_code, answer.json()) == (202, {"taken_back": 5, "left": 0})
    assert deleted(house) == 5
    assert (await state(house))["taken_back"] == 5
    assert (await take_back(house, import_id=FILE)).json() == {"taken_back": 0, "left": 0}
    assert deleted(house) == 5, "asked again, nothing is said again"


async def test_what_was_taken_back_and_comes_with_another_import_belongs_to_that(house: House) -> None:
    await bring(house, range(2), import_id=FILE)
    await take_back(house, import_id=FILE)
    await bring(house, range(2), import_id="the-next")
    assert (await house.get("/v1/imports/the-next")).json()["sources"][0]["records"] == 2
    assert (await house.get(f"/v1/imports/{FILE}")).status_code == 404


async def test_more_than_was_said_asks_first_and_only_an_operator_may(house: House) -> None:
    await bring(house, range(8), import_id=FILE)
    answer = await take_back(house, import_id=FILE, at_most=7)
    assert (answer.status_code, "8 records" in answer.json()["detail"]) == (409, True)
    assert (await take_back(house, Role.SENDER, import_id=FILE)).status_code == 403
    assert deleted(house) == 0
    assert (await take_back(house, at_most=8)).json()["taken_back"] == 8, "without an import: the whole source"


async def test_an_import_that_brought_nothing_is_not_found(house: House) -> None:
    assert (await house.get("/v1/imports/none-such")).status_code == 404


@pytest.mark.parametrize("wish", [{"import_id": FILE}, {}, {"source_record_ids": ["0", "1", "nobody"]}])
async def test_a_dry_run_says_how_many_and_takes_nothing_back(house: House, wish: dict[str, Any]) -> None:
    """Harm: who only wanted to know how much it would be loses a source."""
    await bring(house, range(2), import_id=FILE)
    answer = await house.post("/v1/record-deletions?dry_run=true", {"source": "crm", **wish}, Role.OPERATOR)
    assert (answer.status_code, answer.json()) == (200, {"dry_run": True, "taken_back": 2, "left": 0})
    assert deleted(house) == 0


async def test_a_dry_run_is_refused_where_nobody_reads_it(house: House) -> None:
    """Harm: `?dry_run=true` on a path that does not know it would be carried out."""
    before = len(house.received())
    answer = await house.post("/v1/interactions?dry_run=true", {"source": "crm", "type": "purchase"})
    assert answer.status_code == 422
    assert "no dry_run" in answer.json()["detail"]
    assert len(house.received()) == before
    assert (
        await house.post("/v1/records?dry_run=false", {"source": "crm", "email": "a@example.de"})
    ).status_code == 202
