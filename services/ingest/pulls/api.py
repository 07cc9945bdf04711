"""The paths of pulls: asked for, and looked at."""

from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query, Request, Response

from services.ingest.pulls.store import Pulls
from shared.domain.pulled import PULLED
from shared.runtime.access import Role, require
from shared.runtime.http import Problem, json_response, page, read_json
from shared.runtime.world import World

PAGE_MAX: Final = 500
"""Runs of one answer."""

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`whole`: compare the whole table, though the source has a watermark. `any_deletions`: however many records that
    takes back.
    """

    whole: bool = False
    any_deletions: bool = False


def router(world: World, pulls: Pulls) -> APIRouter:
    """The paths below a source that is a table of another database, and the runs of all."""
    api = APIRouter(prefix="/v1/sources", tags=["pulls"])

    @api.post("/{source}/pulls", status_code=202, dependencies=[require(Role.OPERATOR)])
    async def ask(request: Request, source: str) -> Response:
        """Pull a table now; 202, and its run stands in the list. One that waits already is the one meant."""
        wish = await read_json(request, Wish)
        configured = world.configuration.sources.get(source)
        if configured is None or configured.connector not in PULLED:
            raise Problem(404, "Not found", "No source of this name can be pulled.")
        now = world.clock.now()
        pull_id = await pulls.ask(world.ids.new(), source, now, whole=wish.whole, any_deletions=wish.any_deletions)
        return json_response({"id": pull_id, "source": source, "state": "asked"}, 202)

    @api.get("/pulls", dependencies=[require(Role.READER)])
    async def listed(source: str | None = None, limit: Limit = 100) -> Response:
        """The newest pulls, with what they brought: new, updated, same and refused rows, deleted records."""
        return json_response(page([_shown(one) for one in await pulls.listed(source, limit)], None))

    return api


def _shown(run: dict[str, Any]) -> dict[str, Any]:
    return run | {"faults": msgspec.json.decode(run["faults"])}
