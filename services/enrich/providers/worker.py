"""The worker: takes open questions, asks their provider, writes the answers down. The chain never waits for it.

A question is leased before it is asked, and its place in budget and rate is reserved, so that two processes never pay
for one question and no number of them overspends. A process that dies between the question and its answer has spent
that one question; after its lease it is asked again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from services.enrich.core.answers import Ended, Failed, Fault, Found, result_of
from services.enrich.core.asking import Asked
from services.enrich.core.meter import Meter, noted, reserve, room
from services.enrich.store import Counts, Store
from shared.runtime.clock import Clock
from shared.runtime.facts import Claimed, Facts
from shared.runtime.telemetry import logger
from shared.runtime.world import Chore

AT_ONCE_MAX: Final = 20
"""Questions of one process on their way to one provider: what most of them allow, and a slow one delays no more."""

ROUNDS_MAX: Final = 25
"""Rounds before the chore lets others run: 500 questions."""

RUN_S: Final = 2.0
"""A run that took longer begins no further round: a slow provider must not keep a process from ending in time."""

LEASE_TIMEOUTS: Final = 6.0
"""Time-outs that a question is leased for: whoever has not answered by then is dead, and another process asks."""

RETRY_S: Final = 60.0
"""When a question without an answer is asked again, at the earliest; the breaker knows whether that makes sense."""

REJECTED_RETRY_S: Final = 86_400.0
"""The same for a question that the provider does not take: the same words are not better an hour later."""

EVERY_S: Final = 0.5
"""How often an idle process looks: an answer is late anyway, and half a second later is no loss."""


def lease_s(asked: Asked) -> float:
    """How long a question to this provider is one process's alone."""
    return LEASE_TIMEOUTS * asked.timeout_s


class Outside(Protocol):
    """The way out."""

    async def ask(self, asked: Asked, subject: str, now: datetime) -> Ended:
        """The answer of one provider about one subject; never raises for what the provider does."""
        ...


@dataclass(slots=True)
class Worker:
    """One process's part of the asking of one provider.

    `unwritten` holds answers that were paid for while Postgres went away: they are written before anything else.
    """

    asked: Asked
    store: Store
    facts: Facts
    outside: Outside
    clock: Clock
    name: str
    unwritten: list[tuple[Claimed, Ended]] = field(default_factory=list[Any])

    async def run(self) -> None:
        """Ask all that may be asked now, or as much as one round of the chore may."""
        started = self.clock.monotonic()
        for _ in range(ROUNDS_MAX):
            if await self.some() == 0 or self.clock.monotonic() - started > RUN_S:
                return

    async def some(self) -> int:
        """Ask some, at most AT_ONCE_MAX, and return how many."""
        await self._write()
        taken = await self._take()
        if not taken:
            return 0
        now = self.clock.now()
        ended = await asyncio.gather(*(self.outside.ask(self.asked, one.question.subject, now) for one in taken))
        self.unwritten = list(zip(taken, ended, strict=True))
        await self._write()
        return len(taken)

    async def _take(self) -> Sequence[Claimed]:
        """Questions that are ours to ask, paid for; what the budget refuses meanwhile goes back."""
        now = self.clock.now()
        limits = self.asked.limits
        seen = (await self.store.rows([self.asked.name]))[self.asked.name].meter
        most = min(AT_ONCE_MAX, room(seen, limits, now).questions)
        if most == 0:
            return ()
        claimed = await self.facts.claim(self.name, now, most, lease_s(self.asked), [self.asked.name])
        if not claimed:
            return ()
        async with self.store.database.transaction() as connection:
            meter = await self.store.locked(connection, self.asked.name)
            meter, granted = reserve(meter, limits, now, len(claimed))
            await self.store.keep(connection, self.asked.name, meter)
        again_at = max(room(meter, limits, now).again_at, now)
        for one in claimed[granted:]:
            await self.facts.fail(one, again_at)
        return claimed[:granted]

    async def _write(self) -> None:
        """Store what was found, tell the meter how it went, and say when the rest is asked again."""
        if not self.unwritten:
            return
        now = self.clock.now()
        for claimed, ended in self.unwritten:
            if isinstance(ended, Found):
                ttl = self.asked.negative_ttl if ended.values is None else self.asked.ttl
                await self.facts.answer(claimed, ended.values, now + ttl, now)
        meter = await self._noted([ended for _, ended in self.unwritten], now)
        for claimed, ended in self.unwritten:
            if isinstance(ended, Failed):
                await self.facts.fail(claimed, _again_at(ended, meter, now))
        self.unwritten = []

    async def _noted(self, ended: Sequence[Ended], now: datetime) -> Meter:
        name = self.asked.name
        async with self.store.database.transaction() as connection:
            before = await self.store.locked(connection, name)
            meter = noted(before, [result_of(one) for one in ended], now)
            await self.store.keep(connection, name, meter)
            counts = _counts(ended, now)
            await self.store.count(connection, name, counts)
        if meter.open_until is not None and before.open_until is None:
            logger("enrich").warning("provider left alone", provider=name, reason=counts.last_error)
        return meter


@dataclass(slots=True)
class Workers:
    """The workers of the providers there are: each on its own, so that a slow provider delays no other.

    Who asked for a provider that is no longer configured, or is configured otherwise now, ends what it is at.
    """

    workers: Sequence[Worker] = ()
    under_way: dict[str, asyncio.Task[None]] = field(default_factory=dict[str, "asyncio.Task[None]"])

    def chore(self) -> Chore:
        """The chore that has them ask."""
        return Chore(name="ask providers", every_s=EVERY_S, run=self.run)

    async def run(self) -> None:
        """Let every worker ask that is not at it. Raises what one of them met: Transient while Postgres is away."""
        ended = {name: task for name, task in self.under_way.items() if task.done()}
        for name in ended:
            del self.under_way[name]
        for worker in self.workers:
            if worker.asked.name not in self.under_way:
                self.under_way[worker.asked.name] = asyncio.create_task(worker.run(), name=f"ask {worker.asked.name}")
        for task in ended.values():
            task.result()

    async def close(self) -> None:
        """Wait for the answers under way: each takes less than a provider's longest time-out."""
        await asyncio.gather(*self.under_way.values(), return_exceptions=True)


def _again_at(failed: Failed, meter: Meter, now: datetime) -> datetime:
    seconds = REJECTED_RETRY_S if failed.fault is Fault.REJECTED else RETRY_S
    return max(now + timedelta(seconds=seconds), meter.open_until or now)


def _counts(ended: Sequence[Ended], now: datetime) -> Counts:
    faults = [one.fault for one in ended if isinstance(one, Failed)]
    nothing = sum(isinstance(one, Found) and one.values is None for one in ended)
    last = faults[-1].value if faults else None
    return Counts(len(ended) - len(faults) - nothing, nothing, len(faults), last, now if faults else None)
