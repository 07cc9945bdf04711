"""The paths of backups and restores: runs are asked for, worked on behind the answer, and looked at by their id."""

from asyncio import to_thread
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query, Request, Response

from services.backup.client import Unreachable, newest
from services.backup.core.decide import is_id
from services.backup.jobs.store import Run, Runs, Tables
from shared.runtime.access import Role, require
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

BACKUPS: Final = ("backup",)
RESTORES: Final = ("restore", "verify")

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]


class BackupWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to; unsaid: where operations.yaml says."""

    to: str | None = None


class RestoreWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where from: a set, or a folder whose newest set is meant; unsaid: where operations.yaml says."""

    from_: str | None = msgspec.field(default=None, name="from")


def backups(world: World, runs: Runs) -> APIRouter:
    """The paths of backups."""
    api = APIRouter(prefix="/v1/backups", dependencies=[require(Role.OPERATOR)], tags=["backups"])

    @api.post("", status_code=202)
    async def back_up(request: Request) -> Response:
        """Write a set of files with everything there is; 202, and its run is looked at under its id."""
        wish = await read_json(request, BackupWish)
        return await _asked(world, runs, "backup", wish.to or world.configuration.operations.backup.to, "/to")

    @api.get("")
    async def listed(limit: Limit = 100, cursor: str | None = None) -> Response:
        """The runs that wrote backups, newest first."""
        return json_response(await _listed(runs, BACKUPS, limit, cursor))

    @api.get("/{run_id}")
    async def one(run_id: str) -> Response:
        """One run."""
        return json_response(_shown(await _one(runs, run_id, BACKUPS)))

    return api


def restores(world: World, runs: Runs, tables: Tables) -> APIRouter:
    """The paths of restores, and of checks, which are restores that change nothing."""
    api = APIRouter(prefix="/v1/restores", dependencies=[require(Role.OPERATOR)], tags=["backups"])

    @api.post("", status_code=202)
    async def restore(request: Request, *, dry_run: bool = False) -> Response:
        """Bring everything back into an empty system; 409 where something is here already.

        With `dry_run` the set is read into scratch tables and compared, and nothing is changed.
        """
        wish = await read_json(request, RestoreWish)
        address = wish.from_ or world.configuration.operations.backup.to
        if address:
            try:
                address = str(await to_thread(newest, address))
            except Unreachable as error:
                raise unprocessable([Fault("/from", str(error))]) from None
        if not dry_run and not await tables.is_empty():
            raise Problem(409, "Not empty", "Only an empty system can be restored; this one holds data.")
        return await _asked(world, runs, "verify" if dry_run else "restore", address, "/from")

    @api.get("")
    async def listed(limit: Limit = 100, cursor: str | None = None) -> Response:
        """The runs that restored or checked a set, newest first."""
        return json_response(await _listed(runs, RESTORES, limit, cursor))

    @api.get("/{run_id}")
    async def one(run_id: str) -> Response:
        """One run."""
        return json_response(_shown(await _one(runs, run_id, RESTORES)))

    return api


async def _asked(world: World, runs: Runs, kind: str, address: str | None, pointer: str) -> Response:
    if not address:
        raise unprocessable([Fault(pointer, "names no address, and operations.yaml names none")])
    run_id = world.ids.new()
    await runs.ask(run_id, kind, address, world.clock.now())
    return json_response({"id": run_id, "kind": kind, "state": "waiting"}, 202)


async def _listed(runs: Runs, kinds: Sequence[str], limit: int, cursor: str | None) -> dict[str, Any]:
    found = await runs.listed(kinds, _before(cursor), limit + 1)
    next_ = encode_cursor(found[limit - 1].requested_at.isoformat()) if len(found) > limit else None
    return page([_shown(one) for one in found[:limit]], next_)


async def _one(runs: Runs, run_id: str, kinds: Sequence[str]) -> Run:
    run = await runs.one(run_id) if is_id(run_id) else None
    if run is None or run.kind not in kinds:
        raise Problem(404, "Not found", "There is no such run.")
    return run


def _shown(run: Run) -> dict[str, Any]:
    return {
        "id": run.run_id,
        "kind": run.kind,
        "state": run.state,
        "phase": run.phase if run.state == "running" else None,
        "address": run.address,
        "requested_at": run.requested_at,
        "ended_at": run.ended_at,
        **run.result,
    }


def _before(cursor: str | None) -> datetime | None:
    if cursor is None:
        return None
    try:
        return datetime.fromisoformat(*decode_cursor(cursor))
    except (TypeError, ValueError):
        raise Problem(422, "Unknown cursor", "Take the cursor from `next` of the page before, unchanged.") from None
