"""Hook: one request of a vendor, and the one interface behind which all vendors differ."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from services.ingest.core.fetching import TURN
from services.ingest.core.mapping import record_of, text_of, value_at
from shared.domain.configuration import Source
from shared.domain.outcome import LetterReason
from shared.domain.record import Json

MS: Final = 1_000
"""Milliseconds of a second: HubSpot counts in them."""


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it came: raw bytes, lower-case header names, a secret in the path. The repr shows no value."""

    source: str
    body: bytes
    content_type: str
    at: datetime
    headers: Mapping[str, str] = {}
    method: str = "POST"
    url: str = ""
    secret: str | None = None

    def __repr__(self) -> str:
        return f"Hook({self.source}, {len(self.body)} bytes)"


class Unreadable(NamedTuple):
    """Why a body is no delivery; the detail quotes nothing of it."""

    reason: LetterReason
    detail: str


class Record(NamedTuple):
    """A record as our own senders write it. `partial`: an update of which any field is enough to go by."""

    said: Mapping[str, Json]
    partial: bool = False


class Interaction(NamedTuple):
    """An interaction as our own senders write it."""

    said: Mapping[str, Json]


class TakenBack(NamedTuple):
    """The vendor deleted the record that it calls this; `at` is when, None for now."""

    source_record_id: str
    at: datetime | None = None


class Fetch(NamedTuple):
    """What happened stands at this path of the vendor's API; the path is made of checked names and holds no person."""

    path: str


Says = Record | Interaction | TakenBack | Fetch
Payload = Mapping[str, Json]


class Api(NamedTuple):
    """The API of a vendor whose hooks only point to it: what one answer tells (`url` of the hook is the path that was
    asked for), and the word before the token in `Authorization`.

    `host` is where it runs in one place for all; `turn` how long after one batch it is asked for the next. An answer
    may point to the page after it.
    """

    says: Callable[[Payload, Hook, Source], "list[Says] | Unreadable"]
    scheme: str
    host: str | None = None
    turn: timedelta = TURN


class Connector(NamedTuple):
    """One vendor. `authentic` looks at raw bytes and never raises; `says` makes of one decoded payload what it tells
    (nothing, for events that concern no contact), or says why it is none of this vendor's.

    `tokens`: a token of ours that may write the source opens, too. `api`: where what it points to is fetched. `greets`
    answers the `secret` of a vendor that asks by GET whether this is the right place, None for a question that is none.
    """

    authentic: Callable[[Hook, Source], bool]
    says: Callable[[Payload, Hook, Source], "list[Says] | Unreadable"]
    tokens: bool = False
    api: Api | None = None
    greets: Callable[[str, Source], str | None] | None = None


def strange(what: str) -> Unreadable:
    """A body that is JSON or a form, and not what this vendor sends; `what` is missing."""
    return Unreadable(LetterReason.INVALID, f"is not what this vendor sends: {what}")


def text_at(payload: Json, path: str) -> str:
    """The text at a dotted path, numbers as they are written; empty where nothing of the kind is."""
    return (text_of(value_at(payload, path)) or "").strip()


def dict_at(payload: Json, path: str) -> Mapping[str, Json]:
    """The object at a dotted path, an empty one where there is none."""
    found = value_at(payload, path)
    return found if isinstance(found, dict) else {}


def dicts_at(payload: Json, path: str) -> list[Mapping[str, Json]]:
    """The objects in the array at a dotted path; whatever else it holds is left out."""
    found = value_at(payload, path)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def time_of(seconds: float | None) -> str:
    """A Unix time as ISO 8601 in UTC; empty where there is none, or one that no calendar has."""
    if seconds is None:
        return ""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def address_id(email: str) -> str:
    """What a vendor's member is called who has no other name than the address: its MD5 in lower case, as the API of
    Mailchimp names it ("subscriber hash"). No proof of anything.
    """
    return hashlib.md5(email.lower().encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def seconds_of(text: str) -> float | None:
    """A whole number of seconds as a header or a body tells it, None for anything else."""
    return float(text) if text.isascii() and text.isdigit() and len(text) <= len("1700000000000") else None


def record_from(named: Payload, defaults: Mapping[str, str], hook: Hook, source: Source, **ours: str) -> Record:
    """A record from names of the vendor's: `map` of the source first, then `defaults` (field ← name) where neither
    field nor name is spoken for; the rest become attributes. `ours` are fields that no mapping moves; empty ones stay
    away.
    """
    taken = set(source.map.values())
    left = {field: name for field, name in defaults.items() if field not in source.map and name not in taken}
    record = record_of(named, hook.source, {**left, **source.map})
    return Record({**record, **{field: value for field, value in ours.items() if value}})


def happened(hook: Hook, record_id: str, type_: str, at: str, email: str, **detail: Json) -> Interaction:
    """Something that happened with the person of a record of this source, once: by record, type and time."""
    return Interaction(
        {
            "source": hook.source,
            "interaction_id": f"{type_}:{record_id}:{at}",
            "type": type_,
            "at": at or hook.at.isoformat(),
            "contact": {"record": {"source": hook.source, "source_record_id": record_id}},
            "detail": {"email": email, **{name: value for name, value in detail.items() if value}} if email else detail,
        }
    )
