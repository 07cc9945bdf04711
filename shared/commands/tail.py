"""`tail`: follows a topic, one line an event, personal data masked unless asked for."""

import json
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition, errors

from shared.commands.kafka import settings_of
from shared.commands.masking import masked
from shared.commands.running import Failed, Running, WrongUsage
from shared.runtime.broker.kafka_client import connection
from shared.runtime.settings import Settings
from shared.topology import TOPICS

LINE_MAX: Final = 240
"""Characters of an event's content on one line; `--json` shows all of it."""


def topic_of(text: str) -> str:
    """The full name of a topic, which may be said without its `contacts.`; WrongUsage for one that is none."""
    names = [topic.name for topic in TOPICS]
    for name in (text, f"contacts.{text}"):
        if name in names:
            return name
    raise WrongUsage(f"there is no topic {text!r}; there are {', '.join(names)}")


async def follow(running: Running, topic: str, *, start: bool) -> AsyncGenerator[dict[str, Any]]:
    """The events of a topic as they come, from now on or from its start; never ends by itself.

    Each is a dict with at, type, id, key, partition, offset and value (None for a tombstone).
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells every try while a broker is away
    consumer = AIOKafkaConsumer(**connection(settings_of(running)), enable_auto_commit=False, auto_offset_reset="none")
    try:
        await consumer.start()
        name = Settings().topic_prefix + topic
        numbers = await _partitions(consumer, name)
        places = [TopicPartition(name, number) for number in sorted(numbers)]
        consumer.assign(places)
        offsets = await (consumer.beginning_offsets(places) if start else consumer.end_offsets(places))
        for place, offset in offsets.items():
            consumer.seek(place, offset)
        async for record in consumer:
            yield event_of(record)
    except (errors.KafkaError, OSError) as error:
        raise Failed(f"Kafka does not answer ({type(error).__name__})") from None
    finally:
        await consumer.stop()


async def _partitions(consumer: Any, name: str) -> set[int]:
    await consumer._client.force_metadata_update()  # noqa: SLF001 (a topic made a moment ago is known only then)
    numbers: set[int] | None = consumer.partitions_for_topic(name)
    if not numbers:
        await consumer.topics()
        numbers = consumer.partitions_for_topic(name)
    if not numbers:
        raise Failed(f"topic {name} is not there; make it with `kontaktwerk topics`")
    return numbers


def printed(
    running: Running, topic: str, *, start: bool, reveal: bool, as_json: bool
) -> Callable[[int | None], Coroutine[Any, Any, None]]:
    """Follows and prints, ending after so many events where a number is given."""

    async def follow_and_print(limit: int | None) -> None:
        seen = 0
        async with aclosing(follow(running, topic, start=start)) as events:
            async for event in events:
                shown = {**event, "value": event["value"] if reveal else masked(event["value"])}
                line = json.dumps(shown, ensure_ascii=False) if as_json else line_of(event, reveal=reveal)
                print(line, flush=True)
                seen += 1
                if seen == limit:
                    return

    return follow_and_print


def event_of(record: Any) -> dict[str, Any]:
    """One message as a dict; a value that is no JSON is told by its size only."""
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers}
    return {
        "at": datetime.fromtimestamp(record.timestamp / 1000, UTC).isoformat(timespec="milliseconds"),
        "type": headers.get("ce_type", "").removeprefix("kontaktwerk.").removesuffix(".v1"),
        "id": headers.get("ce_id"),
        "key": None if record.key is None else record.key.decode("utf-8", "replace"),
        "partition": record.partition,
        "offset": record.offset,
        "headers": {name: value for name, value in headers.items() if name.startswith(("ce_", "dead-letter-"))},
        "value": _value(record.value),
    }


def _value(value: bytes | None) -> Any:
    if value is None:
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return {"unreadable_bytes": len(value)}


def line_of(event: dict[str, Any], *, reveal: bool) -> str:
    """One event on one line."""
    value = event["value"] if reveal else masked(event["value"])
    reason = event["headers"].get("dead-letter-reason") or event["headers"].get("ce_reason") or ""
    content = reason if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    told = content if len(content) <= LINE_MAX else content[: LINE_MAX - 1] + "…"
    return f"{event['at'][11:23]}  {event['type'] or '?':<20} {event['key'] or '':<36}  {told}"
