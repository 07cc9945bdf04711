"""The paths that describe the topics: open to everybody, since they say nothing about anybody."""

from typing import Final

from fastapi import APIRouter, Response

from shared.contracts.asyncapi import document
from shared.contracts.values import PATH, value_schemas
from shared.runtime.http import Problem, json_response, page
from shared.topology import TOPICS

SCHEMA: Final = "application/schema+json"


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
