"""What README shows is what works: the program that follows contacts.clean, as it stands there, on a real Kafka."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.rules.core.happenings import Tombstone, cleaned, tombstone
from shared.runtime import codec
from shared.runtime.broker.kafka import KafkaBroker
from shared.runtime.settings import KafkaSettings
from shared.topology import CLEAN
from tests.support.stack import Stack
from tests.tutorial.house import NOON, contact_of, event_of, record_of
from tests.unit.shared.test_docs import follower

PATIENCE_S = 60.0
"""A Python that starts while others test."""


@pytest.fixture
async def prefix(stack: Stack, topic_prefix: str) -> AsyncIterator[str]:
    """Begins the name of a contacts.clean of this test's own."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(name=topic_prefix + CLEAN.name, num_partitions=1, replication_factor=1)])
    yield topic_prefix
    await admin.delete_topics([topic_prefix + CLEAN.name])
    await admin.close()


async def test_the_program_that_follows_says_who_is_there_and_who_is_gone(
    stack: Stack, prefix: str, tmp_path: Path
) -> None:
    anna = contact_of(record_of(event_of({"source": "crm", "given_name": "Anna", "family_name": "Groß"})))
    gone = tombstone(Tombstone(anna.contact_id, version=2, reason="deleted", at=NOON))
    producer = KafkaBroker(KafkaSettings(bootstrap_servers=stack.bootstrap_servers), prefix).producer()
    await producer.start()
    await producer.send([codec.draft(cleaned(anna)), codec.draft(gone)])
    await producer.stop()

    data = tmp_path / ".local" / "data"
    data.mkdir(parents=True)
    (data / "endpoints.json").write_text(json.dumps({"kafka": stack.bootstrap_servers}), "utf-8")
    program = follower().replace(f'"{CLEAN.name}"', f'"{prefix}{CLEAN.name}"')
    told = await first_lines(program, tmp_path, 2)
    assert told == [f"{anna.contact_id} Anna Groß", f"{anna.contact_id} is gone"]


async def first_lines(program: str, folder: Path, count: int) -> list[str]:
    """The first lines that a program says, which would never end by itself."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-X", "utf8", "-c", program, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            return [(await process.stdout.readline()).decode().strip() for _ in range(count)]
    finally:
        process.kill()
        await process.wait()
