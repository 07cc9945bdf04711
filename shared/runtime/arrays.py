"""Arrays for statements, as literals of Postgres: `unnest($1::text::uuid[])` with `ids(…)`.

The driver's own arrays ask of every element whether it is a container, by abstract base classes: that took a sixteenth
of dedup's time, and 25 µs a record of the door's (`python -m tests.bench.dedup`).
"""

from collections.abc import Iterable
from datetime import datetime


def ids(values: Iterable[str | None]) -> str:
    """Ids, or other texts without quotes, commas and backslashes; None is NULL."""
    return "{" + ",".join([value or "NULL" for value in values]) + "}"


def texts(values: Iterable[str | None]) -> str:
    """Any texts; None is NULL."""
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def times(values: Iterable[datetime]) -> str:
    """Times, with their zone."""
    return "{" + ",".join([value.isoformat() for value in values]) + "}"


def numbers(values: Iterable[int | None]) -> str:
    """Whole numbers; None is NULL."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def blobs(values: Iterable[bytes | None]) -> str:
    """Bytes, as hexadecimal digits; None is NULL."""
    return "{" + ",".join(["NULL" if value is None else '"\\\\x' + value.hex() + '"' for value in values]) + "}"


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
