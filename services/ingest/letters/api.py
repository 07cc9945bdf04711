"""The paths of dead letters: for whoever may read, what they are; for operators, what is done about them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query, Request, Response

from services.ingest.client import Log
from services.ingest.core import openapi
from services.ingest.core.letters import ADVICE, shown
from services.ingest.core.limits import is_id
from services.ingest.core.mending import Fix
from services.ingest.core.request import ELEMENTS_MAX
from services.ingest.letters.sending import Asks, Sending
from services.ingest.letters.store import Letters, Place, Wanted
from services.ingest.store import Row
from shared.domain.outcome import LetterReason
from shared.runtime import halt, http
from shared.runtime.access import Caller, Role, bearer, require
from shared.runtime.http import Problem, json_response, read_json, traceparent_of
from shared.runtime.world import World
from shared.topology import SERVICES

PAGE_MAX: Final = 500
"""Dead letters on one page."""

STATES: Final = ("open", "replayed", "closed", "dropped")
"""Waiting for somebody; sent again; made up for by a later answer or version; given up, by somebody or by time."""

WHY_CHARACTERS_MAX: Final = 500
"""A reason is a sentence, and read in a list."""

AnyReader = Annotated[Caller, require(Role.READER)]
Operator = Annotated[Caller, require(Role.OPERATOR)]
At = datetime | None


class Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which letters: by id, or all open ones of a stage, a reason and a time, the oldest first, at most `limit`, and on
    from `cursor`. `why`: for giving them up.
    """

    ids: tuple[str, ...] | None = None
    stage: str | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = ELEMENTS_MAX
    cursor: str | None = None
    why: str = ""


