"""Goal: whatever dies wherever, nothing is lost and nothing happens twice.

Method: the real loop in a seeded world (simulation.py). One process killed at every single passage in turn, then seeds
with many deaths, outages and zombies at once. Two loops that are wrong on purpose show that the check would notice.
A failing case prints its seed or its passage, and repeats itself with it.
"""

import asyncio
from collections.abc import Sequence

import pytest

from shared.domain.events import Event
from shared.runtime.broker import Message
from shared.runtime.offsets import next_offsets
from shared.runtime.stage import Loop, leaving, read, set_aside
from tests.scenarios.simulation import Tables, Turnstile, World, arriving, assert_conserved

SEEDS = range(100)
"""Of many-process runs for each run of the suite; a nightly run may take ten thousand."""

EVENTS = [arriving(number, {3: "bad", 7: "late"}.get(number, "good")) for number in range(12)]

MANY = [arriving(n, "bad" if n % 11 == 3 else "late" if n % 13 == 7 else "good") for n in range(40)]


def live(world: World, events: Sequence[Event] = EVENTS) -> World:
    """Run a world to its rest."""
    asyncio.run(world.run(events))
    return world


def passages() -> int:
    """How many passages a quiet run has: so many places to die at."""
    gate = Turnstile(seed=0)
    live(World(gate))
    return gate.passed


def test_in_a_quiet_world_the_law_holds() -> None:
    assert_conserved(live(World(Turnstile(seed=0))), EVENTS)


def test_a_process_may_die_at_any_single_passage() -> None:
    places = passages()
    assert places > 50
    for place in range(1, places + 1):
        gate = Turnstile(seed=0, crash_at=place)
        world = live(World(gate))
        assert gate.crashes == 1, f"nobody died at passage {place}"
        try:
            assert_conserved(world, EVENTS)
        except AssertionError as error:
            raise AssertionError(f"killed at passage {place}: {error}") from error


@pytest.mark.parametrize("seed", SEEDS)
def test_many_processes_die_sleep_and_wake_again(seed: int) -> None:
    assert_conserved(live(World(Turnstile(seed, chance=0.03), processes=2), MANY), MANY)


def test_a_seed_repeats_itself() -> None:
    ledgers: list[list[Message]] = []
    for _ in range(2):
        world = live(World(Turnstile(seed=11, chance=0.05), processes=2))
        ledgers.append(
            [one for topic in ("contacts.resolved", "contacts.validated") for one in world.broker.messages(topic)]
        )
    assert ledgers[0] == ledgers[1]
    assert ledgers[0]


class Hasty(Loop):
    """Wrong on purpose: it commits before it produces."""

    async def advance(self, messages: Sequence[Message]) -> None:
        taken, unreadable = read(messages)
        settled = await self._settled(taken)
        await self._patiently(lambda: self.consumer.commit(next_offsets(messages)))
        drafts, _ = leaving(taken, settled)
        letters = self._letters([*unreadable, *set_aside(taken, settled)])
        await self._patiently(lambda: self.producer.send([*drafts, *letters]))


def wrongs(loop: type[Loop] = Loop, *, once: bool = True) -> list[str]:
    """What the check finds wrong in worlds where one process dies at each passage in turn."""
    found: list[str] = []
    for place in range(1, passages()):
        world = live(World(Turnstile(seed=0, crash_at=place), loop=loop, tables=Tables(once=once)))
        try:
            assert_conserved(world, EVENTS)
        except AssertionError as error:
            found.append(str(error))
    return found


def test_a_loop_that_commits_before_it_produces_loses_messages() -> None:
    assert any("goes on" in why or "set aside" in why for why in wrongs(Hasty)), "the check is blind"


def test_a_stage_that_forgets_what_it_decided_acts_twice() -> None:
    assert any("every effect happens once" in why for why in wrongs(once=False)), "the check is blind"


def test_stages_that_do_not_wait_for_each_other_lose_effects() -> None:
    for seed in SEEDS:
        world = World(Turnstile(seed, chance=0.03), processes=2, tables=Tables(locked=False))
        try:
            assert_conserved(live(world, MANY), MANY)
        except AssertionError:
            return
    raise AssertionError("the check is blind")
