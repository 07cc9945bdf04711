"""Fixing values: a pin is set or taken away inside the identity transaction, and told through the outbox."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final, Protocol

from services.dedup.core import pinning as core
from services.dedup.core.arriving import Work
from services.dedup.core.composing import Result
from services.dedup.core.pinning import Free, Pin, Pinning, Unpinned
from services.dedup.core.saying import SOURCE
from services.dedup.core.scene import Scene, led
from services.dedup.pins import store
from shared.domain.events import Event
from shared.domain.outcome import Outgoing
from shared.runtime import outbox
from shared.runtime.database import Connection
from shared.runtime.world import Chore, World
from shared.topology import DECIDED, Type

OVER_EVERY_S: Final = 5.0
"""How often pins are looked for whose time is over: a day is meant by most, and nobody waits for the second."""

OVER_ROWS_MAX: Final = 100
"""Pins ended in one go; more are left for the next one."""

BY_TIME: Final = "until"
"""Who takes a pin away whose time is over."""


class Decides(Protocol):
    """The identity transaction."""

    async def carry_out(self, work: Work) -> Result:
        """Decide this work, write it, commit; what it has to say stays unsaid until somebody says it."""
        ...


async def pinned(connection: Connection, pinning: Pinning | None, scene: Scene) -> Scene:
    """The scene with the pins of its records, as they are after this decision. Raises Unpinned without a contact, or
    without a pin to take away.
    """
    if not scene.members:
        if pinning is not None:
            raise Unpinned("there is no such contact")
        return scene
    pins = await store.pins_of(connection, scene.members)
    if pinning is None:
        return replace(scene, pins=pins)
    homes = led((pinning.wish.contact_id,), scene.rows)
    if not homes:
        raise Unpinned("there is no such contact")
    (contact_id,) = homes
    there = [pin for pin in pins if scene.members[pin.record_id].contact_id == contact_id]
    change = core.repinned(pinning, scene.rows[contact_id].founder, there)
    await store.remove(connection, change.gone)
    await store.write(connection, change.come)
    says = [_says(Type.PIN_REMOVED, pin, contact_id, pinning) for pin in change.gone]
    says += [_says(Type.PIN_SET, pin, contact_id, pinning) for pin in change.come]
    await outbox.append(connection, "dedup", says)
    return replace(scene, pins=[*(pin for pin in pins if pin not in change.gone), *change.come])


def _says(type_: Type, pin: Pin, contact_id: str, pinning: Pinning) -> Outgoing:
    id_, data = core.said(type_, pin, contact_id, pinning)
    return Outgoing(
        DECIDED, contact_id, Event(id=id_, type=type_, source=SOURCE, time=pinning.at, subject=contact_id, data=data)
    )


def chore(world: World, identity: Decides) -> Chore:
    """Ends pins whose time is over."""
    return Chore("pins", OVER_EVERY_S, partial(end, world, identity))


async def end(world: World, identity: Decides) -> None:
    """Take away the pins whose time is over; the sweeper says their contacts. One taken away meanwhile is no error."""
    now = world.clock.now()
    async with world.database.connection() as connection:
        late = await store.over(connection, now, OVER_ROWS_MAX)
    for pin, contact_id in late:
        wish = Free(contact_id, pin.field, frozenset((pin.pin_id,)))
        try:
            await identity.carry_out(Work(pinning=Pinning(wish, pin.pin_id, BY_TIME, now)))
        except Unpinned:
            continue


async def pending(world: World) -> int:
    """How many pins are over and still hold; none while the chore keeps up."""
    late = world.clock.now() - timedelta(seconds=OVER_EVERY_S)
    async with world.database.connection() as connection:
        return await store.count_over(connection, late)
