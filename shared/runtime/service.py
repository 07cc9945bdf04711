"""The one place that runs a service: its world, loop, API, chores and health, and a clean end.

Whatever goes away by waiting is waited for, and readiness says so. Anything else ends the process: it is logged by type
and place, what is under way is given up or finished within bounds, and a new process starts clean.
"""

import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

from shared.domain.errors import Transient
from shared.runtime.access import Access
from shared.runtime.broker import Consumer
from shared.runtime.broker.kafka import KafkaBroker, OffsetsLost
from shared.runtime.broker.kafka_client import ClientBroken
from shared.runtime.clock import RandomIds, SystemClock
from shared.runtime.configuration import Misconfigured
from shared.runtime.database import Database
from shared.runtime.halt import halt, halted
from shared.runtime.health import KAFKA, Front, Health
from shared.runtime.http import application
from shared.runtime.poison import StoredAttempts
from shared.runtime.retry import pause_s
from shared.runtime.revisions import LOOK_EVERY_S, Check, Revised, Revisions
from shared.runtime.server import Server, bound, inherited
from shared.runtime.settings import DatabaseSettings, KafkaSettings, Settings, door_of
from shared.runtime.stage import Halted, Loop, Stage
from shared.runtime.tables import require_current
from shared.runtime.telemetry import Metrics, configure_logging, logger, place_of
from shared.runtime.world import Chore, Service, World, nothing_pending, nothing_to_adopt
from shared.topology import step_of

__all__ = ["Chore", "Service", "World", "main", "nothing_pending", "run"]

T = TypeVar("T")
Build = Callable[[World], Awaitable[Service]]

DRAIN_S: Final = 25.0
"""For the batch in hand and chores under way; orchestrators kill after 30 s."""

HALT_POLL_S: Final = 2.0
"""How soon a halted stage notices that somebody has resumed it."""

COLLECT_EVERY: Final = (20_000, 20, 50)
"""Objects, and generations of them: a batch of 500 contacts makes about 20,000, which are gone with it."""

LAG_EVERY_S: Final = 15.0
"""As often as Prometheus usually looks."""

SPEAKING: Final = (Misconfigured, OffsetsLost, ClientBroken, OSError)
"""Their texts say what to mend, and name files, addresses, topics and offsets only: they may be shown."""


class Stopping(Exception):
    """The process was asked to end while it still waited for the world."""


def main(name: str, build: Build, check: Check = nothing_to_adopt) -> int:
    """Run a service in an event loop of its own, on uvloop where there is one: it serves HTTP at half the cost.

    `check` says whether all services can use a configuration.
    """
    try:
        import uvloop  # noqa: PLC0415 (not on every platform)
    except ImportError:
        return asyncio.run(run(name, build, check=check))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run(name, build, check=check))


async def run(
    name: str,
    build: Build,
    settings: Settings | None = None,
    kafka: KafkaSettings | None = None,
    database: DatabaseSettings | None = None,
    check: Check = nothing_to_adopt,
) -> int:
    """Run one service until SIGTERM or SIGINT; 0 when it drained, 1 when it could not go on.

    Settings that are not given are read from the environment.
    """
    settings = settings or Settings()
    configure_logging(settings.log_format, settings.log_level, {"instance": settings.instance or name})
    process = Process(name, settings, kafka or KafkaSettings(), database or DatabaseSettings())
    log = logger(name)
    code = 1
    try:
        await process.run(build, check)
        code = 0
    except Stopping:
        code = 0
    except SPEAKING as error:
        log.error("cannot go on", reason=str(error))  # noqa: TRY400 (a reason, not a fault with a place)
    except Exception as error:  # noqa: BLE001 (the one place: logs, drains, exits)
        cause = type(error.__cause__).__name__
        log.error("ends", error=type(error).__name__, at=place_of(error), cause=cause)  # noqa: TRY400 (no traceback)
    finally:
        process.stopping.set()
        await process.close()
    log.info("ended", code=code)
    return code


