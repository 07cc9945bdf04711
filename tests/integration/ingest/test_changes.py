"""A topic of Debezium: what is durable is committed, what is read twice says the same, bad messages hold no others."""

from typing import Any

import msgspec
import pytest

from services.ingest.stage import Door
from services.ingest.topics.changes import Changes
from shared.domain.configuration import Source
from shared.domain.errors import Transient
from shared.domain.events import RecordDeleted, RecordReceived
from shared.runtime import codec
from shared.runtime.broker import Draft
from shared.runtime.dead_letter import PREFIX
from shared.runtime.http import unavailable
from tests.integration.ingest.house import House

TOPIC = "shop.public.customer"
SOURCE = Source(connector="debezium", topic=TOPIC, key="id", map={"family_name": "surname"})
AT_MS = 1_795_348_800_000


@pytest.fixture(name="table")
def table_fixture(house: House) -> House:
    """A house that reads a topic of one partition."""
    sources = {"shop": SOURCE, "webform": Source()}
    house.world.configuration = msgspec.structs.replace(house.world.configuration, sources=sources)
    house.broker.create(TOPIC, 1)
    return house


def changes(house: House) -> Changes:
    """One process that reads."""
    door: Any = next(one for one in house.service.chores if one.name == "changes of tables")
    return Changes(house.world, door.run.__self__._door)


def written(house: House, *said: Any, ts_ms: int = AT_MS) -> None:
    """Debezium writes; None is a tombstone, bytes are written as they are."""
    for one in said:
        event = (
            one if one is None or isinstance(one, bytes) else msgspec.json.encode({"source": {"ts_ms": ts_ms}, **one})
        )
        house.broker.append(Draft(topic=TOPIC, key=b'{"id":7}', value=event))


def row(family_name: str) -> dict[str, Any]:
    """The row as it is."""
    return {"id": 7, "surname": family_name, "email": "adler@example.de"}


async def said(house: House) -> list[Any]:
    """What was received, in the order of the log."""
    events = [codec.decode(message).data for message in house.broker.messages("contacts.received")]
    return [
        "deleted" if isinstance(one, RecordDeleted) else one.fields["family_name"]
        for one in events
        if isinstance(one, RecordDeleted | RecordReceived)
    ]


async def test_every_change_arrives_once_in_its_order(table: House) -> None:
    written(table, {"op": "r", "after": row("Adler")}, {"op": "u", "after": row("Bär")})
    written(table, {"op": "d", "before": {"id": 7}}, None, {"op": "c", "after": row("Cordes")})
    reader = changes(table)
    await reader.run()
    assert await said(table) == ["Adler", "Bär", "deleted", "Cordes"]
    observed = [
        one.data.observed_at for one in table.received() if isinstance(one.data, RecordReceived | RecordDeleted)
    ]
    assert observed == sorted(set(observed)), "in one second, and yet in order"
    await reader.run()
    assert len(await said(table)) == 4


async def test_what_is_read_twice_says_the_same(table: House) -> None:
    written(table, {"op": "c", "after": row("Adler")}, {"op": "d", "before": {"id": 7}})
    written(table, {"op": "c", "after": row("Bär")}, b"no json")
    messages = table.broker.messages(TOPIC)
    await changes(table).take(messages)
    await changes(table).take(messages)
    assert await said(table) == ["Adler", "deleted", "Bär"], "above all: not deleted by what it had outlived"
    assert len(table.letters()) == 1


async def test_with_postgres_away_what_is_read_twice_has_the_same_ids(
    table: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> None:
        raise Transient("away")

    written(
        table, {"op": "c", "after": row("Adler")}, {"op": "d", "before": {"id": 7}}, {"op": "c", "after": row("Bär")}
    )
    messages = table.broker.messages(TOPIC)
    for method in ("known", "remember"):
        monkeypatch.setattr(f"services.ingest.store.Store.{method}", away)
    await changes(table).take(messages)
    await changes(table).take(messages)
    ids = [one.id for one in table.received()]
    assert (len(ids), len(set(ids))) == (6, 3)


async def test_what_nobody_takes_comes_again(table: House, monkeypatch: pytest.MonkeyPatch) -> None:
    written(table, {"op": "c", "after": row("Adler")})
    reader = changes(table)

    async def full(*_: Any) -> None:
        raise unavailable("Neither Kafka nor the spool takes it.")

    with monkeypatch.context() as broken:
        broken.setattr(Door, "accept", full)
        with pytest.raises(Transient):
            await reader.run()
    await reader.run()
    assert await said(table) == ["Adler"]


async def test_one_that_nobody_can_read_is_set_aside_and_holds_no_other(table: House) -> None:
    written(table, {"op": "c", "after": row("Adler")}, {"op": "t"}, b"\xff\xfe", {"op": "u", "after": row("Bär")})
    await changes(table).run()
    assert await said(table) == ["Adler", "Bär"]
    letters = {dict(one.headers)[f"{PREFIX}reason"]: one.value for one in table.letters()}
    assert set(letters) == {b"invalid", b"not-utf8"}
    assert letters[b"not-utf8"] == b"\xff\xfe"


async def test_a_source_that_is_taken_out_and_put_back_goes_on_where_it_was(table: House) -> None:
    configuration = table.world.configuration
    reader = changes(table)
    written(table, {"op": "c", "after": row("Adler")})
    await reader.run()
    table.world.configuration = msgspec.structs.replace(configuration, sources={"webform": Source()})
    written(table, {"op": "u", "after": row("Bär")})
    await reader.run()
    assert await said(table) == ["Adler"]
    table.world.configuration = configuration
    await reader.run()
    assert await said(table) == ["Adler", "Bär"]
    await reader.close()


async def test_two_processes_read_every_change_once(table: House) -> None:
    first, second = changes(table), changes(table)
    for number in range(8):
        written(table, {"op": "u", "after": row(f"Name {number}")})
        await (first if number % 2 else second).run()
    await first.close()
    await second.run()
    assert await said(table) == [f"Name {number}" for number in range(8)]


async def test_nobody_posts_a_change(table: House) -> None:
    answer = await table.post("/hooks/shop", {"op": "c", "after": row("Adler")})
    assert answer.status_code == 401
