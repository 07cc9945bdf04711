"""Makes the fixture of an earlier state: runs that state on engines of its own and keeps what it leaves behind.

    git archive COMMIT | tar -x -C /some/folder
    python -m tests.upgrades.make /some/folder

Sends records, duplicates, an update, interactions and a deletion, lets a person judge, fix a value and erase somebody,
sets poison aside and takes a backup. Then the tables are dumped. What comes in after that is kept only as it lies in
contacts.received: there the next release finds it undecided. Needs the packages of this checkout only.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

import aiohttp
import asyncpg

from shared.topology import RECEIVED, TOPICS
from tests.bench.known import knowing
from tests.bench.people import people
from tests.chaos.rubbish import Poison
from tests.support.system import STOP_S, System, ready
from tests.upgrades import kept

PEOPLE: Final = 60
LATER: Final = 12
POISON: Final = 12
SEED: Final = 7
CALM_S: Final = 10.0
"""Longer than the chores of any stage take to come round: who says nothing for so long has nothing to say."""

SETTLE_S: Final = 120.0

TWINS: Final[tuple[dict[str, Any], ...]] = (
    {
        "source": "crm",
        "source_record_id": "t1",
        "given_name": "Karin",
        "family_name": "Weber",
        "birthday": "1971-05-02",
    },
    {"source": "crm", "source_record_id": "t2", "given_name": "Karin", "family_name": "Weber", "city": "Kiel"},
)
"""Namesakes whom only a person can tell to be one."""

ALIKE: Final = tuple(
    {
        "source": source,
        "source_record_id": f"alike-{number}",
        "given_name": "Petra",
        "family_name": family,
        **({"birthday": f"19{70 + number}-03-0{number}"} if source == "crm" else {"postcode": "24103", "city": "Kiel"}),
    }
    for source in ("crm", "registration")
    for number, family in enumerate(("Seltsam", "Wunderlich", "Altmann"), 1)
)
"""Pairs of namesakes about whom nobody can be sure: questions for a reviewer."""

SWITCHBOARD: Final = tuple(
    {"source": "webform", "full_name": f"Anna Amt-{number}", "phone": "0431 555 000", "email": f"a{number}@amt.example"}
    for number in range(8)
)
"""More people at one number than KEY_RECORDS, so that the number says nothing."""

KEY_RECORDS: Final = 5

RULES: Final = """
  - name: bought
    when: timeline.count("purchase", 365) > 0
    then: {notify: {channel: log}}
  - name: gone-quiet
    at: {inactive: 180d}
    then: {category: inactive, notify: {channel: log}}
