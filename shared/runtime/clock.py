"""The clock, the dice and the source of ids, as ports: decisions get values, the shell asks here."""

import asyncio
import os
import random
import time
from datetime import UTC, datetime
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


def uuid7(unix_ms: int, entropy: bytes) -> str:
    """The UUID of version 7 for a time in milliseconds and ten random bytes (RFC 9562, section 5.7)."""
    number = int.from_bytes(unix_ms.to_bytes(6, "big") + entropy[:10], "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
