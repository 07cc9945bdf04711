"""Rounds: many askers, few trips."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.runtime.rounds import Rounds


class Trips:
    """What is carried out, round by round, once the door is open."""

    def __init__(self) -> None:
        self.made: list[list[int]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.fails: Exception | None = None

    async def go(self, together: Sequence[int]) -> list[int]:
        """One trip; its result is everybody's."""
        self.made.append(list(together))
        await self.open.wait()
        if self.fails is not None:
            raise self.fails
        return list(together)


async def test_a_lone_asker_goes_at_once_and_those_who_come_meanwhile_go_together() -> None:
    trips = Trips()
    rounds: Rounds[int, list[int]] = Rounds(trips.go)
    trips.open.clear()
    first = asyncio.create_task(rounds.join(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(rounds.join(number)) for number in (2, 3, 4)]
    await asyncio.sleep(0)
    trips.open.set()
    assert await first == [1]
    assert await asyncio.gather(*others) == [[2, 3, 4]] * 3
    assert await rounds.join(5) == [5]
    assert trips.made == [[1], [2, 3, 4], [5]]


async def test_a_round_carries_no_more_than_it_may_in_the_order_of_asking_and_what_is_larger_goes_alone() -> None:
    trips = Trips()
    rounds: Rounds[int, list[int]] = Rounds(trips.go, float, 10)
    await asyncio.gather(*(rounds.join(number) for number in (3, 4, 5, 100, 6, 4, 1)))
    assert trips.made == [[3, 4], [5], [100], [6, 4], [1]]


async def test_what_goes_wrong_is_everyones_of_that_round_and_of_no_other() -> None:
    trips = Trips()
    rounds: Rounds[int, list[int]] = Rounds(trips.go)
    trips.fails = OSError("away")
    said = await asyncio.gather(rounds.join(1), rounds.join(2), return_exceptions=True)
    assert [type(one) for one in said] == [OSError, OSError]
    trips.fails = None
    assert await rounds.join(3) == [3]


async def test_who_goes_leaves_the_others_theirs_and_who_waits_too_long_is_told() -> None:
    trips = Trips()
    rounds: Rounds[int, list[int]] = Rounds(trips.go, patience_s=0.05)
    trips.open.clear()
    gone, stays = asyncio.create_task(rounds.join(1)), asyncio.create_task(rounds.join(2))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    with pytest.raises(TimeoutError):
        await stays
    trips.open.set()
    assert await rounds.join(3) == [3]
