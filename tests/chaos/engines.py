"""Kafka and Postgres of our own, each behind a proxy: services know the proxies, we know both."""

import asyncio
import signal
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from deploy.local.folder import LOOPBACK, DataFolder
from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres
from tests.chaos.proxy import Proxy


class ProxiedKafka(Kafka):
    """A Kafka that tells its clients to come through the proxy, with a second listener for who looks from outside."""

    def __init__(self, folder: DataFolder) -> None:
        super().__init__(folder)
        self._properties = folder.path / "kafka" / "server.properties"
        self.proxy_port = folder.port("kafka-proxy")
        self._direct_port = folder.port("kafka-direct")

    @property
    def direct(self) -> str:
        """Where it answers without the proxy."""
        return f"{LOOPBACK}:{self._direct_port}"

    @property
    def port(self) -> int:
        """Where the proxy finds it; known once it was started."""
        return self._port

    def _configure(self) -> None:
        super()._configure()
        text = self._properties.read_text("ascii")
        listeners = next(line for line in text.splitlines() if line.startswith("listeners="))
        more = {
            "listeners": f"{listeners.partition('=')[2]},DIRECT://{self.direct}",
            "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{self.proxy_port},DIRECT://{self.direct}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,DIRECT:PLAINTEXT",
            "inter.broker.listener.name": "DIRECT",
        }
        changed = [line for line in text.splitlines() if line.partition("=")[0] not in more]
        changed += [f"{key}={value}" for key, value in more.items()]
        self._properties.write_text("\n".join(changed) + "\n", "ascii")


@dataclass(frozen=True)
class Engines:
    """Both engines and both proxies, running."""

    kafka: ProxiedKafka
    postgres: Postgres
    kafka_proxy: Proxy
    postgres_proxy: Proxy
    away_s: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    """Of each restart, the seconds until the engine itself answered again: what no service of ours can shorten."""

    @property
    def environment(self) -> dict[str, str]:
        """What makes services come through the proxies."""
        parts = urlsplit(self.postgres.database_url)
        login, _, _ = parts.netloc.rpartition("@")
        url = urlunsplit(parts._replace(netloc=f"{login}@{LOOPBACK}:{self.postgres_proxy.port}"))
        return {"KAFKA_BOOTSTRAP_SERVERS": f"{LOOPBACK}:{self.kafka_proxy.port}", "DATABASE_URL": url}

    async def kafka_hard(self) -> None:
        """Kill Kafka with -9 and start it again."""
        await self._restarted(self.kafka, self._kill, signal.SIGKILL)

    async def kafka_soft(self) -> None:
        """Ask Kafka to stop, and start it again."""
        await self._restarted(self.kafka, Kafka.stop)

    async def postgres_immediate(self) -> None:
        """Stop Postgres as `pg_ctl stop -m immediate` does, without a checkpoint, and start it again."""
        await self._restarted(self.postgres, self._kill, signal.SIGQUIT)

    async def _restarted(self, engine: Kafka | Postgres, stop: Callable[..., None], *how: signal.Signals) -> None:
        began = time.monotonic()
        await asyncio.to_thread(stop, engine, *how)
        await asyncio.to_thread(engine.start)
        self.away_s.append((engine.name, time.monotonic() - began))

    @staticmethod
    def _kill(engine: Kafka | Postgres, number: signal.Signals) -> None:
        process = engine.process
        assert process is not None, "it was started"
        process.send_signal(number)
        process.wait()


@asynccontextmanager
async def proxied_engines(path: Path) -> AsyncGenerator[Engines]:
    """Both, in this folder, until the block ends."""
    folder = DataFolder(path)
    with folder.locked():
        kafka, postgres = ProxiedKafka(folder), Postgres(folder)
        postgres_port = folder.port("postgres-proxy")
        proxies: list[Proxy] = []
        try:
            await asyncio.gather(asyncio.to_thread(kafka.start), asyncio.to_thread(postgres.start))
            server = urlsplit(postgres.database_url).port
            assert server is not None, "a URL of ours names its port"
            proxies += [Proxy(kafka.proxy_port, kafka.port), Proxy(postgres_port, server)]
            for proxy in proxies:
                await proxy.start()
            yield Engines(kafka, postgres, proxies[0], proxies[1])
        finally:
            for proxy in proxies:
                await proxy.stop()
            await asyncio.gather(asyncio.to_thread(kafka.stop), asyncio.to_thread(postgres.stop))
