"""What every client of Kafka needs, whatever it is for: how it connects, how it stops, and what its records say."""

import asyncio
import ssl
from typing import Any, Final

from shared.runtime.broker import Message
from shared.runtime.settings import KafkaSettings

TOPIC_BYTES_MAX: Final = 1024 * 1024
"""The topics' own limit: above anything we let through, since one batch the broker rejects wedges the producer (T3)."""

START_TIMEOUT_S: Final = 20.0
"""Longer than a broker's restart; a start that takes more is tried anew."""

STOP_TIMEOUT_S: Final = 10.0
"""A stop with pending data hangs while the broker is down (T5)."""


class ClientBroken(Exception):
    """The client can no longer be trusted; the process ends and a new one starts clean."""


def connection(kafka: KafkaSettings) -> dict[str, Any]:
    """The settings as the client's arguments."""
    context: ssl.SSLContext | None = None
    if kafka.security_protocol in {"SSL", "SASL_SSL"}:
        context = ssl.create_default_context(cafile=kafka.ssl_cafile)
        if kafka.ssl_certfile is not None:
            context.load_cert_chain(kafka.ssl_certfile, kafka.ssl_keyfile)
    password = kafka.sasl_password
    return {
        "bootstrap_servers": kafka.bootstrap_servers,
        "security_protocol": kafka.security_protocol,
        "ssl_context": context,
        "sasl_mechanism": kafka.sasl_mechanism or "PLAIN",
        "sasl_plain_username": kafka.sasl_username,
        "sasl_plain_password": None if password is None else password.get_secret_value(),
    }


def message_of(record: Any, prefix: str) -> Message:
    """A record of the client as a message of ours."""
    return Message(
        topic=record.topic.removeprefix(prefix) if prefix else record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
    )


async def stopped(client: Any) -> None:
    """Stop a client of the library; T5 and T6: it may hang, and it may raise CancelledError that nobody asked for."""
    stopping = asyncio.ensure_future(client.stop())
    await asyncio.wait([stopping], timeout=STOP_TIMEOUT_S)
    if not stopping.done():
        stopping.cancel()
    elif not stopping.cancelled():
        stopping.exception()  # looked at, so that nothing complains: there is nothing left to do about it
