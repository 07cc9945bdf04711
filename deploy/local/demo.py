"""`make demo`: the whole way of a contact once, on a real Kafka and a real Postgres, and the sum of it.

Starts the same `up` that everybody uses in a throw-away folder, sends the bundled feeds through the front door, kills
dedup in the middle, waits until nothing moves any more, counts against the truth about the feeds, and stops everything.
"""

# ruff: noqa: ASYNC110, ASYNC220, ASYNC240
# Nothing else runs in this loop: it watches a process and a file, and neither tells when it changes.

import asyncio
import base64
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from deploy.local.demo_count import Delivery, count
from deploy.local.demo_feeds import FEEDS, send
from deploy.local.demo_page import Result, Screen, page, summary
from deploy.local.demo_provider import DemoProvider, demo_provider
from deploy.local.errors import CannotRunError
from deploy.local.folder import DataFolder
from shared.commands import present
from shared.commands.http import Client, client
from shared.commands.running import Failed, Running

ROOT: Final = Path(__file__).resolve().parents[2]
DATA: Final = ROOT / ".local" / "demo"

KILLED_AFTER: Final = 250
"""Deliveries that were accepted before dedup is killed: in the middle, with work in its hands."""

START_S: Final = 180.0
"""A first start on a slow machine also fetches Kafka's jars."""

SETTLE_S: Final = 120.0
"""Recovery is promised within 30 s; what is not idle long after that never will be."""

CALM_S: Final = 2.0
"""Twice the time from a provider's answer to the refresh it causes: what is calm for so long has had its answers."""

POLL_S: Final = 0.2
RECEIPTS_AT_ONCE: Final = 16

NOT_OURS: Final = ("KAFKA_", "DATABASE_URL", "KONTAKTWERK_")
"""The demo never touches anybody's Kafka or Postgres, whatever the environment says."""


