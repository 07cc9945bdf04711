"""The paths of reconcile: runs are asked for, worked on behind the answer, and looked at by their id."""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query, Request, Response

from services.dedup.core.arriving import is_uuid
from services.dedup.reconcile import store
from services.dedup.reconcile.store import Run
from shared.runtime.access import Caller, Role, require
from shared.runtime.http import (
    Fault,
    Problem,
    decode_cursor,
    encode_cursor,
    json_response,
    page,
    read_json,
    unprocessable,
)
from shared.runtime.world import World

PAGE_MAX: Final = 500
"""Runs of one page."""

PAGE_USUAL: Final = 100
"""Two years of Sundays."""

_READER: Final = [require(Role.READER)]
_Operator = Annotated[Caller, require(Role.OPERATOR)]


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Only what hangs together with contacts that changed since this time; unsaid: everything, as a new epoch."""

    since: datetime | None = None


def router(world: World) -> APIRouter:
    """The paths."""
    api = APIRouter(prefix="/v1/reconciles", tags=["identities"])

    @api.post("", status_code=202)
    async def reconcile(request: Request, caller: _Operator) -> Response:
        """Decide again who is who, over whole components; 202, and the run is looked at under its id."""
        wish = await read_json(request, Wish)
        if wish.since is not None and wish.since.tzinfo is None:
            raise unprocessable([Fault("/since", "names no time zone")])
        run_id = world.ids.new()
        async with world.database.connection() as connection:
            await store.ask(connection, run_id, wish.since, caller.name, world.clock.now())
        return json_response({"id": run_id, "state": "waiting"}, 202)

    @api.get("", dependencies=_READER)
    async def listed(
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE_USUAL, cursor: str | None = None
    ) -> Response:
        """The runs, newest first, with how far they are."""
        async with world.database.connection() as connection:
            found = await store.runs(connection, _before(cursor), limit + 1)
        next_ = encode_cursor(found[limit - 1].asked_at.isoformat()) if len(found) > limit else None
        return json_response(page([_shown(one) for one in found[:limit]], next_))

    @api.get("/{run_id}", dependencies=_READER)
    async def one(run_id: str) -> Response:
        """One run."""
        found = None
        if is_uuid(run_id):
            async with world.database.connection() as connection:
                found = await store.run(connection, run_id)
        if found is None:
            raise Problem(404, "Not found", "There is no such run.")
        return json_response(_shown(found))

    return api


def _shown(run: Run) -> dict[str, Any]:
    """A run as it is answered. `records` is about how many there are, `compared` how many of them were; `changed` how
    many contacts have a new version by it.
    """
    return {
        "id": run.run_id,
        "since": run.since,
        "state": run.state,
        "phase": run.phase if run.state == "running" else None,
        "epoch": run.epoch,
        "records": run.total,
        "compared": run.seen,
        "changed": run.changed,
        "requested_at": run.asked_at,
        "requested_by": run.asked_by,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
    }


def _before(cursor: str | None) -> datetime | None:
    if cursor is None:
        return None
    match decode_cursor(cursor):
        case [str(time)]:
            try:
                return datetime.fromisoformat(time)
            except ValueError:
                pass
        case _:
            pass
    raise Problem(422, "Unknown cursor", "Take the cursor from `next` of the page before, unchanged.")
