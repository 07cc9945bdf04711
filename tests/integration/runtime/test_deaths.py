"""A message that ends its process on the spot, as a fault in C would, on a real Kafka and a real Postgres.

The process is started again each time, as the supervisor does. The message is set aside; what lay beside it in its
partition goes on, and is said.
"""

import asyncio
import os
import sys
from pathlib import Path

from shared.runtime.broker import Message, TopicPartition
from shared.topology import DEAD_LETTERS, RESOLVED, VALIDATED
from tests.integration.runtime.test_process import House, house, until

__all__ = ["house"]

ROOT = Path(__file__).parents[3]
COUNT = 30


async def read(house: House, topic: str) -> list[Message]:
    """What lies in the one partition of a topic."""
    admin, found = house.broker.admin(), list[Message]()
    while (message := await admin.read(TopicPartition(topic, 0), len(found))) is not None:
        found.append(message)
    await admin.close()
    return found


async def test_what_kills_its_process_is_set_aside_and_everything_beside_it_arrives(house: House) -> None:
    await house.send(COUNT)
    environment = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": house.kafka.bootstrap_servers,
        "DATABASE_URL": house.database_url,
        "KONTAKTWERK_TOPIC_PREFIX": house.settings.topic_prefix,
        "KONTAKTWERK_GROUP_PREFIX": house.settings.group_prefix,
        "KONTAKTWERK_PORT": str(house.settings.port),
        "KONTAKTWERK_INSTANCE": "validate-0",
        "KONTAKTWERK_CONFIG_DIR": "deploy/config",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.dying",
        "contact-13",
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )

    async def done() -> bool:
        return await house.backlog() == 0

    await until(done, 180)
    process.terminate()
    told, _ = await process.communicate()
    assert process.returncode == 0
    (letter,) = await read(house, DEAD_LETTERS["validate"].name)
    assert dict(letter.headers)["dead-letter-reason"] == b"poison"
    assert letter.key == b"contact-13"
    said = {message.key for message in await read(house, VALIDATED.name)}
    assert said == {f"contact-{number}".encode() for number in range(COUNT) if number != 13}
    assert 2 <= int(told.split()[-1]) <= 5
    assert (await read(house, RESOLVED.name))[13].value == letter.value
