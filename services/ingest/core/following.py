"""Following: what a message on the way tells about accepted events, their contacts and what was set aside.

Only the few members that a receipt needs are decoded: a snapshot passes here twice for every contact. Whatever cannot
be read tells nothing; its own stage sets it aside, and that letter tells.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from services.ingest.core.limits import is_id
from shared.domain.events import Decision
from shared.domain.ids import derived_id
from shared.domain.outcome import DropReason
from shared.topology import CLEAN, DEAD_LETTERS, RECEIVED, RESOLVED, Type

T = TypeVar("T")
Headers = Mapping[str, bytes]

VERSION_UNKNOWN: Final = 2**62
"""A letter about a contact whose version nobody can read holds up whatever still waits for that contact."""

LETTER: Final = "dead-letter-"
_AHEAD: Final = frozenset(("ingest", "dedup"))
"""Stages that decide on accepted events themselves; the later ones decide on contacts."""


class Received(NamedTuple):
    """An event is on the log: it counts as accepted, in the place of the one that it mends where it mends one."""

    event_id: str
    kind: str
    source: str
    record_id: str | None
    at: datetime
    observed_at: datetime
    import_id: str | None = None
    mends: str | None = None


class Answered(NamedTuple):
    """dedup has decided on an event."""

    event_id: str
    outcome: str
    reason: str | None
    contact_id: str | None
    version: int | None


class Belongs(NamedTuple):
    """An interaction has found its record."""

    event_id: str
    record_id: str


class Seen(NamedTuple):
    """A contact was said on `contacts.clean` at this version; `gone` says why when it was a tombstone."""

    contact_id: str
    version: int
    gone: str | None = None
    merged_into: str | None = None
    merged_into_version: int | None = None


class Letter(NamedTuple):
    """A message was set aside. `event_id` where an accepted event is meant, `contact_id` where a version is."""

    letter_id: str
    stage: str
    reason: str
    topic: str
    partition: int
    offset: int
    source: str | None
    event_id: str | None
    contact_id: str | None
    version: int | None
    at: datetime
    attempt: int
    detail: str


Note = Received | Answered | Belongs | Seen | Letter


class _ReceivedLight(msgspec.Struct):
    received_at: datetime
    source: str = ""
    record_id: str | None = None
    observed_at: datetime | None = None
    import_id: str | None = None


class _Version(msgspec.Struct):
    contact_id: str
    version: int


class _ResolvedLight(msgspec.Struct):
    decisions: tuple[Decision, ...] = ()
    event_id: str | None = None
    record_id: str | None = None


class _LetterLight(msgspec.Struct):
    contact: _Version | None = None
    contact_id: str | None = None
    version: int | None = None
    event_id: str | None = None


_KINDS: Final = {
    Type.RECORD_RECEIVED.wire: "record",
    Type.RECORD_DELETED.wire: "deletion",
    Type.INTERACTION_RECEIVED.wire: "interaction",
}
_RECEIVED: Final = msgspec.json.Decoder(_ReceivedLight)
_RESOLVED: Final = msgspec.json.Decoder(_ResolvedLight)
_VERSION: Final = msgspec.json.Decoder(_Version)
_LETTER: Final = msgspec.json.Decoder(_LetterLight)
_LETTER_TOPICS: Final = {topic.name: stage for stage, topic in DEAD_LETTERS.items()}


class Told(NamedTuple):
    """A message as the log holds it, without its type of the broker."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def notes_of(told: Told) -> Sequence[Note]:
    """What one message tells; nothing where it concerns no receipt or cannot be read."""
    headers = dict(told.headers)
    if told.topic == RECEIVED.name:
        return _received(told, headers)
    if told.topic == RESOLVED.name:
        return _resolved(told)
    if told.topic == CLEAN.name:
        return _clean(told, headers)
    stage = _LETTER_TOPICS.get(told.topic)
    return () if stage is None else (_letter(told, headers, stage),)


def _received(told: Told, headers: Headers) -> Sequence[Note]:
    kind = _KINDS.get(_text(headers, "ce_type"))
    event_id = _text(headers, "ce_id")
    data = _decoded(_RECEIVED, told.value)
    if kind is None or data is None or not is_id(event_id):
        return ()
    record_id, mends = _id(data.record_id), _id(_text(headers, "ce_mends"))
    return (Received(event_id, kind, data.source, record_id, data.received_at, _observed(data), data.import_id, mends),)


def _observed(data: _ReceivedLight) -> datetime:
    return data.observed_at or data.received_at


