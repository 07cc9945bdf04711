"""Outlet: to Kafka, or behind what already waits on the disk; and bringing that to Kafka when it is back.

While anything lies in the spool of this process, everything new goes behind it: what is said of one record stays in
order, and no request waits for a Kafka that is known to be away. Whatever is in doubt is said twice under one id, which
is harmless by design; nothing is said less than once.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from math import ceil
from pathlib import Path
from typing import Final

import msgspec

from services.ingest.core.books import SPOOL
from services.ingest.settings import IngestSettings
from shared.domain.errors import Transient
from shared.runtime.broker import Draft, refuse_oversized
from shared.runtime.broker.kafka_client import ClientBroken
from shared.runtime.http import unavailable
from shared.runtime.spool import Spool, SpoolFull, SpoolTaken, has_left
from shared.runtime.telemetry import Measure, logger
from shared.runtime.world import Chore, World
from shared.topology import RECEIVED

SILENT_S: Final = 0.75
"""A Kafka that has acknowledged nothing at all for so long counts as away: one that is busy acknowledges somebody. At
300 requests a second fewer wait then than one process may have under way."""

DRAIN_EVERY_S: Final = 0.5
"""How soon what went into the spool is tried again."""

ADOPT_EVERY_S: Final = 10.0
"""How soon what a process left that does not come back is taken over: a successor of its own takes half of it."""

LOOK_EVERY_S: Final = 1.0
"""How soon a process ends whose client is broken: until then its requests go to the spool, or are refused."""

NAMES_MAX: Final = 64
"""Processes of one name on one machine at the same time; more are not meant to be."""


class Outlet:
    """One process's way to Kafka. Without a folder for a spool the answer is 503 while Kafka is away."""

    def __init__(self, world: World, settings: IngestSettings) -> None:
        self._world = world
        self._settings = settings
        self._spool: Spool | None = None
        self._adopted: list[Spool] = []
        self._broken: ClientBroken | None = None
        self._acknowledged_at = self._away_until = float("-inf")
        self._log = logger("ingest")

    async def open(self) -> None:
        """Take a folder below that of the spools: the one of this instance, or the next if somebody holds that.

        Raises OSError where it cannot be written to.
        """
        base = self._settings.spool_dir
        if base is None:
            return
        name = self._world.settings.instance or "ingest"
        for number in range(1, NAMES_MAX):
            spool = Spool(base / (name if number == 1 else f"{name}.{number}"), self._settings.spool_bytes_max)
            try:
                await spool.open()
            except SpoolTaken:
                continue
            self._spool = spool
            self._note(spool, "found in the spool")
            return
        raise OSError(f"all {NAMES_MAX} folders of {name} below the spool's are taken")

    async def close(self) -> None:
        """Let the folders go; what lies in them is found again."""
        for spool in self._spools():
            await spool.close()

    async def send(self, drafts: Sequence[Draft]) -> None:
        """Returns once these messages are on Kafka, or on the disk. Raises Problem 503 when neither takes them."""
        if not drafts:
            return
        spool = self._spool
        if spool is None:
            if await self._said(drafts):
                return
            raise unavailable("Kafka does not answer; nothing was taken, send it again.")
        if spool.empty and self._world.clock.monotonic() >= self._away_until:
            if await self._said(drafts):
                return
            self._away_until = self._world.clock.monotonic() + SILENT_S
        for draft in drafts:
            refuse_oversized(draft)
        now_ms = int(self._world.clock.now().timestamp() * 1000)
        try:
            await spool.append(msgspec.msgpack.encode(drafts), len(drafts), now_ms)
        except SpoolFull as full:
            raise unavailable(f"Kafka does not answer, and {full}; nothing was taken, send it again.") from None

    def chores(self) -> tuple[Chore, ...]:
        """What empties the spools, and what ends a process that can send no more."""
        looks = Chore("look at the client", LOOK_EVERY_S, self.look)
        if self._settings.spool_dir is None:
            return (looks,)
        drains = Chore("drain the spool", DRAIN_EVERY_S, self.drain)
        return (looks, drains, Chore("adopt spools", ADOPT_EVERY_S, self.adopt))

    async def look(self) -> None:
        """Raises ClientBroken once Kafka's client was found broken: only a new process has one that works."""
        if self._broken is not None:
            raise self._broken

    async def drain(self) -> None:
        """Bring everything that waits to Kafka, in order. Raises Transient while Kafka is away."""
        for spool in self._spools():
            if not spool.empty:
                await self._empty(spool)
        for spool in [one for one in self._adopted if one.empty]:
            self._adopted.remove(spool)
            await spool.close()

    async def adopt(self) -> None:
        """Take over what processes left that are gone: their locks went with them."""
        base = self._settings.spool_dir
        own = {spool.folder for spool in self._spools()}
        for folder in sorted(base.iterdir() if base is not None else ()):
            if folder not in own and has_left(folder):
                await self._take_over(folder)

    def measures(self) -> tuple[Measure, ...]:
        """What is told of the spools in metrics."""
        return (
            Measure("kontaktwerk_spool_messages", "Messages on the disk.", self._messages),
            Measure(
                "kontaktwerk_spool_bytes", "Bytes they take.", lambda: float(sum(one.size for one in self._spools()))
            ),
            Measure(
                "kontaktwerk_spool_bytes_max",
                "Bytes they may take; 0: there is no spool.",
                lambda: float(self._settings.spool_bytes_max if self._spool is not None else 0),
            ),
            Measure("kontaktwerk_spool_oldest_seconds", "Age of the oldest of them.", self._oldest_s),
            Measure(
                "kontaktwerk_spool_damaged_segments",
                "Segments that hold something unreadable.",
                lambda: float(sum(one.damaged for one in self._spools())),
            ),
        )

    async def pending(self) -> Mapping[str, int]:
        """What of accepted events has not yet reached Kafka."""
        return {SPOOL: int(self._messages())}

    async def _said(self, drafts: Sequence[Draft]) -> bool:
        """True once Kafka has them; False when it is away, or says nothing to anybody.

        What is given up on may still arrive: the client goes on by itself.
        """
        clock = self._world.clock
        asked_at = clock.monotonic()
        sending = asyncio.ensure_future(self._world.producer.send(drafts))
        sending.add_done_callback(_looked_at)
        for _ in range(ceil(self._settings.kafka_wait_s / SILENT_S)):
            await asyncio.wait((sending,), timeout=SILENT_S)
            if sending.done():
                break
            if clock.monotonic() - max(self._acknowledged_at, asked_at) >= SILENT_S * 0.9:
                return False
        if not sending.done():
            return False
        try:
            sending.result()
        except Transient:
            return False
        except ClientBroken as broken:
            self._broken = broken
            return False
        self._acknowledged_at = clock.monotonic()
        return True

    async def _empty(self, spool: Spool) -> None:
        await self._world.admin.backlog("ingest", [RECEIVED.name])  # away? then nothing is handed to the client
        messages = 0
        async with aclosing(spool.chunks()) as chunks:
            async for frames in chunks:
                drafts = [
                    draft for frame in frames for draft in msgspec.msgpack.decode(frame.payload, type=list[Draft])
                ]
                await self._world.producer.send(drafts)
                self._acknowledged_at = self._world.clock.monotonic()
                messages += len(drafts)
        self._away_until = float("-inf")
        self._log.info("brought the spool to Kafka", messages=messages)

    async def _take_over(self, folder: Path) -> None:
        spool = Spool(folder, self._settings.spool_bytes_max)
        try:
            await spool.open()
        except (SpoolTaken, OSError):
            return
        self._adopted.append(spool)
        self._note(spool, "took over a spool")

    def _note(self, spool: Spool, what: str) -> None:
        if spool.damaged:
            self._log.error("the spool is damaged", folder=spool.folder.name, segments=spool.damaged)
        if spool.messages:
            self._log.info(what, folder=spool.folder.name, messages=spool.messages)

    def _spools(self) -> list[Spool]:
        return [*self._adopted, *((self._spool,) if self._spool is not None else ())]

    def _messages(self) -> float:
        return float(sum(spool.messages for spool in self._spools()))

    def _oldest_s(self) -> float:
        stamps = [spool.oldest_ms for spool in self._spools() if spool.oldest_ms is not None]
        return max(0.0, self._world.clock.now().timestamp() - min(stamps) / 1000) if stamps else 0.0


def _looked_at(sending: "asyncio.Future[None]") -> None:
    """What nobody waits for any more is no complaint."""
    if not sending.cancelled():
        sending.exception()
