"""The clock, the dice and the source of ids, as ports: decisions get values, the shell asks here."""

import asyncio
import os
import random
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime:
        """The present, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, from an arbitrary start."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since an arbitrary start."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait without blocking the loop."""
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until somebody waits, and then is there at once: for tests and the simulation."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._elapsed_s = 0.0

    def now(self) -> datetime:
        """The present, as far as it was moved."""
        return self._now

    def monotonic(self) -> float:
        """Seconds waited so far."""
        return self._elapsed_s

    async def sleep(self, seconds: float) -> None:
        """Move the time on and let others run."""
        self.advance(seconds)
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        """Move the time on."""
        self._now += timedelta(seconds=seconds)
        self._elapsed_s += seconds


class Ids(Protocol):
    """Makes new ids and throws dice."""

    def new(self) -> str:
        """A new id that sorts by time: a UUID of version 7, in its usual text form."""
        ...

    def dice(self) -> float:
        """A number from 0 up to but not including 1."""
        ...


class RandomIds:
    """Ids from the clock and the system's randomness (RFC 9562, section 5.7)."""

    def new(self) -> str:
        """A new UUID of version 7."""
        return uuid7(time.time_ns() // 1_000_000, os.urandom(10))

    def dice(self) -> float:
        """A random number, for pauses only."""
        return random.random()  # noqa: S311 (jitter needs no secrecy)


class SeededIds:
    """Ids and dice that are the same at every run with the same seed: for tests and the simulation."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 (it is meant to be foreseeable)
        self._unix_ms = 1_767_225_600_000

    def new(self) -> str:
        """The next id; each sorts after the one before."""
        self._unix_ms += 1
        return uuid7(self._unix_ms, self._random.randbytes(10))

    def dice(self) -> float:
        """The next number."""
        return self._random.random()


def uuid7(unix_ms: int, entropy: bytes) -> str:
    """The UUID of version 7 for a time in milliseconds and ten random bytes (RFC 9562, section 5.7)."""
    number = int.from_bytes(unix_ms.to_bytes(6, "big") + entropy[:10], "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
