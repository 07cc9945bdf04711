"""A process of ingest that is started, asked to end and killed while Kafka is away, as a container runs it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from shared.runtime.access import Role, create_token
from shared.runtime.broker.kafka import KafkaBroker
from shared.runtime.database import Database
from shared.runtime.server import bound
from shared.runtime.settings import KafkaSettings
from shared.topology import RECEIVED
from tests.contract.test_broker import forget_topics
from tests.support.stack import Stack

NOWHERE = "127.0.0.1:1"
WAIT_S = 90.0
"""For a start, or what follows one, on a machine that is busy with other things."""


@dataclass
class Door:
    """Where the process answers, and what it is given."""

    environment: dict[str, str]
    port: int
    token: str

    async def post(self, number: int) -> int:
        record = {"source": "webform", "source_record_id": str(number), "email": "anna@example.org"}
        headers = {"Authorization": f"Bearer {self.token}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(f"http://127.0.0.1:{self.port}/v1/records", json=record) as answer,
        ):
            return answer.status

    async def ready(self) -> bool:
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{self.port}/readyz") as answer,
            ):
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    @asynccontextmanager
    async def process(self, kafka: str) -> AsyncGenerator[asyncio.subprocess.Process]:
        """`run ingest`, ready; killed at the end if it still lives."""
        environment = os.environ | self.environment | {"KAFKA_BOOTSTRAP_SERVERS": kafka}
        command = (sys.executable, "-m", "services", "run", "ingest")
        process = await asyncio.create_subprocess_exec(*command, env=environment)
        try:
            async with asyncio.timeout(WAIT_S):
                while not await self.ready():
                    assert process.returncode is None, "it ended instead of beginning"
                    await asyncio.sleep(0.1)
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@pytest.fixture
async def door(stack: Stack, database: str, topic_prefix: str, tmp_path: Path) -> AsyncGenerator[Door]:
    listening = bound("127.0.0.1", 0)
    port = listening.getsockname()[1]
    listening.close()
    tables = Database(database)
    token = await create_token(tables, Role.SENDER, "test")
    await tables.close()
    environment = {
        "DATABASE_URL": database, "KONTAKTWERK_TOPIC_PREFIX": topic_prefix, "KONTAKTWERK_GROUP_PREFIX": topic_prefix,
        "KONTAKTWERK_PORT": str(port), "KONTAKTWERK_PARTITIONS": "1", "KONTAKTWERK_CONFIG_DIR": "deploy/config",
        "KONTAKTWERK_INGEST_SPOOL_DIR": str(tmp_path),
    }  # fmt: skip
    yield Door(environment, port, token)
    await forget_topics(stack.bootstrap_servers, topic_prefix)


async def test_it_takes_deliveries_ends_when_asked_and_what_a_killed_one_took_arrives_too(
    door: Door, stack: Stack, topic_prefix: str
) -> None:
    async with door.process(NOWHERE) as asked:
        assert await door.post(1) == 202
        asked.send_signal(signal.SIGTERM)
        async with asyncio.timeout(WAIT_S):
            assert await asked.wait() == 0
    async with door.process(NOWHERE) as killed:
        assert await door.post(2) == 202
        killed.kill()
    admin = KafkaBroker(KafkaSettings(bootstrap_servers=stack.bootstrap_servers), topic_prefix, topic_prefix).admin()
    await admin.ensure_topics(1, 1)
    async with door.process(stack.bootstrap_servers), asyncio.timeout(WAIT_S):
        arrived = 0
        while arrived < 2:
            await asyncio.sleep(0.1)
            arrived = sum(one.messages for one in (await admin.backlog("nobody", [RECEIVED.name])).values())
        assert await door.post(3) == 202
    await admin.close()
