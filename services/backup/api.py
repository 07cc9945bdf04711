"""The paths of backup: the history of a contact, its state at a time, and the way of anything that has an id."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query, Response

from services.backup.core.decide import Version, is_id
from services.backup.core.diff import differences
from services.backup.core.history import HOPS_MAX, Stretch, at, whole
from services.backup.store import Spell, Store
from shared.runtime.access import Role, require
from shared.runtime.clock import Clock
from shared.runtime.http import Fault, Problem, decode_cursor, encode_cursor, json_response, page, unprocessable

PAGE_MAX: Final = 500
"""Versions of one page: about two megabytes."""
PAGE_USUAL: Final = 100
"""Hardly any contact has more."""

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]


def router(store: Store, clock: Clock) -> APIRouter:
    """The paths."""
    api = APIRouter(prefix="/v1", dependencies=[require(Role.READER)], tags=["history"])

    @api.get("/histories/{contact_id}")
    async def history(
        contact_id: str, as_of: str | None = None, limit: Limit = PAGE_USUAL, cursor: str | None = None
    ) -> Response:
        """Every version with cause and changed paths, oldest first; with `as_of` the state at that time.

        A former id is followed: while it is merged away, the versions are those of the contact it went into.
        """
        asked = _id(contact_id)
        known = await _known(store, asked)
        if as_of is not None:
            return json_response(await _state(store, asked, _time(as_of), known))
        versions, _ = whole(Stretch(asked), known)
        start = _start(cursor)
        some = versions[start : start + limit]
        next_ = encode_cursor(start + limit) if len(versions) > start + limit else None
        documents = await store.documents(some)
        return json_response(
            {**_who(asked, versions[-1]), "items": [_shown(one, documents) for one in some], "next": next_}
        )

    @api.get("/diffs")
    async def diffs(
        from_: Annotated[str, Query(alias="from")],
        to: str | None = None,
        cause: str | None = None,
        limit: Limit = PAGE_USUAL,
        cursor: str | None = None,
    ) -> Response:
        """What changed between two times (until now, where the second is not said), contact by contact; with `cause`
        only where one event, judgement or rule changed it.
        """
        end = clock.now() if to is None else _time(to, "/to")
        times = _time(from_, "/from"), end
        spells = await store.changed_between(times, cause, _after(cursor), limit + 1)
        next_ = encode_cursor(spells[limit - 1].contact_id) if len(spells) > limit else None
        return json_response({"from": times[0], "to": times[1], **page(await _compared(store, spells[:limit]), next_)})

    @api.get("/traces/{id_}")
    async def trace(id_: str) -> Response:
        """The way of one event, record or contact as far as backup knows: received, versions caused, what happened."""
        return json_response(await _traced(store, _id(id_)))

    return api


async def _known(store: Store, contact_id: str) -> dict[str, list[Version]]:
    """The versions of a contact and of all it was merged into. Raises Problem 404 where there are none."""
    known = await store.versions([contact_id])
    if not known[contact_id]:
        raise Problem(404, "Not found", "There is no history of such a contact.")
    for _ in range(HOPS_MAX):
        _, missing = whole(Stretch(contact_id), known)
        if not missing:
            break
        known |= await store.versions(missing)
    return known


async def _state(
    store: Store, contact_id: str, time: datetime, known: Mapping[str, Sequence[Version]]
) -> dict[str, Any]:
    """The contact as it was at a time. Raises Problem 404 where it was not there then."""
    version = at(time, contact_id, known)
    if version is None:
        raise Problem(404, "Not found", "This contact was not there at that time.")
    document = (await store.documents([version])).get((version.contact_id, version.version))
    if document is None:
        raise Problem(404, "Not found", "This contact was gone at that time.", members={"retired": version.retired})
    return {**_who(contact_id, version), "as_of": time, **_shown(version, {version[:2]: document})}


async def _compared(store: Store, spells: Sequence[Spell]) -> list[dict[str, Any]]:
    """Each contact's changes between the version before and the last one; who did not change is left out."""
    wanted = [(one.contact_id, version) for one in spells for version in (one.before, one.last) if version is not None]
    versions = await store.some_versions(wanted)
    documents = await store.documents(list(versions.values()))
    found: list[dict[str, Any]] = []
    for one in spells:
        last = versions[one.contact_id, one.last]
        states = [None if version is None else documents.get((one.contact_id, version)) for version in one[1:]]
        before, after = (None if state is None else msgspec.json.decode(state) for state in states)
        changes = [change._asdict() for change in differences(before, after)]
        if changes or (last.retired is not None and one.before is not None):
            numbers = {"before": one.before, "after": one.last}
            gone = {} if last.retired is None else {"retired": last.retired, "merged_into": last.merged_into}
            found.append(
                {"contact_id": one.contact_id, "versions": numbers, "cause": last.cause, **gone, "changes": changes}
            )
    return found


