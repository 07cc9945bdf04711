"""Answers: what an HTTP reply says about a question. A provider that lies has failed; it never crashes anybody."""

from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec

from services.enrich.core.asking import Asked
from services.enrich.core.filling import checked
from services.enrich.core.meter import Kind, Result
from services.enrich.core.places import value_at

REFUSED_WAIT_S: Final = 300.0
"""Our key is wrong or expired: every further question would be refused too, and some providers block for it."""

NOTHING: Final = frozenset({204, 404, 410})
"""The provider was asked and knows nothing: an answer, kept for a time."""


class Fault(StrEnum):
    """Why a question got no answer; `GET /v1/providers` shows the last one. Codes only, no text of the provider."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    PRIVATE_ADDRESS = "private-address"
    """Its host leads into our own network."""
    REDIRECT = "redirect"
    """Redirects are not followed: the question would go to somebody else."""
    REFUSED = "refused"
    """401, 403 or 407: it does not take our key."""
    TOO_MANY = "too-many"
    """429: it wants to be asked less often."""
    ITS_FAULT = "server-error"
    REJECTED = "rejected"
    """Another 4xx: it does not take this question."""
    TOO_LARGE = "too-large"
    NOT_JSON = "not-json"
    WRONG_CONTENT = "wrong-content"
    """JSON, and yet not what was asked for: another type, another subject, a value that cannot be meant."""


class Reply(NamedTuple):
    """What came over HTTP. Its repr shows the status only."""

    status: int
    content_type: str
    retry_after: str | None
    body: bytes

    def __repr__(self) -> str:
        return f"Reply({self.status})"


class Found(NamedTuple):
    """The provider answered: checked values by path, None when it knows nothing."""

    values: dict[str, Any] | None

    def __repr__(self) -> str:
        return f"Found({'nothing' if self.values is None else 'values'})"


class Failed(NamedTuple):
    """The provider did not answer: the question stays open."""

    fault: Fault
    wait_s: float = 0.0


Ended = Found | Failed


def ended_of(reply: Reply, asked: Asked, subject: str, now: datetime) -> Ended:
    """What a reply says about a subject."""
    status = reply.status
    wait_s = _wait_s(reply.retry_after, now)
    if status in NOTHING:
        return Found(None)
    if status == 429:
        return Failed(Fault.TOO_MANY, wait_s or REFUSED_WAIT_S)
    if status in (401, 403, 407):
        return Failed(Fault.REFUSED, REFUSED_WAIT_S)
    if status >= 500:
        return Failed(Fault.ITS_FAULT, wait_s)
    if 300 <= status < 400:
        return Failed(Fault.REDIRECT)
    if status not in (200, 203):
        return Failed(Fault.REJECTED)
    return _read(reply, asked, subject)


def result_of(ended: Ended) -> Result:
    """How it ended, as far as the breaker minds."""
    match ended:
        case Found():
            return Result(Kind.WELL)
        case Failed(fault=Fault.REJECTED):
            return Result(Kind.REJECTED)
        case Failed(wait_s=wait_s):
            return Result(Kind.FAILED, wait_s)


def _read(reply: Reply, asked: Asked, subject: str) -> Ended:
    kind = reply.content_type.partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        return Failed(Fault.NOT_JSON)
    try:
        document = msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Failed(Fault.NOT_JSON)
    if not isinstance(document, dict | list):
        return Failed(Fault.WRONG_CONTENT)
    if asked.echo is not None and not _is_about(value_at(document, asked.echo), subject):
        return Failed(Fault.WRONG_CONTENT)
    try:
        read = {path: checked(path, value_at(document, place)) for path, place in asked.fills.items()}
    except ValueError:
        return Failed(Fault.WRONG_CONTENT)
    values = {path: value for path, value in read.items() if value is not None}
    return Found(values or None)


def _is_about(echoed: Any, subject: str) -> bool:
    return isinstance(echoed, str) and echoed.strip().casefold() == subject.casefold()


def _wait_s(text: str | None, now: datetime) -> float:
    """Retry-After (RFC 9110, section 10.2.3) in seconds, 0 where there is none or it is in the past."""
    if not text:
        return 0.0
    if (seconds := text.strip()).isdecimal() and len(seconds) < 10:
        return float(seconds)
    try:
        at = parsedate_to_datetime(text)
        return max(0.0, (at - now).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return 0.0
