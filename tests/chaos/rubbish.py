"""Poison: ten kinds of messages that no stage can read, put on the topics themselves, and their letters."""

import asyncio
import json
import random
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer, errors

from shared.topology import ENRICHED, RECEIVED, RESOLVED, VALIDATED, Topic

MARK: Final = "chaos-poison"
"""The header by which a message of ours is found again on its topic; no stage looks at it."""

Headers = dict[str, bytes]
Drawn = tuple[Headers, bytes | None]

TYPES: Final = {
    RECEIVED: "record.received",
    RESOLVED: "contact.resolved",
    VALIDATED: "contact.validated",
    ENRICHED: "contact.enriched",
}

DECIDES: Final = {RECEIVED.name: "dedup", RESOLVED.name: "validate", VALIDATED.name: "enrich", ENRICHED.name: "rules"}


class Kind(NamedTuple):
    """A way to be wrong, the reason it is set aside for, and whether only what sources say can be wrong so."""

    spoils: Callable[[Headers, dict[str, Any]], Drawn]
    reason: str
    received_only: bool = False


def _body(said: dict[str, Any]) -> bytes:
    return json.dumps(said).encode()


def _without(name: str) -> Callable[[Headers, dict[str, Any]], Drawn]:
    return lambda headers, said: ({key: value for key, value in headers.items() if key != name}, _body(said))


def _with(name: str, value: bytes) -> Callable[[Headers, dict[str, Any]], Drawn]:
    return lambda headers, said: ({**headers, name: value}, _body(said))


def _as(value: bytes | None) -> Callable[[Headers, dict[str, Any]], Drawn]:
    return lambda headers, _: (headers, value)


KINDS: Final[Mapping[str, Kind]] = {
    "broken JSON": Kind(_as(b'{"record_id": '), "unreadable"),
    "not UTF-8": Kind(_as(b"\xff\xfe{}"), "not-utf8"),
    "a NUL": Kind(_as(b'{"source": "\\u0000"}'), "invalid"),
    "nested without end": Kind(_as(b'{"more": ' + b"[" * 50_000), "unreadable"),
    "a wrong type": Kind(_as(b"[1, 2]"), "invalid"),
    "no type": Kind(_without("ce_type"), "unreadable"),
    "an unknown type": Kind(_with("ce_type", b"kontaktwerk.nothing.known.v9"), "unreadable"),
    "no id": Kind(_without("ce_id"), "unreadable"),
    "no time": Kind(_with("ce_time", b"yesterday"), "unreadable"),
    "no value": Kind(_as(None), "invalid", received_only=True),
}


class Poison:
    """Puts one of these on a topic now and then; what arrived is counted from the topics afterwards."""

    def __init__(self, bootstrap_servers: str, seed: int) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, enable_idempotence=True)
        self._dice = random.Random(seed)
        self._number = 0

    async def start(self) -> None:
        """Connect."""
        await self._producer.start()

    async def put(self, count: int) -> None:
        """So many, each again until Kafka has it: perhaps twice, which only makes one more."""
        for _ in range(count):
            topic, headers, value = self._drawn()
            while True:
                try:
                    key = str(uuid.UUID(int=self._dice.getrandbits(128), version=4)).encode()
                    await self._producer.send_and_wait(topic.name, value, key, headers=list(headers.items()))
                    break
                except errors.KafkaError:
                    await asyncio.sleep(0.5)

    async def stop(self) -> None:
        """Disconnect."""
        await self._producer.stop()

    def _drawn(self) -> tuple[Topic, Headers, bytes | None]:
        self._number += 1
        name = self._dice.choice(list(KINDS))
        kind = KINDS[name]
        topic = RECEIVED if kind.received_only else self._dice.choice(list(TYPES))
        about = str(uuid.UUID(int=self._dice.getrandbits(128), version=4))
        headers = {
            "ce_specversion": b"1.0",
            "ce_id": about.encode(),
            "ce_source": b"/kontaktwerk/chaos",
            "ce_type": f"kontaktwerk.{TYPES[topic]}.v1".encode(),
            "ce_time": datetime.now(UTC).isoformat().encode(),
            "ce_subject": about.encode(),
            "ce_dataschema": b"/v1/schemas/none",
            "content-type": b"application/json",
        }
        spoilt, value = kind.spoils(headers, {"record_id": about, "source": "crm"})
        return topic, {**spoilt, MARK: name.encode()}, value


def letter_of(topic: str, kind: str) -> tuple[str, str]:
    """Stage and reason of the one letter that such a message must become: who decides on its topic sets it aside."""
    return DECIDES[topic], KINDS[kind].reason
