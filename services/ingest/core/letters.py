"""Letters: what was set aside, as people see it, and what sending it again means."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from services.ingest.core.decide import EVENT_SOURCE
from services.ingest.core.following import LETTER
from shared.domain.contact import Cause
from shared.domain.events import Event, RefreshRequested
from shared.domain.ids import derived_id
from shared.domain.outcome import LetterReason, Outgoing
from shared.domain.record import Json
from shared.topology import RECEIVED, Type, step_of

MASK: Final = "•••"
SHOWN_BYTES_MAX: Final = 64 * 1024
"""A page shows this much of a letter; the topic holds all of it."""

ADVICE: Final[Mapping[str, str]] = {
    LetterReason.UNREADABLE: "Write it anew (`--value`), or name the missing header; often the sender must be mended.",
    LetterReason.NOT_UTF8: "Say what the text really is (`--encoding windows-1252`).",
    LetterReason.INVALID: "Change the field that is named (`--set`, `--remove`); for a vendor's, perhaps the mapping.",
    LetterReason.TOO_LARGE: "Take out what makes it large (`--remove`); after dedup, split the contact.",
    LetterReason.NOTHING_TO_GO_BY: "Say where the vendor keeps the name or the address (`--map email=NAME`); mend the "
    "mapping of the source for those to come.",
    "unfetched": "Mend the access to the vendor's API, then `replay`: it is asked again.",
    LetterReason.POISON: "Take a release that can bear it, then `replay`; until then change the field or drop it.",
    LetterReason.REFUSED: "Change the value that the database cannot hold (`--set`).",
}
"""What a person may do about a letter; `fix` is for ingest and dedup, after dedup `replay` says the contact again."""

Headers = Sequence[tuple[str, bytes]]


class Resend(NamedTuple):
    """The message goes out again as it came, to the topic it was taken from; only its attempts stay with it."""

    topic: str
    headers: Headers


class Reread(NamedTuple):
    """A vendor's body is read again, by the mapping of today, under the id it got."""

    source: str


class Skip(NamedTuple):
    """It is not sent again; why, in words."""

    why: str


Again = Resend | Outgoing | Reread | Skip


def again_of(
    stage: str, headers: Headers, contact_id: str | None, letter_id: str, now: datetime, trace: str | None
) -> Again:
    """What sending this letter again means. After dedup nothing old is sent again: a replay is a refresh of the contact
    (interleaving 28); an interaction is the exception, since it is inserted once by its id and part of no snapshot.
    """
    named = dict(headers)
    topic = _text(named, LETTER + "topic")
    if stage == "ingest":
        source = _text(named, "ce_source")
        return Reread(source.removeprefix("/hooks/")) if source.startswith("/hooks/") else Skip("is no vendor's body")
    interaction = _text(named, "ce_type") == Type.INTERACTION_RESOLVED.wire
    if stage == "dedup" or (interaction and topic in {one.name for one in step_of(stage).consumes}):
        kept = [(name, value) for name, value in headers if not name.startswith(LETTER) or name == LETTER + "attempt"]
        return Resend(RECEIVED.name if stage == "dedup" else topic, kept)
    if contact_id is None:
        return Skip("names no contact that could be said again")
    data = RefreshRequested(contact_id=contact_id, cause=Cause(kind="refresh", id=letter_id))
    event = Event(
        id=derived_id("refresh", contact_id, letter_id),
        type=Type.REFRESH_REQUESTED,
        source=EVENT_SOURCE,
        time=now,
        subject=contact_id,
        data=data,
        traceparent=trace,
    )
    return Outgoing(RECEIVED, contact_id, event)


def shown(headers: Headers, value: bytes | None, *, reveal: bool) -> Mapping[str, Any]:
    """Headers and value of a letter as JSON; masked, every text and number of the value is hidden, its shape is not."""
    return {
        "headers": {name: raw.decode("utf-8", "replace") for name, raw in headers},
        "bytes": 0 if value is None else len(value),
        "value": None if value is None else _value(value[:SHOWN_BYTES_MAX], reveal=reveal),
    }


def masked(value: Json) -> Json:
    """The shape of a value: keys and lengths of lists, nothing that a person said."""
    if isinstance(value, dict):
        return {str(key): masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    return value if value is None or isinstance(value, bool) else MASK


def _value(value: bytes, *, reveal: bool) -> Json:
    try:
        said = msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return value.decode("utf-8", "replace") if reveal else MASK
    return said if reveal else masked(said)


def _text(headers: Mapping[str, bytes], name: str) -> str:
    return headers.get(name, b"").decode("utf-8", "replace")
