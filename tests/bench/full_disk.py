"""What a full disk costs: the whole system on a small disk that is filled under load, then has room again.

    python -m tests.bench.full_disk          SIZE_MIB=700 FULL_S=30 python -m tests.bench.full_disk

Kafka, Postgres and the spool share the disk, a tmpfs in a mount namespace of its own: Linux, as root. Ends with one
line for each phase; exit code 1 if something that was accepted did not come to its end.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

import aiohttp

from tests.bench.people import people
from tests.support.system import System, running

SIZE_MIB: Final = int(os.environ.get("SIZE_MIB", "700"))
FULL_S: Final = float(os.environ.get("FULL_S", "30"))
INSIDE: Final = "KONTAKTWERK_BENCH_SMALL_DISK"
ARRAY: Final = 20
PAUSE_S: Final = 0.2
BLOCK: Final = b"\0" * 65_536
SETTLE_S: Final = 240


class Sender:
    """Posts arrays one after the other and counts what the door answers; one that was not accepted is posted again."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._people = people(100_000, duplicates=0.2, seed=5)
        self._waiting = self._next()
        self.accepted = 0
        self.answers: Counter[int | str] = Counter()

    def _next(self) -> list[dict[str, object]]:
        return [{**next(self._people), "source": "crm"} for _ in range(ARRAY)]

    async def post(self) -> None:
        """Post one array."""
        try:
            status, _ = await self._system.call("POST", "/v1/records", "sender", json=self._waiting)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.answers[type(error).__name__] += 1
            return
        self.answers[status] += 1
        if status == 202:
            self.accepted += ARRAY
            self._waiting = self._next()

    async def during(self, seconds: float) -> Counter[int | str]:
        """Post for so long; the answers by status."""
        self.answers = Counter()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await self.post()
            await asyncio.sleep(PAUSE_S)
        return self.answers


def main() -> int:
    """Run it in a namespace of its own, where the small disk is."""
    if INSIDE not in os.environ:
        command = ["unshare", "--mount", sys.executable, "-m", "tests.bench.full_disk"]
        return subprocess.run(command, check=False, env={**os.environ, INSIDE: "yes"}).returncode
    with tempfile.TemporaryDirectory(prefix="kontaktwerk-small-") as name:
        options = f"size={SIZE_MIB}m,mode=755"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", name], check=True)
        try:
            return asyncio.run(run(Path(name)))
        finally:
            subprocess.run(["umount", name], check=True)


async def run(disk: Path) -> int:
    """Load, fill, load, make room, load; then everything must come to its end."""
    async with running(disk / "data") as system:
        sender = Sender(system)
        print(f"room          {dict(await sender.during(5))}", flush=True)
        await asyncio.to_thread(fill, disk / "filler")
        print(f"full {FULL_S:>5.0f} s  {dict(await sender.during(FULL_S))}", flush=True)
        (disk / "filler").unlink()
        since = time.monotonic()
        before = sender.accepted
        while sender.accepted == before:
            assert time.monotonic() - since < SETTLE_S, "the door stays closed"
            await sender.post()
            await asyncio.sleep(PAUSE_S)
        print(f"room again    accepts after {time.monotonic() - since:.1f} s", flush=True)
        books = await system.settled(sender.accepted, SETTLE_S)
        print(f"all clean     after {time.monotonic() - since:.1f} s; accepted {sender.accepted}, books {books}")
        whole = books["accepted"] - sender.accepted in (0, ARRAY) and books["waiting"] == 0
        return 0 if whole else 1


def fill(filler: Path) -> None:
    """Write until there is no room; the last bytes one by one."""
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(BLOCK)


if __name__ == "__main__":
    sys.exit(main())
