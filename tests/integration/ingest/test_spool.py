"""While Kafka is away the front door takes deliveries all the same, keeps them on the disk, and brings them over."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from services.ingest.core.books import SPOOL, Worker, stage_of
from services.ingest.spool import outlet as ours
from shared.domain.errors import Transient
from shared.domain.events import Event
from shared.runtime.broker import Draft
from shared.runtime.broker.kafka_client import ClientBroken
from shared.runtime.database import Database
from shared.runtime.settings import Settings
from shared.runtime.telemetry import Metrics
from tests.integration.ingest.house import House, closed, opened

ANNA = {
    "source": "webform",
    "source_record_id": "1",
    "email": "anna@example.org",
    "observed_at": "2026-03-01T10:00:00Z",
}
CALL = {"source": "crm", "interaction_id": "call-1", "type": "call", "at": "2026-11-01T10:00:00Z",
        "contact": {"record": {"source": "crm", "source_record_id": "1"}}}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the spools of these processes lie."""
    monkeypatch.setenv("KONTAKTWERK_INGEST_SPOOL_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
async def spooling(tables: Database, folder: Path) -> AsyncIterator[House]:
    """One ingest process with a spool."""
    house = await opened(tables, Settings(instance="ingest-1"))
    yield house
    await closed(house)


async def chore(house: House, name: str) -> None:
    """Run a chore of the process once."""
    (found,) = [one for one in house.service.chores if one.name == name]
    await found.run()


async def waiting(house: House) -> int:
    """How much the process says lies in its spool."""
    return (await house.service.pending())[SPOOL]


def records(first: int, end: int) -> list[dict[str, Any]]:
    return [ANNA | {"source_record_id": str(number)} for number in range(first, end)]


def left(folder: Path) -> list[str]:
    """In whose folders something waits."""
    return sorted(path.parent.name for path in folder.glob("*/*.spool"))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def ids(events: Sequence[Event]) -> list[str]:
    return [event.id for event in events]


async def test_with_kafka_away_everything_is_taken_and_arrives_in_order_when_it_is_back(spooling: House) -> None:
    spooling.broker.down = True
    answers = [
        await spooling.post("/v1/records", records(0, 20)),
        await spooling.post("/v1/records", ANNA | {"source_record_id": "7", "phone": "0171 2"}),
        await spooling.post("/v1/interactions", CALL),
        await spooling.post("/v1/record-deletions", {"source": "webform", "source_record_ids": ["3"]}),
        await spooling.post("/hooks/vendor/new-secret", {"data": {"mail": "berta@example.org", "name": "Berta"}}),
        await spooling.post("/hooks/vendor/new-secret", b"{nobody can read this"),
    ]
    assert {answer.status_code for answer in answers} == {202}
    said = [receipt["event_id"] for answer in answers for receipt in answer.json()["receipts"]]
    assert await waiting(spooling) == len(said)
    with pytest.raises(Transient):
        await chore(spooling, "drain the spool")
    assert (spooling.received(), await waiting(spooling)) == ([], len(said))
    spooling.broker.down = False
    await chore(spooling, "drain the spool")
    assert await waiting(spooling) == 0
    assert sorted(ids(spooling.received())) == sorted(said[:-1])
    assert len(spooling.letters()) == 1
    by_record = [event.subject for event in spooling.received()]
    assert by_record.count(by_record[7]) == 2, "the second update of a record lies behind the first"


async def test_what_is_sent_again_meanwhile_is_known_and_its_receipt_says_received(spooling: House) -> None:
    spooling.broker.down = True
    (first,) = (await spooling.post("/v1/records", ANNA)).json()["receipts"]
    (again,) = (await spooling.post("/v1/records", ANNA)).json()["receipts"]
    assert again == first | {"duplicate": True}
    assert await spooling.state(first["event_id"]) == "received"
    books = await spooling.books()
    assert (books["accepted"], books["waiting"]) == (1, 1)
    spooling.broker.down = False
    await chore(spooling, "drain the spool")
    await spooling.follow()
    assert ids(spooling.received()) == [first["event_id"]]
    books = await spooling.books()
    assert (books["accepted"], books["waiting"]) == (1, 1)


async def test_while_something_waits_what_is_new_goes_behind_it_though_kafka_is_back(spooling: House) -> None:
    spooling.broker.down = True
    await spooling.post("/v1/records", ANNA)
    spooling.broker.down = False
    await spooling.post("/v1/records", ANNA | {"phone": "0171 2"})
    assert (spooling.received(), await waiting(spooling)) == ([], 2)
    await chore(spooling, "drain the spool")
    await spooling.post("/v1/records", ANNA | {"phone": "0171 3"})
    assert (len(spooling.received()), await waiting(spooling)) == (3, 0)


async def test_a_full_spool_is_answered_with_503_and_nothing_of_the_request_is_kept(
    tables: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KONTAKTWERK_INGEST_SPOOL_BYTES_MAX", str(1024**2))
    house = await opened(tables, Settings(instance="small"))
    house.broker.down = True
    assert (await house.post("/v1/records", records(0, 500))).status_code == 202
    kept = await waiting(house)
    refused = await house.post("/v1/records", records(1_000, 2_000))
    assert (refused.status_code, int(refused.headers["Retry-After"]) > 0) == (503, True)
    assert await waiting(house) == kept
    assert (await house.post("/v1/records", records(2_000, 2_001))).status_code == 202
    await closed(house)
    assert left(folder) == ["small"], "what waits lies on the disk when the process has gone"


async def test_a_kafka_that_says_nothing_keeps_no_request_waiting_for_long(
    spooling: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(_: Sequence[Draft]) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(ours, "SILENT_S", 0.05)
    monkeypatch.setattr(spooling.world.producer, "send", silent)
    answers = await asyncio.gather(*(spooling.post("/v1/records", one) for one in records(0, 20)))
    assert {answer.status_code for answer in answers} == {202}
    assert await waiting(spooling) == 20


async def test_a_client_that_is_broken_loses_nothing_and_ends_the_process(
    spooling: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: Sequence[Draft]) -> None:
        raise ClientBroken("sending: it is wedged")

    with monkeypatch.context() as patch:
        patch.setattr(spooling.world.producer, "send", broken)
        assert (await spooling.post("/v1/records", ANNA)).status_code == 202
        with pytest.raises(ClientBroken):
            await chore(spooling, "drain the spool")
    await chore(spooling, "drain the spool")
    assert len(spooling.received()) == 1


async def test_a_successor_of_the_same_name_brings_over_what_its_predecessor_left(
    tables: Database, folder: Path
) -> None:
    first = await opened(tables, Settings(instance="ingest-1"))
    first.broker.down = True
    await first.post("/v1/records", records(0, 5))
    await closed(first)
    second = await opened(tables, Settings(instance="ingest-1"))
    assert await waiting(second) == 5
    await chore(second, "drain the spool")
    assert len(second.received()) == 5
    assert left(folder) == []
    await closed(second)


async def test_what_a_process_left_that_never_comes_back_is_adopted_and_what_a_living_one_holds_is_not(
    tables: Database, folder: Path
) -> None:
    gone, living = [await opened(tables, Settings(instance=name)) for name in ("gone", "living")]
    for house, first in ((gone, 0), (living, 100)):
        house.broker.down = True
        await house.post("/v1/records", records(first, first + 5))
    await closed(gone)
    heir = await opened(tables, Settings(instance="heir"))
    await chore(heir, "adopt spools")
    assert await waiting(heir) == 5
    await chore(heir, "drain the spool")
    assert (len(heir.received()), await waiting(heir), await waiting(living)) == (5, 0, 5)
    again = await opened(tables, Settings(instance="gone"))
    assert names(folder) == ["gone", "heir", "living"], "its folder is free again"
    for house in (heir, living, again):
        await closed(house)


async def test_two_processes_of_one_name_never_share_a_folder(tables: Database, folder: Path) -> None:
    houses = [await opened(tables, Settings(instance="ingest")) for _ in range(2)]
    for house in houses:
        house.broker.down = True
        await house.post("/v1/records", ANNA)
    assert [await waiting(house) for house in houses] == [1, 0], "the second one's was a duplicate: Postgres knows"
    await houses[1].post("/v1/records", records(5, 7))
    assert left(folder) == ["ingest", "ingest.2"]
    for house in houses:
        await closed(house)


def test_the_spools_of_all_processes_count_as_lag() -> None:
    workers = [Worker(pending={SPOOL: 3, "outbox": 5}), Worker(pending={SPOOL: 4, "outbox": 5})]
    assert stage_of(10, None, workers, 0, 0).lag == 10 + 3 + 4 + 5


async def test_size_and_age_of_the_spool_are_metrics(spooling: House) -> None:
    spooling.broker.down = True
    await spooling.post("/v1/records", records(0, 5))
    metrics = Metrics("ingest")
    metrics.measure(spooling.service.measures)
    told = {line.split("{")[0]: float(line.split()[-1]) for line in metrics.exposition().decode().splitlines()
            if line.startswith("kontaktwerk_spool")}  # fmt: skip
    assert told["kontaktwerk_spool_messages"] == 5
    assert 0 < told["kontaktwerk_spool_bytes"] < told["kontaktwerk_spool_bytes_max"] == 1024**3
    assert told["kontaktwerk_spool_oldest_seconds"] >= 0
    assert told["kontaktwerk_spool_damaged_segments"] == 0
