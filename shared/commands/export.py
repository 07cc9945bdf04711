"""`export`: every clean contact into one file, NDJSON as the API says them or a table for a spreadsheet."""

import asyncio
import csv
import gzip
import io
import os
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from shared.commands.http import client
from shared.commands.running import Failed, Running, WrongUsage

PAGE: Final = 500
"""Contacts of one request: about a megabyte."""

PRIVATE: Final = 0o600
"""The file is full of people's data: whoever else works on this machine has no business in it."""

COLUMNS: Final = (
    "contact_id", "version", "kind", "salutation", "name_prefix", "given_name", "family_name", "name_suffix",
    "full_name", "email", "email_status", "phone", "phone_status", "street", "postcode", "city", "country", "birthday",
    "company", "department", "job_title", "language", "owner", "website", "categories", "segments", "priority",
    "quality", "updated_at",
)  # fmt: skip
"""Of a table: named as a record names them (`send` reads them back); of several addresses the preferred."""

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula when a cell begins with it; a stranger wrote these values."""


class Lines(Protocol):
    """A format: what stands first, and a contact as text."""

    def head(self) -> str:
        """What the file begins with."""
        ...

    def line(self, contact: Mapping[str, Any]) -> str:
        """One contact, its end of line included."""
        ...


class Documents:
    """NDJSON: one contact a line, whole, as `GET /v1/contacts` says it."""

    def head(self) -> str:
        """Nothing."""
        return ""

    def line(self, contact: Mapping[str, Any]) -> str:
        """One JSON document."""
        return msgspec.json.encode(contact).decode() + "\n"


class Rows:
    """CSV as RFC 4180 has it: the preferred values of each contact in columns."""

    def head(self) -> str:
        """The names of the columns."""
        return _csv(COLUMNS)

    def line(self, contact: Mapping[str, Any]) -> str:
        """One row."""
        return _csv(harmless(value) for value in row_of(contact))


async def run(running: Running, path: Path, wanted: Mapping[str, str]) -> int:
    """Write all contacts that fit `wanted` (segment, category, updated_since); how many there were.

    The file appears when it is whole: `FILE.part` until then. Raises WrongUsage for a format that is none, Failed when
    the system does not answer or the file cannot be written.
    """
    lines, written = lines_of(path), 0
    try:
        with _whole(path) as write:
            write(lines.head())
            with _bar() as progress:
                task = progress.add_task(path.name, total=None)
                async for contacts in _pages(running, wanted):
                    await asyncio.to_thread(write, "".join(map(lines.line, contacts)))
                    written += len(contacts)
                    progress.update(task, completed=written)
    except OSError as error:
        raise Failed(f"{path} cannot be written ({type(error).__name__})") from None
    return written


def lines_of(path: Path) -> Lines:
    """The format that a file's name asks for."""
    kinds = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    match kinds[-1:]:
        case [".csv"]:
            return Rows()
        case [".ndjson" | ".jsonl"]:
            return Documents()
        case _:
            raise WrongUsage(f"{path.name}: name the file .ndjson or .csv, with .gz behind it to have it packed")


def row_of(contact: Mapping[str, Any]) -> list[Any]:
    """The values of one contact in the order of COLUMNS; what it does not have is empty."""
    name, company = contact.get("name") or {}, contact.get("company") or {}
    email, phone = _preferred(contact.get("emails")), _preferred(contact.get("phones"))
    address: Mapping[str, Any] = next(iter(contact.get("addresses") or ()), {})
    street = " ".join(part for part in (address.get("street"), address.get("house_number")) if part)
    values = {
        **{column: contact.get(column) for column in COLUMNS},
        "salutation": name.get("salutation"),
        "name_prefix": name.get("prefix"),
        "given_name": name.get("given"),
        "family_name": name.get("family"),
        "name_suffix": name.get("suffix"),
        "full_name": name.get("full"),
        "email": email.get("value"),
        "email_status": email.get("status"),
        "phone": phone.get("value"),
        "phone_status": phone.get("status"),
        "street": street,
        "postcode": address.get("postcode"),
        "city": address.get("city"),
        "country": address.get("country"),
        "company": company.get("name"),
        "categories": " ".join(contact.get("categories") or ()),
        "segments": " ".join(contact.get("segments") or ()),
        "priority": (contact.get("priority") or {}).get("score"),
        "quality": (contact.get("quality") or {}).get("score"),
    }
    return [values[column] for column in COLUMNS]


def harmless(value: Any) -> Any:
    """A text that no spreadsheet runs: an apostrophe before what would be a formula, but for numbers to call."""
    if isinstance(value, str) and value.startswith(FORMULA) and not value.removeprefix("+").isdigit():
        return f"'{value}"
    return value


def _preferred(values: Any) -> Mapping[str, Any]:
    found: list[Mapping[str, Any]] = list(values or ())
    return next((one for one in found if one.get("preferred")), found[0] if found else {})


def _csv(values: Iterable[Any]) -> str:
    row = io.StringIO()
    csv.writer(row).writerow("" if value is None else value for value in values)
    return row.getvalue()


async def _pages(running: Running, wanted: Mapping[str, str]) -> AsyncIterator[list[dict[str, Any]]]:
    async with client(running, "reader", "operator") as asks:
        cursor: str | None = None
        while True:
            page = await asks.get(
                "/v1/contacts", {**wanted, "limit": str(PAGE)} | ({} if cursor is None else {"cursor": cursor})
            )
            yield page["items"]
            cursor = page["next"]
            if cursor is None:
                return


def _bar() -> Progress:
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)


@contextmanager
def _whole(path: Path) -> Generator[Callable[[str], int]]:
    """Write texts into a file that replaces `path` at the end, or is gone if it does not come to that."""
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            if path.suffix.lower() == ".gz":
                with gzip.GzipFile(fileobj=raw, mode="wb") as packed:
                    yield lambda text: packed.write(text.encode())
            else:
                yield lambda text: raw.write(text.encode())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
