"""OpenAPI: what the one address offers, in one document put together from those of its owners."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.domain.record import TEXT_FIELDS

BEARER: Final = "bearer"

_TEXT: Final = {"type": "string", "nullable": True, "maxLength": 1000}
_ADDRESSED: Final = {
    "type": "array",
    "nullable": True,
    "items": {
        "type": "object",
        "properties": {"value": {"type": "string"}, "kind": {"type": "string", "nullable": True}},
        "required": ["value"],
    },
}

RECORD: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["source"],
    "properties": {
        "source": {"type": "string"},
        "source_record_id": {"type": "string", "nullable": True},
        "observed_at": {"type": "string", "nullable": True},
        **dict.fromkeys(TEXT_FIELDS, _TEXT),
        "emails": _ADDRESSED,
        "phones": _ADDRESSED,
        "social_profiles": {"type": "array", "nullable": True, "items": {"type": "string"}},
        "consents": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["purpose", "channel", "status"],
                "properties": {
                    **{name: {"type": "string"} for name in ("purpose", "channel", "status", "address", "at")},
                    "proof": {},
                },
            },
        },
        "attributes": {"type": "object", "additionalProperties": True},
    },
    "additionalProperties": True,
    "example": {"source": "webform", "given_name": "Jörg", "family_name": "Müller", "email": "joerg@example.de"},
}

INTERACTION: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["source", "interaction_id", "type", "at", "contact"],
    "properties": {
        **{name: {"type": "string"} for name in ("source", "interaction_id", "type", "at")},
        **{name: {"type": "string", "nullable": True} for name in ("by", "subject")},
        "contact": {
            "type": "object",
            "properties": {
                "record": {
                    "type": "object",
                    "properties": {name: {"type": "string"} for name in ("source", "source_record_id")},
                },
                **{name: {"type": "string"} for name in ("email", "phone", "contact_id")},
            },
        },
        "detail": {"type": "object", "additionalProperties": True},
    },
    "example": {
        "source": "crm",
        "interaction_id": "call-17",
        "type": "call",
        "at": "2026-11-22T09:15:00+01:00",
        "contact": {"email": "joerg@example.de"},
    },
}


def body_of(schema: Mapping[str, Any], *, arrays: bool) -> dict[str, Any]:
    """The request body of a path that reads its bytes itself; `arrays`: one element or many."""
    one_or_many = {"oneOf": [schema, {"type": "array", "maxItems": 1000, "items": schema}]} if arrays else schema
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": one_or_many}}}}


def merged(own: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One document: paths of all, ours first; schemas of all, the first of a name holds; a bearer token everywhere."""
    document: dict[str, Any] = copy.deepcopy(dict(own))
    document["info"] = {**document.get("info", {}), "title": "Kontaktwerk"}
    paths = document.setdefault("paths", {})
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for other in others:
        for path, item in other.get("paths", {}).items():
            if path.startswith("/v1/"):
                paths.setdefault(path, item)
        for name, schema in other.get("components", {}).get("schemas", {}).items():
            schemas.setdefault(name, schema)
    document["components"]["securitySchemes"] = {BEARER: {"type": "http", "scheme": "bearer"}}
    document["security"] = [{BEARER: []}]
    return document


DELETIONS: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["source"],
    "properties": {
        "source": {"type": "string"},
        "source_record_ids": {"type": "array", "maxItems": 1000, "items": {"type": "string"}},
        "import_id": {"type": "string"},
        "at_most": {"type": "integer", "default": 1000},
    },
}

_CHOSEN: Final[Mapping[str, Any]] = {
    "ids": {"type": "array", "maxItems": 1000, "items": {"type": "string"}},
    "stage": {"type": "string"},
    "reason": {"type": "string"},
    "since": {"type": "string", "format": "date-time"},
    "until": {"type": "string", "format": "date-time"},
    "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000},
    "cursor": {"type": "string"},
}

REPLAY: Final[Mapping[str, Any]] = {"type": "object", "properties": _CHOSEN}

DROP: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["why"],
    "properties": {**_CHOSEN, "why": {"type": "string", "minLength": 1, "maxLength": 500}},
}

RESUME: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["stage"],
    "properties": {"stage": {"type": "string"}},
}

FIX: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "encoding": {"type": "string", "enum": ["latin-1", "windows-1252", "utf-16"]},
        "value": {},
        "set": {"type": "object"},
        "remove": {"type": "array", "items": {"type": "string"}},
        "map": {"type": "object", "additionalProperties": {"type": "string"}},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
