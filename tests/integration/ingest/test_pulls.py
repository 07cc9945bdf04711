"""Goal: what a table of another database holds, changes and deletes arrives exactly, whoever dies and how many look.

Method: real tables in SQLite and in Postgres; whole pulls through the front door of one process, or of two.
"""

import sqlite3
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from services.ingest.pulls import client
from services.ingest.pulls.pulling import ATTEMPTS_MAX
from services.ingest.pulls.store import LEASE, Pulls
from shared.domain.configuration import Source
from shared.domain.events import RecordDeleted, RecordReceived
from shared.runtime.access import Role
from shared.runtime.clock import ManualClock
from shared.runtime.database import Database
from tests.integration.ingest.house import House, closed, opened
from tests.support.killed import Killed

ROWS = 60
MAP = {"family_name": "surname", "email": "mail"}
TABLE = (
    """CREATE TABLE customers (id integer PRIMARY KEY, surname text, mail text, budget numeric, updated_at {time})"""
)
ROW = "INSERT INTO customers VALUES ({0}, 'Muster{0}', 'p{0}@example.de', 1.5, '2026-01-01 10:{1:02}:00')"


class Table:
    """A table of customers in somebody's database."""

    url: str

    async def run(self, *statements: str) -> None:
        """Change it."""
        raise NotImplementedError


class Lite(Table):
    """In a SQLite file."""

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self._path = path

    async def run(self, *statements: str) -> None:
        """Change it."""
        connection = sqlite3.connect(self._path)
        with connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()


