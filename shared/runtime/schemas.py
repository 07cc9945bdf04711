"""JSON Schemas (2020-12) of the configuration files, generated from the types that read them, for editors to complete.

`python -m shared.runtime.schemas` writes them anew into deploy/config/schemas; a test says when that was forgotten.
"""

import json
from pathlib import Path
from typing import Any, Final

import msgspec

from shared.domain.configuration import Channel, Fields, Operations, Provider, Rule, Source

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "config" / "schemas"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def configuration_schemas() -> dict[str, dict[str, Any]]:
    """The schema of each configuration file, by the file's name without its ending."""
    return {
        "sources": _schema("The sources that may write.", {"sources": dict[str, Source]}),
        "fields": {"$schema": DIALECT, **msgspec.json.schema(Fields)},
        "rules": _schema("The rules that hold while their condition holds.", {"rules": list[Rule]}),
        "operations": {"$schema": DIALECT, **msgspec.json.schema(Operations)},
        "channels": _schema("The ways out for notifications.", {"channels": dict[str, Channel]}),
        "providers": _schema("Who is asked what is missing.", {"providers": dict[str, Provider]}),
    }


def _schema(title: str, keys: dict[str, Any]) -> dict[str, Any]:
    """A file that has nothing but these keys at its top."""
    types, components = msgspec.json.schema_components(list(keys.values()), ref_template="#/$defs/{name}")
    return {
        "$schema": DIALECT,
        "title": title,
        "type": "object",
        "properties": dict(zip(keys, types, strict=True)),
        "additionalProperties": False,
        "$defs": components,
    }


def text_of(schema: dict[str, Any]) -> str:
    """The schema as its file holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write(folder: Path = FOLDER) -> None:
    """Write every schema into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in configuration_schemas().items():
        (folder / f"{name}.json").write_text(text_of(schema), "utf-8")


if __name__ == "__main__":
    write()
