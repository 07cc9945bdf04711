"""Mending: what a letter becomes when somebody changes a field, a mapping, a header or the whole of it."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from services.ingest.core.following import LETTER
from services.ingest.core.identity import digest
from services.ingest.core.letters import Headers
from services.ingest.core.limits import Fault, Faults, is_id
from shared.domain.events import Event, InteractionReceived, RecordDeleted, RecordReceived, RefreshRequested
from shared.domain.ids import derived_id
from shared.domain.record import Json
from shared.topology import MESSAGE_BYTES_MAX

MENDS: Final = "mends"
"""The attribute (`ce_mends`) by which a mended event names the one it stands for: the log alone tells the books."""

CHANGES_MAX: Final = 100
"""Fields changed at once: more than a record has; whoever changes more writes the whole."""

ENCODINGS: Final = {"latin-1": "latin-1", "windows-1252": "cp1252", "utf-16": "utf-16"}
"""What forms and spreadsheets really send where UTF-8 was agreed."""

_HEADER: Final = re.compile(r"ce_[a-z0-9]{1,20}|content-type")
_STEP_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,5}")


class Fix(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change. `encoding`: what the text really is; `value`: another JSON in its place; then `set` and `remove`
    by JSON pointer (RFC 6901); `map`: field ← name, for this reading only (vendors' deliveries); `headers` of the
    message, such as `ce_type`.
    """

    encoding: str | None = None
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    set: Mapping[str, Json] = {}
    remove: tuple[str, ...] = ()
    map: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}

    def faults(self, *, vendor: bool) -> Faults:
        """Why this is no fix of a letter (a vendor's body or an event); empty when it is one."""
        found: list[Fault] = []
        if not (
            self.encoding or self.value is not msgspec.UNSET or self.set or self.remove or self.map or self.headers
        ):
            found.append(Fault("", "changes nothing"))
        if len(self.set) + len(self.remove) + len(self.map) > CHANGES_MAX:
            found.append(Fault("", f"changes more than {CHANGES_MAX} fields"))
        if self.encoding is not None and self.encoding not in ENCODINGS:
            found.append(Fault("/encoding", f"expected one of {', '.join(ENCODINGS)}"))
        if self.map and not vendor:
            found.append(Fault("/map", "only a vendor's delivery is read by a mapping"))
        if any(not _HEADER.fullmatch(name) or name == "ce_id" or not text.isascii() or not text.isprintable()
               for name, text in self.headers.items()):  # fmt: skip
            found.append(Fault("/headers", "expected names such as ce_type (not ce_id), and plain ASCII"))
        return tuple(found)


def mended(value: bytes | None, fix: Fix) -> bytes | Fault:
    """The body after the fix, or what cannot be done. A body in which nothing is changed stays byte for byte."""
    body = bytes(fix.value) if isinstance(fix.value, msgspec.Raw) else value
    if body is None:
        return Fault("", "the letter has no value: write the whole")
    if fix.encoding is not None:
        try:
            body = body.decode(ENCODINGS[fix.encoding]).encode()
        except (UnicodeDecodeError, UnicodeEncodeError):
            return Fault("/encoding", "the body is not in this encoding either")
    if fix.set or fix.remove:
        changed = _changed(body, fix)
        if isinstance(changed, Fault):
            return changed
        body = changed
    if len(body) > MESSAGE_BYTES_MAX:
        return Fault("", f"has more than {MESSAGE_BYTES_MAX} bytes")
    return body


def mended_id(stands_for: str, body: bytes, fix: Fix) -> str:
    """The id of a mended event: of what it stands for and what it says, so that mended alike twice it is one."""
    how = msgspec.json.encode([sorted(fix.map.items()), sorted(fix.headers.items())])
    return derived_id("mended", stands_for, digest(body + how).hex())


def mended_headers(headers: Headers, fix: Fix, event_id: str, stands_for: str | None) -> Headers:
    """The headers of a mended message: nothing of the letter, another id, and whom it stands for."""
    changed = {**fix.headers, "ce_id": event_id}
    if stands_for is not None:
        changed[f"ce_{MENDS}"] = stands_for
    kept = [(name, raw) for name, raw in headers if not name.startswith(LETTER) and name not in changed]
    return [*kept, *((name, text.encode()) for name, text in changed.items())]


def wrong_in(event: Event) -> str | None:
    """What dedup would still set this event aside for, None when nothing."""
    match event.data:
        case None:
            return "the message has no value"
        case RecordReceived(record_id=named) | RecordDeleted(record_id=named) | RefreshRequested(contact_id=named):
            return None if is_id(named) else _NO_UUID
        case InteractionReceived(contact=whom):
            return None if all(one is None or is_id(one) for one in (whom.record_id, whom.contact_id)) else _NO_UUID
        case _:
            return None


_NO_UUID: Final = "an id is no UUID"


def _changed(body: bytes, fix: Fix) -> bytes | Fault:
    try:
        said: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Fault("", "is no JSON in which a field could be changed: name its encoding, or write the whole")
    for pointer, value in fix.set.items():
        if (fault := _put(said, pointer, value)) is not None:
            return fault
    for pointer in fix.remove:
        if (fault := _take(said, pointer)) is not None:
            return fault
    return msgspec.json.encode(said)


def _put(said: Any, pointer: str, value: Json) -> Fault | None:
    home, last = _home(said, pointer)
    if isinstance(home, dict):
        home[last] = value
    elif isinstance(home, list) and last == "-":
        home.append(value)
    elif isinstance(home, list) and _STEP_INDEX.fullmatch(last) and int(last) < len(home):
        home[int(last)] = value
    else:
        return Fault("/set", "a pointer leads nowhere in this letter")
    return None


def _take(said: Any, pointer: str) -> Fault | None:
    home, last = _home(said, pointer)
    if isinstance(home, dict) and last in home:
        del home[last]
    elif isinstance(home, list) and _STEP_INDEX.fullmatch(last) and int(last) < len(home):
        del home[int(last)]
    else:
        return Fault("/remove", "a pointer leads nowhere in this letter")
    return None


def _home(said: Any, pointer: str) -> tuple[Any, str]:
    """What holds the place a pointer names, and its name there; (None, "") for a pointer that leads nowhere."""
    if not pointer.startswith("/"):
        return None, ""
    *steps, last = [step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/")]
    for step in steps:
        if isinstance(said, dict) and step in said:
            said = said[step]
        elif isinstance(said, list) and _STEP_INDEX.fullmatch(step) and int(step) < len(said):
            said = said[int(step)]
        else:
            return None, ""
    return said, last