def settle_memory() -> None:
    """Leave what was built for good out of garbage collection, and collect seldom: batches die young and whole.

    Measured with `python -m tests.bench.loop`: 132 µs of CPU a message become 116.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_EVERY)


class Process:
    """One running service and everything it holds open."""

    def __init__(self, name: str, settings: Settings, kafka: KafkaSettings, database: DatabaseSettings) -> None:
        self.name = name
        self.stopping = asyncio.Event()
        self._settings = settings
        self._clock = SystemClock()
        self._ids = RandomIds()
        self._metrics = Metrics(name)
        self._health = Health(name, settings.instance, self._metrics)
        self._front = Front(self._health)
        self._broker = KafkaBroker(kafka, settings.topic_prefix, settings.group_prefix)
        self._producer = self._broker.producer()
        self._admin = self._broker.admin()
        self._url = database.url.get_secret_value()
        self._database = Database(self._url, settings.database_connections)
        self._servers: list[Server] = []
        self._service: Service | None = None
        self._consumer: Consumer | None = None
        self._log = logger(name)

    async def run(self, build: Build, check: Check) -> None:
        """Start everything, work until asked to stop, and let what is under way end."""
        self._heed_signals()
        revisions = Revisions(self.name, self._database, self._settings.config_dir, self._clock, check)
        await self._serve(Server(self._front, bound(self._settings.host, self._settings.port)))
        await self._patiently("postgres", self._database.open)
        await self._patiently("tables", partial(require_current, self._url))
        configuration = await self._patiently("configuration", revisions.begin)
        world = World(
            settings=self._settings,
            configuration=configuration,
            broker=self._broker,
            producer=self._producer,
            admin=self._admin,
            database=self._database,
            clock=self._clock,
            ids=self._ids,
            catch_up=revisions.catch_up,
        )
        service = await build(world)
        self._service = service
        self._metrics.measure(service.measures)
        connecting = asyncio.create_task(self._patiently("kafka", self._producer.start), name="kafka")
        if service.begins_without_kafka:
            self._health.not_needed = KAFKA
            connecting.add_done_callback(self._connected)
        else:
            await connecting
        revisions.adopt += [partial(setattr, world, "configuration"), service.adopt]
        for opens in service.open:
            await self._patiently("service", opens)
        access = Access(self._database, self._clock)
        self._front.app = application(f"Kontaktwerk {self.name}", service.routers, {"access": access, "world": world})
        self._health.pending = service.pending
        self._health.refused = lambda: revisions.wrong
        self._health.ready_while_waiting = service.ready_while_waiting
        if (door := door_of(self.name)) is not None:
            await self._serve(Server(self._front.door, inherited(door)))
        settle_memory()
        await self._work(service, revisions)

    async def close(self) -> None:
        """Close what is open, each within a bounded time."""
        self._health.missing["stop"] = "is stopping"
        service = self._service
        await asyncio.gather(*(server.stop() for server in self._servers))
        for closes in service.close if service is not None else ():
            await closes()
        if self._consumer is not None:
            await self._consumer.stop()
        await asyncio.gather(self._producer.stop(), self._admin.close())
        await self._database.close()

    async def _work(self, service: Service, revisions: Revisions) -> None:
        """The loop and the chores, until one of them fails or the process is asked to stop."""
        chores = [*service.chores, Chore("configuration", LOOK_EVERY_S, revisions.look)]
        if service.stage is not None:
            chores.append(Chore("lag", LAG_EVERY_S, self._lag))
        tasks = [asyncio.create_task(self._chore(chore), name=chore.name) for chore in chores]
        if service.stage is not None:
            self._health.missing["group"] = "has not joined its group"
            adopts = service.adopt is not nothing_to_adopt
            stage = Revised(service.stage, revisions.catch_up) if adopts else service.stage
            tasks.append(asyncio.create_task(self._stage(stage), name="stage"))
        self._health.missing.pop("start", None)
        tasks.append(asyncio.create_task(self._until_stopping(beats=service.stage is None), name="stop"))
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        self.stopping.set()
        self._health.missing["stop"] = "is stopping"
        _, late = await asyncio.wait(tasks, timeout=DRAIN_S)
        for task in late:
            task.cancel()
        for task in ended:
            task.result()

    async def _stage(self, stage: Stage) -> None:
        """The loop; where it stops on purpose, it stays stopped until somebody resumes it."""
        while not self.stopping.is_set():
            why = await self._patiently("halted?", lambda: halted(self._database, self.name))
            self._metrics.halted(why)
            if why is not None:
                self._health.missing.pop("group", None)
                await self._pause(HALT_POLL_S)
                continue
            try:
                await self._loop(stage)
            except Halted as error:
                self._log.error("halted", reason=str(error))
                await self._patiently("halt", partial(halt, self._database, self.name, str(error)))

    async def _loop(self, stage: Stage) -> None:
        step = step_of(self.name)
        topics = [topic.name for topic in step.consumes]
        consumer = self._consumer = self._broker.consumer(self.name, topics, self._settings.instance, step.patience_ms)
        await self._patiently("group", consumer.start)
        loop = Loop(
            step=step,
            stage=stage,
            consumer=consumer,
            producer=self._producer,
            clock=self._clock,
            ids=self._ids,
            gauge=self._metrics,
            release=self._settings.release,
            stopping=self.stopping.is_set,
            attempts=StoredAttempts(self._database, self.name),
            beat=self._health.beat,
        )
        try:
            await loop.run()
        finally:
            self._consumer = None
            await consumer.stop()

    async def _lag(self) -> None:
        """Measure how far the whole group is behind: also what a dead member has left lying."""
        topics = [topic.name for topic in step_of(self.name).consumes]
        self._metrics.behind(await self._admin.backlog(self.name, topics), self._clock.now())

    async def _chore(self, chore: Chore) -> None:
        """One chore, again and again; what goes away by waiting only delays it."""
        attempt = 0
        while not self.stopping.is_set():
            try:
                await chore.run()
                attempt = 0
            except Transient as error:
                attempt += 1
                self._metrics.failed(f"{chore.name}: {type(error.__cause__ or error).__name__}")
            await self._pause(pause_s(attempt, self._ids.dice()) if attempt else chore.every_s)

    async def _until_stopping(self, *, beats: bool) -> None:
        """A service without a stage lives as long as its event loop turns."""
        while not self.stopping.is_set():
            if beats:
                self._health.beat()
            await self._pause(1.0)

    async def _patiently(self, what: str, effect: Callable[[], Awaitable[T]]) -> T:
        """Try until the world allows it, and say meanwhile what is missing. Raises Stopping when asked to end."""
        attempt = 0
        while not self.stopping.is_set():
            self._health.beat()
            try:
                result = await effect()
            except Transient as error:
                attempt += 1
                reason = type(error.__cause__).__name__ if error.__cause__ else str(error)
                self._health.missing[what] = reason
                self._log.warning("waits", what=what, reason=reason, attempt=attempt)
                await self._pause(pause_s(attempt, self._ids.dice()))
            else:
                self._health.missing.pop(what, None)
                return result
        raise Stopping

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the moment of being asked to stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()

    def _connected(self, connecting: asyncio.Task[None]) -> None:
        """Whoever began without Kafka has it now; or never will, and a new process tries."""
        if not (connecting.cancelled() or self.stopping.is_set()) and connecting.exception() is not None:
            self._log.error("ends", error=type(connecting.exception()).__name__)
            self.stopping.set()

    async def _serve(self, server: Server) -> None:
        self._servers.append(server)
        await server.start()
        self._log.info("answers", port=server.port)

    def _heed_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)

    def _on_signal(self) -> None:
        """The first asks to drain; the second means now."""
        if self.stopping.is_set():
            os._exit(1)
        self.stopping.set()