async def _traced(store: Store, id_: str) -> dict[str, Any]:
    """An id may be that of an event, a record or a contact: whichever is known."""
    received = await store.received([id_], id_)
    if any(one["event_id"] == id_ for one in received):
        event = [one for one in received if one["event_id"] == id_]
        return await _answered(store, id_, "event", event, await _shown_since(store, event[0]))
    contact_ids = await store.members([id_])
    if contact_ids or any(one["type"].startswith("record.") for one in received):
        events = [one["event_id"] for one in received]
        return await _answered(store, id_, "record", received, await store.traced_versions(events, contact_ids))
    versions = await store.traced_versions([], [id_])
    if not (received or versions):
        raise Problem(404, "Not found", "Nothing of this id has come to backup.")
    causes = [one.cause.id for one in versions if one.cause is not None and is_id(one.cause.id)]
    return await _answered(store, id_, "contact", await store.received(causes, id_), versions)


async def _shown_since(store: Store, event: Mapping[str, Any]) -> list[Version]:
    """The versions that an event caused; or, where one version answers several events, the first that came after it."""
    caused = await store.traced_versions([event["event_id"]])
    if caused:
        return caused
    return await store.versions_since(await store.members([event["subject"]]), event["received_at"])


async def _answered(
    store: Store, id_: str, kind: str, received: Sequence[Mapping[str, Any]], versions: Sequence[Version]
) -> dict[str, Any]:
    contact_ids = [id_] if kind == "contact" else sorted({one.contact_id for one in versions if kind == "record"})
    events = [one["event_id"] for one in received] if kind != "contact" else []
    return {
        "id": id_,
        "kind": kind,
        "received": received,
        "versions": [_shown(one, {}) for one in versions],
        "events": await store.traced_happenings(events, contact_ids),
    }


def _who(asked: str, present: Version) -> dict[str, Any]:
    redirected = {} if present.contact_id == asked else {"redirected_from": asked}
    return {"contact_id": present.contact_id, **redirected}


def _shown(version: Version, documents: Mapping[tuple[str, int], bytes]) -> dict[str, Any]:
    """A version as it is answered, with the contact where its document was read."""
    shown: dict[str, Any] = {
        "contact_id": version.contact_id,
        "version": version.version,
        "at": version.at,
        "cause": version.cause,
        "changed": version.changed,
    }
    if version.retired is not None:
        shown |= {"retired": version.retired, "merged_into": version.merged_into}
    document = documents.get((version.contact_id, version.version))
    return shown if document is None else {**shown, "contact": msgspec.Raw(document)}


def _id(text: str) -> str:
    if not is_id(text.lower()):
        raise Problem(404, "Not found", "There is nothing of this id.")
    return text.lower()


def _after(cursor: str | None) -> str | None:
    match None if cursor is None else decode_cursor(cursor):
        case None:
            return None
        case [str() as contact_id] if is_id(contact_id):
            return contact_id
        case _:
            raise Problem(422, "Unknown cursor", "Take the cursor from `next` of the page before, unchanged.")


def _time(text: str, pointer: str = "/as_of") -> datetime:
    """A time; without zone it is UTC. A plus sign that the URL turned into a blank is put back."""
    try:
        time = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise unprocessable([Fault(pointer, "is no time such as 2026-11-22T09:15:00Z")]) from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def _start(cursor: str | None) -> int:
    if cursor is None:
        return 0
    match decode_cursor(cursor):
        case [int(start)] if start >= 0:
            return start
        case _:
            raise Problem(422, "Unknown cursor", "Take the cursor from `next` of the same list, unchanged.")