class Resumed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The stage that shall go on."""

    stage: str


def routers(world: World, letters: Letters, sending: Sending, log: Log) -> tuple[APIRouter, ...]:
    """All paths below /v1/dead-letters."""
    return reading(world, letters, log), doing(world, letters, sending)


def reading(world: World, letters: Letters, log: Log) -> APIRouter:
    """What was set aside, by whatever stage."""
    api = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])

    @api.get("", dependencies=[require(Role.READER)])
    async def listed(
        stage: str | None = None,
        reason: str | None = None,
        state: str = "open",
        since: At = None,
        until: At = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
    ) -> Response:
        """The letters that wait for somebody (or in another state), newest first; `groups` counts all of them by stage
        and reason, with their age.
        """
        wanted = _wanted(state, stage, reason, since, until)
        rows = await letters.newest(wanted, None if cursor is None else _place(cursor), limit + 1)
        now = world.clock.now()
        items = [_letter(row, now) for row in rows[:limit]]
        groups = [_group(row, now) for row in await letters.groups(wanted)]
        return json_response({**http.page(items, _next(rows, limit)), "groups": groups})

    @api.get("/{letter_id}")
    async def one(caller: AnyReader, letter_id: str, *, reveal: bool = False) -> Response:
        """One letter, whole, what is wrong and what may be done; its values masked unless an operator asks to see."""
        if reveal and caller.role is not Role.OPERATOR:
            raise Problem(403, "Forbidden", "Only an operator may see the values of a letter.")
        row = await _row(letters, letter_id)
        message = await log.letter(row["topic"], row["partition"], row["offset"])
        content = None if message is None else shown(message.headers, message.value, reveal=reveal)
        return json_response(_letter(row, world.clock.now()) | {"advice": _advice(row), "message": content})

    return api


def doing(world: World, letters: Letters, sending: Sending) -> APIRouter:
    """What operators do about it."""
    api = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])

    @api.post("/replay", openapi_extra=openapi.body_of(openapi.REPLAY, arrays=False))
    async def replay(request: Request, caller: Operator, *, dry_run: bool = False) -> Response:
        """Send letters again; after dedup that is a refresh of the contact. `dry_run` says what would be sent, and
        `next` is the cursor of what is left.
        """
        rows, next_ = await _chosen(letters, await read_json(request, Chosen))
        result = await sending.again(rows, _asks(request, caller), dry_run=dry_run)
        return json_response({**result, "next": next_, "dry_run": dry_run})

    @api.post("/drop", openapi_extra=openapi.body_of(openapi.DROP, arrays=False))
    async def drop(request: Request, caller: Operator, *, dry_run: bool = False) -> Response:
        """Give letters up, for a reason that is kept with them: their events end as dropped (`given-up`)."""
        asked = await read_json(request, Chosen)
        if not asked.why.strip() or len(asked.why) > WHY_CHARACTERS_MAX:
            raise http.unprocessable([http.Fault("/why", f"expected 1 to {WHY_CHARACTERS_MAX} characters")])
        rows, next_ = await _chosen(letters, asked)
        ids = [row["letter_id"] for row in rows if row["state"] == "open"]
        if not dry_run:
            ids = await letters.dropped(ids, asked.why, world.clock.now(), caller.name)
        return json_response({"dropped": len(ids), "ids": ids, "next": next_, "dry_run": dry_run})

    @api.post("/{letter_id}/fixes", openapi_extra=openapi.body_of(openapi.FIX, arrays=False))
    async def fixes(request: Request, caller: Operator, letter_id: str, *, dry_run: bool = False) -> Response:
        """Mend a letter of ingest or dedup and send it; `dry_run` says what its stage would decide now."""
        fix = await read_json(request, Fix)
        row = await _row(letters, letter_id)
        return json_response(await sending.mend(row, fix, _asks(request, caller), dry_run=dry_run))

    @api.post("/resume", openapi_extra=openapi.body_of(openapi.RESUME, arrays=False))
    async def resume(request: Request, _: Operator) -> Response:
        """Let a stage go on that stopped because too many of its messages became letters: within seconds."""
        asked = await read_json(request, Resumed)
        if asked.stage not in SERVICES:
            raise http.unprocessable([http.Fault("/stage", f"expected one of {', '.join(SERVICES)}")])
        if not await halt.resume(world.database, asked.stage):
            raise Problem(409, "Not halted", f"{asked.stage} does not stand still.")
        return json_response({"stage": asked.stage, "resumed": True})

    return api


async def _chosen(letters: Letters, asked: Chosen) -> tuple[list[Row], str | None]:
    """The letters that are meant, and where those go on that are left. Raises Problem 422."""
    wanted = _wanted("open", asked.stage, asked.reason, asked.since, asked.until)
    if (asked.ids is None) == (wanted == Wanted()):
        raise http.unprocessable([http.Fault("", "name either ids, or a stage, a reason or a time")])
    if not 1 <= asked.limit <= ELEMENTS_MAX:
        raise http.unprocessable([http.Fault("/limit", f"expected 1 to {ELEMENTS_MAX}")])
    if asked.ids is None:
        rows = await letters.oldest(wanted, None if asked.cursor is None else _place(asked.cursor), asked.limit + 1)
        return rows[: asked.limit], _next(rows, asked.limit)
    if not (len(asked.ids) <= ELEMENTS_MAX and all(map(is_id, asked.ids))):
        raise http.unprocessable([http.Fault("/ids", f"expected at most {ELEMENTS_MAX} ids of letters")])
    return await letters.named(asked.ids), None


async def _row(letters: Letters, letter_id: str) -> Row:
    rows = await letters.named([letter_id]) if is_id(letter_id) else []
    if not rows:
        raise Problem(404, "Not found", "There is no letter of this id.")
    return rows[0]


def _wanted(state: str, stage: str | None, reason: str | None, since: At, until: At) -> Wanted:
    """The letters that are asked for. Raises Problem 422 for a name that is none: an empty list would look like good
    news.
    """
    known = (("state", state, STATES), ("stage", stage, SERVICES), ("reason", reason, tuple(LetterReason)))
    faults = [
        http.Fault(f"/{name}", f"expected one of {', '.join(allowed)}")
        for name, said, allowed in known
        if said is not None and said not in allowed
    ]
    faults += [
        http.Fault(f"/{name}", "expected a time with its zone")
        for name, time in (("since", since), ("until", until))
        if time is not None and time.tzinfo is None
    ]
    if faults:
        raise http.unprocessable(faults)
    return Wanted(state, stage, reason, since, until)


def _asks(request: Request, caller: Caller) -> Asks:
    return Asks(caller.name, traceparent_of(request), bearer(request) or "")


def _letter(row: Row, now: datetime) -> dict[str, Any]:
    """A letter in a list: where it lies, why, how old it is, what was done; nothing of what it holds."""
    same = ("stage", "reason", "detail", "source", "event_id", "contact_id", "version", "attempt", "at", "topic",
            "partition", "offset", "state", "mended_as", "why", "done_by", "done_at")  # fmt: skip
    age_s = round((now - row["at"]).total_seconds(), 1)
    return {"id": row["letter_id"], **{name: row[name] for name in same}, "age_s": age_s}


def _group(row: Row, now: datetime) -> Mapping[str, Any]:
    ages = {f"{name}_s": round((now - row[name]).total_seconds(), 1) for name in ("oldest", "newest")}
    return {"stage": row["stage"], "reason": row["reason"], "letters": row["letters"], **ages}


def _advice(row: Row) -> str | None:
    """What may be done; None for a reason that only an older or newer release knows."""
    return ADVICE.get(row["reason"])


def _next(rows: Sequence[Row], limit: int) -> str | None:
    last = rows[limit - 1] if len(rows) > limit else None
    return None if last is None else http.encode_cursor(last["at"].isoformat(), last["letter_id"])


def _place(cursor: str) -> Place:
    """The place a cursor names. Raises Problem 422 for one that is not ours."""
    try:
        at, letter_id = http.decode_cursor(cursor)
        if is_id(letter_id):
            return datetime.fromisoformat(at), letter_id
    except (ValueError, TypeError):
        pass
    raise Problem(422, "Unknown cursor", "Take the cursor from `next` of the page before, unchanged.")
