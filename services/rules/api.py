"""The paths of rules: clean contacts one by one, in lists and by search, their timelines, segments and rules."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
import stamina
from fastapi import APIRouter, Query, Request, Response

from services.rules.core.conditions import Why
from services.rules.core.dates import as_plain
from services.rules.core.labels import label
from services.rules.core.plan import is_id
from services.rules.core.questions import FOUND_MAX, FOUND_USUAL, Asked, Search, asked
from services.rules.core.rulebook import Rulebook
from services.rules.store import Entry, Row, Store, unpacked
from shared.domain.configuration import Rule
from shared.runtime.access import Role, require
from shared.runtime.clock import Clock
from shared.runtime.http import (
    Fault,
    Problem,
    decode_cursor,
    encode_cursor,
    json_response,
    page,
    read_json,
    unavailable,
    unprocessable,
)  # fmt: skip

WAIT_S: Final = 5.0
"""How long a caller who asks for a version is kept waiting (contract section 3)."""
PAUSE_FIRST_S: Final = 0.05
"""A version is mostly there within some tens of milliseconds."""
PAUSE_MAX_S: Final = 0.25
"""Four look-ups a second of one row are nothing, even for a hundred who wait."""

Limit = Annotated[int, Query(ge=1, le=FOUND_MAX)]
_READER: Final = [require(Role.READER)]


class _NotYet(Exception):
    """The version that was asked for has not come."""


Unanswered = Mapping[tuple[str, Why], int]
"""How often, by rule and reason, a condition could not be answered since this process started."""


def router(
    store: Store,
    rulebook: Callable[[], Rulebook],
    clock: Clock,
    country: Callable[[], str | None],
    unanswered: Unanswered,
) -> APIRouter:
    """The paths, by the rulebook of the moment. `country` is where a number without a calling code is read."""
    api = APIRouter(prefix="/v1", dependencies=_READER, tags=["contacts"])
    _add_removals(api, store)

    @api.get("/contacts/{contact_id}")
    async def contact(contact_id: str, min_version: Annotated[int | None, Query(ge=1)] = None) -> Response:
        """The clean contact; a former id answers with the present contact and `redirected_from`."""
        way = await _present(store, contact_id, min_version)
        found = (await _shown(store, clock, way[-1:]))[0]
        return json_response(found if len(way) == 1 else {**found, "redirected_from": way[0].contact_id})

    @api.get("/contacts")
    async def contacts(
        segment: str | None = None,
        category: str | None = None,
        finding: str | None = None,
        updated_since: str | None = None,
        limit: Limit = FOUND_USUAL,
        cursor: str | None = None,
    ) -> Response:
        """Present contacts: by time of publication, or by id where a segment, category or finding is named."""
        named = {"segment": segment, "category": category, "finding": finding}
        labels = [f"{kind}:{name}" for kind, name in named.items() if name is not None]
        since = _since(updated_since)
        if labels:
            return await _labelled(store, clock, labels, since, limit, cursor)
        rows = await store.page_by_time(since, _time_and_id(cursor), limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        next_ = None if last is None else encode_cursor(last.updated_at, last.contact_id)
        return json_response(page(await _shown(store, clock, rows[:limit]), next_))

    @api.post("/contact-searches")
    async def searches(request: Request) -> Response:
        """Contacts that have this address, number, record or all of these words: whole ones, of names and companies
        (Müller finds Mueller; Mül finds neither).
        """
        search = await read_json(request, Search)
        question = _question(search, country())
        after = _id_after(search.cursor)
        rows = await store.page_by_keys(question.keys, after, search.limit + 1) if question.keys else []
        next_ = encode_cursor(rows[search.limit - 1].contact_id) if len(rows) > search.limit else None
        found = await _shown(store, clock, rows[: search.limit])
        return json_response(page([one for one in found if question.is_met(one)], next_))

    @api.get("/timelines/{contact_id}")
    async def timeline(contact_id: str, limit: Limit = FOUND_USUAL, cursor: str | None = None) -> Response:
        """Interactions, changes and notifications, newest first, those of contacts merged into this one included."""
        way = await _present(store, contact_id, None)
        present = way[-1].contact()
        assert present is not None, "a present contact has a document"
        before = _time_and_id(cursor)
        entries = await store.timeline(
            [present.contact_id, *present.merged_from], [one.record_id for one in present.records], before, limit + 1
        )
        last = entries[limit - 1] if len(entries) > limit else None
        next_ = None if last is None else encode_cursor(last.at, last.id)
        return json_response(page([_entry(one) for one in entries[:limit]], next_))

    @api.get("/segments")
    async def segments() -> Response:
        """All segments, with how many contacts are in each and which rules put them there."""
        counts = await store.segments()
        ruled = _rules_by_segment(rulebook())
        names = sorted({*counts, *ruled})
        items = [{"name": name, "contacts": counts.get(name, 0), "rules": ruled.get(name, [])} for name in names]
        return json_response(page(items, None))

    @api.get("/segments/{name}/contacts")
    async def members(name: str, limit: Limit = FOUND_USUAL, cursor: str | None = None) -> Response:
        """The contacts of one segment, by id."""
        if name not in _rules_by_segment(rulebook()) and name not in await store.segments():
            raise Problem(404, "Not found", "There is no such segment.")
        return await _labelled(store, clock, [label("segment", name)], None, limit, cursor)

    @api.get("/rules")
    async def rules() -> Response:
        """The rules that are in force, in their order, and how often this process met values that were not there."""
        items = [_ruled(checked.rule, unanswered) for checked in rulebook().rules]
        return json_response(page(items, None))

    return api


def _add_removals(api: APIRouter, store: Store) -> None:
    @api.get("/removals")
    async def removals(since: str | None = None, limit: Limit = FOUND_USUAL, cursor: str | None = None) -> Response:
        """Contacts that are gone, by the time it was said: deleted, erased, or merged into another."""
        rows = await store.page_of_removals(_since(since, "/since"), _time_and_id(cursor), limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        next_ = None if last is None else encode_cursor(last.updated_at, last.contact_id)
        return json_response(page([_removed(row) for row in rows[:limit]], next_))


async def _present(store: Store, contact_id: str, min_version: int | None) -> list[Row]:
    """The way from an id to the present contact. Raises Problem 404 for what is gone or never was, 503 in between."""
    if not is_id(contact_id.lower()):
        raise Problem(404, "Not found", "There is no such contact.")
    way = await _waited(store, contact_id.lower(), min_version)
    if not way:
        raise Problem(404, "Not found", "There is no such contact.")
    last = way[-1]
    if last.retired == "merged":
        raise unavailable("The contact this one was merged into is on its way.")
    if last.document is None:
        if last.retired == "erased":
            raise Problem(410, "Gone", "This contact was erased.", members={"retired": last.retired})
        raise Problem(404, "Not found", "All records of this contact are deleted.", members={"retired": last.retired})
    return way


async def _waited(store: Store, contact_id: str, min_version: int | None) -> list[Row]:
    """The way, once it has come to the version asked for. Raises Problem 503 when it has not within WAIT_S."""
    if min_version is None:
        return await store.way(contact_id)
    way: list[Row] = []
    try:
        async for attempt in stamina.retry_context(
            on=_NotYet, attempts=None, timeout=WAIT_S, wait_initial=PAUSE_FIRST_S, wait_max=PAUSE_MAX_S, wait_jitter=0
        ):
            with attempt:
                way = await store.way(contact_id)
                _expect(way, min_version)
    except _NotYet:
        if way:
            raise unavailable(f"Version {min_version} has not come within {WAIT_S:.0f} s.") from None
    return way


def _expect(way: Sequence[Row], version: int) -> None:
    if not any(row.version >= version for row in way):
        raise _NotYet


async def _labelled(
    store: Store, clock: Clock, labels: Sequence[str], since: datetime | None, limit: int, cursor: str | None
) -> Response:
    if any("\0" in one for one in labels):
        return json_response(page([], None))  # Postgres holds no such text, so nothing bears it
    rows = await store.page_by_label(labels, since, _id_after(cursor), limit + 1)
    next_ = encode_cursor(rows[limit - 1].contact_id) if len(rows) > limit else None
    return json_response(page(await _shown(store, clock, rows[:limit]), next_))


async def _shown(store: Store, clock: Clock, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Stored documents as they are answered: the last activity rides along, newer than the document where it is."""
    found: list[dict[str, Any]] = [
        msgspec.json.decode(unpacked(row.document)) for row in rows if row.document is not None
    ]
    records = sorted({member["record_id"] for one in found for member in one["records"]})
    last = await store.last_activity(records, clock.now()) if records else {}
    for one in found:
        times = [last[member["record_id"]] for member in one["records"] if member["record_id"] in last]
        if one["last_activity_at"] is not None:
            times.append(datetime.fromisoformat(one["last_activity_at"]))
        one["last_activity_at"] = max(times, default=None)
    return found


