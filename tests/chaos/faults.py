"""What goes wrong, drawn from the seed: a list of faults, and how each is done to a running house."""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.chaos.house import SERVICES, WORKERS, House
from tests.chaos.proxy import Proxy

FROZEN_S: Final = 13.0
"""Longer than the session time-out of 10 s: the others have its partitions when it wakes."""

SLOW_S: Final = 4.0
DELAY_S: Final = 0.15
"""Each way and for each piece of data: a statement takes 0.3 s, a transaction of ten of them 3 s."""

BACK_S: Final = 90.0
"""Whatever is killed has a successor by then, also on a machine that does ten other things."""

TOGETHER: Final = 0.25
"""Share of faults that come while the one before is still being mended; those are not timed."""


AFTER_S_MAX: Final = 1.0
"""Behind the first deliveries of a piece: by then every stage has some of them."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. `alone`: the next waits until everything flows again, and the time is taken."""

    kind: str
    service: str
    pick: float
    alone: bool = True
    after_s: float = 0.0
    """How long deliveries have been on their way when it comes: work in hand is what a kill is about."""

    @property
    def name(self) -> str:
        """As the table has it."""
        return f"{self.kind} {self.service}".strip()


async def _killed(house: House, fault: Fault) -> None:
    """-9 for one process of a service; returns when another has its place."""
    victim = await _victim(house, fault)
    os.kill(victim, signal.SIGKILL)
    async with asyncio.timeout(BACK_S):
        while victim in (pids := house.pids(fault.service)) or not pids:  # noqa: ASYNC110 (nobody tells of a restart)
            await asyncio.sleep(0.1)


async def _frozen(house: House, fault: Fault) -> None:
    """A process sleeps until the others have its work, and wakes with its hands full."""
    victim = await _victim(house, fault)
    os.kill(victim, signal.SIGSTOP)
    try:
        await asyncio.sleep(FROZEN_S)
    finally:
        os.kill(victim, signal.SIGCONT)


async def _victim(house: House, fault: Fault) -> int:
    async with asyncio.timeout(BACK_S):
        while not (pids := house.pids(fault.service)):  # noqa: ASYNC110 (as above)
            await asyncio.sleep(0.1)
    return pids[int(fault.pick * len(pids))]


async def _scaled(house: House, fault: Fault) -> None:
    """Two more members of a stage, then one of them gone again: from 1 to 3 to 2, beside those of `up`."""
    house.invite(fault.service, 2)
    await asyncio.sleep(SLOW_S)
    await house.dismiss(fault.service, 1, signal.SIGKILL if fault.pick < 0.5 else signal.SIGTERM)


async def _up_killed(house: House, fault: Fault) -> None:
    """`up` dies and comes back with another number of workers of one stage; the guests leave with it."""
    await house.restart_up({**WORKERS, fault.service: 1 + int(fault.pick * 3)})
    for service, some in house.guests.items():
        await house.dismiss(service, len(some))


async def _kafka_hard(house: House, fault: Fault) -> None:
    await house.engines.kafka_hard()


async def _kafka_soft(house: House, fault: Fault) -> None:
    await house.engines.kafka_soft()


async def _postgres(house: House, fault: Fault) -> None:
    await house.engines.postgres_immediate()


async def _cut(house: House, fault: Fault) -> None:
    _proxy(house, fault).cut()


async def _slow(house: House, fault: Fault) -> None:
    proxy = _proxy(house, fault)
    proxy.delay_s = DELAY_S
    await asyncio.sleep(SLOW_S)
    proxy.delay_s = 0.0


def _proxy(house: House, fault: Fault) -> Proxy:
    engines = house.engines
    return engines.kafka_proxy if fault.service == "kafka" else engines.postgres_proxy


DONE: Final[Mapping[str, Callable[[House, Fault], Awaitable[None]]]] = {
    "kill": _killed,
    "freeze": _frozen,
    "scale": _scaled,
    "kill up, change": _up_killed,
    "stop hard": _kafka_hard,
    "stop softly": _kafka_soft,
    "stop immediate": _postgres,
    "cut": _cut,
    "delay": _slow,
}

WEIGHTS: Final[Mapping[tuple[str, str], int]] = {
    **{("kill", service): 6 for service in SERVICES},
    **{("freeze", service): 1 for service in SERVICES},
    **{("scale", service): 1 for service in ("dedup", "validate", "enrich", "rules", "backup")},
    **{("kill up, change", service): 1 for service in ("dedup", "rules")},
    ("stop hard", "kafka"): 3,
    ("stop softly", "kafka"): 2,
    ("stop immediate", "postgres"): 4,
    ("cut", "kafka"): 3,
    ("cut", "postgres"): 3,
    ("delay", "kafka"): 1,
    ("delay", "postgres"): 1,
}
"""How often each is drawn; kills are what happens most."""


def drawn(count: int, seed: int) -> list[Fault]:
    """So many faults, in order. The first ones are one of each kind, so that a short run has seen most of them."""
    dice = random.Random(seed)
    kinds = list(dict.fromkeys(kind for kind, _ in WEIGHTS))
    dice.shuffle(kinds)
    first = [dice.choice([one for one in WEIGHTS if one[0] == kind]) for kind in kinds]
    rest = dice.choices(list(WEIGHTS), list(WEIGHTS.values()), k=max(0, count - len(first)))
    return [
        Fault(*one, dice.random(), dice.random() >= TOGETHER, dice.random() * AFTER_S_MAX)
        for one in (first + rest)[:count]
    ]


async def do(house: House, fault: Fault) -> None:
    """Let it happen; returns when it is over, but not yet mended."""
    await DONE[fault.kind](house, fault)
