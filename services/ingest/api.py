"""What ingest answers: deliveries in, receipts and dead letters out, and every other owner's paths handed on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Request, Response

from services.ingest.client import Log, Owners
from services.ingest.core import openapi
from services.ingest.core.decide import Deletion, Item, Receipt
from services.ingest.core.identity import record_id_of
from services.ingest.core.interaction import read_interaction
from services.ingest.core.limits import Fault, Faults, is_id
from services.ingest.core.reading import read_record
from services.ingest.core.request import (
    ELEMENTS_MAX,
    FORBIDDEN,
    REQUEST_BYTES_MAX,
    UNPROCESSABLE,
    Refused,
    elements_of,
    refusal_of,
)
from services.ingest.fetches.fetching import Fetching
from services.ingest.hooks import api as hooks
from services.ingest.imports import api as imports
from services.ingest.imports.api import AT_MOST, Whole, taken_back, would_be
from services.ingest.imports.store import Imports
from services.ingest.letters import api as letters
from services.ingest.letters.sending import Sending
from services.ingest.letters.store import Letters
from services.ingest.stage import Door, Key
from services.ingest.store import Shelf, Store
from shared.contracts import api as contracts
from shared.domain.configuration import Source
from shared.domain.record import Json
from shared.runtime import http
from shared.runtime.access import Caller, Role, Straight, require
from shared.runtime.http import Problem, json_response, read_json, traceparent_of
from shared.runtime.world import World
from shared.topology import PATH_WORDS

KEY_CHARACTERS_MAX: Final = 255
"""An Idempotency-Key is an id of the sender's making."""

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

Reader = Callable[[Json, Mapping[str, Source], datetime], Item | Faults]
Sender = Annotated[Caller, require(Role.SENDER)]
AnySender = Annotated[Caller, require(Role.SENDER, Role.READER)]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the paths need, put together by `service.py`."""

    world: World
    door: Door
    store: Store
    shelf: Shelf
    letters: Letters
    sending: Sending
    owners: Owners
    log: Log
    imports: Imports
    fetching: Fetching

    @property
    def sources(self) -> Mapping[str, Source]:
        """The sources that are configured."""
        return self.world.configuration.sources


class Deletions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Records that a source takes back, by its own ids; without ids, those of an import, or all, if that is `at_most`
    so many.
    """

    source: str
    source_record_ids: tuple[str, ...] | None = None
    import_id: str | None = None
    at_most: int = AT_MOST


def routers(parts: Parts) -> tuple[APIRouter, ...]:
    """All paths of the one address; the busiest first."""
    settings = parts.world.settings
    described = contracts.router(settings.release, settings.topic_prefix)
    followed = contracts.following(parts.world)
    return (
        deliveries(parts),
        hooks.router(parts.world, parts.door, parts.fetching),
        readings(parts),
        imports.router(parts.imports),
        *letters.routers(parts.world, parts.letters, parts.sending, parts.log),
        described,
        followed,
        address(parts),
    )


