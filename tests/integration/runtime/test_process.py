"""A process of a service on a real Kafka and a real Postgres: it starts, works, waits, halts, fails and ends.

The service under test passes messages on; it bears the name of one of ours, since a process looks up its place on the
path.
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from fastapi import APIRouter, Response
from pydantic import SecretStr

from shared.domain.errors import Transient
from shared.domain.outcome import DeadLetter, Forward, LetterReason, Outcome, Outgoing
from shared.runtime.access import Role, adopt_token, require
from shared.runtime.broker import TopicPartition
from shared.runtime.broker.kafka import KafkaBroker
from shared.runtime.database import Database
from shared.runtime.dead_letter import CONSECUTIVE_MAX
from shared.runtime.halt import halted, resume
from shared.runtime.http import json_response
from shared.runtime.server import bound
from shared.runtime.service import Chore, Service, World, run
from shared.runtime.settings import DatabaseSettings, KafkaSettings, Settings
from shared.runtime.stage import Taken
from shared.topology import RESOLVED, VALIDATED
from tests.contract.test_broker import forget_topics
from tests.support.stack import Stack
from tests.unit.runtime.fixtures import Passing, draft

SERVICE = "validate"

router = APIRouter()


@router.get("/v1/quality", dependencies=[require(Role.READER)])
async def quality() -> Response:
    return json_response("good")


def passed(one: Taken) -> Outcome:
    return Forward((Outgoing(VALIDATED, one.event.subject, one.event),))


@dataclass
class House:
    """Where a process of the test lives."""

    broker: KafkaBroker
    settings: Settings
    kafka: KafkaSettings
    database_url: str
    ran: list[str] = field(default_factory=list[str])
    stage: Passing = field(default_factory=lambda: Passing(decide=passed))

    async def build(self, world: World) -> Service:
        async def chore() -> None:
            self.ran.append("chore")
            if len(self.ran) == 1:
                raise Transient("away for once")

        async def note(word: str) -> None:
            self.ran.append(word)

        async def pending() -> dict[str, int]:
            return {"outbox": 3}

        assert world.settings is self.settings
        return Service(
            name=SERVICE,
            stage=self.stage,
            routers=[router],
            chores=[Chore("tidy", 0.05, chore)],
            pending=pending,
            close=[lambda: note("closed")],
        )

    async def run(self) -> int:
        database = DatabaseSettings(url=SecretStr(self.database_url))
        return await run(SERVICE, self.build, self.settings, self.kafka, database)

    async def backlog(self) -> int:
        return sum(one.messages for one in (await self.broker.admin().backlog(SERVICE, [RESOLVED.name])).values())

    async def send(self, count: int) -> None:
        producer = self.broker.producer()
        await producer.start()
        await producer.send([draft(number, RESOLVED) for number in range(count)])
        await producer.stop()

    async def get(self, path: str, token: str | None = None, port: int | None = None) -> tuple[int, str]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port or self.settings.port}{path}", headers=headers) as answer,
        ):
            return answer.status, await answer.text()

    async def ready(self) -> bool:
        try:
            return (await self.get("/readyz"))[0] == 200
        except aiohttp.ClientError:
            return False


@pytest.fixture
async def house(stack: Stack, database: str, topic_prefix: str) -> AsyncIterator[House]:
    listening = bound("127.0.0.1", 0)
    port = listening.getsockname()[1]
    listening.close()
    settings = Settings(
        topic_prefix=topic_prefix, group_prefix=topic_prefix, partitions=1, port=port, config_dir=Path("deploy/config")
    )
    kafka = KafkaSettings(bootstrap_servers=stack.bootstrap_servers)
    broker = KafkaBroker(kafka, topic_prefix, topic_prefix)
    admin = broker.admin()
    await admin.ensure_topics(1, 1)
    yield House(broker, settings, kafka, database)
    await admin.close()
    await forget_topics(stack.bootstrap_servers, topic_prefix)


async def until(what: Callable[[], Awaitable[bool]], seconds: float = 90) -> None:
    async with asyncio.timeout(seconds):
        while not await what():  # noqa: ASYNC110 (what is waited for happens elsewhere)
            await asyncio.sleep(0.05)


async def asked_to_end(running: asyncio.Task[int]) -> int:
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(90):
        return await running


async def test_it_works_and_drains(house: House) -> None:
    running = asyncio.create_task(house.run())
    await until(house.ready)
    await house.send(25)

    async def done() -> bool:
        return await house.backlog() == 0

    await until(done)
    assert (await house.get("/livez"))[0] == 200
    assert '"outbox":3' in (await house.get("/internal/status"))[1]
    assert 'outcome="forwarded",reason="",stage="validate"} 25.0' in (await house.get("/metrics"))[1]
    assert (await house.get("/v1/quality"))[0] == 401
    reader = Database(house.database_url)
    await adopt_token(reader, Role.READER, "test", "kw_test")
    await reader.close()

    async def let_in() -> bool:
        return await house.get("/v1/quality", "kw_test") == (200, '"good"')

    await until(let_in)
    assert house.ran.count("chore") > 1
    assert await asked_to_end(running) == 0
    assert house.ran[-1] == "closed"
    message = await house.broker.admin().read(TopicPartition(VALIDATED.name, 0), 24)
    assert message is not None


async def test_without_postgres_it_lives_and_says_what_it_waits_for(house: House) -> None:
    house.database_url = "postgresql://127.0.0.1:1/none"
    running = asyncio.create_task(house.run())

    async def says_so() -> bool:
        try:
            status, body = await house.get("/readyz")
        except aiohttp.ClientError:
            return False
        return status == 503 and "postgres" in body

    await until(says_so)
    assert (await house.get("/livez"))[0] == 200
    status, body = await house.get("/v1/quality")
    assert (status, "is starting" in body) == (503, True)
    assert await asked_to_end(running) == 0


async def test_before_the_tables_are_made_it_waits_for_them(house: House, stack: Stack) -> None:
    house.database_url = stack.database_url
    running = asyncio.create_task(house.run())

    async def says_so() -> bool:
        try:
            return "run migrate" in (await house.get("/readyz"))[1]
        except aiohttp.ClientError:
            return False

    await until(says_so)
    assert await asked_to_end(running) == 0


async def test_a_stage_that_sets_everything_aside_halts_until_somebody_resumes_it(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    house.stage.decide = lambda _: DeadLetter(LetterReason.INVALID, "x")
    house.stage.messages_max = 500
    await house.send(CONSECUTIVE_MAX + 50)
    running = asyncio.create_task(house.run())
    database = Database(house.database_url)

    async def stands_still() -> bool:
        return await halted(database, SERVICE) is not None

    await until(stands_still)

    async def says_so() -> bool:
        status, body = await house.get("/readyz")
        return status == 503 and "in a row" in body

    await until(says_so)
    assert (await house.get("/livez"))[0] == 200
    assert "in a row" in json.loads((await house.get("/internal/status"))[1])["last_error"], "what `status` shows"
    assert "halted" in capfd.readouterr().err
    house.stage.decide = passed
    assert await resume(database, SERVICE)
    await until(house.ready)

    async def done() -> bool:
        return await house.backlog() == 0

    await until(done)
    assert await asked_to_end(running) == 0
    await database.close()


async def test_what_is_ours_ends_the_process_and_shows_no_value(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    async def fails(_: object) -> None:
        raise ValueError("jane.doe@example.org")

    house.stage.before = fails
    await house.send(1)
    assert await asyncio.wait_for(house.run(), 90) == 1
    assert await house.backlog() == 1
    shown = capfd.readouterr().err
    assert "ValueError" in shown
    assert "test_process.py" in shown
    assert "jane" not in shown


async def test_a_broken_configuration_or_a_taken_port_is_one_clear_line(
    house: House, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    house.settings = house.settings.model_copy(update={"config_dir": tmp_path})
    assert await house.run() == 1
    assert "sources.yaml: missing or empty" in capfd.readouterr().err
    taken = bound("127.0.0.1", 0)
    house.settings = house.settings.model_copy(
        update={"config_dir": Path("deploy/config"), "port": taken.getsockname()[1]}
    )
    assert await house.run() == 1
    assert "already in use" in capfd.readouterr().err
    taken.close()


async def test_an_inherited_socket_answers_the_world_without_what_is_internal(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = bound("127.0.0.1", 0)
    port = door.getsockname()[1]
    monkeypatch.setenv("KONTAKTWERK_VALIDATE_FD", str(os.dup(door.fileno())))
    running = asyncio.create_task(house.run())
    await until(house.ready)
    assert (await house.get("/v1/quality", port=port))[0] == 401
    assert (await house.get("/internal/status", port=port))[0] == 404
    assert (await house.get("/metrics", port=port))[0] == 200
    assert await asked_to_end(running) == 0
    door.close()