class Postgres(Table):
    """In a Postgres of their own."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def run(self, *statements: str) -> None:
        """Change it."""
        connection = await asyncpg.connect(self.url)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()


async def customers(folder: Path) -> Lite:
    """Customers in SQLite."""
    table = Lite(folder / "theirs.db")
    await table.run(TABLE.format(time="text"), *(ROW.format(n, n % 60) for n in range(ROWS)))
    return table


@pytest.fixture
async def lite(tmp_path: Path) -> Table:
    """Customers in SQLite."""
    return await customers(tmp_path)


@pytest.fixture
async def postgres(empty_database: str) -> Table:
    """Customers in Postgres."""
    table = Postgres(empty_database)
    await table.run(TABLE.format(time="timestamptz"), *(ROW.format(n, n % 60) for n in range(ROWS)))
    return table


@pytest.fixture(params=["lite", "postgres"])
def table(request: pytest.FixtureRequest) -> Table:
    """Customers, in each."""
    found: Table = request.getfixturevalue(request.param)
    return found


def connect(house: House, table: Table, **more: Any) -> None:
    """Configure the table as the source `billing`."""
    said = {"connector": "sql", "url": table.url, "query": "SELECT * FROM customers", "key": "id", "map": MAP}
    source = msgspec.convert(said | more, Source)
    old = house.world.configuration
    house.world.configuration = msgspec.structs.replace(old, sources={**old.sources, "billing": source})


async def work(house: House) -> None:
    """Let a process do what it would do now."""
    for chore in house.service.chores:
        if chore.name in ("ask for pulls", "pull"):
            await chore.run()


async def pull(house: House, **wish: bool) -> dict[str, Any]:
    """Ask for a pull, let it be done, and look what came of it."""
    answer = await house.post("/v1/sources/billing/pulls", wish, Role.OPERATOR)
    assert answer.status_code == 202, answer.text
    await work(house)
    return next(run for run in await runs(house) if run["id"] == answer.json()["id"])


async def runs(house: House) -> list[dict[str, Any]]:
    """The newest first."""
    found: list[dict[str, Any]] = (await house.get("/v1/sources/pulls?source=billing")).json()["items"]
    return found


def counts(run: dict[str, Any]) -> tuple[int, ...]:
    """New, updated, same, refused and deleted."""
    return tuple(run[name] for name in ("new", "updated", "same", "refused", "deleted"))


async def test_exactly_what_was_changed_and_deleted_arrives(house: House, table: Table) -> None:
    connect(house, table, deletions_max=0.2)
    assert counts(await pull(house)) == (ROWS, 0, 0, 0, 0)
    assert counts(await pull(house)) == (0, 0, ROWS, 0, 0)
    assert len(house.received()) == ROWS, "what says the same is not said again"
    await table.run(
        "UPDATE customers SET mail = NULL WHERE id < 5",
        "DELETE FROM customers WHERE id >= 55",
        "INSERT INTO customers VALUES (99, 'Neu', 'neu@example.de', NULL, '2026-02-01 10:00:00')",
    )
    run = await pull(house)
    assert (run["state"], counts(run)) == ("done", (1, 5, 50, 0, 5))
    said = [event.data for event in house.received()[ROWS:]]
    changed = [one for one in said if isinstance(one, RecordReceived)]
    assert sorted(one.source_record_id or "" for one in changed) == ["0", "1", "2", "3", "4", "99"]
    assert [one.fields["email"] for one in changed if one.source_record_id != "99"] == [None] * 5
    assert sum(isinstance(one, RecordDeleted) for one in said) == 5


async def test_a_row_is_a_record_by_the_mapping_and_nothing_of_it_is_lost(house: House, table: Table) -> None:
    connect(house, table)
    await pull(house)
    said = [event.data for event in house.received() if isinstance(event.data, RecordReceived)]
    first = next(one for one in said if one.source_record_id == "7")
    assert first.fields == {"family_name": "Muster7", "email": "p7@example.de"}
    assert set(first.attributes) == {"budget", "updated_at"}


async def test_a_compare_that_would_delete_too_much_stops_and_asks(house: House, lite: Table) -> None:
    connect(house, lite)
    await pull(house)
    await lite.run("DELETE FROM customers WHERE id >= 10")
    run = await pull(house)
    assert (run["state"], run["to_delete"], run["deleted"]) == ("asks", 50, 0)
    assert len(house.received()) == ROWS, "nothing was taken back"
    run = await pull(house, any_deletions=True)
    assert (run["state"], run["deleted"]) == ("done", 50)
    await lite.run("INSERT INTO customers VALUES (20, 'Muster20', 'p20@example.de', 1.5, '')")
    assert counts(await pull(house)) == (1, 0, 10, 0, 0), "what comes back is new"


async def test_by_a_watermark_only_what_is_newer_is_read(house: House, table: Table) -> None:
    connect(house, table, watermark="updated_at")
    assert counts(await pull(house)) == (ROWS, 0, 0, 0, 0)
    await table.run(
        "UPDATE customers SET surname = 'Neu', updated_at = '2026-03-01 10:00:00' WHERE id IN (3, 4)",
        "INSERT INTO customers VALUES (99, 'Ohne Zeit', 'neu@example.de', NULL, NULL)",
        "DELETE FROM customers WHERE id = 5",
    )
    run = await pull(house)
    assert (run["new"], run["updated"], run["deleted"]) == (1, 2, 0)
    assert run["read"] < 20, "the older ones were not read"
    run = await pull(house, whole=True)
    assert (run["read"], run["deleted"]) == (ROWS, 1), "asked for the whole table, it finds what was deleted"


async def test_another_mapping_sends_all_rows_again(house: House, lite: Table) -> None:
    connect(house, lite, watermark="updated_at")
    await pull(house)
    connect(house, lite, watermark="updated_at", map=MAP | {"attributes.worth": "budget"})
    assert counts(await pull(house)) == (0, ROWS, 0, 0, 0)


async def test_bad_rows_are_counted_by_reason_and_stop_nobody(house: House, lite: Table) -> None:
    await lite.run(
        "CREATE VIEW odd AS SELECT * FROM customers UNION ALL SELECT 3, 'Twice', 'x@example.de', 1, '' "
        "UNION ALL SELECT NULL, 'Keyless', 'y@example.de', 1, '' "
        f"UNION ALL SELECT 500, '{'x' * 1001}', NULL, 1, ''"
    )
    connect(house, lite, query="SELECT * FROM odd;")
    run = await pull(house)
    assert counts(run) == (ROWS, 0, 0, 3, 0)
    assert {"has no key", "has the key of another row"} < set(run["faults"])
    assert any(fault.startswith("family_name ") for fault in run["faults"])
    assert "Twice" not in str(run), "a reason names no value"


async def test_what_a_dead_process_left_is_taken_over_and_nothing_is_missing_or_twice(
    house: House, lite: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE_ROWS", 7)
    connect(house, lite)
    sent = house.world.producer.send
    pages = 0

    async def dies(drafts: Any) -> None:
        nonlocal pages
        pages += 1
        await sent(drafts)
        if pages == 3:
            raise Killed

    monkeypatch.setattr(house.world.producer, "send", dies)
    with pytest.raises(Killed):
        await pull(house)
    monkeypatch.setattr(house.world.producer, "send", sent)
    await work(house)
    assert (await runs(house))[0]["state"] == "running", "nobody takes over what may be alive"
    await house.world.database.execute("UPDATE ingest.pull SET until = until - $1::interval", LEASE)
    await work(house)
    (run,) = await runs(house)
    assert (run["state"], run["attempts"], run["read"]) == ("done", 2, ROWS)
    said = {event.id: event.data for event in house.received()}
    ids = [one.source_record_id or "" for one in said.values() if isinstance(one, RecordReceived)]
    assert sorted(map(int, ids)) == list(range(ROWS)), "what was said twice bears the id it had, and counts once"


async def test_two_processes_pull_one_source_once_at_a_time(house: House, tables: Database, lite: Table) -> None:
    other = await opened(tables)
    connect(house, lite)
    connect(other, lite)
    first = (await house.post("/v1/sources/billing/pulls", {}, Role.OPERATOR)).json()["id"]
    assert (await other.post("/v1/sources/billing/pulls", {}, Role.OPERATOR)).json()["id"] == first, "it waits already"
    taken = await Pulls(tables).take(["billing"], house.world.clock.now())
    assert taken is not None
    await other.post("/v1/sources/billing/pulls", {}, Role.OPERATOR)
    await work(other)
    assert [run["state"] for run in await runs(house)] == ["asked", "running"]
    await closed(other)


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_schedule_runs_once_a_time_and_a_missed_one_is_caught_up_once(
    house: House, tables: Database, lite: Table, processes: int
) -> None:
    clock = ManualClock(house.world.clock.now().replace(second=30, microsecond=0))
    houses = [house, *[await opened(tables) for _ in range(processes - 1)]]
    for one in houses:
        one.world.clock = clock
        connect(one, lite, schedule="* * * * *")
    planned = []
    for minutes in (0, 1, 1, 5, 0):
        clock.advance(minutes * 60)
        for one in (*houses, *houses):
            await work(one)
        planned.append(len(await runs(house)))
    assert planned == [0, 1, 2, 3, 3]
    assert {run["state"] for run in await runs(house)} == {"done"}
    for one in houses[1:]:
        await closed(one)


async def test_by_a_clock_of_its_own_a_table_is_compared_whole(house: House, lite: Table) -> None:
    house.world.clock = clock = ManualClock(house.world.clock.now().replace(second=30, microsecond=0))
    connect(house, lite, watermark="updated_at", schedule="* * * * *", whole_schedule="*/2 * * * *")
    await pull(house)
    await lite.run("DELETE FROM customers WHERE id = 3")
    deleted = []
    for _ in range(3):
        clock.advance(60)
        for _ in range(2):
            await work(house)
        deleted.append((await runs(house))[0]["deleted"])
    assert sum(deleted) == 1, "the watermark alone does not see it"
    assert {run["state"] for run in await runs(house)} == {"done"}


async def test_a_database_that_is_away_is_asked_again_later_and_a_wrong_query_is_not(house: House, lite: Table) -> None:
    connect(house, lite, url="sqlite:////nowhere/there.db")
    run = await pull(house)
    assert (run["state"], run["why"], run["attempts"]) == ("asked", "OperationalError", 1)
    for _ in range(ATTEMPTS_MAX):
        await house.world.database.execute("UPDATE ingest.pull SET not_before = now() - interval '1 hour'")
        await work(house)
    assert (await runs(house))[0]["state"] == "failed"
    connect(house, lite, key="number")
    run = await pull(house)
    assert (run["state"], run["attempts"]) == ("failed", 1)


async def test_a_pull_cannot_write_into_the_table_it_reads(house: House, postgres: Table) -> None:
    connect(house, postgres, query="DELETE FROM customers RETURNING *")
    assert (await pull(house))["state"] in ("failed", "asked")
    connect(house, postgres)
    await house.world.database.execute("UPDATE ingest.pull SET state = 'failed'")
    assert counts(await pull(house)) == (ROWS, 0, 0, 0, 0)


async def test_only_an_operator_asks_and_only_for_a_table(house: House, lite: Table) -> None:
    connect(house, lite)
    assert (await house.post("/v1/sources/crm/pulls", {}, Role.OPERATOR)).status_code == 404
    assert (await house.post("/v1/sources/billing/pulls", {}, Role.SENDER)).status_code == 403
