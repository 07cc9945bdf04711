"""Journal: how far a file was sent, beside it, so that a send that was killed goes on where it stopped."""

import json
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

COUNTS: Final = ("sent", "accepted", "again", "rejected")
"""What a journal adds up: rows that were sent, and what became of them."""


@dataclass(slots=True)
class Part:
    """Rows up to a line, in the order of the file, that are sent together or rejected."""

    line: int
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    landed: bool = False


@dataclass(slots=True)
class Journal:
    """How far one file went, under the id of its import; `line` is the last one of which, and of all before, it is
    known what became. Where the folder cannot be written, a send that is killed begins again: that does no harm.
    """

    path: Path
    meant: str
    import_id: str
    line: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    _parts: deque[Part] = field(default_factory=deque[Part])

    def begin(self, line: int) -> Part:
        """Rows up to this line are on their way."""
        part = Part(line)
        self._parts.append(part)
        return part

    def landed(self, part: Part) -> None:
        """What became of a part is known; written down as soon as that is true of all before."""
        part.landed = True
        moved = False
        while self._parts and self._parts[0].landed:
            first = self._parts.popleft()
            self.line = first.line
            self.counts = {name: self.counts[name] + first.counts[name] for name in COUNTS}
            moved = True
        if moved:
            self._write()

    def key_of(self, first: int, body: bytes) -> str:
        """The Idempotency-Key of the rows from a line on: after a restart the same rows are the same request."""
        return blake2b(f"{self.import_id} {first} ".encode() + body, digest_size=16).hexdigest()

    def end(self) -> None:
        """All of the file is sent: who sends it again means it."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _write(self) -> None:
        said = {"meant": self.meant, "import_id": self.import_id, "line": self.line, **self.counts}
        new = self.path.with_name(self.path.name + ".new")
        with suppress(OSError):
            new.write_text(json.dumps(said), "utf-8")
            new.replace(self.path)


def journal_of(file: Path, source: str, mapping: Mapping[str, str | None], import_id: str) -> Journal:
    """The journal of a file: the one that a killed send left, if it is of this file, source and mapping; else a new one
    under this import id.
    """
    path = file.with_name(file.name + ".sending.json")
    looks = file.stat()
    parts: list[Any] = [looks.st_size, looks.st_mtime_ns, source, sorted(mapping.items(), key=str)]
    meant = blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
    with suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads(path.read_text("utf-8"))
        if said["meant"] == meant:
            counts = {name: int(said[name]) for name in COUNTS}
            return Journal(path, meant, str(said["import_id"]), int(said["line"]), counts)
    return Journal(path, meant, import_id)


def keep_until(path: Path, line: int) -> None:
    """Take from a file of rejected rows those behind a line: they are sent, and rejected, again."""
    new = path.with_name(path.name + ".new")
    with suppress(FileNotFoundError):
        with path.open("rb") as old, new.open("wb") as kept:
            kept.writelines(one for one in old if one.endswith(b"\n") and json.loads(one)["line"] <= line)
        new.replace(path)
