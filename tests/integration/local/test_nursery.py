"""Goal: a verb that the nursery becomes is the verb that a shell would start, and its end is told in every case.

Method: the real nursery and real verbs; a service without a Kafka waits for one, and so lives until it is asked to end.
"""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local.plan import environment, ours
from deploy.local.processes import MARK
from deploy.local.starting import UNKNOWN, FromNursery, Running
from tests.integration.local.running import until

pytestmark = pytest.mark.skipif(not FromNursery.possible(), reason="without pidfds every process starts from nothing")

PATIENCE_S = 60.0
"""For two seconds of imports on a busy machine."""


@pytest.fixture
def nursery(tmp_path: Path) -> Iterator[FromNursery]:
    made = FromNursery(tmp_path, tmp_path / "nursery.log", ours(os.environ))
    yield made
    made.close()


def nowhere(tmp_path: Path, port: int) -> dict[str, str]:
    env = environment(os.environ, "127.0.0.1:1", "postgresql://nobody@127.0.0.1:1/nowhere", embedded_kafka=True)
    return {**env, "KONTAKTWERK_PORT": str(port), "KONTAKTWERK_INSTANCE": "dedup-1", "HOME": str(tmp_path)}


def living(process: Running) -> psutil.Process:
    until(lambda: process.pid is not None, PATIENCE_S)
    return psutil.Process(process.pid)


def until_ended(process: Running) -> None:
    until(lambda: process.poll() is not None, PATIENCE_S)


def listens(process: psutil.Process, port: int) -> bool:
    return any(one.laddr.port == port for one in process.net_connections() if one.status == psutil.CONN_LISTEN)


def waiting_service(nursery: FromNursery, tmp_path: Path) -> tuple[Running, psutil.Process]:
    """A service in its event loop, which answers on its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = nursery.start("dedup-1", ["run", "dedup"], nowhere(tmp_path, port), tmp_path / "dedup-1.log")
    process = living(started)
    until(lambda: listens(process, port), PATIENCE_S)
    return started, process


def test_a_verb_writes_to_its_log_and_its_exit_code_is_told(nursery: FromNursery, tmp_path: Path) -> None:
    good = nursery.start("help", ["run", "--help"], ours(os.environ), tmp_path / "help.log")
    bad = nursery.start("wrong", ["run", "nothing"], ours(os.environ), tmp_path / "wrong.log")
    until_ended(good)
    until_ended(bad)
    assert (good.poll(), bad.poll()) == (0, 2)
    assert "kontaktwerk run dedup" in (tmp_path / "help.log").read_text()
    assert "no service 'nothing'" in (tmp_path / "wrong.log").read_text()


def test_a_service_drains_when_asked_and_is_told_from_one_that_was_killed(nursery: FromNursery, tmp_path: Path) -> None:
    asked, _ = waiting_service(nursery, tmp_path)
    asked.signal(signal.SIGTERM)
    until_ended(asked)
    assert asked.poll() == 0
    killed, process = waiting_service(nursery, tmp_path)
    process.kill()
    until_ended(killed)
    assert killed.poll() == -signal.SIGKILL


def test_a_child_has_its_own_session_environment_and_mark(nursery: FromNursery, tmp_path: Path) -> None:
    started, process = waiting_service(nursery, tmp_path)
    assert os.getsid(process.pid) == process.pid
    assert process.environ()[MARK] == str(tmp_path)
    assert process.name() == "dedup-1"
    started.signal(signal.SIGTERM)
    until_ended(started)


def test_a_signal_to_one_that_is_not_born_yet_reaches_it(nursery: FromNursery, tmp_path: Path) -> None:
    started = nursery.start("dedup-1", ["run", "dedup"], nowhere(tmp_path, 0), tmp_path / "dedup-1.log")
    started.signal(signal.SIGKILL)
    until_ended(started)
    assert started.poll() == -signal.SIGKILL


def test_a_nursery_that_was_killed_takes_nobody_along_and_is_replaced(nursery: FromNursery, tmp_path: Path) -> None:
    first, process = waiting_service(nursery, tmp_path)
    parent = process.parent()
    assert parent is not None
    parent.kill()
    until(lambda: parent.status() == psutil.STATUS_ZOMBIE, PATIENCE_S)
    second, _ = waiting_service(nursery, tmp_path)
    assert first.poll() is None
    for one in (first, second):
        one.signal(signal.SIGTERM)
        until_ended(one)
    assert (first.poll(), second.poll()) == (UNKNOWN, 0)


def test_a_descriptor_arrives_under_its_number(nursery: FromNursery, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        env = {**nowhere(tmp_path, 0), "KONTAKTWERK_INGEST_FD": str(door.fileno())}
        started = nursery.start("ingest-1", ["run", "ingest"], env, tmp_path / "ingest-1.log", [door.fileno()])
        process = living(started)
        inode = os.fstat(door.fileno()).st_ino
        assert Path(f"/proc/{process.pid}/fd/{door.fileno()}").stat().st_ino == inode
        started.signal(signal.SIGKILL)
        until_ended(started)
