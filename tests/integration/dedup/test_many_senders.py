"""Goal: sixty-four senders speak at once about few persons, to three processes of dedup: nobody is twice, nobody lost.

Method: every sender has a record of every person, says it, changes it, and some say it twice; what they say is spread
over three workers by record, as partitions are, in whatever order it comes. All is compared with a recomputation.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest

from services.dedup import store
from shared.domain.errors import Transient
from shared.domain.events import Event
from tests.integration.dedup.test_the_same_moment import deadlocks, pausing, person, wrongs
from tests.integration.dedup.town import Town, says

SENDERS, PERSONS, PROCESSES, BATCH = 64, 6, 3, 24
"""Six persons with 64 records each would be more than a key may be shared by: every sender knows half of them."""

TRIES_MAX = 50
"""The loop of a stage tries again for as long as it lasts; a test that would need more has found a standstill."""


def words(sender: int, dice: random.Random) -> list[Event]:
    """What one sender says: some persons, each with a later change, some of it delivered twice."""
    events: list[Event] = []
    for number in dice.sample(range(PERSONS), PERSONS // 2):
        name = f"sender {sender} person {number}"
        first = says(name, at=1, source="webform", **person(number))
        second = says(name, at=2, source="webform", city=f"Stadt {sender}")
        events += [first, second] if dice.random() < 0.7 else [first, second, first]
    return events


def partitions(seed: int) -> list[list[Event]]:
    """The words of all senders as they interleave, by partition: a record's words keep the order of their sender."""
    dice = random.Random(seed)
    open_ = [words(sender, dice) for sender in range(SENDERS)]
    found: list[list[Event]] = [[] for _ in range(PROCESSES)]
    while open_:
        sender = dice.choice(open_)
        event = sender.pop(0)
        data: Any = event.data
        found[int(data.record_id[-8:], 16) % PROCESSES].append(event)
        open_ = [one for one in open_ if one]
    return found


async def process(town: Town, events: Sequence[Event]) -> int:
    """One process of dedup at its partition; how often a batch was tried again."""
    again = 0
    for at in range(0, len(events), BATCH):
        for _ in range(TRIES_MAX):
            try:
                await town.tell(*events[at : at + BATCH])
                break
            except Transient:
                again += 1
        else:
            raise AssertionError("a batch never comes through")
    return again


async def test_sixty_four_senders_and_three_processes_leave_no_twins_no_deadlocks_and_lose_nothing(
    towns: list[Town], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "candidates", pausing(store.candidates, random.Random(1), 0.02))
    said = partitions(seed=1)
    await asyncio.gather(*(process(town, events) for town, events in zip(towns, said, strict=False)))
    town = towns[0]
    expected: dict[str, set[str]] = {}
    for event in (event for part in said for event in part):
        data: Any = event.data
        expected.setdefault(data.source_record_id.partition(" person ")[2], set()).add(data.record_id)
    assert await town.groups() == {frozenset(records) for records in expected.values()}
    assert await wrongs(town, shared_max=town.settings.key_records_max) == {}
    rows = await town.database.fetch("select event_id::text from dedup.decision")
    assert {row[0] for row in rows} == {event.id for part in said for event in part}
    assert await deadlocks(town) == 0


async def test_without_the_locks_the_same_senders_make_twins(
    towns: list[Town], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: locks by key are taken out."""

    async def no_lock(*_: Any) -> None:
        return None

    monkeypatch.setattr(store, "lock", no_lock)
    monkeypatch.setattr(store, "candidates", pausing(store.candidates, random.Random(1), 0.05))
    said = partitions(seed=1)
    await asyncio.gather(*(process(town, events) for town, events in zip(towns, said, strict=False)))
    assert await wrongs(towns[0], shared_max=towns[0].settings.key_records_max) != {}
