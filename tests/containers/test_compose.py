"""Goal: what runs in containers is the same system: the same counts, nothing lost by a kill, stages that scale.

Method: `docker compose up --build --wait --scale dedup=2` once, records over its one address, everything compared with
what was sent and with what `up` makes of the same records. The tests share the system and go on where the last ended.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

from shared.commands import present
from shared.commands.running import Running
from tests.bench.people import people
from tests.support.containers import BACK_S, Compose, composed, spoken_to, until
from tests.support.system import System, running

RECORDS: Final = 400
"""Enough for every partition and for people who come twice, few enough for a second of work."""

ARRAY: Final = 50

APART_MAX: Final = 3
"""On entry the order of arrival may tell for one pair in a thousand: one contact here is two there."""


@pytest.fixture(scope="module")
def compose() -> Iterator[Compose]:
    with composed("--scale", "dedup=2") as compose:
        yield compose


@pytest.fixture
async def system(compose: Compose, tmp_path: Path) -> AsyncIterator[System]:
    async with spoken_to(compose, tmp_path) as system:
        yield system


def population(seed: int) -> list[dict[str, Any]]:
    """People of whom every fifth comes a second time in other words, each from one source."""
    return [{**person, "source": "crm"} for person in people(RECORDS, duplicates=0.2, seed=seed)]


async def sent(system: System, records: Sequence[Mapping[str, Any]]) -> None:
    for start in range(0, len(records), ARRAY):
        await system.post_until_accepted(records[start : start + ARRAY])


async def booked(system: System) -> int:
    """What was accepted so far."""
    _, status = await system.call("GET", "/v1/status", "reader")
    accepted: int = status["books"]["accepted"]
    return accepted


def nothing_lost(books: Mapping[str, Any]) -> bool:
    """Every delivery is in a contact. How many there were depends on how often the sender had to try again."""
    return bool(books["in_contacts"] == books["accepted"] >= RECORDS)


def groups(contacts: Mapping[str, Mapping[str, Any]]) -> set[frozenset[str]]:
    """Who is one person with whom, whatever their contact is called."""
    return {frozenset(one["source_record_id"] for one in contact["records"]) for contact in contacts.values()}


def records_of(contacts: Mapping[str, Mapping[str, Any]]) -> int:
    """How many records all contacts have, each counted once."""
    return sum(len(contact["records"]) for contact in contacts.values())


async def test_what_is_sent_to_the_one_address_ends_as_with_up(system: System, system_folder: Path) -> None:
    records = population(seed=4)
    await sent(system, records)
    books = await system.settled(RECORDS)
    contacts = await present.contacts(Running(system.data))
    async with running(system_folder) as ours:
        await sent(ours, records)
        expected = await ours.settled(RECORDS)
        known = await present.contacts(Running(ours.data))
    assert nothing_lost(books)
    assert nothing_lost(expected)
    assert len(groups(contacts) ^ groups(known)) <= APART_MAX
    assert records_of(contacts) == records_of(known) == RECORDS
    assert len(contacts) < RECORDS, "people who come twice are one contact"


@pytest.mark.parametrize("service", ["dedup", "ingest"])
async def test_a_killed_service_comes_back_by_itself_and_nothing_is_lost(
    service: str, compose: Compose, system: System
) -> None:
    accepted = await booked(system)
    before = records_of(await present.contacts(Running(system.data)))
    records = [{**one, "source_record_id": f"{service}-{one['source_record_id']}"} for one in population(seed=5)]
    restarts = sum(one["RestartCount"] for one in compose.containers(service))
    await sent(system, records[: RECORDS // 2])
    compose.kill(service)
    await sent(system, records[RECORDS // 2 :])
    until(
        f"{service} started again", lambda: sum(one["RestartCount"] for one in compose.containers(service)) > restarts
    )
    until(f"{service} is healthy", lambda: all(map(healthy, compose.containers(service))))
    books = await system.settled(accepted + RECORDS)
    contacts = await present.contacts(Running(system.data))
    assert nothing_lost(books)
    assert records_of(contacts) == before + RECORDS


async def test_a_scaled_stage_shares_its_partitions_out(compose: Compose, system: System) -> None:
    compose.up("--no-recreate", "--scale", "dedup=3")
    shares = await shared_out(system, "kontaktwerk.dedup", members=3)
    assert sorted(shares) == [4, 4, 4]
    accepted = await booked(system)
    await sent(system, [{**one, "source_record_id": f"third-{n}"} for n, one in enumerate(population(seed=6))])
    assert nothing_lost(await system.settled(accepted + RECORDS))


def test_nobody_is_root_and_nothing_can_be_written_but_the_temporary_folder(compose: Compose) -> None:
    tries = "id -u; touch /app/x || echo refused; touch /tmp/x && echo written"
    said = compose.run("exec", "-T", "rules", "sh", "-c", tries).split()
    assert said == ["10001", "refused", "written"]


def healthy(container: Mapping[str, Any]) -> bool:
    return bool(container["State"]["Health"]["Status"] == "healthy")


async def shared_out(system: System, group: str, members: int) -> list[int]:
    """How many partitions each member of a group reads, once there are so many members."""
    client = AIOKafkaAdminClient(bootstrap_servers=system.endpoints()["kafka"])
    await client.start()
    try:
        return await _stable(client, group, members)
    finally:
        await client.close()


async def _stable(client: AIOKafkaAdminClient, group: str, members: int) -> list[int]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + BACK_S
    while True:
        state, shares = _described(await client.describe_consumer_groups([group]))
        if state == "Stable" and len(shares) == members:
            return shares
        assert loop.time() < deadline, f"{group} is {state} with {len(shares)} members"
        await asyncio.sleep(0.5)


def _described(answers: Sequence[Any]) -> tuple[str, list[int]]:
    """State of the only group asked for, and the partitions of each of its members."""
    _, _, state, _, _, members, *_ = answers[0].groups[0]
    shares = [ConsumerProtocolMemberAssignment.decode(_assigned(member)) for member in members]
    return state, [len(share.partitions()) for share in shares]


def _assigned(member: Sequence[Any]) -> bytes:
    """The assignment is the last of a member's byte strings, whatever version of the answer this is."""
    return next(one for one in reversed(member) if isinstance(one, bytes))
