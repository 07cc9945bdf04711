"""Files as senders have them: CSV of any delimiter, NDJSON, JSON, JSContact, vCard; UTF-8, UTF-16 or
Windows-1252; also gzipped.

Pure but for reading the one file it is given. What was recognised is told, so that a wrong guess is seen at once.
"""

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from shared.commands import jscontact
from shared.commands.running import Failed, WrongUsage
from shared.commands.vcard import cards

DELIMITERS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
CHUNK_BYTES: Final = 1024 * 1024
"""Read at once while the encoding is found out; a file of any size passes through."""

HEAD_CHARACTERS: Final = 64 * 1024
"""Enough of a file to tell its kind, its delimiter and its header."""

MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""A file that begins with one of these says itself what it is."""

SEPARATOR: Final = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
"""A first line that tells Excel the delimiter, and is no row."""

FORMULA: Final = re.compile(r'="([^"]*)"')
"""How Excel is kept from taking a postcode for a number; what stands in the quotes is meant."""

NAMES: Final = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}
csv.field_size_limit(1024 * 1024)


class Told(NamedTuple):
    """What the sender says of the file; what is None is recognised by its content."""

    encoding: str | None = None
    delimiter: str | None = None


UNSAID: Final = Told()
"""The sender leaves it to us."""


def told(encoding: str | None, delimiter: str | None) -> Told:
    """What the sender wrote, understood: any encoding with a name, a delimiter by its sign or its word.

    Raises WrongUsage for what is neither.
    """
    words = {word: sign for sign, word in DELIMITERS.items()}
    sign = words.get(delimiter or "", delimiter)
    if sign is not None and (len(sign) != 1 or sign.isalnum() or sign in '"\r\n'):
        raise WrongUsage(f"--delimiter takes one sign or one of {', '.join(words)}; this is none: {delimiter!r}")
    if encoding is None:
        return Told(None, sign)
    try:
        known = codecs.lookup(encoding).name
        "".encode(known)  # base64 and its like are codecs too, and no encodings
    except LookupError:
        raise WrongUsage(f"--encoding takes utf-8, utf-16, windows-1252 …; this is none: {encoding!r}") from None
    return Told({"utf-8": "utf-8-sig"}.get(known, known), sign)


class Row(NamedTuple):
    """One row with the line it begins on; `fault` says why it can be no record, in words."""

    line: int
    values: dict[str, Any]
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A file and what it was recognised as."""

    path: Path
    encoding: str
    kind: str
    delimiter: str | None
    columns: tuple[str, ...]

    def described(self) -> str:
        """Kind, delimiter and encoding, for people."""
        delimiter = "" if self.delimiter is None else f", delimiter {DELIMITERS.get(self.delimiter, self.delimiter)}"
        return f"{self.kind}{delimiter}, {NAMES.get(self.encoding, self.encoding)}"

    def rows(self) -> Iterator[Row]:
        """The rows in order. Raises Failed where the file breaks off or is no such file after all."""
        try:
            with _text(self.path, self.encoding) as text:
                yield from _READERS[self.kind](text, self)
        except (OSError, EOFError, zlib.error, UnicodeError, csv.Error) as error:
            raise Failed(f"{self.path} cannot be read to its end ({type(error).__name__})") from None


