"""Identity: who a delivery is. The same delivery gets the same ids wherever, whenever and however often it arrives."""

from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final

import msgspec

from services.ingest.core.reading import Delivery
from shared.domain.ids import derived_id, keyed_id

RETRY_WINDOW: Final = timedelta(minutes=10)
"""Without a record id of the source, identical content within this time is a retry, later a new record (contract)."""

KEY_KEPT: Final = timedelta(hours=24)
"""Contract section 3: the same Idempotency-Key within 24 hours is the same request."""

CONTENT_BYTES: Final = 16
"""128 bits: of a billion deliveries of one record no two would meet by chance."""

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def record_id_of(key: bytes, source: str, source_record_id: str) -> str:
    """The record's id: nobody without the installation's key can tell from it what the source calls the record."""
    return keyed_id(key, "record", source, source_record_id)


def submission_ids_of(key: bytes, source: str, content: bytes, arrived_at: datetime) -> tuple[str, str]:
    """For a delivery without record id: the id it gets now, and the one it would have got ten minutes earlier.

    Time is cut into windows, so that a retry at the same moment in another process gets the same id with nobody asked;
    the earlier window's id finds a retry across the cut.
    """
    window = int(arrived_at.timestamp() // RETRY_WINDOW.total_seconds())
    now, before = (keyed_id(key, "submission", source, content.hex(), str(one)) for one in (window, window - 1))
    return now, before


def request_id_of(token_id: str, name: str, arrived_at: datetime) -> str:
    """A request that carries an Idempotency-Key. Time is cut into days, the time for which a key is kept: one that is
    used again later is another request, and what it says is news.
    """
    return derived_id("request", token_id, name, str(int(arrived_at.timestamp() // KEY_KEPT.total_seconds())))


def content_of(delivery: Delivery) -> bytes:
    """What a delivery says, in 16 bytes: the order of keys does not count, an observed time that was named does."""
    says = (delivery.fields, delivery.attributes, delivery.consents, delivery.observed.stamp)
    return digest(_ENCODER.encode(says))


def digest(data: bytes) -> bytes:
    """16 bytes that stand for these."""
    return blake2b(data, digest_size=CONTENT_BYTES).digest()


def update_id_of(record_id: str, content: bytes, after: str) -> str:
    """The event of one update. `after`: the observed time that was named, else its place in a request with a key, else
    the event before (interleaving 5).
    """
    return derived_id("record", record_id, content.hex(), after)


def deletion_id_of(record_id: str, after: str) -> str:
    """The event of a deletion; `after` as for an update."""
    return derived_id("deletion", record_id, after)


def interaction_id_of(key: bytes, source: str, interaction_id: str) -> str:
    """What happened, once: the same source and id is the same happening, whatever it says the second time."""
    return keyed_id(key, "interaction", source, interaction_id)


def interaction_event_id_of(interaction_id: str) -> str:
    """The event of an interaction."""
    return derived_id("interaction", interaction_id)


def hook_id_of(source: str, body: bytes, arrived_at: datetime) -> str:
    """The delivery of a vendor that names none: the same body within the same ten minutes is a retry."""
    window = int(arrived_at.timestamp() // RETRY_WINDOW.total_seconds())
    return derived_id("hook", source, digest(body).hex(), str(window))
