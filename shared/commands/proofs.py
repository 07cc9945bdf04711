"""Proofs: how vendors show whose a request is, each as its documentation says."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

MS: Final = 1_000
"""Milliseconds of a second: HubSpot counts in them."""


class Body(NamedTuple):
    """What one request holds."""

    content_type: str
    body: bytes


def json_body(value: Any) -> Body:
    """A value as JSON."""
    return Body("application/json", msgspec.json.encode(value))


class Signed(NamedTuple):
    """Where a request goes below `/hooks/{source}`, and what proves whose it is."""

    path: str
    headers: Mapping[str, str]


Sign = Callable[[Body, str, str, datetime], Signed]
"""Signs a body with a secret for an address at a time."""


def in_path(_: Body, secret: str, __: str, ___: datetime) -> Signed:
    """For vendors that cannot sign: the secret stands in the path."""
    return Signed(f"/{secret}", {})


def in_header(header: str) -> Sign:
    """The secret in a header."""

    def sign(_: Body, secret: str, __: str, ___: datetime) -> Signed:
        return Signed("", {header: secret})

    return sign


def bearer(_: Body, secret: str, __: str, ___: datetime) -> Signed:
    """A bearer token."""
    return Signed("", {"Authorization": f"Bearer {secret}"})


def body_signed(header: str, prefix: str = "") -> Sign:
    """HMAC-SHA256 of the body in base64."""

    def sign(body: Body, secret: str, _: str, __: datetime) -> Signed:
        return Signed("", {header: prefix + base64.b64encode(_mac(secret.encode(), body.body)).decode()})

    return sign


def time_signed(header: str) -> Sign:
    """`t=…,v1=…`: HMAC-SHA256 of time and body in hex (Stripe, Calendly)."""

    def sign(body: Body, secret: str, _: str, at: datetime) -> Signed:
        stamp = str(int(at.timestamp()))
        return Signed("", {header: f"t={stamp},v1={_mac(secret.encode(), f'{stamp}.'.encode() + body.body).hex()}"})

    return sign


def hubspot_signed(body: Body, secret: str, url: str, at: datetime) -> Signed:
    """HubSpot's v3: method, address, body and time."""
    stamp = str(int(at.timestamp()) * MS)
    signature = _mac(secret.encode(), b"POST" + url.encode() + body.body + stamp.encode())
    encoded = base64.b64encode(signature).decode()
    return Signed("", {"X-HubSpot-Signature-v3": encoded, "X-HubSpot-Request-Timestamp": stamp})


def standard_signed(body: Body, secret: str, _: str, at: datetime) -> Signed:
    """Standard Webhooks 1.x; the id follows from the body, so that a repetition bears the same."""
    id_ = f"msg_{hashlib.sha256(body.body).hexdigest()[:24]}"
    stamp, key = str(int(at.timestamp())), base64.b64decode(secret.removeprefix("whsec_"))
    signature = base64.b64encode(_mac(key, f"{id_}.{stamp}.".encode() + body.body)).decode()
    headers = {"webhook-id": id_, "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"}
    return Signed("", headers)


def _mac(secret: bytes, message: bytes) -> bytes:
    return hmac.new(secret, message, hashlib.sha256).digest()
