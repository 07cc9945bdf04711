"""The running system of one data folder: engines, topics, tables, services, and the watch over them."""

import asyncio
import os
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from deploy.local.child import Child, Instance
from deploy.local.endpoints import Endpoints, EndpointsFile
from deploy.local.engines import KeptEngine
from deploy.local.errors import CannotRunError
from deploy.local.folder import LOOPBACK, DataFolder
from deploy.local.jars import KAFKA_VERSION
from deploy.local.kafka import Kafka
from deploy.local.plan import SERVICES, Plan, environment, owners
from deploy.local.postgres import POSTGRES_VERSION, Postgres
from deploy.local.processes import POLL_S, tail
from deploy.local.screen import Screen
from deploy.local.starting import Starter
from deploy.local.tokens import adopt, tokens_of
from deploy.local.verbs import run_verb

TICK_S = 0.1
"""How often every child is looked at; endpoints.json must follow a restart within a second."""

READY_TIMEOUT_S = 180.0
"""Six Python processes on two busy cores need about 10 s; slower than this is a fault worth reading the log for."""

DEATHS_WHILE_STARTING_MAX = 3
"""A service that dies this often before all are ready will not get better by waiting."""

HEAD_START_S = 0.2
"""Between asking one stage and the next to end: enough to finish a batch; they are not waited for in turn."""

BACKLOG = 1_024
"""Connections that wait while the ingest processes are being started again."""


