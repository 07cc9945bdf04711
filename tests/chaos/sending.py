"""Senders as patient as the contract asks them to be: what is not answered with 202 is sent again, as it was."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from tests.chaos.load import SOURCE, Delivery
from tests.support.system import System

SENDERS: Final = 4
"""At once, each with an array of its own: enough for two workers of a stage to meet."""

ARRAY: Final = 20
"""Deliveries of one request: small, so that a kill hits many requests."""

PATIENCE_S: Final = 240.0
"""Longer than any fault on a slow machine: whoever is still refused then is a finding."""

PAUSE_S: Final = 0.2
TRY_AGAIN: Final = (429, 502, 503, 504)
TIMEOUT: Final = aiohttp.ClientTimeout(total=20)
"""Longer than a process is ever frozen."""

PATHS: Final = {"record": "/v1/records", "interaction": "/v1/interactions", "deletion": "/v1/record-deletions"}


@dataclass(slots=True)
class Sender:
    """What was accepted so far: by event id, the delivery; and the connections that broke on the way."""

    system: System
    accepted: dict[str, Delivery] = field(default_factory=dict[str, Delivery])
    sent: int = 0
    refused: int = 0
    broken: int = 0
    unexpected: Counter[str] = field(default_factory=Counter[str])
    """Answers that no contract names for good deliveries; sent again all the same, to see what comes of them."""

    async def send(self, chunk: Sequence[Delivery]) -> list[str]:
        """All of them, several requests at once; returns the event ids once everything is accepted."""
        waiting = asyncio.Queue[list[Delivery]]()
        for array in arrays(chunk):
            waiting.put_nowait(array)
        found: list[str] = []

        async def work() -> None:
            while not waiting.empty():
                found.extend(await self._deliver(waiting.get_nowait()))

        async with asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(work())
        return found

    async def _deliver(self, array: Sequence[Delivery]) -> list[str]:
        """One request, until it is accepted. Raises AssertionError when patience is at its end."""
        kind = array[0].kind
        body: Any = [one.body for one in array]
        if kind == "deletion":
            body = {"source": SOURCE, "source_record_ids": [one.record for one in array]}
        until = time.monotonic() + PATIENCE_S
        self.sent += len(array)
        answer: Any
        while True:
            try:
                status, answer = await self.system.call("POST", PATHS[kind], "sender", json=body, timeout=TIMEOUT)
            except FileNotFoundError:  # `up` has not said yet where it is
                status, answer = 0, None
            except (aiohttp.ClientError, OSError):
                self.broken += 1
                status, answer = 0, None
            if status == 202:
                break
            self.refused += status != 0
            if status not in (0, *TRY_AGAIN):
                self.unexpected[f"{kind} answered with {status}"] += 1
            assert time.monotonic() < until, f"nobody took {kind} for {PATIENCE_S:.0f} s"
            await asyncio.sleep(PAUSE_S)
        receipts: list[str] = [receipt["event_id"] for receipt in answer["receipts"]]
        self.accepted.update(zip(receipts, array, strict=True))
        return receipts


def arrays(chunk: Sequence[Delivery]) -> list[list[Delivery]]:
    """The requests of a piece: one kind each."""
    found: list[list[Delivery]] = []
    for kind in PATHS:
        some = [one for one in chunk if one.kind == kind]
        found += [some[start : start + ARRAY] for start in range(0, len(some), ARRAY)]
    return found
