"""What the front door costs: `python -m tests.bench.ingest URL TOKEN PID [records] [concurrency]`.

Sends arrays of 100 records (20 % of them duplicates) to a running ingest process and prints records a second and the
CPU microseconds for each record that the process spent, its follower included.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import aiohttp

ARRAY = 100
"""What `send` and most integrations post at once."""

DUPLICATES = 5
"""Every fifth record was sent before."""


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used (Linux: clock ticks of utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def body(first: int, run: str) -> bytes:
    """An array of records; every fifth is one of an array before."""
    numbers = [n - ARRAY if n % DUPLICATES == 0 and n >= ARRAY else n for n in range(first, first + ARRAY)]
    return json.dumps([record(number, run) for number in numbers]).encode()


def record(number: int, run: str) -> dict[str, object]:
    """A record of the size that forms send."""
    return {
        "source": "crm", "source_record_id": f"{run}-{number}", "salutation": "Herr", "given_name": "Jörg",
        "family_name": f"Müller-Lüdenscheidt {number}", "email": f"joerg{number}@example.de",
        "phone": "0171 / 123 45 67", "street": "Hauptstr. 5a", "postcode": "10115", "city": "Berlin", "country": "DE",
        "birthday": "1980-02-29", "company": "Beispiel GmbH", "attributes": {"hobby": "Segeln"},
    }  # fmt: skip


async def main(url: str, token: str, pid: int, records: int = 20_000, concurrency: int = 8) -> None:
    """Send, wait until the follower is idle, print."""
    run = str(time.time_ns())
    bodies = [body(first, run) for first in range(0, records, ARRAY)]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as session:
        queue = iter(bodies)
        before, started = cpu_s(pid), time.perf_counter()

        async def sender() -> None:
            for one in queue:
                async with session.post(f"{url}/v1/records", data=one) as answer:
                    assert answer.status == 202, await answer.text()

        await asyncio.gather(*(sender() for _ in range(concurrency)))
        seconds, door = time.perf_counter() - started, cpu_s(pid) - before
        await asyncio.sleep(5)
        both = cpu_s(pid) - before
    print(f"{records} records in {seconds:.2f} s: {records / seconds:.0f} a second with {concurrency} senders")
    micros = [round(cpu / records * 1e6) for cpu in (door, both)]
    print(f"CPU of the process: {micros[0]} µs a record while sending, {micros[1]} in all")


if __name__ == "__main__":
    address, token, pid, *numbers = sys.argv[1:]
    asyncio.run(main(address, token, int(pid), *map(int, numbers)))
