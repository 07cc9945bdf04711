"""The verbs of whoever operates, on a real Kafka and a real Postgres: `doctor`, `topics`, `tokens`."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from shared.commands import dead_letters, doctor, tokens, topics
from shared.commands.examining import State
from shared.commands.reaching import Reach
from shared.commands.running import Failed, Running
from shared.runtime.access import Access, Role
from shared.runtime.addresses import Private
from shared.runtime.clock import ManualClock
from shared.runtime.database import Database
from shared.runtime.halt import halt, halted
from shared.topology import TOPICS
from tests.support.stack import Stack

REACH = Reach(Private.REFUSE, Private.LOOPBACK, Private.LOOPBACK)


@pytest.fixture
async def prefix(stack: Stack, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Topics of this test alone, few partitions, forgotten afterwards."""
    monkeypatch.setenv("KONTAKTWERK_TOPIC_PREFIX", topic_prefix)
    monkeypatch.setenv("KONTAKTWERK_PARTITIONS", "2")
    monkeypatch.delenv("KONTAKTWERK_CONFIG_DIR", raising=False)
    yield topic_prefix
    client = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await client.start()
    there = set(await client.list_topics())
    await client.delete_topics([name for topic in TOPICS if (name := topic_prefix + topic.name) in there])
    await client.close()


def running(stack: Stack, database: str) -> Running:
    return Running(None, {"KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers, "DATABASE_URL": database})


async def states(found: Running) -> Mapping[str, State]:
    """The worst state of each thing."""
    order = list(State)
    checks = sorted(await doctor.run(found, REACH), key=lambda check: order.index(check.state))
    return {check.name: check.state for check in checks}


async def test_doctor_names_what_is_missing_and_is_content_once_it_is_made(
    stack: Stack, empty_database: str, database: str, prefix: str
) -> None:
    before = await states(running(stack, empty_database))
    assert (before["topics"], before["tables"]) == (State.MEND, State.MEND)
    assert (before["kafka"], before["postgres"], before["configuration"]) == (State.GOOD,) * 3
    found = running(stack, database)
    await topics.run(found)
    await tokens.create(found, Role.SENDER, "web site", None)
    checks = await doctor.run(found, REACH)
    assert [check for check in checks if check.state is State.MEND] == []
    document = json.loads(json.dumps(doctor.document(checks)))
    assert document["mend"] == 0
    assert {one["name"] for one in document["items"]} >= {"kafka", "topics", "postgres", "tables", "clock", "secrets"}


async def test_doctor_says_which_engine_is_away(prefix: str) -> None:
    nobody = Running(None, {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "DATABASE_URL": "postgresql://127.0.0.1:1/none"})
    away = await states(nobody)
    assert (away["kafka"], away["postgres"]) == (State.MEND, State.MEND)


async def test_doctor_finds_topics_with_other_partitions(
    stack: Stack, database: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await topics.run(running(stack, database))
    monkeypatch.setenv("KONTAKTWERK_PARTITIONS", "3")
    assert (await states(running(stack, database)))["topics"] is State.MEND
    with pytest.raises(Failed, match="2 partitions"):
        await topics.run(running(stack, database))


async def test_a_rotated_token_may_the_same_and_both_let_in_for_a_while(stack: Stack, database: str) -> None:
    """Harm: a sender that has not changed its token yet would be refused from the moment of rotation."""
    found, db = running(stack, database), Database(database)
    old = (await tokens.create(found, Role.SENDER, "web site", ["webform"]))["token"]
    (first,) = await tokens.listed(found)
    new = await tokens.rotated(found, first["token_id"], timedelta(hours=1))
    fresh = Access(db, ManualClock(datetime(2026, 11, 22, tzinfo=UTC)))
    assert await fresh.caller(old) is not None
    assert await fresh.caller(new) is not None
    assert [(one["revoked"], one["until"] is not None) for one in await tokens.listed(found)] == [
        (False, False),
        (False, True),
    ]
    await tokens.revoked(found, first["token_id"])
    after = Access(db, ManualClock(datetime(2026, 11, 22, tzinfo=UTC)))
    assert await after.caller(old) is None
    assert await after.caller(new) is not None
    await db.close()


async def test_a_token_rotated_at_once_lets_in_nobody_more(stack: Stack, database: str) -> None:
    found, db = running(stack, database), Database(database)
    access = Access(db, ManualClock(datetime(2026, 11, 22, tzinfo=UTC)))
    old = (await tokens.create(found, Role.SENDER, "web site", ["webform"]))["token"]
    caller = await access.caller(old)
    assert caller is not None
    new = await tokens.rotated(found, caller.token_id, timedelta(0))
    fresh = Access(db, ManualClock(datetime(2026, 11, 22, tzinfo=UTC)))
    assert await fresh.caller(old) is None
    after = await fresh.caller(new)
    assert after is not None
    assert (after.name, after.role, after.sources) == (caller.name, caller.role, caller.sources)
    with pytest.raises(Failed, match="no valid token"):
        await tokens.rotated(found, caller.token_id, timedelta(0))
    assert [one["revoked"] for one in await tokens.listed(found)] == [False, True]
    await db.close()


async def test_a_revoked_token_is_revoked_once_and_an_unknown_one_told(stack: Stack, database: str) -> None:
    found = running(stack, database)
    await tokens.create(found, Role.READER, "report", None)
    (token,) = await tokens.listed(found)
    await tokens.revoked(found, token["token_id"])
    await tokens.revoked(found, token["token_id"])
    assert [one["revoked"] for one in await tokens.listed(found)] == [True]
    with pytest.raises(Failed, match="no token"):
        await tokens.revoked(found, "0b8f1a52-6c0e-4f0e-9d4b-5f6a7c1e2d3b")


async def test_a_halted_stage_is_let_go_on_once(stack: Stack, database: str) -> None:
    found, db = running(stack, database), Database(database)
    await halt(db, "dedup", "too many dead letters")
    await dead_letters.resumed(found, "dedup")
    assert await halted(db, "dedup") is None
    with pytest.raises(Failed, match="does not stand still"):
        await dead_letters.resumed(found, "dedup")
    await db.close()
