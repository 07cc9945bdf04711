"""One run: send, break, wait until everything flows again, and judge."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import asyncpg

from tests.chaos import faults
from tests.chaos.engines import proxied_engines
from tests.chaos.faults import Fault
from tests.chaos.house import House, house
from tests.chaos.load import Delivery, Load
from tests.chaos.looking import look
from tests.chaos.oracle import Seen, Verdict, judge
from tests.chaos.rubbish import Poison
from tests.chaos.sending import Sender

PROBE: Final = 12
"""Deliveries by which recovery is seen: enough for every partition of a killed process to be among them."""

FLOWS_S: Final = 180.0
"""Whoever was sent after a fault and has not come out by then is waited for at the end."""

GIVE_UP_S: Final = 45.0
"""Nothing has moved for so long, and something still waits: it will wait for ever."""

CALM_S: Final = 2.0
POISON_SHARE: Final = 0.01
LOOK_S: Final = 0.2
WEDGED_S: Final = 600.0

Show = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What to run: `more` are settings of the processes; `chosen` takes the place of faults drawn from the seed."""

    events: int
    kills: int
    seed: int
    more: Mapping[str, str] = field(default_factory=dict[str, str])
    chosen: Sequence[Fault] | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it."""

    wish: Wish
    sender: Sender
    poison: int
    done: Sequence[Fault]
    recovery: Mapping[str, Sequence[float]]
    """By kind of fault, the seconds until what was sent right after it was clean."""
    away: Sequence[tuple[str, float]]
    """By engine, the seconds of each restart until it answered again itself."""
    seen: Seen
    verdict: Verdict
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether all five are 0, and the door said nothing that it must not say."""
        return self.verdict.holds and not self.sender.unexpected


async def run(folder: Path, wish: Wish, show: Show = lambda _: None) -> Report:
    """The whole experiment, in this folder."""
    started = time.monotonic()
    plan = faults.drawn(wish.kills, wish.seed) if wish.chosen is None else wish.chosen
    recovery: dict[str, list[float]] = defaultdict(list)
    async with proxied_engines(folder / "engines") as engines, house(folder, engines, wish.more) as built:
        show(f"     everything runs after {time.monotonic() - started:.0f} s")
        load, sender = Load(wish.seed, wish.events), Sender(built.system)
        poison = Poison(engines.kafka.direct, wish.seed)
        await poison.start()
        try:
            put = 0
            breaking = Breaking(built, show)
            for number, chunk in enumerate(load.chunks(len(plan) + 1)):
                fault = plan[number] if number < len(plan) else None
                due = round(sum(map(len, (sender.accepted, chunk))) * POISON_SHARE) - put
                put += max(0, due)
                took = await asyncio.gather(breaking.through(fault, sender, chunk), poison.put(max(0, due)))
                if fault is not None and took[0] is not None:
                    recovery[fault.name].append(took[0])
            await breaking.over()
        finally:
            await poison.stop()
        books = await settled(built, show)
        show(f"     at rest after {time.monotonic() - started:.0f} s; counting")
        seen = await look(built, books)
        verdict = judge(load, sender.accepted, seen)
    return Report(wish, sender, put, plan, recovery, engines.away_s, seen, verdict, time.monotonic() - started)


class Breaking:
    """Does one fault after the other while deliveries go on; those that come together overlap."""

    def __init__(self, built: House, show: Show) -> None:
        self._house = built
        self._show = show
        self._under_way: list[asyncio.Task[Any]] = []
        self._number = 0

    async def through(self, fault: Fault | None, sender: Sender, chunk: Sequence[Delivery]) -> float | None:
        """Send a piece while this fault happens; the seconds until all flowed again, where it happened alone."""
        if fault is None:
            await sender.send(chunk)
            return None
        self._number += 1
        probe = [one for one in chunk if one.kind == "record"][:PROBE]
        sending = asyncio.create_task(sender.send([one for one in chunk if one not in probe]))
        await asyncio.sleep(fault.after_s)
        undisturbed, began = not self._under_way, time.monotonic()
        doing = asyncio.create_task(faults.do(self._house, fault))
        flowing = asyncio.create_task(self._flowing(sender, probe))
        await sending
        if not fault.alone:
            self._under_way += [doing, flowing]
            self._show(f"{self._number:>4} {fault.name}, together with the next; {len(sender.accepted):,} accepted")
            return None
        flows = await flowing
        await doing
        await self.over()
        took = flows - began if flows is not None else None
        told = "not in time" if took is None else f"{took:.1f} s"
        self._show(f"{self._number:>4} {fault.name}: flows again after {told}; {len(sender.accepted):,} accepted")
        return took if undisturbed else None

    async def _flowing(self, sender: Sender, probe: Sequence[Delivery]) -> float | None:
        """Send these, and wait for the moment when all of them are at their end."""
        return await clean(self._house, await sender.send(probe))

    async def over(self) -> None:
        """Wait for the faults that are still under way."""
        under_way, self._under_way = self._under_way, []
        await asyncio.gather(*under_way)


async def clean(built: House, event_ids: Sequence[str]) -> float | None:
    """The moment when all of these were at their end; None if that took too long."""
    until = time.monotonic() + FLOWS_S
    while time.monotonic() < until:
        try:
            connection = await asyncpg.connect(built.engines.postgres.database_url, timeout=5)
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(LOOK_S)
            continue
        try:
            while time.monotonic() < until:
                ended = await connection.fetchval(
                    """SELECT count(*) FROM ingest.receipt
                       WHERE event_id = ANY($1::uuid[]) AND state IN ('clean', 'dropped', 'dead-letter')""",
                    event_ids,
                )
                if ended >= len(set(event_ids)):
                    return time.monotonic()
                await asyncio.sleep(LOOK_S)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await asyncio.sleep(LOOK_S)
        finally:
            connection.terminate()
    return None


async def settled(built: House, show: Show) -> dict[str, Any]:
    """The books once nothing waits any more, or once nothing has moved for long."""
    moved = shown = started = time.monotonic()
    before: Any = None
    calm = 0
    books: dict[str, Any] = {}
    while time.monotonic() - moved < GIVE_UP_S and time.monotonic() - started < WEDGED_S:
        await asyncio.sleep(CALM_S)
        try:
            code, status = await built.system.call("GET", "/v1/status", "reader")
        except (aiohttp.ClientError, OSError):
            code, status = 0, {}
        if code != 200 or status["unmeasured"]:
            moved = time.monotonic()  # what cannot be seen has not been seen to stand still
            continue
        books = status["books"]
        lags = {name: stage["lag"] for name, stage in status["stages"].items()}
        calm = calm + 1 if not any(lags.values()) and not books["waiting"] else 0
        if calm > 1:
            return books
        if (books, lags) != before:
            before, moved = (books, lags), time.monotonic()
        if time.monotonic() - shown > 5:
            shown = time.monotonic()
            show(f"     waiting {books['waiting']:,}; lag " + " ".join(f"{name} {lag}" for name, lag in lags.items()))
    show("     it does not come to rest")
    return books