"""
"""Rules that plan ahead and rules that tell somebody."""

GONE: Final = {"source": "crm", "source_record_id": "gone", "full_name": "Ute Bald", "email": "ute@bald.example"}
FORGOTTEN: Final = {
    "source": "crm",
    "source_record_id": "forgotten",
    "full_name": "Olaf Weg",
    "email": "olaf@weg.example",
}
PINNED: Final = {"source": "crm", "source_record_id": "pinned", "full_name": "Iris Fest", "email": "iris@fest.example"}
AWAITED: Final = {"source": "crm", "source_record_id": "late", "full_name": "Nele Neu", "email": "nele@neu.example"}
HEARD: Final[dict[str, Any]] = {
    "source": "newsletter",
    "source_record_id": "heard",
    "full_name": "Ida Laut",
    "email": "ida@laut.example",
    "consents": [{"purpose": "newsletter", "channel": "email", "status": "granted", "at": "2026-11-01T09:00:00Z"}],
}


def main() -> None:
    """Run it."""
    (checkout,) = map(Path, sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="kontaktwerk-before-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        asyncio.run(run(checkout.resolve(), folder))


async def run(checkout: Path, folder: Path) -> None:
    """Start the earlier state, live in it, keep what is left."""
    async with knowing(folder) as world, running(checkout, folder / "data", world) as system:
        facts = await _live(system)
        kafka, database = system.endpoints()["kafka"], system.endpoints()["database"]
        topics = [topic.name for topic in TOPICS]
        tables, until = await _at_rest(kafka, database, topics)
        facts |= await _counted(database)
        later = [AWAITED, *_later()]
        facts["later"] = [one["record_id"] for one in (await system.post_until_accepted(later))["receipts"]]
        newest = await kept.ends(kafka, [RECEIVED.name])
        messages = await kept.messages_before(kafka, {**until, **newest})
        (revision,) = {facts.pop("revision")}
    kept.keep(revision, tables, messages, facts)
    print(f"kept {len(messages)} messages and the tables of revision {revision}")


@contextlib.asynccontextmanager
async def running(checkout: Path, data: Path, world: Mapping[str, str]) -> AsyncGenerator[System]:
    """`up` of that checkout, with this interpreter."""
    config = Path(world["KONTAKTWERK_CONFIG_DIR"])
    ours = (config / "providers.yaml").read_text()
    shutil.rmtree(config)
    shutil.copytree(checkout / "deploy" / "config", config)
    (config / "providers.yaml").write_text(ours)
    rules = config / "rules.yaml"
    rules.write_text(rules.read_text() + RULES)
    await asyncio.to_thread(data.mkdir)
    settings = {**world, "PYTHONPATH": str(checkout), "KONTAKTWERK_PARTITIONS": str(kept.PARTITIONS)}
    settings["KONTAKTWERK_DEDUP_KEY_RECORDS_MAX"] = str(KEY_RECORDS)
    left = {
        name: value for name, value in os.environ.items() if name not in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL")
    }
    with (data / "up.log").open("wb") as log:
        process = await asyncio.to_thread(_launched, checkout, data, left | settings, log)
    try:
        await ready(data, process)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
            yield System(data, process, session)
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, STOP_S)


def _launched(checkout: Path, data: Path, env: Mapping[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "services", "up", "--data", str(data), "--port", "0"]
    return subprocess.Popen(command, cwd=checkout, env=dict(env), stdout=log, stderr=subprocess.STDOUT)


async def _live(system: System) -> dict[str, Any]:
    """What a house does in an hour; ids that are asked for afterwards."""
    posted = [{**one, "source": "crm"} for one in people(PEOPLE, duplicates=0.3, seed=SEED)]
    receipts = await _send(system, [*posted, *ALIKE, *SWITCHBOARD, *TWINS, GONE, FORGOTTEN, PINNED, HEARD])
    twins, gone, forgotten, pinned, heard = receipts[-6:-4], *receipts[-4:]
    accepted = len(receipts)
    await system.settled(accepted)
    contacts = {one["record_id"]: await _contact_of(system, one) for one in receipts}
    happened = [_interaction(number, one["source"], record=one) for number, one in enumerate([*TWINS, HEARD])]
    await _did(system, "POST", "/v1/interactions", happened)
    accepted += len(happened)
    merged = await _did(
        system, "POST", "/v1/merges", {"contact_ids": [contacts[one["record_id"]] for one in twins], "reason": "asked"}
    )
    pin = f"/v1/pins/{contacts[pinned['record_id']]}/job_title"
    await _did(system, "PUT", pin, {"value": "Leiterin"})
    await _did(system, "POST", "/v1/records", {**posted[0], "job_title": "Einkauf"}, {"Idempotency-Key": "once"})
    await _did(system, "DELETE", f"/v1/records/{gone['record_id']}")
    accepted += 2
    await system.settled(accepted)
    await _did(system, "POST", "/v1/erasures", {"contact_id": contacts[forgotten["record_id"]]})
    await _did(system, "POST", "/v1/backups", {"to": str(system.data / "backups")})
    poison = Poison(system.endpoints()["kafka"], SEED)
    await poison.start()
    await poison.put(POISON)
    await poison.stop()
    await _set_aside(system)
    await system.settled(accepted)
    await _did(system, "POST", "/v1/interactions", _interaction(8, "crm", email=str(AWAITED["email"])))
    await _parked(system.endpoints()["database"])
    return {
        "accepted": accepted + 1,
        "contacts": sorted({one for one in contacts.values() if one != contacts[forgotten["record_id"]]}),
        "merged": merged["contact_ids"],
        "pinned": contacts[pinned["record_id"]],
        "gone": contacts[gone["record_id"]],
        "forgotten": contacts[forgotten["record_id"]],
        "heard": contacts[heard["record_id"]],
        "event": receipts[0]["event_id"],
        "record": receipts[0]["record_id"],
    }


def _later() -> Sequence[dict[str, Any]]:
    """People of whom most are known already."""
    known = [*people(PEOPLE, duplicates=0.3, seed=SEED)][:LATER]
    return [{**one, "source": "crm", "source_record_id": f"later-{one['source_record_id']}"} for one in known]


def _interaction(number: int, source: str, record: Mapping[str, Any] | None = None, **by: str) -> dict[str, Any]:
    about = {"record": {name: record[name] for name in ("source", "source_record_id")}} if record else by
    at = f"2026-11-0{number + 1}T10:00:00Z"
    return {"source": source, "interaction_id": f"i{number}", "type": "purchase", "at": at, "contact": about}


async def _send(system: System, records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    receipts: list[dict[str, Any]] = (await system.post_until_accepted(records))["receipts"]
    return receipts


async def _did(system: System, method: str, path: str, body: Any = None, headers: Any = None) -> Any:
    status, answer = await system.call(method, path, json=body, headers=headers or {})
    assert status in (200, 202, 204), (method, path, status, answer)
    return answer


async def _contact_of(system: System, receipt: Mapping[str, Any]) -> str:
    _, found = await system.call("GET", f"/v1/receipts/{receipt['event_id']}")
    contact_id: str = found["contact_id"]
    return contact_id


async def _set_aside(system: System) -> None:
    """Wait until each message of poison is a letter that can be found, and the backup is over."""
    until = time.monotonic() + SETTLE_S
    while True:
        _, letters = await system.call("GET", "/v1/dead-letters?limit=100")
        _, runs = await system.call("GET", "/v1/backups")
        if len(letters["items"]) >= POISON and all(run["state"] in ("done", "failed") for run in runs["items"]):
            return
        assert time.monotonic() < until, (len(letters["items"]), runs)
        await asyncio.sleep(0.2)


async def _at_rest(kafka: str, database: str, topics: Sequence[str]) -> tuple[bytes, Mapping[tuple[str, int], int]]:
    """The tables and the ends of the topics at one moment: nothing was said while the tables were read."""
    until = time.monotonic() + SETTLE_S
    while True:
        await asyncio.sleep(CALM_S)
        before = await kept.ends(kafka, topics)
        tables = await asyncio.to_thread(kept.dump, database)
        await asyncio.sleep(CALM_S)
        if before == await kept.ends(kafka, topics):
            return tables, before
        assert time.monotonic() < until, "it does not come to rest"


async def _parked(database: str) -> None:
    """Wait until what happened with somebody unknown waits for its person."""
    until = time.monotonic() + SETTLE_S
    connection = await asyncpg.connect(database)
    try:
        while not await connection.fetchval("SELECT count(*) FROM dedup.parked"):
            assert time.monotonic() < until, "nothing waits"
            await asyncio.sleep(0.2)
    finally:
        await connection.close()


async def _counted(database: str) -> dict[str, Any]:
    """The revision, and how many rows each table has."""
    connection = await asyncpg.connect(database)
    try:
        names = await connection.fetch(
            """SELECT schemaname || '.' || tablename AS name FROM pg_tables
               WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"""
        )
        rows = {one["name"]: await connection.fetchval(f"SELECT count(*) FROM {one['name']}") for one in names}
        revision = await connection.fetchval("SELECT version_num FROM runtime.revision")
        return {"rows": rows, "revision": revision}
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
