"""Goal: whoever arrives at the same moment, and however the world moves on meanwhile, persons stay whole.

Method: eight workers on one real Postgres settle shuffled batches at once, with pauses at the places where a fix is
needed; afterwards everything is recomputed from the final records and compared. Each fix is also taken out, and then
the comparison must fail (negative controls): interleavings 1 and 2.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import combinations
from typing import Any

import pytest

from services.dedup import store
from services.dedup.core.arriving import Work
from services.dedup.core.blocking import blocking_keys
from services.dedup.core.clustering import partition
from services.dedup.core.comparison import Evidence, compare
from services.dedup.core.folding import unpacked_traits
from services.dedup.core.judging import Merge, Verdict
from shared.domain.events import Event
from tests.integration.dedup.town import Crowd, Town, record_id, says, snapshots, takes_back

GIVEN = (
    "Anna", "Bernd", "Clara", "Dieter", "Erika", "Franz", "Gerda", "Horst",
    "Ilse", "Jürgen", "Karin", "Lothar", "Martha", "Norbert", "Olga", "Peter",
)  # fmt: skip
FAMILY = (
    "Abendroth", "Bleibtreu", "Czaja", "Drosselmeier", "Eulenspiegel", "Feuchtwanger", "Gneisenau", "Hohenlohe",
)  # fmt: skip


def person(number: int) -> dict[str, Any]:
    given, family = GIVEN[number % len(GIVEN)], FAMILY[number // len(GIVEN) % len(FAMILY)]
    return {"given_name": given, "family_name": family, "email": f"{given}.{family}{number}@example.de".lower()}


async def wrongs(town: Town, shared_max: int = 1_000) -> dict[str, Any]:
    """What differs from a recomputation of everything: evidence, groups, redirects, and records without a home.

    Keys that more than `shared_max` records share give no evidence.
    """
    rows = await town.database.fetch("select record_id::text, contact_id::text, traits from dedup.record")
    traits = {row[0]: unpacked_traits(row[2]) for row in rows if row[2] is not None}
    homes = {row[0]: row[1] for row in rows if row[1] is not None}
    stored = {
        (row[0], row[1]): row[2]
        for row in await town.database.fetch("select a::text, b::text, weight from dedup.evidence")
    }
    keys = {record: set(blocking_keys(one)) for record, one in traits.items()}
    number = Counter(key for some in keys.values() for key in some)
    keys = {record: {key for key in some if number[key] <= shared_max} for record, some in keys.items()}
    law = town.identity.laws.present
    model, population = law.model, law.population
    evidence: dict[tuple[str, str], Evidence] = {
        pair: found
        for pair in combinations(sorted(traits), 2)
        if keys[pair[0]] & keys[pair[1]]
        and (found := compare(traits[pair[0]], traits[pair[1]], model, population)).weight >= model.bands.keep_millibits
    }
    async with town.database.connection() as connection:
        judgements = await store.judgements(connection, list(traits))
    groups = set(partition(traits, evidence, judgements, "careful", model).groups)
    versions = await town.versions()
    differs = {
        "evidence": {pair: found.weight for pair, found in evidence.items()}.items() ^ stored.items(),
        "groups": groups ^ await town.groups(),
        "homeless": traits.keys() ^ homes.keys(),
        "in retired contacts": {record for record, home in homes.items() if versions[home][1] is not None},
        "dead redirects": {
            one for one, (_, gone, into) in versions.items() if gone == "merged" and versions[into or ""][1] == "merged"
        },
        "empty contacts": {one for one, (_, gone, _) in versions.items() if gone is None} ^ set(homes.values()),
    }
    return {what: which for what, which in differs.items() if which}


def stream(seed: int, persons: int) -> list[Event]:
    """Three records a person from three sources; some become another person, some are taken back."""
    dice = random.Random(seed)
    events: list[Event] = []
    for number in range(persons):
        for source in ("webform", "newsletter", "crm"):
            name = f"{source} {number}"
            events.append(says(name, at=1, source=source, **person(number)))
            draw = dice.random()
            if draw < 0.25:
                other = person(dice.randrange(persons))
                events.append(says(name, at=2, source=source, **other))
            elif draw < 0.35:
                events.append(takes_back(name, at=3, source=source))
    return events


def pausing(effect: Callable[..., Awaitable[Any]], dice: random.Random, most_s: float) -> Callable[..., Awaitable[Any]]:
    """The same statement with a pause behind it, so that the world moves on between reading and the next step."""

    async def paused(*args: Any, **named: Any) -> Any:
        result = await effect(*args, **named)
        await asyncio.sleep(dice.random() * most_s)
        return result

    return paused


async def test_three_posts_of_each_person_at_the_same_moment_make_no_twins(towns: list[Town]) -> None:
    events = [
        says(f"{source} {number}", at=1, source=source, **person(number))
        for number in range(100)
        for source in ("webform", "newsletter", "crm")
    ]
    await Crowd(towns, seed=1).tell(events)
    expected = {
        frozenset(record_id(f"{source} {number}") for source in ("webform", "newsletter", "crm"))
        for number in range(100)
    }
    assert await towns[0].groups() == expected
    assert await deadlocks(towns[0]) == 0


@pytest.mark.parametrize("seed", [1, 2])
async def test_records_that_move_and_go_at_the_same_moment_end_where_a_recomputation_ends(
    towns: list[Town], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    dice = random.Random(seed)
    monkeypatch.setattr(store, "candidates", pausing(store.candidates, dice, 0.01))
    monkeypatch.setattr(store, "reach", pausing(store.reach, dice, 0.03))
    monkeypatch.setattr(store, "members", pausing(store.members, dice, 0.01))
    await Crowd(towns, seed).tell(stream(seed, persons=60))
    assert await wrongs(towns[0]) == {}
    assert await deadlocks(towns[0]) == 0


async def test_without_key_locks_the_same_crowd_makes_twins(towns: list[Town], monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: the lock is taken out, and the comparison sees it."""

    async def no_lock(*_: Any) -> None:
        return None

    monkeypatch.setattr(store, "lock", no_lock)
    monkeypatch.setattr(store, "candidates", pausing(store.candidates, random.Random(1), 0.05))
    events = [
        says(f"{source} {number}", at=1, source=source, **person(number))
        for number in range(60)
        for source in ("webform", "newsletter", "crm")
    ]
    await Crowd(towns, seed=1).tell(events)
    assert "evidence" in await wrongs(towns[0])


