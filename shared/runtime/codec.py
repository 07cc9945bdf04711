"""The codec: bytes to events and back, and the only place where bad bytes are found.

Values are UTF-8 JSON, attributes travel as CloudEvents 1.0 headers in binary mode (Kafka protocol binding 1.0.2);
a tombstone is a message without value.
"""

from datetime import datetime
from typing import Any, Final

import msgspec

from shared.domain.errors import Malformed
from shared.domain.events import DATA_OF, Event
from shared.domain.outcome import Outgoing
from shared.runtime.broker import Draft, Headers, Message
from shared.topology import MESSAGE_BYTES_MAX, Topic, Type

_TYPE_OF_WIRE: Final = {type_.wire: type_ for type_ in Type}
_ENCODER: Final = msgspec.json.Encoder()
_DECODERS: Final[dict[Type, msgspec.json.Decoder[Any]]] = {
    type_: msgspec.json.Decoder(data) for type_, data in DATA_OF.items()
}
_NUL: Final = b"\\u0000"
_SCHEMA: Final = "/v1/schemas/{}"
_KNOWN: Final = frozenset(
    ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "ce_dataschema", "content-type",
     "traceparent")  # fmt: skip
)


def encode(event: Event) -> tuple[bytes | None, Headers]:
    """Value and headers of an event; the value is None for a tombstone."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", event.id.encode()),
        ("ce_source", event.source.encode()),
        ("ce_type", event.type.wire.encode()),
        ("ce_time", event.time.isoformat().encode()),
        ("ce_subject", event.subject.encode()),
        ("ce_dataschema", _SCHEMA.format(event.type.value).encode()),
        ("content-type", b"application/json"),
    ]
    headers += [(f"ce_{name}", value.encode()) for name, value in event.extensions.items()]
    if event.traceparent is not None:
        headers.append(("traceparent", event.traceparent.encode()))
    return (None if event.data is None else _ENCODER.encode(event.data)), tuple(headers)


def draft(outgoing: Outgoing, topic: Topic | None = None) -> Draft:
    """The message that carries an event. Raises ValueError for one over the size limit, naming its id only."""
    value, headers = encode(outgoing.event)
    if value is not None and len(value) > MESSAGE_BYTES_MAX:
        raise ValueError(f"event {outgoing.event.id} has {len(value)} bytes, more than {MESSAGE_BYTES_MAX}")
    return Draft(topic=(topic or outgoing.topic).name, key=outgoing.key.encode(), value=value, headers=headers)


def decode(message: Message) -> Event:
    """The event of a message. Raises Malformed, naming the place and the kind of fault, never a value."""
    headers = dict(message.headers)
    type_ = _TYPE_OF_WIRE.get(_header(headers, "ce_type"))
    if type_ is None:
        raise Malformed("header ce_type names no type of ours")
    return Event(
        id=_header(headers, "ce_id"),
        type=type_,
        source=_header(headers, "ce_source"),
        time=_time(_header(headers, "ce_time")),
        subject=_header(headers, "ce_subject"),
        data=None if message.value is None else _data(message.value, type_),
        traceparent=_header(headers, "traceparent") if "traceparent" in headers else None,
        extensions={
            name[3:]: _header(headers, name) for name in headers if name.startswith("ce_") and name not in _KNOWN
        },
    )


def _header(headers: dict[str, bytes], name: str) -> str:
    value = headers.get(name)
    if value is None:
        raise Malformed(f"header {name} is missing")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Malformed(f"header {name} is not UTF-8") from None


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Malformed("header ce_time is no time") from None


def _data(value: bytes, type_: Type) -> Any:
    if _NUL in value:
        raise Malformed("the value holds a NUL character")
    try:
        return _DECODERS[type_].decode(value)
    except msgspec.ValidationError as error:
        raise Malformed(_place(str(error))) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Malformed("the value is not JSON in UTF-8") from None


def _place(text: str) -> str:
    """The decoder's message without the value it may quote: only expected types and the path remain."""
    fault, _, path = text.rpartition(" - at ")
    return f"{fault.split(',')[0]} at {path.strip('`')}" if path else "the value has another shape"
