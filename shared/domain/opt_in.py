"""Double opt-in: the seal in the link of a confirmation mail. Rules makes it, ingest reads it; nobody else can.

A seal is `opt_` and 36 bytes in URL-safe base64: the id of the record that asked, the second until which it opens
(32 bits), and 128 bits of an HMAC-SHA256 over both, the source and the purpose. It names no person, and opens nothing
but the consent of this record's address.
"""

import base64
import hashlib
import hmac
import re
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple, cast

import msgspec

from shared.domain.configuration import Source
from shared.domain.record import Consent

PREFIX: Final = "opt_"
"""Tells a seal from a secret in the path of a hook."""

VALID_FOR: Final = timedelta(days=7)
"""A link in a mail opens for a week: long enough for a holiday's mail, short enough that a found one is worth little;
and for as long a mail that could not be sent is tried."""

SECRET_CHARACTERS_MIN: Final = 32
"""128 bits in hexadecimal: what seals may not be guessed."""

ASKED: Final = "asked"
"""The key in the proof of a pending consent under which it says which record asks: only such a one is mailed."""

PUBLIC: Final = re.compile(r"https://[^\s?#]+|http://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?/[^\s?#]+")
"""A link that proves a consent is read by nobody on its way; on this machine it goes nowhere."""

_MAC_BYTES: Final = 16
_TIME_BYTES: Final = 4
_ID_BYTES: Final = 16
_SEAL: Final = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{{(_ID_BYTES + _TIME_BYTES + _MAC_BYTES) * 4 // 3}}}")


class Closed(StrEnum):
    """Why a seal does not open."""

    FORGED = "forged"
    """Not ours, or of another source, purpose or secret, or damaged on the way."""
    EXPIRED = "expired"
    """Ours, and too old."""


class Asked(NamedTuple):
    """Which record of which source asks for a consent."""

    source: str
    record_id: str


class _Said(msgspec.Struct, frozen=True):
    source: str
    record_id: uuid.UUID


def asked_in(proof: Any) -> Asked | None:
    """What the proof of a pending consent says about who asks, None where it is none of a form with double opt-in."""
    if not isinstance(proof, dict) or ASKED not in proof:
        return None
    try:
        said = msgspec.convert(cast(dict[str, Any], proof)[ASKED], _Said)
    except msgspec.ValidationError:
        return None
    return Asked(said.source, str(said.record_id))


def asking(consent: Consent, asked: Asked, at: datetime) -> Consent:
    """A statement as it is kept: one that asks says which record asks, and when; any other is what it was."""
    if not isinstance(consent.proof, dict) or ASKED not in consent.proof:
        return consent
    proof = {**cast(dict[str, Any], consent.proof), ASKED: asked._asdict()}
    return msgspec.structs.replace(consent, at=consent.at or at, proof=proof)


def fault_of(source: Source) -> str | None:
    """What is wrong with the double opt-in of a source whose secrets are resolved, the key first; None for nothing."""
    if source.opt_in is None:
        return None
    if source.connector != "form":
        return "opt_in: goes with a form; other vendors ask by themselves, and tell us what was confirmed"
    if not source.secrets or any(len(secret) < SECRET_CHARACTERS_MIN for secret in source.secrets):
        return f"secrets: opt_in needs one of {SECRET_CHARACTERS_MIN} or more characters, such as env:FORM_SECRET"
    if not PUBLIC.fullmatch(source.public_url or ""):
        return "public_url: opt_in needs the address of this form as visitors reach it, https://…/hooks/NAME"
    if not source.opt_in.purpose.strip() or not source.opt_in.text.strip():
        return "opt_in: says a purpose, and the text that the visitor agrees to"
    return None


def link(name: str, source: Source, record_id: str, asked_at: datetime) -> str | None:
    """The address that confirms what this record asked for; None where the source asks nobody any more."""
    if source.opt_in is None or not source.secrets or source.public_url is None:
        return None
    sealed = seal(source.secrets[0], name, source.opt_in.purpose, record_id, asked_at + VALID_FOR)
    return f"{source.public_url.rstrip('/')}/{sealed}"


def seal(secret: str, source: str, purpose: str, record_id: str, until: datetime) -> str:
    """The seal of a record, good until then."""
    said = uuid.UUID(record_id).bytes + int(until.timestamp()).to_bytes(_TIME_BYTES, "big")
    return PREFIX + base64.urlsafe_b64encode(said + _mac(secret, source, purpose, said)).decode()


def opened(text: str, secrets: Sequence[str], source: str, purpose: str, now: datetime) -> str | Closed:
    """The id of the record that asked. Any of the secrets opens, so that one can follow another."""
    if not _SEAL.fullmatch(text):
        return Closed.FORGED
    raw = base64.urlsafe_b64decode(text.removeprefix(PREFIX))
    said, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    matches = [hmac.compare_digest(_mac(secret, source, purpose, said), mac) for secret in secrets]
    if not any(matches):
        return Closed.FORGED
    if now.timestamp() > int.from_bytes(said[_ID_BYTES:], "big"):
        return Closed.EXPIRED
    return str(uuid.UUID(bytes=said[:_ID_BYTES]))


def _mac(secret: str, source: str, purpose: str, said: bytes) -> bytes:
    names = msgspec.json.encode(["opt-in", source, purpose])
    return hmac.new(secret.encode(), names + said, hashlib.sha256).digest()[:_MAC_BYTES]
