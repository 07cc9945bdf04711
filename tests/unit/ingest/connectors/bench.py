"""What the tests of connectors share: a request as a vendor sends it, and what becomes of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from services.ingest.connectors.hook import Hook
from services.ingest.connectors.known import connector_of
from services.ingest.connectors.reading import Bad, Brought, read_hook
from services.ingest.core.reading import Delivery
from shared.domain.configuration import Source

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def hook(body: Any, content_type: str = "application/json", at: datetime = NOW, **more: Any) -> Hook:
    """A request to the source `fair`; a body that is no bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Hook(source="fair", body=raw, content_type=content_type, at=at, **more)


def read(source: Source, body: Any, content_type: str = "application/json", **more: Any) -> list[Brought | Bad]:
    """What a request brings."""
    return read_hook(connector_of(source), hook(body, content_type, **more), {"fair": source})


def record(found: Brought | Bad) -> Delivery:
    """The record it must be."""
    assert isinstance(found, Delivery), found
    return found


def authentic(source: Source, asked: Hook) -> bool:
    """Whether the vendor's own proof holds."""
    return connector_of(source).authentic(asked, source)


def signed(name: str, value: str) -> Mapping[str, str]:
    """One header."""
    return {name: value}
