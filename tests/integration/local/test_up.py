"""`up` starts, keeps alive and takes down. Real engines; a stand-in for the services.

Goal: nothing lost from sight, nothing left running, whatever is killed.
Method: kill it, then compare endpoints.json, the living processes and the stand-in's journal with what must be.
"""

import asyncio
import os
import signal
import stat
import time
from collections.abc import Generator
from pathlib import Path

import asyncpg
import psutil
import pytest

from deploy.local.kafka import answers
from deploy.local.plan import ROLES, SERVICES
from deploy.local.postgres import POSTGRES_VERSION
from tests.integration.local.running import Up, is_alive, launch, running, until, who_answers

PROMISED_S = 1.0 + 2.0
"""Contract, section 1: endpoints.json follows a restart within a second; two more for a machine that serves others."""


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journal") / "journal"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory, journal: Path) -> Generator[Up]:
    """One `up` for all tests that leave it as they found it."""
    with running(tmp_path_factory.mktemp("up") / "data", journal, {"dedup": 2, "ingest": 2}) as up:
        yield up


def test_when_ready_the_endpoints_name_everything_and_only_the_living(up: Up) -> None:
    endpoints = up.endpoints()
    pids = endpoints["pids"]
    assert endpoints["http"] == f"http://127.0.0.1:{up.port}"
    assert set(endpoints["tokens"]) == set(ROLES)
    assert [len(pids[service]) for service in SERVICES] == [2, 2, 1, 1, 1, 1]
    assert psutil.Process(pids["kafka"]).name() == "java"
    assert psutil.Process(pids["postgres"]).name() == "postgres"
    assert up.process.pid not in [*pids["ingest"], pids["kafka"], pids["postgres"]]
    assert stat.S_IMODE((up.data / "endpoints.json").stat().st_mode) == 0o600


async def test_postgres_is_the_version_that_the_greeting_names(up: Up) -> None:
    connection = await asyncpg.connect(up.endpoints()["database"])
    try:
        version: str = await connection.fetchval("show server_version")
    finally:
        await connection.close()
    assert version == POSTGRES_VERSION


def test_topics_and_tables_are_made_before_any_service_starts(up: Up, journal: Path) -> None:
    lines = journal.read_text(encoding="utf-8").splitlines()
    assert sorted(lines[:2]) == ["migrate", "topics"]
    assert all(line.startswith("started ") and line.endswith(" 8") for line in lines[2:10])


def test_a_killed_service_is_back_and_the_endpoints_follow(up: Up) -> None:
    old = up.pids()["enrich"][0]
    os.kill(old, signal.SIGKILL)
    until(lambda: up.pids()["enrich"] not in ([old], []), PROMISED_S)
    assert is_alive(up.pids()["enrich"][0])


def test_while_one_ingest_is_killed_the_address_goes_on_answering(up: Up) -> None:
    before = up.pids()["ingest"]
    os.kill(before[0], signal.SIGKILL)
    answered = {who_answers(f"http://127.0.0.1:{up.port}/")["pid"] for _ in range(20)}
    assert answered
    until(lambda: len(up.pids()["ingest"]) == 2 and before[0] not in up.pids()["ingest"], PROMISED_S)


def test_killed_engines_come_back_at_the_same_addresses(up: Up) -> None:
    before, since = up.endpoints(), time.monotonic()
    for engine in ("kafka", "postgres"):
        os.kill(before["pids"][engine], signal.SIGKILL)
    until(lambda: _changed(up, before, "kafka") and _changed(up, before, "postgres"))
    host, port = before["kafka"].split(":")
    until(lambda: answers(host, int(port)))
    until(lambda: asyncio.run(_takes_queries(before["database"])))
    assert time.monotonic() - since < 30
    assert {**up.endpoints(), "pids": {}} == {**before, "pids": {}}


def _changed(up: Up, before: dict[str, dict[str, int]], engine: str) -> bool:
    now: int | None = up.pids().get(engine)
    return now not in (None, before["pids"][engine])


