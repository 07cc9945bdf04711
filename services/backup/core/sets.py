"""Sets: what a backup is made of. One zstd file of JSON lines for each table, and a manifest that vouches for them.

A set describes itself: the manifest names every file with its rows, its size and two hashes, of the bytes in the file
and of the lines in it. The manifest's own hash is one of its members, taken over all the others.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Final

import msgspec

from services.backup.core.sealing import Seal

FORMAT: Final = 2
"""Of the files and the manifest; a release reads its own and all earlier ones."""

PLAIN_FORMAT: Final = 1
"""Of a set that is not sealed: releases before seals read it too."""

MANIFEST: Final = "manifest.json"
SUFFIX: Final = ".ndjson.zst"
SEALED: Final = ".sealed"
"""Ends the name of a sealed file."""

PREFIX: Final = "kontaktwerk-"


class Line(msgspec.Struct, frozen=True, array_like=False):
    """One row of a table. Its repr names the type only: what it holds belongs to a person."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class InstallationLine(Line, frozen=True):
    """The key behind record ids, in hex: without it a source's updates would become new records."""

    record_key: str


class ArchiveLine(Line, frozen=True):
    """An event as it was received; without value where its person was erased."""

    event_id: str
    type: str
    subject: str
    source: str | None
    received_at: datetime
    value: str | None


class VersionLine(Line, frozen=True):
    """A version of a contact, or the word that it is gone."""

    contact_id: str
    version: int
    at: datetime
    cause: str | None
    cause_id: str | None
    changed: str
    retired: str | None
    merged_into: str | None
    merged_into_version: int | None
    document: str | None


class MemberLine(Line, frozen=True):
    """A contact that ever held a record."""

    record_id: str
    contact_id: str


class EventLine(Line, frozen=True):
    """An entry of `contacts.events`: firings among them."""

    event_id: str
    type: str
    contact_id: str
    version: int
    at: datetime
    cause_id: str | None
    value: str | None


class DecidedLine(Line, frozen=True):
    """An identity, a judgement, or the record of an interaction."""

    kind: str
    id: str
    subject: str | None
    version: int
    at: datetime
    value: str


class HomeLine(Line, frozen=True):
    """The contact that held a record last."""

    record_id: str
    contact_id: str
    at: datetime


LINES: Final[Mapping[str, type[Line]]] = {
    "installation": InstallationLine,
    "archive": ArchiveLine,
    "version": VersionLine,
    "member": MemberLine,
    "event": EventLine,
    "decided": DecidedLine,
    "home": HomeLine,
}
"""What a line of each table says; the file of a table is named after it."""

PACKED: Final = frozenset(("value", "document"))
"""Columns that hold a JSON text as bytes: in a line they are the text."""


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a set: `sha256` of its bytes, `content` of its lines, each with its line break (HMAC with the key
    of a sealed set).
    """

    table: str
    name: str
    rows: int
    bytes: int
    sha256: str
    content: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a set vouches for. `tables` is the revision of the tables it was taken from; a sealed set says how."""

    format: int
    name: str
    made_at: datetime
    release: str
    tables: str
    files: tuple[File, ...]
    seal: Seal | msgspec.UnsetType = msgspec.UNSET
    sha256: str = ""

    def sealed(self) -> "Manifest":
        """The manifest with its own hash."""
        return msgspec.structs.replace(self, sha256=_hash(self))

    def encoded(self) -> bytes:
        """The manifest as its file holds it, for people too."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2)


class Damaged(Exception):
    """A set cannot be trusted: the text names file and fault."""


def manifest_of(data: bytes) -> Manifest:
    """The manifest in these bytes. Raises Damaged."""
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Damaged(f"{MANIFEST} is no manifest") from None
    if manifest.sha256 != _hash(manifest):
        raise Damaged(f"{MANIFEST} is not as it was written")
    if manifest.format > FORMAT:
        raise Damaged(f"{MANIFEST} is of format {manifest.format}; this release reads up to {FORMAT}")
    missing = sorted(LINES.keys() - {file.table for file in manifest.files})
    if missing:
        raise Damaged(f"{MANIFEST} names no file of {', '.join(missing)}")
    return manifest


def name_of(made_at: datetime, run_id: str) -> str:
    """The name of a set: sorts by time, and says in whose run it was made."""
    return f"{PREFIX}{made_at:%Y%m%dT%H%M%SZ}-{run_id[-8:]}"


def time_in(name: str) -> datetime | None:
    """When the set of this name was made, None for what is no set's name."""
    try:
        return datetime.strptime(name.removeprefix(PREFIX)[:16] + "+0000", "%Y%m%dT%H%M%SZ%z")
    except ValueError:
        return None


def _hash(manifest: Manifest) -> str:
    return sha256(msgspec.json.encode(msgspec.structs.replace(manifest, sha256=""))).hexdigest()
