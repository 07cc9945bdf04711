"""JSON Schemas (2020-12) of the values on the topics, generated from the types that write them.

`python -m shared.contracts.values` writes them anew into schemas/, and refuses what would break a reader; a test says
when that was forgotten. They are served at /v1/schemas, and every message names its own in `ce_dataschema`.
"""

import copy
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from shared.contracts.compatibility import breaches
from shared.domain.events import DATA_OF
from shared.runtime.schemas import DIALECT, text_of
from shared.topology import Type

FOLDER: Final = Path(__file__).parents[2] / "schemas"

PATH: Final = "/v1/schemas/"
"""Where a schema is served; behind it stands the name of the type, as in `contact.cleaned`."""

Schema = dict[str, Any]


def value_schemas() -> dict[str, Schema]:
    """The schema of each type's value, by the name of the type; further keys may always appear beside those named."""
    types = [type_ for type_ in Type if type_ in DATA_OF]
    roots, components = msgspec.json.schema_components(
        [DATA_OF[type_] for type_ in types], ref_template="#/$defs/{name}"
    )
    made = {type_.value: _alone(type_, root, components) for type_, root in zip(types, roots, strict=True)}
    return plain(made)


def plain(made: dict[str, Any]) -> dict[str, Any]:
    """As JSON has it: what the code writes as a tuple is a list to everybody else."""
    read: dict[str, Any] = json.loads(json.dumps(made))
    return read


def _alone(type_: Type, root: Mapping[str, Any], components: Mapping[str, Any]) -> Schema:
    """One schema with the definitions it needs and no others."""
    needed: dict[str, Any] = {}
    open_ = [root]
    while open_:
        for name in sorted(_named(open_.pop()) - needed.keys()):
            needed[name] = components[name]
            open_.append(components[name])
    own = str(root["$ref"]).rpartition("/")[2]
    body = copy.deepcopy(needed[own])
    again = any(own in _named(one) for one in needed.values())
    defs = {name: needed[name] for name in sorted(needed) if name != own or again}
    return {
        "$schema": DIALECT,
        "$id": f"{PATH}{type_.value}",
        **body,
        "title": type_.wire,
        **({"$defs": copy.deepcopy(defs)} if defs else {}),
    }


def _named(schema: Any) -> set[str]:
    """The definitions that a schema refers to."""
    if isinstance(schema, Mapping):
        own = {str(schema["$ref"]).rpartition("/")[2]} if "$ref" in schema else set[str]()
        return own.union(*(_named(one) for one in schema.values()))
    if isinstance(schema, list):
        return set[str]().union(*(_named(one) for one in schema))
    return set()


def committed(folder: Path = FOLDER) -> dict[str, Schema]:
    """The schemas as they were written last."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}


def write(folder: Path = FOLDER) -> list[str]:
    """Write every schema, unless that would break a reader; the breaches, each as `type: place: what`."""
    known, now = committed(folder), value_schemas()
    found = [f"{name}: there is no such type any more" for name in known if name not in now]
    found += [f"{name}: {breach}" for name in known if name in now for breach in breaches(known[name], now[name])]
    if not found:
        folder.mkdir(parents=True, exist_ok=True)
        for name, schema in now.items():
            (folder / f"{name}.json").write_text(text_of(schema), "utf-8")
    return found


if __name__ == "__main__":
    sys.exit("\n".join(write()) or None)
