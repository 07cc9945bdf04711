"""The state of an import in one call, and taking back what it brought as a whole."""

from typing import Final, NamedTuple

from fastapi import APIRouter, Response

from services.ingest.core.decide import Deletion
from services.ingest.core.request import ELEMENTS_MAX
from services.ingest.imports.store import Imports
from services.ingest.stage import Door
from shared.runtime.access import Caller, Role, require
from shared.runtime.http import Problem, json_response

AT_MOST: Final = 1_000
"""Records that are taken back without asking: a small file; whoever means more says how many."""

ONCE_MAX: Final = 5_000
"""Records taken back by one request, which is answered within seconds; the answer says how many are left."""


class Whole(NamedTuple):
    """All records of a source, or all that an import brought to it, if they are at most so many."""

    source: str
    import_id: str | None
    at_most: int


def router(imports: Imports) -> APIRouter:
    """The path of an import."""
    api = APIRouter(tags=["imports"])

    @api.get("/v1/imports/{import_id}", dependencies=[require(Role.READER)])
    async def state(import_id: str) -> Response:
        """What an import brought: records by the state of their last receipt, and those taken back since.

        Records that were there before are not its own: it updated them, and taking it back leaves them.
        """
        found = await imports.found(import_id)
        if not found:
            raise Problem(404, "Not found", "No import of this id brought a record.")
        items = [
            {
                "source": one.source,
                "first_at": one.first_at,
                "records": sum(one.states.values()) + one.taken_back,
                "states": one.states,
                "taken_back": one.taken_back,
            }
            for one in found
        ]
        return json_response({"import_id": import_id, "sources": items})

    return api


async def taken_back(imports: Imports, door: Door, caller: Caller, whole: Whole, *, dry_run: bool) -> Response:
    """Take records back; 202 says how many were and how many are left for the next request, with `dry_run` 200 how many
    it would be. Raises Problem 403 for who is no operator, 409 where it would be more than was said.
    """
    if caller.role is not Role.OPERATOR:
        raise Problem(403, "Forbidden", "Only an operator takes an import, or a source, back as a whole.")
    held = await imports.held(whole.source, whole.import_id)
    if held > whole.at_most:
        raise Problem(409, "Too many", f"This would take back {held} records; if that is meant, say at_most.")
    record_ids = await imports.some(whole.source, whole.import_id, ONCE_MAX)
    if dry_run:
        return would_be(len(record_ids), held - len(record_ids))
    for first in range(0, len(record_ids), ELEMENTS_MAX):
        await door.accept([Deletion(one, whole.source) for one in record_ids[first : first + ELEMENTS_MAX]], None)
    return json_response({"taken_back": len(record_ids), "left": held - len(record_ids)}, 202)


def would_be(taken_back: int, left: int = 0) -> Response:
    """What a request to take records back would do."""
    return json_response({"dry_run": True, "taken_back": taken_back, "left": left})
