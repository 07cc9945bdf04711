"""AsyncAPI 3: the topics with their keys, messages and settings, from the topology that creates them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from shared.contracts.values import plain
from shared.domain.events import DATA_OF
from shared.topology import CLEAN, EVENTS, MESSAGE_BYTES_MAX, PATH, TOPICS, Topic, Type

VERSION: Final = "3.0.0"
CONTENT_TYPE: Final = "application/json"

CLEAN_HEADERS: Final = {
    Type.CONTACT_CLEANED: ("ce_version",),
    Type.CONTACT_RETIRED: ("ce_version", "ce_reason", "ce_mergedinto"),
}
"""What `contacts.clean` says besides: its tombstones have no value, so what a reader must know stands in headers."""

LETTER_HEADERS: Final = (
    "reason", "stage", "topic", "partition", "offset", "at", "attempt", "detail", "release",
)  # fmt: skip
"""What is added to a dead letter, each behind `dead-letter-`."""

_NUMBERS: Final = ("retention.ms", "delete.retention.ms")
_CE: Final = ("specversion", "id", "source", "type", "time", "subject", "dataschema")


def document(release: str, prefix: str = "") -> dict[str, Any]:
    """The document of this release; `prefix` is what stands before each topic's name in a Kafka that others use too."""
    payloads, schemas = _schemas()
    messages = {
        _name(topic, type_): _message(topic, type_, payloads[type_]) for topic in TOPICS for type_ in topic.types
    }
    messages |= {"dead-letter": _letter()}
    return {
        "asyncapi": VERSION,
        "id": "urn:kontaktwerk",
        "info": {
            "title": "Kontaktwerk",
            "version": release,
            "description": f"Subscribe to `{CLEAN.name}` for what contacts are, to `{EVENTS.name}` for what happened. "
            "New keys and new codes may appear: ignore what you do not know.",
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {topic.name: _channel(topic, prefix) for topic in TOPICS},
        "operations": dict(_operations()),
        "components": {"messages": messages, "schemas": schemas},
    }


def _channel(topic: Topic, prefix: str) -> dict[str, Any]:
    names = [_name(topic, type_) for type_ in topic.types] or ["dead-letter"]
    settings = dict(topic.settings)
    numbers = {key: int(settings[key]) for key in _NUMBERS if key in settings}
    policy = settings["cleanup.policy"].split(",")
    return {
        "address": prefix + topic.name,
        "description": f"Key: {topic.key}. Kept: {topic.kept}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "kafka": {
                "topicConfiguration": {"cleanup.policy": policy, **numbers, "max.message.bytes": MESSAGE_BYTES_MAX},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _schemas() -> tuple[dict[Type, Any], dict[str, Any]]:
    """By type a reference to its value's schema, and all schemas."""
    roots, components = msgspec.json.schema_components([*DATA_OF.values()], ref_template="#/components/schemas/{name}")
    return dict(zip(DATA_OF, roots, strict=True)), plain(dict(components))


def _message(topic: Topic, type_: Type, payload: Any) -> dict[str, Any]:
    """One type as one topic carries it."""
    more = CLEAN_HEADERS.get(type_, ()) if topic is CLEAN else ()
    tombstone = topic is CLEAN and type_ is Type.CONTACT_RETIRED
    names = [f"ce_{name}" for name in _CE]
    properties: dict[str, Any] = {name: {"type": "string"} for name in (*names, "content-type", "traceparent", *more)}
    properties["ce_type"] = {"const": type_.wire}
    properties["ce_specversion"] = {"const": "1.0"}
    return {
        "name": type_.wire,
        "title": "a tombstone: the contact is gone" if tombstone else type_.value,
        "contentType": CONTENT_TYPE,
        "headers": {"type": "object", "required": names, "properties": properties},
        "payload": {"type": "null"} if tombstone else payload,
        "bindings": {"kafka": {"key": {"type": "string", "description": topic.key}, "bindingVersion": "0.5.0"}},
    }


def _letter() -> dict[str, Any]:
    properties = {f"dead-letter-{name}": {"type": "string"} for name in LETTER_HEADERS}
    return {
        "name": "dead-letter",
        "title": "A message that its stage can never process: key, value and headers as they came, and why.",
        "headers": {"type": "object", "required": [*properties], "properties": properties},
        "payload": {},
    }


def _operations() -> Iterable[tuple[str, Mapping[str, Any]]]:
    for step in PATH:
        topics = [("send", topic) for topic in (*step.produces, step.dead_letters)]
        for action, topic in [*topics, *(("receive", topic) for topic in step.consumes)]:
            yield (
                f"{step.service}-{action}-{topic.name}",
                {"action": action, "channel": {"$ref": f"#/channels/{topic.name}"}},
            )


def _name(topic: Topic, type_: Type) -> str:
    return f"{topic.name}-{type_.value}"
