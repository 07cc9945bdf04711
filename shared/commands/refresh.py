"""`refresh`: ask dedup to say contacts again, with the next version; what changes nothing moves nothing."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Final

from shared.commands.http import client
from shared.commands.kafka import broker_of, patiently
from shared.commands.running import Running
from shared.domain.contact import Cause
from shared.domain.events import Event, RefreshRequested
from shared.domain.ids import derived_id
from shared.domain.outcome import Outgoing
from shared.runtime import codec
from shared.runtime.clock import RandomIds
from shared.runtime.settings import Settings
from shared.topology import RECEIVED, Type

PAGE: Final = 500
"""Contacts of one request of the list, and requests of one send."""


async def run(running: Running, contact_ids: Sequence[str]) -> int:
    """Ask for these contacts, or for all when none is named; returns how many were asked for."""
    activation, asked = RandomIds().new(), 0
    producer = broker_of(running, Settings()).producer()
    await patiently("Kafka", producer.start)
    try:
        async for page in _pages(running, contact_ids):
            drafts = [codec.draft(request_of(contact_id, activation, datetime.now(UTC))) for contact_id in page]
            await patiently("Kafka", lambda drafts=drafts: producer.send(drafts))  # type: ignore[misc]
            asked += len(page)
    finally:
        await producer.stop()
    return asked


def request_of(contact_id: str, activation: str, now: datetime) -> Outgoing:
    """One request; the same contact asked twice in one activation is one request."""
    cause = Cause(kind="refresh", id=activation, by="refresh")
    event = Event(
        id=derived_id(Type.REFRESH_REQUESTED, contact_id, activation),
        type=Type.REFRESH_REQUESTED,
        source="/kontaktwerk/refresh",
        time=now,
        subject=contact_id,
        data=RefreshRequested(contact_id=contact_id, cause=cause),
    )
    return Outgoing(RECEIVED, contact_id, event)


async def _pages(running: Running, contact_ids: Sequence[str]) -> AsyncIterator[Sequence[str]]:
    if contact_ids:
        yield list(dict.fromkeys(contact_ids))
        return
    async with client(running, "reader", "operator") as asks:
        cursor: str | None = None
        while True:
            params = {"limit": str(PAGE)} | ({} if cursor is None else {"cursor": cursor})
            page = await asks.get("/v1/contacts", params)
            yield [contact["contact_id"] for contact in page["items"]]
            cursor = page["next"]
            if cursor is None:
                return
