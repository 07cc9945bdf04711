"""The desk: requests are carried out one after the other, each in identity transactions like everything else.

Parts of a contact that is restored are held until it is whole. Whatever dies in between, the request comes again: what
is held is held once, and a contact that is there is not restored again.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from services.dedup import store
from services.dedup.core.arriving import Work, contact_key
from services.dedup.core.composing import Result
from services.dedup.core.restoring import Held, held_of, whole
from services.dedup.requests import store as requests
from shared.domain.events import Event, Judged
from shared.domain.outcome import Outgoing
from shared.runtime.world import World
from shared.topology import Type

CarryOut: TypeAlias = Callable[[Work], Awaitable[Result]]
"""The identity transaction."""


class Desk:
    """Takes what operators ask for."""

    def __init__(self, world: World, carry_out: CarryOut) -> None:
        self._world = world
        self._carry_out = carry_out

    async def take(self, events: Sequence[Event]) -> list[Outgoing]:
        """Carry these out, in order; what there is to say of it. Raises what the identity transaction raises."""
        says = await self._restore([part for event in events if (part := held_of(event)) is not None])
        for event in events:
            if isinstance(event.data, Judged):
                await self._recall(event.data, withdrawn=event.type is Type.JUDGEMENT_WITHDRAWN)
        return says

    async def _restore(self, parts: Sequence[Held]) -> list[Outgoing]:
        """Hold the parts, and decide the contacts that are whole with them."""
        contacts = sorted({part.contact_id for part in parts})
        if not contacts:
            return []
        async with self._world.database.transaction() as connection:
            await store.lock(connection, [contact_key(contact) for contact in contacts])
            await requests.hold(connection, parts)
            held = await requests.held(connection, contacts)
        says: list[Outgoing] = []
        restored: list[str] = []
        for contact in contacts:
            work = whole([part for part in held if part.contact_id == contact])
            if work is not None:
                says += (await self._carry_out(work)).says
                restored.append(contact)
        async with self._world.database.connection() as connection:
            await requests.let_go(connection, restored)
        return says

    async def _recall(self, said: Judged, *, withdrawn: bool) -> None:
        """A judgement that comes back, or the word that it was taken back."""
        async with self._world.database.transaction() as connection:
            if withdrawn:
                await store.withdraw_judgement(connection, said.judgement_id, said.by, said.at)
            else:
                await requests.remember(connection, said)