async def merged_between(town: Town, monkeypatch: pytest.MonkeyPatch, *, believed: bool) -> None:
    """T1 has found the contact it must lock; T2 merges it away and commits; T1 goes on.

    `believed`: what T1 read before its lock takes the place of what it reads behind it.
    """
    (one,) = snapshots(await town.tell(says("a", at=1, **person(1))))
    (two,) = snapshots(await town.tell(says("b", at=1, source="crm", **person(2)), says("c", at=1, **person(2))))
    steward, reach, members = Town(town.database), store.reach, store.members
    known = store.judgements
    merges = [Verdict(Merge((one, two)), "steward", steward.world.clock.now())]
    stale: list[Any] = []

    async def late(connection: Any, contacts: Any) -> Any:
        found = await reach(connection, contacts)
        if merges:
            read = await members(connection, list(found))
            await steward.identity.carry_out(Work(verdict=merges.pop()))
            stale.append(read)
        return found

    async def first(connection: Any, contacts: Any) -> Any:
        return stale.pop() if believed and stale else await members(connection, contacts)

    async def judgements(connection: Any, records: Any) -> Any:
        return [] if believed and not merges else await known(connection, records)

    monkeypatch.setattr(store, "reach", late)
    monkeypatch.setattr(store, "members", first)
    monkeypatch.setattr(store, "judgements", judgements)
    await town.tell(says("a", at=3, email="another@example.de"))
    assert not merges


async def test_membership_is_read_again_behind_the_lock(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interleaving 1: the record that T1 changes is in another contact by the time T1 has its locks."""
    await merged_between(town, monkeypatch, believed=False)
    assert await wrongs(town) == {}
    assert len(await town.groups()) == 1


async def test_membership_read_before_the_lock_would_be_stale(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: what T1 read before its lock is believed; the record would land where nobody lives."""
    with pytest.raises(AssertionError, match="a contact that is gone gets no new version"):
        await merged_between(town, monkeypatch, believed=True)


async def test_two_workers_with_the_same_batch_decide_each_event_once(towns: list[Town]) -> None:
    batch = [says(f"r{number}", at=1, **person(number)) for number in range(30)]
    await asyncio.gather(*(town.tell(*batch) for town in towns[:4]))
    versions = await towns[0].versions()
    assert [version for version, _, _ in versions.values()] == [1] * 30


async def deadlocks(town: Town) -> int:
    """Deadlocks that Postgres has seen in this database."""
    rows = await town.database.fetch("select deadlocks from pg_stat_database where datname = current_database()")
    return int(rows[0]["deadlocks"])
