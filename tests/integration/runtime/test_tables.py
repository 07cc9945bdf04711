"""The runtime's own tables on a real Postgres: revisions, tokens, outbox, attempts, halts; and what is refused."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from shared.domain.errors import Refused, Transient
from shared.domain.outcome import Outgoing
from shared.runtime import outbox, poison
from shared.runtime.access import Access, Role, adopt_token, create_token, list_tokens, revoke_token
from shared.runtime.broker import Draft, TopicPartition
from shared.runtime.clock import ManualClock
from shared.runtime.database import Database
from shared.runtime.halt import halt, halted, resume
from shared.runtime.migrations import NewerDatabase, migrate
from shared.runtime.tables import newest_revision, revision_of
from shared.topology import EVENTS
from tests.unit.runtime.fixtures import event


@pytest.fixture
async def db(database: str) -> AsyncIterator[Database]:
    made = Database(database)
    yield made
    await made.close()


class Ledger:
    """A producer that writes down what it is given, and may be away."""

    def __init__(self) -> None:
        self.sent: list[Draft] = []
        self.away = False

    async def start(self) -> None: ...

    async def send(self, drafts: Sequence[Draft]) -> None:
        if self.away:
            raise Transient("away")
        await asyncio.sleep(0.05)
        self.sent += drafts

    async def stop(self) -> None: ...

    def ids(self) -> list[str]:
        return [dict(draft.headers)["ce_id"].decode() for draft in self.sent]


def happenings(*numbers: int) -> list[Outgoing]:
    return [Outgoing(EVENTS, f"contact-{number}", event(number)) for number in numbers]


async def test_migrations_run_twice_at_once_and_again(empty_database: str) -> None:
    assert await revision_of(empty_database) is None
    assert await asyncio.gather(*(migrate(empty_database) for _ in range(3))) == [newest_revision()] * 3
    assert await migrate(empty_database) == newest_revision()
    assert await revision_of(empty_database) == newest_revision()


async def test_tables_of_a_later_release_are_refused(empty_database: str) -> None:
    await migrate(empty_database)
    connection = await asyncpg.connect(empty_database)
    await connection.execute("UPDATE runtime.revision SET version_num = '9999'")
    await connection.close()
    with pytest.raises(NewerDatabase, match="9999, which this release does not know"):
        await migrate(empty_database)


async def test_without_a_server_migrating_is_transient() -> None:
    with pytest.raises(Transient):
        await migrate("postgresql://127.0.0.1:1/x")


async def test_a_token_is_stored_as_a_hash_and_lets_its_holder_in_until_revoked(db: Database) -> None:
    clock = ManualClock()
    access = Access(db, clock)
    token = await create_token(db, Role.SENDER, "web site", ["webform"])
    caller = await access.caller(token)
    assert caller is not None
    assert (caller.name, caller.role, caller.sources) == ("web site", Role.SENDER, frozenset({"webform"}))
    rows = await db.fetch("SELECT * FROM runtime.token")
    assert token not in str([dict(row) for row in rows])
    assert await revoke_token(db, caller.token_id)
    clock.advance(60)
    assert await access.caller(token) is None
    assert [one.revoked for one in await list_tokens(db)] == [True]
    assert not await revoke_token(db, "no such id")


async def test_a_token_adopted_twice_is_one_and_stays_revoked(db: Database) -> None:
    for _ in range(2):
        await adopt_token(db, Role.READER, "up", "kw_same")
    (token,) = await list_tokens(db)
    await revoke_token(db, token.token_id)
    await adopt_token(db, Role.READER, "up", "kw_same")
    assert await Access(db, ManualClock()).caller("kw_same") is None


async def test_what_lies_in_the_outbox_is_said_in_order_and_once(db: Database) -> None:
    async with db.transaction() as connection:
        await outbox.append(connection, "dedup", happenings(3, 1, 2))
        await outbox.append(connection, "dedup", happenings(1))
        await outbox.append(connection, "rules", happenings(1))
    assert await outbox.pending(db, "dedup") == 3
    producer = Ledger()
    assert await outbox.relay_some(db, producer, "dedup") == 3
    assert producer.ids() == ["event-3", "event-1", "event-2"]
    assert await outbox.pending(db, "dedup") == 0
    assert await outbox.pending(db, "rules") == 1


async def test_what_was_rolled_back_is_never_said(db: Database) -> None:
    async def rolled_back() -> None:
        async with db.transaction() as connection:
            await outbox.append(connection, "dedup", happenings(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await rolled_back()
    assert await outbox.relay_some(db, Ledger(), "dedup") == 0


async def test_two_relays_at_once_say_nothing_twice_and_keep_the_order(db: Database) -> None:
    async with db.transaction() as connection:
        await outbox.append(connection, "dedup", happenings(*range(1_200)))
    producer = Ledger()
    async with asyncio.timeout(30):
        while await outbox.pending(db, "dedup"):
            await asyncio.gather(*(outbox.relay_some(db, producer, "dedup") for _ in range(3)))
    assert producer.ids() == [f"event-{number}" for number in range(1_200)]


async def test_a_row_that_commits_late_is_skipped_by_nobody(db: Database, database: str) -> None:
    other = Database(database)
    producer = Ledger()
    async with other.transaction() as late:
        await outbox.append(late, "dedup", happenings(1))
        async with db.transaction() as connection:
            await outbox.append(connection, "dedup", happenings(2))
        await outbox.relay_some(db, producer, "dedup")
    await outbox.relay_some(db, producer, "dedup")
    assert producer.ids() == ["event-2", "event-1"]
    await other.close()


async def test_what_could_not_be_said_stays(db: Database) -> None:
    async with db.transaction() as connection:
        await outbox.append(connection, "dedup", happenings(1))
    producer = Ledger()
    producer.away = True
    with pytest.raises(Transient):
        await outbox.relay_some(db, producer, "dedup")
    assert await outbox.pending(db, "dedup") == 1
    producer.away = False
    assert await outbox.relay_some(db, producer, "dedup") == 1


async def test_attempts_outlive_their_process(db: Database) -> None:
    here, there = TopicPartition("contacts.received", 0), TopicPartition("contacts.received", 7)
    attempts = poison.StoredAttempts(db, "dedup")
    first = poison.begun(None, 5)
    await attempts.write({here: first, there: poison.begun_alone(first, 6)})
    await attempts.write({here: poison.begun(first, 5)})
    again = poison.StoredAttempts(db, "dedup")
    assert await again.read([here, there]) == {
        here: poison.Attempt(first_offset=5, attempts=2),
        there: poison.Attempt(first_offset=6, attempts=1, alone_offset=6, alone_attempts=1),
    }
    await again.forget([here])
    assert set(await again.read([here, there])) == {there}
    assert await poison.StoredAttempts(db, "rules").read([here, there]) == {}


async def test_a_halt_is_seen_by_all_and_ends_when_somebody_resumes(db: Database) -> None:
    assert await halted(db, "dedup") is None
    await halt(db, "dedup", "first")
    await halt(db, "dedup", "second")
    assert await halted(db, "dedup") == "first"
    assert await halted(db, "rules") is None
    assert await resume(db, "dedup")
    assert not await resume(db, "dedup")
    assert await halted(db, "dedup") is None


@pytest.mark.parametrize(
    ("query", "value"), [("$1::text", "a\0b"), ("$1::int", 2**40), ("$1::uuid", "no uuid"), ("$1::text", "\ud800")]
)
async def test_a_value_that_postgres_cannot_hold_is_refused_and_not_retried(
    db: Database, query: str, value: object
) -> None:
    with pytest.raises(Refused) as caught:
        await db.fetch(f"SELECT {query}", value)
    assert "uuid" not in str(caught.value)


async def test_a_connection_that_is_cut_is_transient_and_the_next_one_works(db: Database, database: str) -> None:
    admin = await asyncpg.connect(database)

    async def cut() -> None:
        async with db.transaction() as connection:
            pid = await connection.fetchval("SELECT pg_backend_pid()")
            await admin.execute("SELECT pg_terminate_backend($1)", pid)
            await connection.fetchval("SELECT 1")

    with pytest.raises(Transient):
        await cut()
    await admin.close()
    assert (await db.fetch("SELECT 1 AS one"))[0]["one"] == 1


async def test_two_who_wait_for_each_other_are_told_to_try_again(db: Database, database: str) -> None:
    other = Database(database)
    await db.execute("CREATE TABLE t (id int PRIMARY KEY)")
    await db.execute("INSERT INTO t VALUES (1), (2)")
    both = asyncio.Barrier(2)

    async def take(first: int, second: int, one: Database) -> None:
        async with one.transaction() as connection:
            await connection.execute("SELECT 1 FROM t WHERE id = $1 FOR UPDATE", first)
            await both.wait()
            await connection.execute("SELECT 1 FROM t WHERE id = $1 FOR UPDATE", second)

    results = await asyncio.gather(take(1, 2, db), take(2, 1, other), return_exceptions=True)
    assert [type(result) for result in results if result is not None] == [Transient]
    await other.close()
