"""The paths of the topics: what they carry, open to everybody, and what happens on them, for readers."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Response

from shared.contracts.asyncapi import document
from shared.contracts.following import Clients, Stream, Unknown, Wanted, place_of
from shared.contracts.values import PATH, value_schemas
from shared.runtime.access import Role, require
from shared.runtime.http import Fault, Problem, json_response, page, unavailable, unprocessable
from shared.runtime.world import World
from shared.topology import EVENTS, TOPICS

SCHEMA: Final = "application/schema+json"

CLIENTS_MAX: Final = 50
"""Clients that one process follows events for: each costs a connection to Kafka and less than a megabyte."""

TYPES: Final = frozenset(type_.value for type_ in EVENTS.types)


def router(release: str, topic_prefix: str = "") -> APIRouter:
    """`/asyncapi.json` and `/v1/schemas`, put together once: what they say changes with a release only."""
    paths = APIRouter(tags=["contracts"])
    schemas = value_schemas()
    described = document(release, topic_prefix)
    listed = [
        {
            "type": schema["title"],
            "url": f"{PATH}{name}",
            "topics": [topic.name for topic in TOPICS if name in topic.types],
        }
        for name, schema in schemas.items()
    ]

    @paths.get("/asyncapi.json", openapi_extra={"security": []})
    async def asyncapi() -> Response:
        """The topics, their keys and messages, as an AsyncAPI 3 document."""
        return json_response(described)

    @paths.get("/v1/schemas", openapi_extra={"security": []})
    async def all_schemas() -> Response:
        """The types of messages, each with the address of its JSON Schema (2020-12) and the topics that carry it."""
        return json_response(page(listed, None))

    @paths.get(PATH + "{name}", openapi_extra={"security": []})
    async def schema_of(name: str) -> Response:
        """The JSON Schema of one type's value, as `ce_dataschema` names it."""
        if name not in schemas:
            raise Problem(404, "Not found", "No message is of this type.")
        return json_response(schemas[name], headers={"content-type": SCHEMA})

    return paths


def following(world: World) -> APIRouter:
    """`/v1/events`: what happens, as it happens."""
    paths = APIRouter(tags=["contracts"])
    clients = Clients(CLIENTS_MAX)
    stream: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}

    @paths.get("/v1/events", dependencies=[require(Role.READER)], response_class=Response, responses=stream)
    async def events(
        types: Annotated[tuple[str, ...], Query(alias="type")] = (),
        contact_id: str | None = None,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> Response:
        """What happens from now on, or since `Last-Event-ID`, as server-sent events: all, or of these types, or about
        this contact. After a break come again with the last id; `Last-Event-ID: 0` tells all that is kept, 30 days.
        """
        if unknown := set(types) - TYPES:
            raise unprocessable([Fault("/type", "is no type of contacts.events") for _ in unknown])
        try:
            after = None if last_event_id is None else place_of(last_event_id)
        except Unknown:
            raise Problem(422, "Unknown id", "Take Last-Event-ID from an event, unchanged.") from None
        if not clients.enter():
            raise unavailable(f"{CLIENTS_MAX} clients are followed for already.")
        reader = world.broker.reader(EVENTS.name)
        try:
            place = await reader.start(after)
        except BaseException:
            clients.leave()
            raise
        return Stream(reader, place, Wanted(frozenset(types), contact_id), clients, world.clock)

    return paths