def deliveries(parts: Parts) -> APIRouter:
    """Records, deletions and interactions, from our own senders."""
    router = APIRouter(tags=["deliveries"], route_class=Straight)

    @router.post("/v1/records", status_code=202, openapi_extra=openapi.body_of(openapi.RECORD, arrays=True))
    async def records(request: Request, caller: Sender, *, partial: bool = False, dry_run: bool = False) -> Response:
        """One record or an array of up to 1,000; 202 once Kafka has them for good. With `dry_run` only says of each
        whether it would be new, updated or the same.
        """
        return await _take(parts, request, caller, read_record, partial=partial, dry_run=dry_run)

    @router.post("/v1/interactions", status_code=202, openapi_extra=openapi.body_of(openapi.INTERACTION, arrays=True))
    async def interactions(request: Request, caller: Sender, *, partial: bool = False) -> Response:
        """Something happened with a contact: one interaction or an array of up to 1,000."""
        return await _take(parts, request, caller, read_interaction, partial=partial)

    @router.delete("/v1/records/{record_id}", status_code=202)
    async def deletion(request: Request, caller: Sender, record_id: str, *, dry_run: bool = False) -> Response:
        """The source takes one record back; with `dry_run` only says whether it is there."""
        source = await parts.store.source_of(record_id) if is_id(record_id) else None
        if source is None:
            raise Problem(404, "Not found", "No record of this id was taken.")
        _may_write(caller, source)
        return await _delete(parts, request, source, [record_id], dry_run=dry_run)

    @router.post(
        "/v1/record-deletions", status_code=202, openapi_extra=openapi.body_of(openapi.DELETIONS, arrays=False)
    )
    async def deletions(request: Request, caller: Sender, *, dry_run: bool = False) -> Response:
        """The source takes up to 1,000 records back, by the ids it gave them. An operator, without ids: all of an
        import, or of the source; 409 beyond `at_most` (1,000 unless said). `dry_run` only says how many it would be.
        """
        asked = await read_json(request, Deletions)
        if asked.source not in parts.sources:
            raise http.unprocessable([http.Fault("/source", "no source of this name is configured")])
        if asked.source_record_ids is None:
            everything = Whole(asked.source, asked.import_id, asked.at_most)
            return await taken_back(parts.imports, parts.door, caller, everything, dry_run=dry_run)
        if not 1 <= len(asked.source_record_ids) <= ELEMENTS_MAX:
            raise http.unprocessable([http.Fault("/source_record_ids", f"expected 1 to {ELEMENTS_MAX} ids")])
        _may_write(caller, asked.source)
        ids = [record_id_of(parts.door.key, asked.source, one) for one in asked.source_record_ids]
        return await _delete(parts, request, asked.source, ids, dry_run=dry_run)

    return router


async def _delete(parts: Parts, request: Request, source: str, ids: list[str], *, dry_run: bool) -> Response:
    """Take these records back, or only say how many of them are there."""
    if dry_run:
        return would_be(await parts.imports.held_of(ids))
    return _receipts(await parts.door.accept([Deletion(one, source) for one in ids], traceparent_of(request)))


def readings(parts: Parts) -> APIRouter:
    """Receipts, sources and status."""
    router = APIRouter(tags=["reading"])

    @router.get("/v1/receipts/{event_id}")
    async def receipt(caller: AnySender, event_id: str) -> Response:
        """What became of one accepted event, at most a few seconds behind."""
        row = await parts.shelf.receipt(event_id) if is_id(event_id) else None
        if row is None or not _may_see(caller, row["source"]):
            raise Problem(404, "Not found", "No event of this id was accepted.")
        named = ("reason", "contact_id", "record_id", "version", "received_at")
        return json_response(
            {"event_id": row["event_id"], "state": row["state"]}
            | {name: row[name] for name in named if row[name] is not None}
        )

    @router.get("/v1/sources")
    async def sources(caller: AnySender) -> Response:
        """The configured sources, what each has sent and what became of it."""
        rows = await parts.shelf.sources()
        items = [
            _source(name, source, rows.get(name))
            for name, source in sorted(parts.sources.items())
            if _may_see(caller, name)
        ]
        return json_response(http.page(items, None))

    @router.get("/v1/status", dependencies=[require(Role.READER)])
    async def status() -> Response:
        """How every stage does, and the books; `unmeasured` names what could not be looked at."""
        return json_response(await parts.log.status(parts.owners, parts.shelf))

    return router


def address(parts: Parts) -> APIRouter:
    """The one address: the document of all owners, and their paths."""
    router = APIRouter(include_in_schema=False)
    seen: dict[str, Mapping[str, Any]] = {}

    @router.get(http.OPENAPI)
    async def document(request: Request) -> Response:
        others = sorted(set(PATH_WORDS.values()) - {"ingest"})
        for service in others:
            found = await parts.owners.document(service)
            if found is not None:
                seen[service] = found
        present = [seen[service] for service in others if service in seen]
        return json_response(openapi.merged(request.app.openapi(), present))

    for word, service in PATH_WORDS.items():
        if service != "ingest":
            endpoint = _forwarding(parts.owners, service)
            for path in (f"/v1/{word}", f"/v1/{word}/{{rest:path}}"):
                router.add_api_route(path, endpoint, methods=list(_METHODS))
    return router


