"""The paths of pins: a value that no feed may replace, and its end."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
import stamina
from fastapi import APIRouter, Request, Response

from services.dedup.core.arriving import Work, is_uuid
from services.dedup.core.composing import TooLarge
from services.dedup.core.laying import fault_of
from services.dedup.core.pinning import Fix, Free, Pinning, Unpinned, is_field
from services.dedup.stage import Identity, say
from shared.domain.errors import Transient
from shared.domain.outcome import Outgoing
from shared.runtime.access import Caller, Role, require
from shared.runtime.http import Fault, Problem, json_response, read_json, unprocessable
from shared.runtime.world import World

VALUE_MAX: Final = 1_000
"""Characters of a pinned text: as long as any value of a record (contract section 3)."""

FIELD_MAX: Final = 200
"""Characters of a field: those of a record are short, keys of attributes somewhat longer."""

ATTEMPTS: Final = 4
"""Tries of a decision that others' locks got in the way of; then 503, and the caller may come again."""

_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["value"],
                    "properties": {"value": {}, "until": {"type": "string", "format": "date-time"}},
                    "example": {"value": "Leitung Einkauf", "until": "2027-01-31T00:00:00+01:00"},
                }
            }
        },
    }
}

_Steward = Annotated[Caller, require(Role.STEWARD)]


class PinWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The value to fix, and until when; without an end it holds until somebody takes it away."""

    value: Any
    until: datetime | None = None


def router(world: World, identity: Identity) -> APIRouter:
    """The paths."""
    paths = APIRouter(tags=["pins"])
    deciding = _Deciding(world, identity)

    @paths.put("/v1/pins/{contact_id}/{field}", openapi_extra=_BODY)
    async def pin(
        request: Request, contact_id: str, field: str, caller: _Steward, *, dry_run: bool = False
    ) -> Response:
        """Fix a value: a field of a record, `address`, or `attributes.<key>`; no source replaces it."""
        _check(contact_id, field)
        wish = await read_json(request, PinWish)
        _check_wish(field, wish, world.clock.now())
        return await deciding.decide(Fix(contact_id, field, wish.value, wish.until), caller, dry_run=dry_run)

    @paths.delete("/v1/pins/{contact_id}/{field}")
    async def unpin(contact_id: str, field: str, caller: _Steward, *, dry_run: bool = False) -> Response:
        """Let the sources decide again."""
        _check(contact_id, field)
        return await deciding.decide(Free(contact_id, field), caller, dry_run=dry_run)

    return paths


class _Deciding:
    """Pins of people, through the same transaction as everything else."""

    def __init__(self, world: World, identity: Identity) -> None:
        self._world = world
        self._identity = identity

    async def decide(self, wish: Fix | Free, caller: Caller, *, dry_run: bool) -> Response:
        """Carry it out and say it at once. Raises Problem 404 without a contact or without a pin to take away."""
        pinning = Pinning(wish, self._world.ids.new(), caller.name, self._world.clock.now())
        patiently = stamina.retry(on=Transient, attempts=ATTEMPTS, timeout=10)(self._identity.carry_out)
        try:
            result = await patiently(Work(pinning=pinning, dry_run=dry_run))
        except Unpinned as nothing:
            raise Problem(404, "Not found", f"{nothing}".capitalize() + ".") from None
        except TooLarge:
            raise Problem(409, "Conflict", "The contact would be larger than a message may be.") from None
        if not dry_run:
            await self._say(result.says)
        (contact_id, version), *_ = result.versions.items()
        answer = {"contact_id": contact_id, "version": version, "field": wish.field}
        return json_response(answer | ({"pin_id": pinning.pin_id} if isinstance(wish, Fix) else {}))

    async def _say(self, says: Sequence[Outgoing]) -> None:
        """Say it now; while Kafka is away it stays unsaid, and the sweeper says it."""
        with suppress(Transient):
            await say(self._world, says)


def _check_wish(field: str, wish: PinWish, now: datetime) -> None:
    """Raises Problem 422 for a value that this field cannot have, or a time that is over."""
    fault = fault_of(field, wish.value, VALUE_MAX)
    if fault is not None:
        raise unprocessable([Fault("/value", fault)])
    if wish.until is not None and (wish.until.tzinfo is None or wish.until <= now):
        raise unprocessable([Fault("/until", "this is a time ahead, with its zone")])


def _check(contact_id: str, field: str) -> None:
    """Raises Problem 404 for what can be no contact, 422 for what can be no field."""
    if not is_uuid(contact_id):
        raise Problem(404, "Not found", "There is no such contact.")
    if len(field) > FIELD_MAX or "\0" in field or not is_field(field):
        raise unprocessable([Fault("", "this field cannot be pinned")])
