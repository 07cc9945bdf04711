"""A large file through the front door: what `send` holds in memory, what it refuses, and what a kill costs.

`python -m tests.bench.files [--rows 200000]` writes a CSV as Excel writes it (Windows-1252, semicolons), one row in a
hundred of it broken, sends it with `kontaktwerk send`, kills that with -9 in the middle, and starts it again. Exit 1
unless every good row is there, none twice, and each broken one stands in the file of rejects with its line and reason.
Everything behind the door stands still meanwhile, as it would take longer than the question.
"""

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
from rich.console import Console
from rich.table import Table

from tests.bench.front_door import still
from tests.bench.people import people
from tests.support.system import System, running

BROKEN_EVERY: Final = 100
COLUMNS: Final = ("Kundennummer", "Vorname", "Nachname", "E-Mail", "Telefon", "Straße", "PLZ", "Ort", "Firma")
FIELDS: Final = ("given_name", "family_name", "email", "phone", "street", "postcode", "city", "company")
LONG: Final = "x" * 1_001
"""One character more than a value may have."""

MEMORY_MIB_MAX: Final = 200
LOOK_S: Final = 0.2
MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Found:
    """What the two runs of `send` left behind."""

    seconds: float
    memory_mib: float
    killed_at: int
    accepted: int
    records: int


def main() -> int:
    """Write, send, kill, send again; print what is left."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.files", description="A large file, and a kill.")
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the file (200,000)")
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="kontaktwerk-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        file = folder / "kunden.csv"
        broken = write(file, rows)
        found = asyncio.run(run(folder / "data", file, rows))
        with file.with_name(file.name + ".rejected.ndjson").open(encoding="utf-8") as stream:
            rejects = [json.loads(line) for line in stream]
        size = file.stat().st_size
    return 0 if show(found, size, rows, broken, rejects) else 1


def write(file: Path, rows: int) -> dict[int, str]:
    """Write the file; the broken lines with a word of the reason they must bear."""
    broken: dict[int, str] = {}
    with file.open("w", encoding="windows-1252", errors="replace", newline="") as stream:
        stream.write(";".join(COLUMNS) + "\r\n")
        for number, person in enumerate(people(rows, duplicates=0.0, seed=12)):
            cells = [f"K{number}", *(str(person.get(field) or "") for field in FIELDS)]
            if number % BROKEN_EVERY == BROKEN_EVERY - 1:
                line = number + 2
                if number % (2 * BROKEN_EVERY) == BROKEN_EVERY - 1:
                    cells[1:] = [""] * len(FIELDS)
                    broken[line] = "nothing to go by"
                else:
                    cells[2] = LONG
                    broken[line] = "longer than"
            stream.write(";".join(f'"{cell}"' if ";" in cell else cell for cell in cells) + "\r\n")
    return broken


async def run(data: Path, file: Path, rows: int) -> Found:
    """Send, kill in the middle, send again."""
    async with running(data) as system:
        still(system, signal.SIGSTOP)
        try:
            started = time.monotonic()
            first = _send(data, file)
            memory, killed_at = await _watched(system, first, rows // 2)
            second = _send(data, file)
            again, _ = await _watched(system, second, None)
            seconds = time.monotonic() - started
            source = await _source(system)
        finally:
            still(system, signal.SIGCONT)
    return Found(seconds, max(memory, again), killed_at, source["accepted"], source["new"])


def _send(data: Path, file: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "services", "send", str(file), "--source", "crm", "--data", str(data)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


async def _watched(system: System, process: subprocess.Popen[bytes], kill_at: int | None) -> tuple[float, int]:
    """Wait for its end, or kill it once so many rows were accepted: the most memory it held in MiB, and how many were
    accepted then.
    """
    memory, accepted, seen = 0, 0, psutil.Process(process.pid)
    while process.poll() is None:
        try:
            memory = max(memory, seen.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        if kill_at is not None:
            accepted = (await _source(system))["accepted"]
            if accepted >= kill_at:
                process.kill()
        await asyncio.sleep(LOOK_S)
    code = process.wait()
    assert code in (0, 1) or kill_at is not None, f"send ended with {code}"
    return memory / MIB, accepted


async def _source(system: System) -> dict[str, Any]:
    """The counters of the source, at most five seconds late while somebody sends; at the end they stand still."""
    _, found = await system.call("GET", "/v1/sources", "reader")
    return next(dict(one) for one in found["items"] if one["source"] == "crm")


def show(found: Found, size: int, rows: int, broken: dict[int, str], rejects: Sequence[dict[str, Any]]) -> bool:
    """The table; True when everything is as it must be."""
    told = {one["line"]: json.dumps(one["errors"], ensure_ascii=False) for one in rejects}
    unlike = [line for line, reason in broken.items() if reason not in told.get(line, "")]
    good = rows - len(broken)
    table = Table(title=f"{rows:,} rows of a Windows-1252 file with semicolons, {len(broken):,} of them broken")
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("size of the file", f"{size / MIB:,.0f} MiB")
    table.add_row("time, with a kill -9 and the second start", f"{found.seconds:,.0f} s")
    table.add_row("most memory of `send`", f"{found.memory_mib:,.0f} MiB")
    table.add_row("accepted when it was killed", f"{found.killed_at:,}")
    table.add_row("records at the end; good rows", f"{found.records:,}; {good:,}")
    table.add_row("accepted twice", f"{found.accepted - found.records:,}")
    table.add_row("rows in the file of rejects; twice", f"{len(told):,}; {len(rejects) - len(told):,}")
    table.add_row("of them without their line and reason", f"{len(unlike) + len(told.keys() - broken.keys()):,}")
    Console(width=90).print(table)
    complete = found.records == found.accepted == good and not unlike and told.keys() == broken.keys()
    return complete and len(rejects) == len(told) and found.memory_mib < MEMORY_MIB_MAX


if __name__ == "__main__":
    sys.exit(main())
