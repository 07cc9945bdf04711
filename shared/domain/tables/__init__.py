"""Tables that normalising and matching rest on, read once; SOURCES.md beside them names their origin."""

import csv
import io
import json
from functools import cache
from importlib import resources


@cache
def rows(name: str) -> tuple[tuple[str, ...], ...]:
    """The rows of one CSV table without its header, in the order of the file."""
    text = resources.files(__name__).joinpath(f"{name}.csv").read_text(encoding="utf-8")
    return tuple(tuple(row) for row in list(csv.reader(io.StringIO(text)))[1:])


@cache
def mapping(name: str) -> dict[str, tuple[str, ...]]:
    """One JSON table of keys and the list of texts that belong to each."""
    text = resources.files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8")
    return {key: tuple(values) for key, values in json.loads(text).items()}


@cache
def words(name: str) -> frozenset[str]:
    """One table of single words; lines that begin with # are comments."""
    text = resources.files(__name__).joinpath(f"{name}.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())
