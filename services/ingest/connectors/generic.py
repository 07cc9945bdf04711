"""Generic: JSON, urlencoded and multipart deliveries with names of the vendor's own, read by the mapping of the source.

- **Authentic**: a secret in the path, as bearer token or as user and password; or a sender token of ours.
- **Says**: one record for each payload; `map` names dotted paths.
"""

import contextlib
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from services.ingest.connectors.hook import Connector, Hook, Payload, Record, Says, Unreadable
from services.ingest.connectors.signatures import by_secret
from services.ingest.core.mapping import record_of
from shared.domain.configuration import Source
from shared.domain.outcome import LetterReason
from shared.domain.record import Json

DELIVERIES_MAX: Final = 1_000
"""As many as one request of our own senders may bring."""

FIELDS_MAX: Final = 1_000
"""Forms have dozens of fields; thousands are an attack on the parser."""

DEPTH_MAX: Final = 10
"""`data[merges][GROUPINGS][0][name]` has five."""

FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"


def _says(payload: Payload, hook: Hook, source: Source) -> list[Says] | Unreadable:
    return [Record(record_of(payload, hook.source, source.map))]


CONNECTOR: Final = Connector(by_secret, _says, tokens=True)


def payloads_of(content_type: str, body: bytes) -> list[Mapping[str, Json]] | Unreadable:
    """The deliveries in a body: one, or those of a JSON array. Never raises, whatever the bytes are."""
    media = content_type.partition(";")[0].strip().lower()
    try:
        if media == FORM:
            return [_nested(_form(body))]
        if media == MULTIPART:
            return [_nested(_multipart(content_type, body))]
        return _json(body)
    except UnicodeDecodeError:
        return Unreadable(LetterReason.NOT_UTF8, "the body is not UTF-8")
    except RecursionError:
        return Unreadable(LetterReason.UNREADABLE, "the body is nested too deeply")
    except (ValueError, MultipartParseError):
        return Unreadable(LetterReason.UNREADABLE, f"the body is not what its content type says ({_named(media)})")


def _named(media: str) -> str:
    return media if media in (FORM, MULTIPART) else "application/json"


def _json(body: bytes) -> list[Mapping[str, Json]] | Unreadable:
    body.decode()  # a body in Latin-1 is JSON to the eye: its reason is the encoding
    said = msgspec.json.decode(body)
    payloads = said if isinstance(said, list) else [said]
    if not all(isinstance(one, dict) for one in payloads):
        return Unreadable(LetterReason.UNREADABLE, "the body is neither an object nor an array of objects")
    if not 1 <= len(payloads) <= DELIVERIES_MAX:
        return Unreadable(LetterReason.UNREADABLE, f"the body is an array of none or more than {DELIVERIES_MAX}")
    return payloads


def _form(body: bytes) -> list[tuple[str, str]]:
    text = body.decode()
    return parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=FIELDS_MAX)


def _multipart(content_type: str, body: bytes) -> list[tuple[str, str]]:
    """The text fields of a multipart body, in order; files are no part of a record."""
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise ValueError("no boundary")
    collector = _Collector()
    parser = MultipartParser(boundary, collector.callbacks(), max_size=len(body) + 1)
    parser.write(body)
    parser.finalize()
    if not collector.ended:
        raise ValueError("the last boundary is missing")
    return [(name.decode(), value.decode()) for name, value in collector.fields]


class _Collector:
    """What the parser tells, put together to fields."""

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []
        self.ended = False
        self._name = b""
        self._header = self._disposition = b""
        self._value = bytearray()

    def callbacks(self) -> Any:
        """The callbacks by the parser's names."""
        return {
            "on_part_begin": self._begin,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_header_field": self._field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        self._disposition = self._header = self._name = b""
        self._value = bytearray()

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._header
        self._name = self._header = b""

    def _end(self) -> None:
        options = parse_options_header(self._disposition)[1]
        if b"name" in options and b"filename" not in options:
            if len(self.fields) >= FIELDS_MAX:
                raise ValueError("too many fields")
            self.fields.append((options[b"name"], bytes(self._value)))

    def _finish(self) -> None:
        self.ended = True


def _nested(pairs: list[tuple[str, str]]) -> Mapping[str, Json]:
    """Names in brackets as nested objects (`data[email]` → data.email); a name that comes twice holds a list."""
    if not pairs:
        raise ValueError("no field")
    nested: dict[str, Json] = {}
    for name, value in pairs:
        first, *more = name.replace("]", "").split("[")
        steps = [first, *(step for step in more if step)]
        if len(steps) > DEPTH_MAX:
            raise ValueError("nested too deeply")
        place = nested
        for step in steps[:-1]:
            below = place.setdefault(step, {})
            place = below if isinstance(below, dict) else place
        _put(place, steps[-1], _unpacked(value))
    return nested


def _put(place: dict[str, Json], name: str, value: Json) -> None:
    before = place.get(name)
    if before is None:
        place[name] = value
    else:
        place[name] = [*before, value] if isinstance(before, list) else [before, value]


def _unpacked(value: str) -> Json:
    """Vendors put JSON objects into form fields (Jotform's rawRequest); anything else stays the text it is."""
    if value.startswith("{") and value.endswith("}"):
        with contextlib.suppress(msgspec.DecodeError, RecursionError):
            return msgspec.json.decode(value)
    return value
