"""Ids: the same parts give the same id, so whatever is said again carries the id it had before.

All ids of ours are UUID texts. Derived ones are UUIDs of version 8 (RFC 9562, section 5.8: bits of our own making),
so nobody mistakes them for random ones.
"""

from hashlib import blake2b


def derived_id(*parts: str) -> str:
    """The id that follows from these parts and from nothing else; ("ab", "c") and ("a", "bc") differ."""
    return _uuid8(blake2b(_joined(parts), digest_size=16).digest())


def keyed_id(key: bytes, *parts: str) -> str:
    """As `derived_id`, and nobody without the key (1 to 64 bytes) can tell from the id what the parts were.

    Raises ValueError for an empty key: the id would be as good as the parts themselves.
    """
    if not key:
        raise ValueError("an id needs a key: without one, whoever guesses the parts can check the guess")
    return _uuid8(blake2b(_joined(parts), digest_size=16, key=key).digest())


def event_id_of(type_: str, subject: str, version: int | str) -> str:
    """The id of the event of one type that one version of one subject causes (contact, version: at most one)."""
    return derived_id(type_, subject, str(version))


def _joined(parts: tuple[str, ...]) -> bytes:
    """The parts with their lengths, so that where one ends is part of what is hashed; any text, surrogates too."""
    joined = b""
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        joined += len(encoded).to_bytes(4, "big") + encoded
    return joined


def _uuid8(digest: bytes) -> str:
    """Sixteen bytes as a UUID: version 8 in the seventh, variant 0b10 in the ninth."""
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-8{text[13:16]}-{'89ab'[digest[8] >> 4 & 3]}{text[17:20]}-{text[20:]}"
