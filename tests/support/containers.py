"""Containers for tests: the two engines by testcontainers, and the whole system by `docker compose`."""

import contextlib
import json
import os
import secrets
import shlex
import socket
import subprocess
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from deploy.local.folder import LOOPBACK
from tests.support.system import System

ROOT: Final = Path(__file__).parents[2]
KAFKA_IMAGE: Final = "apache/kafka:4.3.1"
POSTGRES_IMAGE: Final = "postgres:18"

START_S: Final = 300
"""Of a whole system on two cores that others use too, its image built before."""

COMMAND_S: Final = 120
"""Of one command of Docker: stopping a service gracefully takes up to 45 s."""

BACK_S: Final = 90
"""For something that Docker or Kafka does by itself: a restart, a rebalance after a session of ten seconds."""

_STARTER: Final = "/tmp/start.sh"

_KAFKA: Final[Mapping[str, str]] = {
    "CLUSTER_ID": "a29udGFrdHdlcmtrYWZrYQ",
    "KAFKA_NODE_ID": "1",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_LISTENERS": "PLAINTEXT://:9092,BROKER://:9093,CONTROLLER://:9094",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "KAFKA_INTER_BROKER_LISTENER_NAME": "BROKER",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9094",
    "KAFKA_LOG_DIRS": "/tmp/kafka",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    "KAFKA_HEAP_OPTS": "-Xms256m -Xmx512m",
}


@contextlib.contextmanager
def engines() -> Generator[tuple[str, str]]:
    """A Kafka and a Postgres in containers of their own: bootstrap servers, and the URL of the superuser."""
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")  # read at import; we take down what we start
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy  # noqa: PLC0415

    wait = f"while [ ! -f {_STARTER} ]; do sleep 0.1; done; exec sh {_STARTER}"
    kafka = DockerContainer(KAFKA_IMAGE).with_exposed_ports(9092).with_envs(**_KAFKA)
    kafka = kafka.with_command(["sh", "-c", wait])
    postgres = PostgresContainer(POSTGRES_IMAGE, driver=None).with_command("postgres -cmax_locks_per_transaction=512")
    with kafka, postgres:
        # The broker must tell clients the port that the engine chose, which is known only once the container runs.
        address = f"{kafka.get_container_host_ip()}:{kafka.get_exposed_port(9092)}"
        listeners = f"export KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://{address},BROKER://localhost:9093\n"
        kafka.copy_into_container(f"{listeners}exec /etc/kafka/docker/run\n".encode(), _STARTER)
        LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(START_S).wait_until_ready(kafka)
        yield address, str(postgres.get_connection_url(driver=None))


@dataclass(frozen=True)
class Compose:
    """One project of `docker compose`, with names and ports of its own."""

    project: str
    environment: Mapping[str, str]

    def run(self, *arguments: str, seconds: float = COMMAND_S) -> str:
        """`docker compose …`, and what it says. Raises AssertionError with its last words when it fails."""
        done = self._run(arguments, seconds)
        assert done.returncode == 0, f"docker compose {shlex.join(arguments)}: {done.stderr[-2000:]}"
        return done.stdout

    def up(self, *arguments: str) -> None:
        """Bring everything up and wait until it is healthy."""
        self.run("up", "--detach", "--wait", "--quiet-pull", *arguments, seconds=START_S)

    def kontaktwerk(self, *arguments: str) -> str:
        """One of our verbs inside the container of ingest."""
        return self.run("exec", "-T", "ingest", "kontaktwerk", *arguments)

    def containers(self, service: str) -> list[dict[str, Any]]:
        """What the engine knows of each container of a service."""
        ids = self.run("ps", "--all", "--quiet", service).split()
        told = subprocess.run(["docker", "inspect", *ids], capture_output=True, check=True, timeout=COMMAND_S)
        found: list[dict[str, Any]] = json.loads(told.stdout)
        return found

    def kill(self, service: str) -> None:
        """Kill -9 the process of a service's first container, from outside, as a machine short of memory does.

        `docker kill` would count as a wish of ours, after which the engine starts nothing again; and from inside, the
        first process of a container cannot be killed.
        """
        pid = self.containers(service)[0]["State"]["Pid"]
        by = ["docker", "run", "--rm", "--pid=host", "--user=0", "--entrypoint=sh", "kontaktwerk", "-c"]
        subprocess.run([*by, f"kill -9 {pid}"], check=True, capture_output=True, timeout=COMMAND_S)

    def down(self) -> None:
        """Take everything down, data too."""
        self.run("down", "--volumes", "--remove-orphans", "--timeout", "20", seconds=START_S)

    def logs(self) -> str:
        """The last words of everything."""
        return self._run(("logs", "--no-color", "--tail", "40"), COMMAND_S).stdout

    def followed(self, path: Path) -> subprocess.Popen[bytes]:
        """A process that writes the log of everything into a file, until it is ended."""
        with path.open("wb") as log:
            return subprocess.Popen(
                ["docker", "compose", "--project-name", self.project, "logs", "--follow", "--no-color"],
                cwd=ROOT, env=os.environ | self.environment, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def _run(self, arguments: tuple[str, ...], seconds: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", "compose", "--project-name", self.project, *arguments],
            cwd=ROOT, env=os.environ | self.environment, text=True, capture_output=True, check=False, timeout=seconds,
        )  # fmt: skip


@contextlib.contextmanager
def composed(*arguments: str) -> Generator[Compose]:
    """The whole system from `docker-compose.yml`, built and up; taken down whatever happens."""
    http, kafka = _free_port(), _free_port()
    compose = Compose(
        f"kontaktwerk-test-{secrets.token_hex(4)}",
        {
            "KONTAKTWERK_HTTP": f"{LOOPBACK}:{http}",
            "KONTAKTWERK_KAFKA": f"{LOOPBACK}:{kafka}",
            "POSTGRES_PASSWORD": secrets.token_hex(12),
        },
    )
    try:
        compose.run("build", "migrate", seconds=2 * START_S)
        try:
            compose.up(*arguments)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{compose.logs()}") from None
        yield compose
    finally:
        compose.down()


@contextlib.asynccontextmanager
async def spoken_to(compose: Compose, folder: Path) -> AsyncGenerator[System]:
    """The same as `up` gives tests: its address, Kafka and tokens stand in the folder's `endpoints.json`."""
    roles = ("sender", "reader", "operator")
    endpoints = {
        "http": f"http://{compose.environment['KONTAKTWERK_HTTP']}",
        "kafka": compose.environment["KONTAKTWERK_KAFKA"],
        "database": "postgresql://inside.invalid/kontaktwerk",  # not published
        "tokens": {role: compose.kontaktwerk("tokens", "create", "--role", role).strip() for role in roles},
    }
    (folder / "endpoints.json").write_text(json.dumps(endpoints), "utf-8")
    following = compose.followed(folder / "compose.log")
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            yield System(folder, following, session)
    finally:
        following.terminate()
        following.wait(COMMAND_S)


def until(what: str, holds: Callable[[], bool], seconds: float = BACK_S) -> None:
    """Look until it holds. Raises AssertionError naming what did not come."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not after {seconds:.0f} s: {what}"
        time.sleep(0.5)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