def recognise(path: Path, said: Told = UNSAID) -> File:
    """What a file is, by what is said of it and its content. Raises Failed for one that is not there, is empty, is not
    written as is said, or is nothing we know.
    """
    try:
        encoding = said.encoding or _encoding(path)
        with _text(path, encoding) as text:
            head = text.read(HEAD_CHARACTERS)
    except FileNotFoundError:
        raise Failed(f"{path} is not there") from None
    except (OSError, EOFError, zlib.error, UnicodeError) as error:
        raise Failed(f"{path} cannot be read ({type(error).__name__})") from None
    start = head.lstrip()
    if not start:
        raise Failed(f"{path} is empty")
    if start[:11].upper() == "BEGIN:VCARD":
        return File(path, encoding, "vCard", None, ())
    if start[0] == "{":
        return File(path, encoding, "NDJSON", None, ())
    if start[0] == "[":
        return File(path, encoding, "JSON", None, ())
    lines = [line for line in start.splitlines() if line.strip()]
    named = SEPARATOR.fullmatch(lines[0]) if len(lines) > 1 else None
    header = lines[0] if named is None else lines[1]
    delimiter = said.delimiter or (_delimiter(header) if named is None else named[1])
    columns = tuple(cell.strip() for cell in next(csv.reader([header], delimiter=delimiter)))
    if not all(columns) and len(columns) > 1:
        raise Failed(f"{path}: column {columns.index('') + 1} of the first line has no name")
    if len(set(columns)) < len(columns):
        raise Failed(f"{path}: two columns of the first line have the same name")
    return File(path, encoding, "CSV", delimiter, columns)


def _text(path: Path, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(_bytes(path), encoding=encoding, newline="")


def _bytes(path: Path) -> Any:
    with path.open("rb") as file:
        gzipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if gzipped else path.open("rb")


def _encoding(path: Path) -> str:
    """By its mark; else UTF-8 when all of it is; else what Windows writes in the west."""
    file: IO[bytes]
    with _bytes(path) as file:
        chunk = file.read(CHUNK_BYTES)
        for mark, encoding in MARKS:
            if chunk.startswith(mark):
                return encoding
        if b"\x00" in chunk[:1000]:
            raise UnicodeError
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while chunk:
                decoder.decode(chunk)
                chunk = file.read(CHUNK_BYTES)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


def _delimiter(header: str) -> str:
    """The one that cuts the first line into most cells; a file of one column has none and is read with commas."""
    return max(DELIMITERS, key=lambda one: (len(next(csv.reader([header], delimiter=one))), one == ","))


def _csv(text: IO[str], file: File) -> Iterator[Row]:
    assert file.delimiter is not None, "a CSV has a delimiter"
    reader = csv.reader(text, delimiter=file.delimiter)
    while not _is_header(next(reader)):
        pass
    line = reader.line_num + 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            values = dict(zip(file.columns, map(_unwrapped, cells), strict=False))
            many = f"has {len(cells)} cells, the first line has {len(file.columns)}"
            yield Row(line, values, many if len(cells) > len(file.columns) else None)
        line = reader.line_num + 1


def _is_header(cells: list[str]) -> bool:
    """Neither an empty line nor the one that names the delimiter."""
    return any(cells) and (any(cells[1:]) or not cells[0].lower().startswith("sep="))


def _unwrapped(cell: str) -> str:
    found = FORMULA.fullmatch(cell) if cell.startswith("=") else None
    return cell if found is None else found[1]


def _ndjson(text: IO[str], _: File) -> Iterator[Row]:
    for number, line in enumerate(text, start=1):
        if line.strip():
            yield _object(number, line)


def _object(number: int, line: str) -> Row:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return Row(number, {}, "is not JSON")
    return _as_row(number, value)


def _json(text: IO[str], file: File) -> Iterator[Row]:
    """A JSON array is read whole; its elements are numbered, since lines mean nothing in it."""
    try:
        values = json.load(text)
    except (ValueError, RecursionError):
        raise Failed(f"{file.path} is not JSON; for one object a line, leave the brackets away (NDJSON)") from None
    for number, value in enumerate(values, start=1):
        yield _as_row(number, value)


def _as_row(number: int, value: Any) -> Row:
    if not isinstance(value, dict):
        return Row(number, {}, "is no JSON object")
    return Row(number, jscontact.record_of(value) if jscontact.is_card(value) else value)


def _vcard(text: IO[str], _: File) -> Iterator[Row]:
    for line, values in cards(text):
        yield Row(line, values)


_READERS: Final = {"CSV": _csv, "NDJSON": _ndjson, "JSON": _json, "vCard": _vcard}