def _forwarding(owners: Owners, service: str) -> Callable[[Request], Any]:
    async def forward(request: Request) -> Response:
        return await owners.forward(request, service)

    return forward


async def _take(
    parts: Parts, request: Request, caller: Caller, reader: Reader, *, partial: bool, dry_run: bool = False
) -> Response:
    """Read the elements of a body, accept the good ones, and answer for each, or refuse the whole."""
    body = await http.json_body(request, REQUEST_BYTES_MAX)
    elements = elements_of(body)
    if isinstance(elements, Refused):
        raise _problem(elements)
    now = parts.world.clock.now()
    read = [_read(value, caller, reader, parts.sources, now) for value in elements.values]
    refused = [(place, one) for place, one in enumerate(read) if isinstance(one, Refused)]
    if refused and not partial:
        raise _problem(refusal_of(refused, array=elements.array))
    items = [one for one in read if not isinstance(one, Refused)]
    if dry_run:
        said: Iterator[object] = iter(await parts.door.would(items))
    else:
        parts.door.allow(item.source for item in items)
        said = iter(await parts.door.accept(items, traceparent_of(request), _key(request, caller, body)))
    answers = [{"errors": _errors(one.faults)} if isinstance(one, Refused) else next(said) for one in read]
    return json_response({"receipts": answers}, 200 if dry_run else 202)


def _read(
    value: Json | Refused, caller: Caller, reader: Reader, sources: Mapping[str, Source], now: datetime
) -> Item | Refused:
    if isinstance(value, Refused):
        return value
    item = reader(value, sources, now)
    if isinstance(item, tuple) and not isinstance(item, Deletion):
        return Refused(UNPROCESSABLE, item)
    if not _may_see(caller, item.source):
        return Refused(FORBIDDEN, (Fault("/source", "is not a source of this token"),))
    return item


def _key(request: Request, caller: Caller, body: bytes) -> Key | None:
    """The Idempotency-Key of a request, as text or as the quoted string of the draft."""
    name = request.headers.get("idempotency-key", "").strip().strip('"')
    if len(name) > KEY_CHARACTERS_MAX or "\0" in name:
        raise http.unprocessable([http.Fault("", f"an Idempotency-Key has at most {KEY_CHARACTERS_MAX} characters")])
    return Key(caller.token_id, f"{request.url.path} {name}", body) if name else None


def _problem(refused: Refused) -> Problem:
    titles = {413: "Content too large", 403: "Forbidden"}
    detail = refused.faults[0].detail if len(refused.faults) == 1 else f"{len(refused.faults)} faults"
    faults = [http.Fault(*fault) for fault in refused.faults]
    return Problem(refused.status, titles.get(refused.status, "Unprocessable content"), detail, faults)


def _errors(faults: Faults) -> list[dict[str, str]]:
    return [{"pointer": fault.pointer, "detail": fault.detail} for fault in faults]


def _receipts(receipts: Sequence[Receipt]) -> Response:
    return json_response({"receipts": receipts}, 202)


def _may_see(caller: Caller, source: str | None) -> bool:
    return caller.sources is None or source in caller.sources


def _may_write(caller: Caller, source: str) -> None:
    if not _may_see(caller, source):
        raise Problem(403, "Forbidden", "This is not a source of this token.")


def _source(name: str, source: Source, row: Any) -> dict[str, Any]:
    counted = ("accepted", "new", "duplicates", "dropped", "dead_letters", "waiting")
    counts = {key: 0 if row is None else row[key] for key in counted}
    updated = 0 if row is None else max(0, row["records"] - row["new"])
    last = None if row is None else row["last_received_at"]
    said = {"source": name, "connector": source.connector, "trust": source.trust}
    return {**said, **counts, "updated": updated, "last_received_at": last}