def _resolved(told: Told) -> Sequence[Note]:
    data = _decoded(_RESOLVED, told.value)
    if data is None:
        return ()
    notes: list[Note] = [
        Answered(one.event_id, one.outcome, one.reason, _id(one.contact_id), one.version)
        for one in data.decisions
        if is_id(one.event_id) and one.reason != DropReason.REDELIVERED
    ]
    if data.event_id is not None and data.record_id is not None and is_id(data.event_id) and is_id(data.record_id):
        notes.append(Belongs(data.event_id, data.record_id))
    return notes


def _clean(told: Told, headers: Headers) -> Sequence[Note]:
    if told.value is not None:
        data = _decoded(_VERSION, told.value)
        return () if data is None or not is_id(data.contact_id) else (Seen(data.contact_id, data.version),)
    contact_id, version = _plain(told.key), _number(headers, "ce_version")
    if version is None or not is_id(contact_id):
        return ()
    into = _id(_text(headers, "ce_mergedinto"))
    return (Seen(contact_id, version, _gone(headers, into), into, _number(headers, "ce_mergedintoversion")),)


def _gone(headers: Headers, into: str | None) -> str:
    """Why a contact is gone; merged only counts with an address to follow."""
    reason = _text(headers, "ce_reason")
    return "merged" if reason == "merged" and into is not None else "deleted" if reason == "merged" else reason


def _letter(told: Told, headers: Headers, stage: str) -> Letter:
    event_id, contact_id, version = _meant(told, headers, stage)
    at = datetime.fromtimestamp(told.timestamp_ms / 1000, UTC)
    source = _text(headers, "ce_source")
    return Letter(
        letter_id=_letter_id(told, headers, stage),
        stage=stage,
        reason=_text(headers, LETTER + "reason") or "unreadable",
        topic=told.topic,
        partition=told.partition,
        offset=told.offset,
        source=source.removeprefix("/hooks/") if source.startswith("/hooks/") else None,
        event_id=event_id,
        contact_id=contact_id,
        version=version,
        at=at,
        attempt=_number(headers, LETTER + "attempt") or 1,
        detail=_text(headers, LETTER + "detail"),
    )


def _letter_id(told: Told, headers: Headers, stage: str) -> str:
    """The id of a letter follows from the message that was set aside, by its place and its event: set aside again,
    after a crash or with a whole topic that is delivered anew, it is the same letter.
    """
    place = [_text(headers, LETTER + name) for name in ("topic", "partition", "offset")]
    if not all(place):
        place = [told.topic, str(told.partition), str(told.offset)]
    return derived_id("letter", stage, *place, _text(headers, "ce_id"))


def _meant(told: Told, headers: Headers, stage: str) -> tuple[str | None, str | None, int | None]:
    """The accepted event or the version of a contact that a letter is about; backup's letters hold up neither."""
    event_id = _id(_text(headers, "ce_id"))
    if stage in _AHEAD:
        return event_id, None, None
    if stage == "backup":
        return None, None, None
    data = _decoded(_LETTER, told.value) or _LetterLight()
    if _text(headers, "ce_type") == Type.INTERACTION_RESOLVED.wire:
        return _id(data.event_id), None, None
    contact_id = _id(_plain(told.key))
    version = data.version if data.contact is None else data.contact.version
    return None, contact_id, VERSION_UNKNOWN if version is None else version


def _decoded(decoder: "msgspec.json.Decoder[T]", value: bytes | None) -> T | None:
    if value is None:
        return None
    try:
        return decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _text(headers: Headers, name: str) -> str:
    return headers.get(name, b"").decode("utf-8", "replace")


def _plain(key: bytes | None) -> str:
    return (key or b"").decode("utf-8", "replace")


def _number(headers: Headers, name: str) -> int | None:
    text = _text(headers, name)
    return int(text) if text.isascii() and text.isdigit() and len(text) < len(str(VERSION_UNKNOWN)) else None


def _id(text: str | None) -> str | None:
    return text if text and is_id(text) else None


def sorted_notes(notes: Sequence[Note], type_: type[T]) -> list[T]:
    """The notes of one type, each id once (the newest version of a contact, the last word else), in order of id.

    Two processes that write the same rows in the same order never wait for each other in a circle.
    """
    chosen: dict[Any, Any] = {}
    for note in notes:
        if not isinstance(note, type_):
            continue
        key = note[0]
        before = chosen.get(key)
        if (
            before is None
            or not isinstance(note, Seen)
            or (note.version, note.gone is not None)
            >= (
                before.version,
                before.gone is not None,
            )
        ):
            chosen[key] = note
    return [chosen[key] for key in sorted(chosen)]
