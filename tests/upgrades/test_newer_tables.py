"""Goal: what a later release has made is refused before anything is changed; what works already goes on beside it.

Method: tables at a revision nobody knows, with a column more everywhere; `up` started on them, and processes that were
at work when they came.
"""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient

from tests.bench.people import people
from tests.support.stack import Stack
from tests.support.system import STOP_S, launched, running
from tests.upgrades import kept

LATER = "9999"
PEOPLE = 40


def of(stack: Stack, database: str, prefix: str) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "DATABASE_URL": database,
        "KONTAKTWERK_TOPIC_PREFIX": prefix,
        "KONTAKTWERK_GROUP_PREFIX": prefix,
        "KONTAKTWERK_PARTITIONS": str(kept.PARTITIONS),
    }


async def topics_of(stack: Stack, prefix: str) -> list[str]:
    client = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await client.start()
    try:
        return [name for name in await client.list_topics() if name.startswith(prefix)]
    finally:
        await client.close()


async def forget(stack: Stack, prefix: str) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await client.start()
    try:
        await client.delete_topics(await topics_of(stack, prefix))
    finally:
        await client.close()


async def become_newer(database: str) -> None:
    """What a later release's migrations may do: columns and tables more, and a revision that this one does not know."""
    connection = await asyncpg.connect(database)
    try:
        tables = await connection.fetch(
            """SELECT schemaname || '.' || tablename AS name FROM pg_tables
               WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> 'revision'"""
        )
        for table in tables:
            await connection.execute(f"ALTER TABLE {table['name']} ADD COLUMN of_a_later_release text DEFAULT 'later'")
        await connection.execute("CREATE TABLE runtime.of_a_later_release (id int)")
        await connection.execute("UPDATE runtime.revision SET version_num = $1", LATER)
    finally:
        await connection.close()


async def test_up_refuses_newer_tables_before_it_makes_a_topic(
    stack: Stack, database: str, topic_prefix: str, system_folder: Path
) -> None:
    await become_newer(database)
    process = launched(system_folder, None, of(stack, database, topic_prefix))
    assert await asyncio.to_thread(process.wait, STOP_S) == 1
    said = (system_folder / "up.log").read_text()
    assert f"the tables have revision {LATER}, which this release does not know" in said
    assert "Traceback" not in said
    assert await topics_of(stack, topic_prefix) == []


async def test_processes_at_work_go_on_when_the_tables_become_newer(
    stack: Stack, database: str, topic_prefix: str, system_folder: Path
) -> None:
    persons: list[dict[str, Any]] = [{**one, "source": "crm"} for one in people(2 * PEOPLE, duplicates=0.3, seed=3)]
    try:
        async with running(system_folder, settings=of(stack, database, topic_prefix)) as system:
            await system.post_until_accepted(persons[:PEOPLE])
            await system.settled(PEOPLE)
            before = system.endpoints()["pids"]
            await become_newer(database)
            await system.post_until_accepted(persons[PEOPLE:])
            books = await system.settled(2 * PEOPLE)
            assert books["in_contacts"] == 2 * PEOPLE
            assert system.endpoints()["pids"] == before, "somebody died of it"
    finally:
        await forget(stack, topic_prefix)
