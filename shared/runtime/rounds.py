"""Rounds: what is asked for while one round is on its way goes with the next, all of it as one.

A lone asker waits for nobody; of a hundred at once, most share the cost of one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Rounds(Generic[T, R]):
    """Carries out what is asked in rounds, one at a time. What a round returns or raises is everyone's who is in it.

    `size` says how large one request is, and `size_max` what a round may carry; one that is larger goes alone. Who has
    waited for `patience_s` gets a TimeoutError; what was asked may be done still.
    """

    def __init__(
        self,
        carry_out: Callable[[Sequence[T]], Awaitable[R]],
        size: Callable[[T], float] = lambda _: 0,
        size_max: float = 0,
        patience_s: float | None = None,
    ) -> None:
        self._carry_out = carry_out
        self._size = size
        self._size_max = size_max
        self._patience_s = patience_s
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._under_way: asyncio.Task[None] | None = None

    async def join(self, one: T) -> R:
        """Be part of the next round. Whoever is cancelled leaves it to the others; it may be done still."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[R] = loop.create_future()
        self._waiting.append((one, done))
        if self._under_way is None or self._under_way.done():
            self._under_way = loop.create_task(self._rounds())
        if self._patience_s is None:
            return await done
        late = loop.call_later(self._patience_s, _impatient, done)  # a tenth of what `asyncio.timeout` costs
        try:
            return await done
        finally:
            late.cancel()

    async def _rounds(self) -> None:
        while self._waiting:
            together = self._next()
            carried_out = self._carry_out([one for one, _ in together])
            (result,) = await asyncio.gather(carried_out, return_exceptions=True)  # raised to everyone who waits for it
            for _, done in together:
                if done.done():
                    continue  # its caller has gone
                if isinstance(result, BaseException):
                    done.set_exception(result)
                else:
                    done.set_result(result)

    def _next(self) -> list[tuple[T, asyncio.Future[R]]]:
        """Those of the next round, in the order in which they came."""
        size, end = 0.0, 0
        for one, _ in self._waiting:
            size += self._size(one)
            if end and size > self._size_max:
                break
            end += 1
        together, self._waiting = self._waiting[:end], self._waiting[end:]
        return together


def _impatient(done: "asyncio.Future[R]") -> None:
    if not done.done():
        done.set_exception(TimeoutError())