async def _takes_queries(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except (OSError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


def test_a_second_up_on_the_same_folder_is_refused(up: Up, journal: Path) -> None:
    second = launch(up.data, journal)
    assert "another kontaktwerk is running" in second.said()
    assert second.process.returncode == 1
    assert up.pids()["kafka"]


def test_two_folders_run_side_by_side_with_engines_of_somebody_else(up: Up, tmp_path: Path) -> None:
    named = {"KAFKA_BOOTSTRAP_SERVERS": up.endpoints()["kafka"], "DATABASE_URL": up.endpoints()["database"]}
    with running(tmp_path / "data", tmp_path / "journal", **named) as other:
        assert set(other.pids()) == set(SERVICES)
        assert other.endpoints()["kafka"] == up.endpoints()["kafka"]
        assert other.port != up.port
        assert other.stop(signal.SIGINT) == 0
        assert other.left() == []
    assert is_alive(up.pids()["kafka"])


def test_stopping_drains_along_the_path_and_leaves_nothing(tmp_path: Path, up: Up) -> None:
    journal = tmp_path / "journal"
    named = {"KAFKA_BOOTSTRAP_SERVERS": up.endpoints()["kafka"], "DATABASE_URL": up.endpoints()["database"]}
    with running(tmp_path / "data", journal, **named) as other:
        assert other.stop() == 0
        assert not (other.data / "endpoints.json").exists()
    drained = [line for line in journal.read_text(encoding="utf-8").splitlines() if line.startswith("drained")]
    ends = [line.removeprefix("drained ") for line in drained]
    assert [name.rpartition("-")[0] for name in ends] == ["ingest", "dedup", "dedup", *SERVICES[2:]]
    assert len({*ends}) == len(ends), "each process drains once"


def test_a_service_that_cannot_start_is_quoted(tmp_path: Path, up: Up) -> None:
    (tmp_path / "rules-must-die").touch()
    named = {"KAFKA_BOOTSTRAP_SERVERS": up.endpoints()["kafka"], "DATABASE_URL": up.endpoints()["database"]}
    failing = launch(tmp_path / "data", tmp_path / "journal", **named)
    said = failing.said()
    assert failing.process.returncode == 1
    assert "rules-1 died 3 times while starting" in said
    assert "rules dies on purpose" in said
    assert failing.left() == []


def test_a_port_that_is_taken_is_refused_by_name(tmp_path: Path, up: Up) -> None:
    named = {"KAFKA_BOOTSTRAP_SERVERS": up.endpoints()["kafka"], "DATABASE_URL": up.endpoints()["database"]}
    refused = launch(tmp_path / "data", tmp_path / "journal", port=up.port, **named)
    assert f"127.0.0.1:{up.port} cannot be used" in refused.said()


def test_after_a_killed_supervisor_the_next_start_cleans_up_and_finds_everything_again(tmp_path: Path) -> None:
    """In a folder that is deep and odd, where the engines are most likely to stumble."""
    data = tmp_path / 'Jörg & Söhne, "1" = a\'b' / ("tief" * 20) / "data"
    with running(data, tmp_path / "journal") as first:
        before = first.endpoints()
        asyncio.run(_remember(before["database"]))
        first.process.kill()
        first.process.wait()
        assert first.left(), "without a supervisor its children live on; the next start has to find them"
    with running(data, tmp_path / "journal") as second:
        after = second.endpoints()
        assert after["tokens"] == before["tokens"]
        assert not any(is_alive(pid) for pid in before["pids"]["dedup"])
        assert asyncio.run(_remembered(after["database"])) == 1
        second.process.terminate()
        second.process.send_signal(signal.SIGINT)  # the second signal kills hard
        second.process.wait()
        until(lambda: not second.left())


async def _remember(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("create table remembered as select 1 as one")
    await connection.close()


async def _remembered(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        one: int = await connection.fetchval("select one from remembered")
    finally:
        await connection.close()
    return one
