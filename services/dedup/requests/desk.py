"""The desk: requests are carried out one after the other, each in identity transactions like everything else.

Parts of a contact that is restored are held until it is whole. Whatever dies in between, the request comes again: what
is held is held once, and a contact that is there is not restored again.
"""

from collections.abc import Collection, Sequence
from typing import Final, Protocol

from services.dedup import store
from services.dedup.core.arriving import Work, contact_key
from services.dedup.core.composing import Result
from services.dedup.core.erasing import answered, work_of
from services.dedup.core.interactions import addressed, has
from services.dedup.core.pinning import Pin
from services.dedup.core.restoring import Held, held_of, whole
from services.dedup.core.scene import led
from services.dedup.pins import store as pins
from services.dedup.requests import store as requests
from shared.domain.events import (
    ErasureAnswered,
    ErasureRequested,
    Event,
    InteractionReceived,
    Judged,
    PersonRef,
    PinSaid,
)
from shared.domain.outcome import Outgoing
from shared.runtime import outbox
from shared.runtime.database import Connection
from shared.runtime.world import World
from shared.topology import RESOLVED, Type

MOVES_MAX: Final = 8
"""Times that the records of a person may move to another contact while they are taken back."""

HOLDERS_MAX: Final = 60
"""Records of one address that are looked at: more share only what is nobody's own."""


class Decides(Protocol):
    """The identity transaction."""

    async def carry_out(self, work: Work) -> Result:
        """Decide this work, write it, commit."""
        ...

    async def say_again(self, contact_ids: Collection[str]) -> list[Outgoing]:
        """What there is to say about these contacts now."""
        ...


class Desk:
    """Takes what operators ask for."""

    def __init__(self, world: World, identity: Decides) -> None:
        self._world = world
        self._identity = identity
        self._restored: list[str] = []

    async def take(self, events: Sequence[Event]) -> list[Outgoing]:
        """Carry these out, in order; what there is to say of it. Raises what the identity transaction raises."""
        says = await self._restore([part for event in events if (part := held_of(event)) is not None])
        for event in events:
            if isinstance(event.data, Judged):
                await self._recall(event.data, withdrawn=event.type is Type.JUDGEMENT_WITHDRAWN)
            if isinstance(event.data, PinSaid):
                said = event.data
                pin = Pin(said.pin_id, said.record_id, said.field, said.value, said.until, said.by, said.at)
                async with self._world.database.transaction() as connection:
                    await pins.write(connection, [pin])
            if isinstance(event.data, ErasureAnswered):
                async with self._world.database.transaction() as connection:
                    await requests.bar(connection, event.data.subjects, event.data.at)
            if isinstance(event.data, ErasureRequested):
                says += await self._erase(event.data)
        return says

    async def _erase(self, request: ErasureRequested) -> list[Outgoing]:
        """Forget the person, wherever others move the records meanwhile; or say why nobody was forgotten."""
        says: list[Outgoing] = []
        now, found = self._world.clock.now(), list[str]()
        for _ in range(MOVES_MAX):
            async with self._world.database.connection() as connection:
                found = await self._meant(connection, request)
                if len(found) != 1:
                    break
                members = await store.members(connection, found)
            says += (await self._identity.carry_out(work_of(request, found[0], members, now))).says
        if not says:
            outcome = "ambiguous" if found else "not-found"
            async with self._world.database.transaction() as connection:
                await outbox.append(connection, "dedup", [answered(request, outcome, now, found)])
        return says

    async def _meant(self, connection: Connection, request: ErasureRequested) -> list[str]:
        """The living contacts that a request names; one of several is never guessed."""
        if request.contact_id is not None:
            rows = await store.contacts(connection, [request.contact_id])
            return sorted(await self._living(connection, led([request.contact_id], rows)))
        if request.record_id is not None:
            homes = await store.homes(connection, [request.record_id])
            return sorted(home for home in homes.values() if home is not None)
        whom = InteractionReceived(
            interaction_id="",
            source="",
            type="",
            at=request.requested_at,
            received_at=request.requested_at,
            contact=PersonRef(email=request.email, phone=request.phone),
        )
        address = addressed(whom, None)
        if address is None:
            return []
        holders = await store.candidates(connection, [address.key], HOLDERS_MAX)
        return sorted({one.contact_id for one in holders if one.contact_id is not None and has(one.traits, address)})

    async def _living(self, connection: Connection, contact_ids: Collection[str]) -> list[str]:
        rows = await store.contacts(connection, contact_ids)
        return [contact for contact, row in rows.items() if row.retired is None]

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
        for contact in contacts:
            work = whole([part for part in held if part.contact_id == contact])
            if work is not None:
                says += await self._bring_back(contact, work)
        return says

    async def _bring_back(self, contact: str, work: Work) -> list[Outgoing]:
        """What was requested about the contact before is said before the contact, or it would be requested again."""
        firings = () if work.restored is None else work.restored.firings
        result = await self._identity.carry_out(work)
        self._restored.append(contact)
        says = result.says or await self._identity.say_again([contact])
        return [*(Outgoing(RESOLVED, contact, event) for event in firings), *says]

    async def acknowledged(self) -> None:
        """Let go of what was held of contacts that were said: until then the sweeper leaves them to whoever holds."""
        if self._restored:
            async with self._world.database.connection() as connection:
                await requests.let_go(connection, self._restored)
            self._restored = []

    async def _recall(self, said: Judged, *, withdrawn: bool) -> None:
        """A judgement that comes back, or the word that it was taken back."""
        async with self._world.database.transaction() as connection:
            if withdrawn:
                await store.withdraw_judgement(connection, said.judgement_id, said.by, said.at)
            else:
                await requests.remember(connection, said)
