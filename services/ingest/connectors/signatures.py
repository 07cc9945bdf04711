"""Signatures: how vendors prove that a body is theirs. Every comparison is in constant time and with every secret, so
that time tells nothing and two secrets may hold while one replaces the other.

Facts: docs/connectors, with the page of each vendor. A source without secrets lets nobody in.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final
from urllib.parse import unquote

from services.ingest.connectors.hook import MS, Hook, seconds_of
from shared.domain.configuration import Source

Authentic = Callable[[Hook, Source], bool]

TOLERANCE_S: Final = 300.0
"""Stripe, HubSpot and Standard Webhooks name five minutes: clocks differ, and a replay an hour later is refused."""

SIGNATURES_MAX: Final = 20
"""While a vendor rotates it sends two; a header of thousands would only cost time."""

HUBSPOT_KEEPS: Final = "/:?@!$'()*,;"
"""What HubSpot decodes in a URI before it signs; every other escape stays as it is."""


def by_secret(hook: Hook, source: Source) -> bool:
    """For vendors that cannot sign: a secret in the path, as bearer token, or `user:password` of HTTP Basic."""
    if hook.secret is not None:
        return any_equal([hook.secret], source.secrets)
    scheme, _, said = hook.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        return any_equal([_decoded(said.strip()).decode("utf-8", "replace")], source.secrets)
    return scheme.lower() == "bearer" and any_equal([said.strip()], source.secrets)


def in_header(header: str) -> Authentic:
    """The secret itself, in one header (CleverReach)."""

    def authentic(hook: Hook, source: Source) -> bool:
        return any_equal([hook.headers.get(header, "")], source.secrets)

    return authentic


def base64_of_body(header: str, prefix: str = "") -> Authentic:
    """HMAC-SHA256 of the body in base64, in one header (Typeform with `sha256=`, Tally without)."""

    def authentic(hook: Hook, source: Source) -> bool:
        said = hook.headers.get(header, "")
        expected = (prefix + _base64(_mac(secret.encode(), hook.body)) for secret in source.secrets)
        return any_equal([said], expected)

    return authentic


def timed_hex(header: str, tolerance_s: float) -> Authentic:
    """`t=<unix>,v1=<hex>,…`: HMAC-SHA256 of `t.body` (Stripe, Calendly)."""

    def authentic(hook: Hook, source: Source) -> bool:
        parts = [part.strip().partition("=") for part in hook.headers.get(header, "").split(",")[:SIGNATURES_MAX]]
        stamp = next((value for name, _, value in parts if name == "t"), "")
        said = [value for name, _, value in parts if name == "v1"]
        signed = _bytes(stamp) + b"." + hook.body
        expected = [_mac(secret.encode(), signed).hex() for secret in source.secrets]
        return _fresh(seconds_of(stamp), hook.at, tolerance_s) and any_equal(said, expected)

    return authentic


def standard(hook: Hook, source: Source) -> bool:
    """Standard Webhooks 1.x, also by Svix's header names: `v1,<base64>` of HMAC-SHA256 over `id.timestamp.body`."""
    id_, stamp, signatures = (
        hook.headers.get(f"webhook-{name}") or hook.headers.get(f"svix-{name}", "")
        for name in ("id", "timestamp", "signature")
    )
    said = [one.removeprefix("v1,") for one in signatures.split()[:SIGNATURES_MAX] if one.startswith("v1,")]
    signed = _bytes(f"{id_}.{stamp}.") + hook.body
    expected = [_base64(_mac(_standard_key(secret), signed)) for secret in source.secrets]
    return bool(id_) and _fresh(seconds_of(stamp), hook.at, TOLERANCE_S) and any_equal(said, expected)


def hubspot(hook: Hook, source: Source) -> bool:
    """HubSpot v3 where its header came, else v1 or v2 by `X-HubSpot-Signature-Version`.

    The URI is the one HubSpot was told: behind a proxy, `public_url` of the source.
    """
    uri = _hubspot_uri(source.public_url or hook.url)
    v3 = hook.headers.get("x-hubspot-signature-v3", "")
    if v3:
        stamp = hook.headers.get("x-hubspot-request-timestamp", "")
        at_ms = seconds_of(stamp)
        signed = _bytes(hook.method + uri) + hook.body + _bytes(stamp)
        expected = [_base64(_mac(secret.encode(), signed)) for secret in source.secrets]
        fresh = _fresh(None if at_ms is None else at_ms / MS, hook.at, TOLERANCE_S)
        return fresh and any_equal([v3], expected)
    before = _bytes(hook.method + uri) if hook.headers.get("x-hubspot-signature-version") == "v2" else b""
    hashed = [hashlib.sha256(secret.encode() + before + hook.body).hexdigest() for secret in source.secrets]
    return any_equal([hook.headers.get("x-hubspot-signature", "")], hashed)


def _bytes(text: str) -> bytes:
    """What a header or a path holds, whatever it is: a proof that is none must not stop the process."""
    return text.encode("utf-8", "surrogatepass")


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _standard_key(secret: str) -> bytes:
    """`whsec_` and base64; a secret that is no base64 is used as it stands."""
    return _decoded(secret.removeprefix("whsec_")) or secret.encode()


def _fresh(at_s: float | None, now: datetime, tolerance_s: float) -> bool:
    return at_s is not None and abs(now.timestamp() - at_s) <= tolerance_s


def _hubspot_uri(url: str) -> str:
    for character in HUBSPOT_KEEPS:
        escape = f"%{ord(character):02X}"
        url = url.replace(escape, unquote(escape)).replace(escape.lower(), unquote(escape))
    return url


def any_equal(said: Iterable[str], expected: Iterable[str]) -> bool:
    """True when one of these is one of those; compares all of them, and an empty text equals nothing."""
    shown = [_bytes(one) for one in said]
    found = [hmac.compare_digest(one, _bytes(other)) and bool(one) for other in expected for one in shown]
    return any(found)
