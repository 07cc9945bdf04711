"""The codec: bytes to events and back, and the only place where bad bytes are found.

Values are UTF-8 JSON, attributes travel as CloudEvents 1.0 headers in binary mode (Kafka protocol binding 1.0.2);
a tombstone is a message without value.
"""

import re
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

import msgspec

from shared.domain.errors import Malformed
from shared.domain.events import DATA_OF, Event
from shared.domain.outcome import LetterReason, Outgoing
from shared.runtime.broker import Draft, Headers, Message
from shared.topology import MESSAGE_BYTES_MAX, Type

_TYPE_OF_WIRE: Final = {type_.wire.encode(): type_ for type_ in Type}
_ENCODER: Final = msgspec.json.Encoder()
_DECODERS: Final[dict[Type, msgspec.json.Decoder[Any]]] = {
    type_: msgspec.json.Decoder(data) for type_, data in DATA_OF.items()
}
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_SCHEMA: Final = "/v1/schemas/{}"
_SAME_FOR_ALL: Final = {
    type_: (
        ("ce_specversion", b"1.0"),
        ("ce_type", type_.wire.encode()),
        ("ce_dataschema", _SCHEMA.format(type_.value).encode()),
        ("content-type", b"application/json"),
    )
    for type_ in Type
}
_KNOWN: Final = frozenset(
    (
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_time",
        "ce_subject",
        "ce_dataschema",
        "content-type",
        "traceparent",
    )
)


def encode(event: Event) -> tuple[bytes | None, Headers]:
    """Value and headers of an event; the value is None for a tombstone."""
    specversion, type_, dataschema, content_type = _SAME_FOR_ALL[event.type]
    headers: Headers = (
        specversion,
        ("ce_id", event.id.encode()),
        ("ce_source", event.source.encode()),
        type_,
        ("ce_time", event.time.isoformat().encode()),
        ("ce_subject", event.subject.encode()),
        dataschema,
        content_type,
    )
    if event.extensions:
        headers += tuple((f"ce_{name}", value.encode()) for name, value in event.extensions.items())
    headers += (("traceparent", (event.traceparent or trace_of(event.id)).encode()),)
    return (None if event.data is None else _ENCODER.encode(event.data)), headers


def trace_of(event_id: str) -> str:
    """The trace that begins with an event nothing led to (W3C Trace Context, version 00): the same when said again."""
    digest = blake2b(event_id.encode(), digest_size=24).hexdigest()
    return f"00-{digest[:32]}-{digest[32:]}-01"


class Misfit(Malformed):
    """JSON that is well-formed, and yet no such event."""


class NotUtf8(Malformed):
    """Text in another encoding than UTF-8."""


def reason_of(error: Malformed) -> LetterReason:
    """Under which reason a message is set aside that cannot be read for this."""
    match error:
        case Misfit():
            return LetterReason.INVALID
        case NotUtf8():
            return LetterReason.NOT_UTF8
        case _:
            return LetterReason.UNREADABLE


class TooLarge(ValueError):
    """An event whose message would pass the limit of a message; the text names its id and size only."""


def draft(outgoing: Outgoing, partition: int | None = None) -> Draft:
    """The message that carries an event, for a partition if that is known already. Raises TooLarge."""
    value, headers = encode(outgoing.event)
    if value is not None and len(value) > MESSAGE_BYTES_MAX:
        raise TooLarge(f"event {outgoing.event.id} has {len(value)} bytes, more than {MESSAGE_BYTES_MAX}")
    return Draft(
        topic=outgoing.topic.name, key=outgoing.key.encode(), value=value, headers=headers, partition=partition
    )


def decode(message: Message) -> Event:
    """The event of a message. Raises Malformed, naming the place and the kind of fault, never a value."""
    headers = dict(message.headers)
    type_ = _TYPE_OF_WIRE.get(headers.get("ce_type", b""))
    if type_ is None:
        raise Malformed("header ce_type names no type of ours")
    more = headers.keys() - _KNOWN
    return Event(
        id=_header(headers, "ce_id"),
        type=type_,
        source=_header(headers, "ce_source"),
        time=_time(_header(headers, "ce_time")),
        subject=_header(headers, "ce_subject"),
        data=None if message.value is None else _data(message.value, type_),
        traceparent=_header(headers, "traceparent") if "traceparent" in headers else None,
        extensions={name[3:]: _header(headers, name) for name in sorted(more) if name.startswith("ce_")},
    )


def _header(headers: dict[str, bytes], name: str) -> str:
    value = headers.get(name)
    if value is None:
        raise Malformed(f"header {name} is missing")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise NotUtf8(f"header {name} is not UTF-8") from None


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Malformed("header ce_time is no time") from None


def _data(value: bytes, type_: Type) -> Any:
    if holds_nul(value):
        raise Misfit("the value holds a NUL character")
    try:
        return _DECODERS[type_].decode(value)
    except msgspec.ValidationError as error:
        pointer, detail = fault_of(error)
        raise Misfit(f"{detail} at {pointer or 'the whole'}") from None
    except RecursionError:
        raise Malformed("the value is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise (Malformed("the value is not JSON") if is_utf8(value) else NotUtf8("the value is not UTF-8")) from None


def is_utf8(value: bytes) -> bool:
    """True for text in UTF-8, whatever it says."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def holds_nul(body: bytes) -> bool:
    """True when a text of this JSON holds the character U+0000, which Postgres cannot hold.

    The six characters of the escape are looked for; behind an escaped backslash they are plain text and harmless.
    """
    return b"\\u0000" in body and _NUL.search(body) is not None


def fault_of(error: msgspec.ValidationError) -> tuple[str, str]:
    """Where a value has the wrong shape, as a JSON pointer (RFC 6901; empty: the whole), and what was expected.

    Only words of the decoder's own remain: it may quote what it found, and that may belong to a person.
    """
    fault, _, path = str(error).rpartition(" - at `")
    pointer = _pointer(path.rstrip("`")) if fault else ""
    return pointer, _said_safely(fault or str(error))


def _pointer(path: str) -> str:
    """`$.emails[0].value` becomes `/emails/0/value`; a key of a map, which may be anybody's, stays `…`."""
    steps = re.findall(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[(\d+|\.\.\.)\]", path)
    return "".join("/" + (name or ("…" if index == "..." else index)) for name, index in steps)


def _said_safely(fault: str) -> str:
    for words in ("Expected", "Object missing required field", "Invalid RFC3339 encoded datetime", "Invalid UUID"):
        if fault.startswith(words):
            return fault.replace("`", "").lower()
    return "has a field that is not known" if "unknown field" in fault else "is none of the values that are allowed"