def _question(search: Search, country: str | None) -> Asked:
    question = asked(search, country)
    if question is None:
        raise unprocessable([Fault("", "give exactly one of email, phone, record and text")])
    return question


def _entry(entry: Entry) -> dict[str, Any]:
    return {"kind": entry.kind, "at": entry.at, **{name: value for name, value in entry.said.items() if name != "at"}}


def _removed(row: Row) -> dict[str, Any]:
    gone = {"contact_id": row.contact_id, "version": row.version, "reason": row.retired, "at": row.updated_at}
    into = {"merged_into": row.merged_into, "merged_into_version": row.merged_into_version}
    return gone if row.merged_into is None else gone | into


def _ruled(rule: Rule, unanswered: Unanswered) -> dict[str, Any]:
    counts = {why.value: count for (name, why), count in unanswered.items() if name == rule.name}
    at = None if rule.at is None else as_plain(rule.at)
    ways = {"delivery": rule.delivery, "sticky": rule.sticky, "unanswered": counts}
    return {"name": rule.name, "when": rule.when, "at": at, "then": msgspec.to_builtins(rule.then), **ways}


def _rules_by_segment(rulebook: Rulebook) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for checked in rulebook.rules:
        if checked.rule.then.segment is not None:
            found.setdefault(checked.rule.then.segment, []).append(checked.rule.name)
    return found


def _since(text: str | None, pointer: str = "/updated_since") -> datetime | None:
    """A time; without a zone it is UTC. A plus sign that the URL turned into a blank is put back."""
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise unprocessable([Fault(pointer, "is no time such as 2026-11-22T09:15:00Z")]) from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def _id_after(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    match decode_cursor(cursor):
        case [str(id_)] if is_id(id_):
            return id_
        case _:
            raise _foreign()


def _time_and_id(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    match decode_cursor(cursor):
        case [str(time), str(id_)] if is_id(id_.partition("/")[0]):
            try:
                return _aware(time), id_
            except ValueError:
                raise _foreign() from None
        case _:
            raise _foreign()


def _aware(time: str) -> datetime:
    found = datetime.fromisoformat(time)
    if found.tzinfo is None:
        raise ValueError("a time without a zone")
    return found


def _foreign() -> Problem:
    return Problem(422, "Unknown cursor", "Take the cursor from `next` of the same list, unchanged.")