class System:
    """Everything that `up` runs. One start, one stop; `endpoints` holds between them."""

    def __init__(self, plan: Plan, folder: DataFolder, screen: Screen) -> None:
        self.endpoints_file = EndpointsFile(folder.path)
        self._plan = plan
        self._folder = folder
        self._screen = screen
        self._engines: dict[str, KeptEngine] = {}
        self._children: list[Child] = []
        self._starter: Starter | None = None
        self._door: socket.socket | None = None
        self._known: Endpoints | None = None

    async def start(self) -> Endpoints:
        """Start everything in order and return when every service is ready. Raises CannotRunError."""
        self._open_door()
        starter = self._starter = self._plan.starter(self._folder)
        kafka, database = await self._start_engines()
        env = environment(os.environ, kafka, database, embedded_kafka="kafka" in self._engines)
        for verb in ("migrate", "topics"):  # tables of a later release are refused before a topic is touched
            await run_verb(starter, verb, env, self._folder)
        self._screen.step("topics, tables", "made or found")
        self._children = [Child(it, starter, self._plan.restart_pause_s_max) for it in self._instances(env)]
        for child in self._children:
            child.start()
        tokens, admit = tokens_of(self._folder), self._plan.admit or adopt
        await asyncio.gather(admit(database, tokens), self._until_ready())
        self._screen.step("services", " ".join(self._counted()))
        self._known = Endpoints(self._address(), kafka, database, tokens, self._pids())
        self.endpoints_file.write(self._known)
        return self._known

    async def watch(self) -> None:
        """Start again whatever dies, and keep endpoints.json true. Never returns; cancel it."""
        while True:
            await asyncio.sleep(TICK_S)
            for engine in self._engines.values():
                engine.tick()
            for child in self._children:
                self._look_after(child)
            if (known := self._known) is not None:
                with suppress(OSError):  # the disk is full: written at the first look after there is room
                    self.endpoints_file.write(
                        Endpoints(known.http, known.kafka, known.database, known.tokens, self._pids())
                    )

    async def stop(self) -> None:
        """Take everything down: the door, ingest, the stages along the path, then the engines."""
        self.endpoints_file.remove()
        self._known = None
        self._close_door()
        await self._drain_all()
        if self._starter is not None:
            self._starter.close()
        await asyncio.gather(*(engine.stop() for engine in self._engines.values()))

    def _open_door(self) -> None:
        """Bind the one address. The socket outlives every ingest process, so the death of one resets nobody."""
        self._door = socket.socket()
        self._door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._door.bind((LOOPBACK, self._plan.port))
        except OSError as error:
            raise CannotRunError(
                f"{LOOPBACK}:{self._plan.port} cannot be used ({error.strerror}); choose another port with --port"
            ) from error
        self._door.listen(BACKLOG)
        self._door.set_inheritable(True)

    def _close_door(self) -> None:
        if self._door is not None:
            self._door.close()

    def _address(self) -> str:
        port: int = self._door.getsockname()[1] if self._door is not None else self._plan.port
        return f"http://{LOOPBACK}:{port}"

    async def _start_engines(self) -> tuple[str, str]:
        """Where Kafka and Postgres answer; those that the environment does not name are started."""
        kafka, postgres = Kafka(self._folder, self._screen.text), Postgres(self._folder)
        named_kafka, named_database = os.environ.get("KAFKA_BOOTSTRAP_SERVERS"), os.environ.get("DATABASE_URL")
        for engine, named in ((kafka, named_kafka), (postgres, named_database)):
            if not named:
                kept = KeptEngine(engine, self._screen.happened, self._plan.restart_pause_s_max)
                self._engines[engine.name] = kept
        await asyncio.gather(*(engine.start() for engine in self._engines.values()))
        told = [
            "Kafka as named" if named_kafka else f"Kafka {KAFKA_VERSION}",
            "Postgres as named" if named_database else f"PostgreSQL {POSTGRES_VERSION}",
        ]
        self._screen.step("engines", ", ".join(told))
        return named_kafka or kafka.bootstrap_servers, named_database or postgres.database_url

    def _instances(self, env: Mapping[str, str]) -> Sequence[Instance]:
        names = self._plan.instances()
        ports = {name: self._folder.port(name) for _, name in names}
        everybody = {**env, "KONTAKTWERK_OWNERS": owners(ports, self._plan)}
        door = self._door.fileno() if self._door is not None else -1
        return [
            Instance(
                service=service,
                name=name,
                env={
                    **everybody,
                    "KONTAKTWERK_INSTANCE": name,
                    "KONTAKTWERK_PORT": str(ports[name]),
                    **(self._of_the_door(door) if service == "ingest" else {}),
                },
                port=ports[name],
                log=self._folder.logs / f"{name}.log",
                pass_fds=[door] if service == "ingest" else [],
            )
            for service, name in names
        ]

    def _of_the_door(self, door: int) -> dict[str, str]:
        """What only ingest gets: the one address, and where it keeps what Kafka cannot take."""
        return {"KONTAKTWERK_INGEST_FD": str(door), "KONTAKTWERK_INGEST_SPOOL_DIR": str(self._folder.path / "spool")}

    async def _until_ready(self) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        waiting = list(self._children)
        while waiting:
            for child in waiting:
                self._look_after(child)
                if child.lives.deaths >= DEATHS_WHILE_STARTING_MAX:
                    raise CannotRunError(_complaint(child, f"died {child.lives.deaths} times while starting"))
            waiting = [child for child in waiting if not await child.ready()]
            if waiting and time.monotonic() > deadline:
                raise CannotRunError(_complaint(waiting[0], f"was not ready within {READY_TIMEOUT_S:.0f} s"))
            await asyncio.sleep(POLL_S)

    def _look_after(self, child: Child) -> None:
        """Notice a death; start again what is due."""
        now = time.monotonic()
        code = child.exit_code()
        if code is not None:
            pause = child.lives.died(now)
            self._screen.happened(
                f"{child.instance.name} ended with {code}; starting it again" + (f" in {pause:.1f} s" if pause else "")
            )
        if not child.started and child.lives.due(now):
            child.start()

    async def _drain_all(self) -> None:
        """Ingest first and to its end, so that nothing new comes in; then the others along the path, overlapping.

        What one has said and the next has not yet read lies in Kafka; nobody need wait for it.
        """
        asked: list[asyncio.Task[None]] = []
        for service in SERVICES:
            of_service = [child for child in self._children if child.instance.service == service]
            draining = [asyncio.create_task(self._drain(child)) for child in of_service]
            if draining:
                await asyncio.wait(draining, timeout=None if service == SERVICES[0] else HEAD_START_S)
            asked += draining
        await asyncio.gather(*asked)

    async def _drain(self, child: Child) -> None:
        if not await child.drain():
            self._screen.happened(f"{child.instance.name} did not end when asked and was killed; nothing is lost by it")

    def _counted(self) -> list[str]:
        counts = {service: sum(child.instance.service == service for child in self._children) for service in SERVICES}
        return [service if count == 1 else f"{service}×{count}" for service, count in counts.items()]

    def _pids(self) -> dict[str, int | list[int]]:
        pids: dict[str, int | list[int]] = {
            service: [child.pid for child in self._children if child.instance.service == service and child.pid]
            for service in SERVICES
        }
        return pids | {name: engine.pid for name, engine in self._engines.items() if engine.pid}


def _complaint(child: Child, what: str) -> str:
    log = child.instance.log
    return f"{child.instance.name} {what}; {log}:\n{tail(log)}"