def main(data: Path = DATA) -> int:
    """Run the demo in a folder; 0 only if the books add up and nothing is lost, there twice, or still waiting."""
    screen = Screen(sys.stdout)
    started = time.monotonic()
    try:
        result = asyncio.run(demo(data, screen))
    except (Failed, CannotRunError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    for line in page(result, time.monotonic() - started):
        screen.line(line)
    return 0 if result.good else 1


async def demo(data: Path, screen: Screen) -> Result:
    """Everything, in order. Raises Failed when the system does not come up or does not settle."""
    empty(data)
    secret = base64.urlsafe_b64encode(os.urandom(18)).decode()
    screen.line("Kontaktwerk · a real Kafka, a real PostgreSQL · no Docker, no Java")
    async with demo_provider() as provider:
        (data / "config" / "providers.yaml").write_text(provider.configuration)
        return await shown(data, secret, provider, screen)


async def shown(data: Path, secret: str, provider: DemoProvider, screen: Screen) -> Result:
    """The system started, fed, hurt, waited for and counted."""
    async with system(data, secret, screen):
        running = Running(data)
        async with client(running, "operator") as asks:
            sending = asyncio.create_task(send(asks, secret, screen))
            try:
                await kill_dedup(asks, running, screen)
                deliveries = await sending
            finally:
                sending.cancel()
            await settled(asks, sum(not one.again for one in deliveries), screen)
            books = await answered(asks, provider, screen)
            result = await counted(asks, running, deliveries, books, provider.asked)
    (data / "summary.json").write_text(json.dumps(summary(result), indent=2) + "\n")
    return result


def empty(data: Path) -> None:
    """Throw away what an earlier demo left; CannotRunError while one is running there."""
    folder = DataFolder(data)
    with folder.locked():
        for entry in folder.path.iterdir():
            if entry.is_dir() and entry != folder.run:
                shutil.rmtree(entry)
            elif entry.is_file():
                entry.unlink()
        for entry in folder.run.iterdir():
            if entry.name != "lock":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    config = folder.path / "config"
    shutil.copytree(ROOT / "deploy" / "config", config)
    shutil.copy(FEEDS / "sources.yaml", config / "sources.yaml")


@contextlib.asynccontextmanager
async def system(data: Path, secret: str, screen: Screen) -> AsyncGenerator[None]:
    """`up` as a process of its own until the block ends; what it tells goes to a log and its steps to the screen."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
    env |= {
        "KONTAKTWERK_CONFIG_DIR": str(data / "config"),
        "KONTAKTWERK_DEMO_SECRET": secret,
        "KONTAKTWERK_ENRICH_PRIVATE_ADDRESSES": "allow",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }
    log = data / "up.log"
    with log.open("wb") as told:
        command = [sys.executable, "-P", "-m", "services", "up", "--data", str(data), "--port", "0"]
        process = subprocess.Popen(command, stdout=told, stderr=told, env=env, start_new_session=True)
    try:
        await _ready(process, data, log, screen)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait)


async def _ready(process: subprocess.Popen[bytes], data: Path, log: Path, screen: Screen) -> None:
    deadline = time.monotonic() + START_S
    shown: set[str] = set()
    while True:
        ready = (data / "endpoints.json").exists()
        for name, text, seconds in _steps(log.read_text(encoding="utf-8", errors="replace")):
            if name not in shown:
                shown.add(name)
                screen.step(name, text, seconds)
        if ready:
            return
        if process.poll() is not None or time.monotonic() > deadline:
            last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
            raise Failed(f"the system did not start; {log} ends with:\n" + "\n".join(last))
        await asyncio.sleep(POLL_S)


def _steps(log: str) -> list[tuple[str, str, float]]:
    """The steps that `up` has told so far: name, text, seconds."""
    found = re.findall(r"^  (.{14}) (.*?) +(\d+\.\d) s$", log, re.MULTILINE)
    return [(name.strip(), text, float(seconds)) for name, text, seconds in found]


async def kill_dedup(asks: Client, running: Running, screen: Screen) -> None:
    """Kill -9 in the middle, and the time until it answers again."""
    while screen.count("sending") < KILLED_AFTER:
        await asyncio.sleep(0.02)
    before: list[int] = _pids(running)["dedup"]
    pid = before[0]
    os.kill(pid, signal.SIGKILL)
    started = time.monotonic()
    while pid in (now := _pids(running)["dedup"]) or len(now) < len(before):
        await asyncio.sleep(0.02)
    while (await asks.ask("GET", "/v1/reviews", retry=True)).status != 200:
        await asyncio.sleep(POLL_S)
    screen.step("dedup killed", "kill -9 in the middle, on purpose: back after", time.monotonic() - started)


def _pids(running: Running) -> dict[str, Any]:
    with contextlib.suppress(FileNotFoundError):
        pids: dict[str, Any] = json.loads((running.folder / "endpoints.json").read_bytes())["pids"]
        return pids
    return {"dedup": []}


async def settled(asks: Client, accepted: int, screen: Screen) -> dict[str, Any]:
    """The books once every accepted event has ended and no stage has anything to do. Raises Failed when that takes
    too long, with the books as they are.
    """
    started = time.monotonic()
    status: dict[str, Any] = {}
    while time.monotonic() - started < SETTLE_S:
        status = await asks.get("/v1/status")
        books: dict[str, Any] = status["books"]
        screen.bar("settling", books["accepted"] - books["waiting"], accepted)
        lag = sum(stage["lag"] or 0 for stage in status["stages"].values())
        if books["accepted"] >= accepted and not (books["waiting"] or lag or status.get("unmeasured")):
            screen.done("settling", accepted, accepted, time.monotonic() - started, "idle")
            return books
        await asyncio.sleep(POLL_S)
    raise Failed(f"not idle after {SETTLE_S:.0f} s: {json.dumps(status)}")


async def answered(asks: Client, provider: DemoProvider, screen: Screen) -> dict[str, Any]:
    """The books once the provider's late answers have arrived too: nothing moved for CALM_S. Raises Failed as above."""
    started = calm_since = time.monotonic()
    status: dict[str, Any] = {}
    while time.monotonic() - calm_since < CALM_S:
        status = await asks.get("/v1/status")
        if sum(stage["lag"] or 0 for stage in status["stages"].values()) or status.get("unmeasured"):
            calm_since = time.monotonic()
        if time.monotonic() - started > SETTLE_S:
            raise Failed(f"not idle after {SETTLE_S:.0f} s: {json.dumps(status)}")
        await asyncio.sleep(POLL_S)
    asked = f"{provider.asked.total()} questions answered late, beside the way"
    screen.step("provider", asked, time.monotonic() - started)
    books: dict[str, Any] = status["books"]
    return books


async def counted(
    asks: Client,
    running: Running,
    deliveries: Sequence[Delivery],
    books: Mapping[str, Any],
    questions: Mapping[str, int],
) -> Result:
    """What became of each delivery, from receipts, `contacts.clean` and the API, against the truth."""
    some = asyncio.Semaphore(RECEIPTS_AT_ONCE)

    async def state(event_id: str) -> Any:
        async with some:
            return await asks.get(f"/v1/receipts/{event_id}")

    event_ids = list(dict.fromkeys(one.receipt["event_id"] for one in deliveries))
    states = dict(zip(event_ids, await asyncio.gather(*map(state, event_ids)), strict=True))
    contacts = await present.contacts(running)
    reviews = await _all(asks, "/v1/reviews", {"state": "open"})
    hero = next(one for one in deliveries if one.person == "hero")
    namesake = next(one for one in deliveries if one.person == "namesake")
    hero_id = states[hero.receipt["event_id"]]["contact_id"]
    compared = await asks.ask("POST", "/v1/comparisons", _pair(hero, namesake), {"language": "en"})
    return Result(
        books=books,
        count=count(deliveries, states, contacts),
        contacts=contacts,
        reviews=reviews,
        deliveries=[one for one in deliveries if one.person == "hero"],
        hero=await asks.get(f"/v1/contacts/{hero_id}"),
        explanation=(await asks.ask("GET", f"/v1/explanations/{hero_id}", params={"language": "en"})).body,
        comparison=compared.body if compared.status == 200 else None,
        letters=await _all(asks, "/v1/dead-letters", {}),
        phones=frozenset(number for one in deliveries for number in _numbers(one.said)),
        questions=questions,
        folder=running.folder,
    )


def _pair(one: Delivery, other: Delivery) -> dict[str, Any]:
    return {"record_ids": [one.receipt["record_id"], other.receipt["record_id"]]}


def _numbers(said: Mapping[str, Any]) -> list[str]:
    return [number for number in (said.get("phone"), *(one["value"] for one in said.get("phones", ()))) if number]


async def _all(asks: Client, path: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await asks.get(path, {**params, **cursor})
        found += answer["items"]
        if answer["next"] is None:
            return found
        cursor = {"cursor": answer["next"]}


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:2])))
