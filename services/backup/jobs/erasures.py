"""Erasures: a request is written down and said; its receipt shows which service has forgotten the person, and when."""

from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Request, Response

from services.backup.core.decide import is_id
from services.backup.core.restoring import SOURCE
from services.backup.jobs.store import Erasures
from shared.domain.events import ErasureRequested, Event
from shared.domain.ids import derived_id
from shared.domain.outcome import Outgoing
from shared.runtime import erasure
from shared.runtime.access import Caller, Role, require
from shared.runtime.http import Fault, Problem, json_response, read_json, unprocessable
from shared.runtime.world import World
from shared.topology import RECEIVED, Type

LOG_DAYS: Final = 30
"""The longest that a topic of the chain keeps a message: until then Kafka still holds what was said before."""

_Privacy = Annotated[Caller, require(Role.PRIVACY)]


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is to be forgotten: by exactly one of these."""

    contact_id: str | None = None
    record_id: str | None = None
    email: str | None = None
    phone: str | None = None

    def __repr__(self) -> str:
        return "Wish(…)"


def router(world: World, erasures: Erasures) -> APIRouter:
    """The paths."""
    api = APIRouter(prefix="/v1/erasures", tags=["erasures"])

    @api.post("", status_code=202)
    async def erase(request: Request, caller: _Privacy, *, dry_run: bool = False) -> Response:
        """Forget a person everywhere: records, values, timeline and history. Not to be taken back.

        With `dry_run` nothing is asked for: the answer counts what is kept of the contact or of whoever held the
        record. Whom an address or a number means is found out only when it is carried out; then both counts are null.
        """
        wish = _checked(await read_json(request, Wish))
        if dry_run:
            return json_response({"dry_run": True, **await _counted(erasures, wish)})
        erasure_id, now = world.ids.new(), world.clock.now()
        data = ErasureRequested(erasure_id=erasure_id, requested_at=now, by=caller.name, **msgspec.structs.asdict(wish))
        event_id = derived_id(Type.ERASURE_REQUESTED, erasure_id)
        key = wish.contact_id or erasure_id
        event = Event(id=event_id, type=Type.ERASURE_REQUESTED, source=SOURCE, time=now, subject=key, data=data)
        await erasures.ask(erasure_id, caller.name, wish.contact_id, now, Outgoing(RECEIVED, key, event))
        return json_response({"erasure_id": erasure_id, "state": "requested"}, 202)

    @api.get("/{erasure_id}", dependencies=[require(Role.PRIVACY)])
    async def receipt(erasure_id: str) -> Response:
        """What came of it, and which service has forgotten the person when."""
        row = await erasures.one(erasure_id) if is_id(erasure_id) else None
        if row is None:
            raise Problem(404, "Not found", "There is no such request.")
        return json_response(await _shown(world, row))

    return api


async def _counted(erasures: Erasures, wish: Wish) -> dict[str, int | None]:
    if wish.contact_id is None and wish.record_id is None:
        return {"versions": None, "records": None}
    return await erasures.kept(wish.contact_id, wish.record_id)


async def _shown(world: World, row: dict[str, Any]) -> dict[str, Any]:
    services = {} if row["contact_id"] is None else await erasure.noted(world.database, row["contact_id"])
    return {**row, "services": services, "log_days": LOG_DAYS}


def _checked(wish: Wish) -> Wish:
    """The wish, ids in lower case. Raises Problem 422 unless it names exactly one, and ids that are some."""
    given = {name: value.strip() for name, value in msgspec.structs.asdict(wish).items() if value and value.strip()}
    if len(given) != 1:
        raise unprocessable([Fault("", "names exactly one of contact_id, record_id, email and phone")])
    ((name, value),) = given.items()
    if name.endswith("_id"):
        value = value.lower()
        if not is_id(value):
            raise unprocessable([Fault(f"/{name}", "is no id")])
    return Wish(**{name: value})
