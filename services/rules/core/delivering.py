"""Delivering: when a notification is tried again, when it is given up, and the bytes it leaves as. Pure.

Web hooks are signed as Standard Webhooks says (github.com/standard-webhooks/standard-webhooks, spec 1.0): HMAC-SHA256
over `id.timestamp.payload`, the pauses between attempts are those it proposes.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec

from services.rules.core.templates import Letter
from shared.domain.consent import allows
from shared.domain.contact import Contact

PAUSES_S: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""After each attempt but the last: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h; three days in all."""

JITTER: Final = 0.1
"""A tenth more at most, so that what failed together is not tried together."""

SECRET_BYTES_MIN: Final = 24
"""As Standard Webhooks asks."""


class Delivery(NamedTuple):
    """One notification on its way. `attempt` counts from 1 and is the lease: who has an older one writes nothing."""

    notification_id: str
    contact_id: str
    rule: str
    part: str
    occasion: str
    version: int
    requested_at: datetime
    expires_at: datetime | None
    attempt: int


class Ended(StrEnum):
    """Why a notification goes no further. Closed and documented."""

    SENT = "sent"
    """The other side has taken it."""
    REFUSED = "refused"
    """The other side will not take it, and says so for good (SMTP 5xx, HTTP 410)."""
    EXHAUSTED = "exhausted"
    """It was tried as often as it is tried."""
    TOO_LATE = "too-late"
    """Its occasion is over."""
    NO_CONSENT = "no-consent"
    """The contact has meanwhile no usable address with a consent for this purpose."""
    ANSWERED = "answered"
    """What the mail would ask for was confirmed or refused meanwhile, or asked for anew; or its address is dead."""
    TOO_SOON = "too-soon"
    """The address was asked shortly before: whoever fills forms with it does not fill its mailbox."""
    NO_RECIPIENT = "no-recipient"
    """Nobody to tell: the contact has no owner with an address, and the channel names nobody."""
    NO_CONTACT = "no-contact"
    """The contact is gone."""
    NO_RULE = "no-rule"
    """The rule, its channel or its template is no longer configured."""
    UNSURE = "unsure"
    """At most once: it failed, and whether it arrived is not known."""


@dataclass(frozen=True, slots=True)
class Again:
    """It did not work, for a reason in a word; `after_s` is what the other side asked for, None for nothing.

    `sent`: something may have arrived all the same.
    """

    why: str
    after_s: float | None = None
    sent: bool = True


Outcome = Ended | Again


class Next(NamedTuple):
    """What is stored after an attempt: why it ended, or when it is tried again."""

    ended: Ended | None
    due_at: datetime


def next_of(delivery: Delivery, outcome: Outcome, now: datetime, *, once: bool) -> Next:
    """What follows from an attempt. `once`: at most once, so a failure is the end, if anything was sent at all."""
    if isinstance(outcome, Ended):
        return Next(outcome, now)
    if once and outcome.sent:
        return Next(Ended.UNSURE, now)
    if delivery.attempt > len(PAUSES_S):
        return Next(Ended.EXHAUSTED, now)
    due_at = now + timedelta(seconds=max(_pause_s(delivery), min(outcome.after_s or 0.0, PAUSES_S[-1])))
    if delivery.expires_at is not None and due_at >= delivery.expires_at:
        return Next(Ended.TOO_LATE, now)
    return Next(None, due_at)


def _pause_s(delivery: Delivery) -> float:
    drawn = hashlib.blake2b(f"{delivery.notification_id}/{delivery.attempt}".encode(), digest_size=2).digest()
    return PAUSES_S[delivery.attempt - 1] * (1 + JITTER * int.from_bytes(drawn, "big") / 65_536)


def answered(status: int, retry_after: str | None) -> Outcome:
    """What an HTTP answer means: 2xx is taken, 410 is for good, all else (redirects too) is tried again."""
    if 200 <= status < 300:
        return Ended.SENT
    if status == 410:
        return Ended.REFUSED
    return Again(
        f"status-{status}", float(retry_after) if retry_after is not None and retry_after.isdecimal() else None
    )


def mailable(contact: Contact, purpose: str) -> str | None:
    """The address that may be written to for a purpose: under its own consent, preferred first, none that is dead."""
    usable = [email for email in contact.emails if email.status not in ("invalid", "bounced")]
    usable.sort(key=lambda email: not email.preferred)
    return next((email.value for email in usable if allows(contact.consents, purpose, "email", email.value)), None)


def payload(delivery: Delivery, letter: Letter | None, at: datetime) -> bytes:
    """The body of a web hook: ids and codes; with a template, its words too."""
    data: dict[str, Any] = {
        "contact_id": delivery.contact_id,
        "version": delivery.version,
        "rule": delivery.rule,
        "occasion": delivery.occasion,
        "requested_at": delivery.requested_at,
    }
    if letter is not None:
        data |= {"subject": letter.subject, "text": letter.body}
    return msgspec.json.encode({"type": "notification.requested", "timestamp": at, "data": data})


def signed(delivery: Delivery, body: bytes, secret: str, at: datetime) -> dict[str, str]:
    """The headers of a web hook. The id is the notification's, the same at every attempt."""
    stamp = str(int(at.timestamp()))
    content = f"{delivery.notification_id}.{stamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key_of(secret), content, hashlib.sha256).digest()).decode()
    return {
        "content-type": "application/json",
        "webhook-id": delivery.notification_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature}",
    }


def key_of(secret: str) -> bytes:
    """The key behind `whsec_…`. Raises ValueError for what is none."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith("whsec_") or len(key) < SECRET_BYTES_MIN:
        raise ValueError(f"is whsec_ and at least {SECRET_BYTES_MIN} bytes in base64")
    return key


def mail(delivery: Delivery, letter: Letter, sender: str, recipient: str, at: datetime) -> EmailMessage:
    """The mail. Its Message-ID is the notification's, the same at every attempt."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = letter.subject
    message["Date"] = at
    message["Message-ID"] = f"<{delivery.notification_id}@{sender.rpartition('@')[2].rstrip('>')}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.body)
    return message
