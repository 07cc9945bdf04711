"""`send`: a file through the front door, in arrays, in the order of the file for each record."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import msgspec

from shared.commands.columns import mapping_of, record_of
from shared.commands.http import AWAY, Answer, Client, problem_of
from shared.commands.journal import Journal, Part, keep_until
from shared.commands.reading import File, Row
from shared.commands.running import Failed

ROWS_MAX: Final = 500
"""Rows of one request: half of what the contract takes, so that one answer comes within a fraction of a second."""

BYTES_MAX: Final = 4 * 1024 * 1024
"""Of one request: half of what the contract takes."""

SLICE_S: Final = 0.25
"""With a rate, an array holds what is due in this time: even, and not one request a record."""

AT_ONCE: Final = 4
"""Requests in flight: enough to keep the front door busy, too few to fill it."""

ACCEPTED: Final = frozenset({200, 202, 207, 422})
"""Answers of an array with `partial=true` that say something about each element."""


class Line(NamedTuple):
    """One row on its way: the line it came from, what is sent of it, and the row itself for the file of rejects."""

    number: int
    record: dict[str, Any]
    body: bytes


@dataclass(slots=True)
class Summary:
    """What became of a file; every row is in exactly one of the three."""

    sent: int = 0
    accepted: int = 0
    again: int = 0
    rejected: int = 0
    receipts: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    """By line, kept only where somebody asks for them."""


@dataclass(slots=True)
class Sending:
    """One file being sent. `progress` is told how many rows are done; `rejects` is opened when the first one comes.

    With a `journal` every record bears its import id, and rows up to its line are known already.
    """

    file: File
    source: str
    mapping: Mapping[str, str | None]
    client: Client
    rate: float | None = None
    keep_receipts: bool = False
    progress: Callable[[int], None] = lambda _: None
    journal: Journal | None = None
    summary: Summary = field(default_factory=Summary)
    _rejects: IO[bytes] | None = None
    _refused: list[int] = field(default_factory=list[int])
    _before: int = 0
    _flying: dict[asyncio.Task[None], frozenset[str]] = field(default_factory=dict[asyncio.Task[None], frozenset[str]])

    @property
    def rejects_path(self) -> Path:
        """Where rejected rows are written, with line and reason."""
        return self.file.path.with_name(self.file.path.name + ".rejected.ndjson")

    async def run(self) -> Summary:
        """Send all of it. Raises Failed when the system stays away; sending again then does no harm."""
        started = asyncio.get_running_loop().time()
        self._resume()
        try:
            for lines in self._arrays():
                await self._keep_pace(started)
                await self._room_for(ids_of(lines))
                self.summary.sent += len(lines)
                self._flying[asyncio.create_task(self._post(lines, self._begin(lines[-1].number)))] = ids_of(lines)
            while self._flying:
                await self._landed()
            if self.journal is not None:
                self.journal.end()
        finally:
            for task in self._flying:
                task.cancel()
            await asyncio.gather(*self._flying, return_exceptions=True)
            if self._rejects is not None:
                self._rejects.close()
        return self.summary

    def _resume(self) -> None:
        """Take up what a journal says of an earlier try; a send without one writes its rejected rows anew."""
        if self.journal is None or not self.journal.line:
            self.rejects_path.unlink(missing_ok=True)
            return
        keep_until(self.rejects_path, self.journal.line)
        for name, count in self.journal.counts.items():
            setattr(self.summary, name, count)
        self._before = self.summary.sent
        self.progress(self._before)

    def _arrays(self) -> Iterator[list[Line]]:
        """The rows as arrays of one request each."""
        rows_max = ROWS_MAX if self.rate is None else max(1, min(ROWS_MAX, int(self.rate * SLICE_S)))
        return arrays_of(self._lines(), rows_max)

    def _lines(self) -> Iterator[Line]:
        """The rows that are still to be sent; those that can be no record are rejected at once."""
        done = 0 if self.journal is None else self.journal.line
        for row in self.file.rows():
            if row.line <= done:
                continue
            if row.fault is not None:
                self._refuse(row, row.fault)
                continue
            yield line_of(row, self.mapping, self.source, None if self.journal is None else self.journal.import_id)

    async def _keep_pace(self, started: float) -> None:
        if self.rate is not None:
            due = started + (self.summary.sent - self._before) / self.rate
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))

    async def _room_for(self, ids: frozenset[str]) -> None:
        """Wait while too much is in flight, or an earlier row of one of these records is: they keep their order."""
        while len(self._flying) >= AT_ONCE or any(ids & flying for flying in self._flying.values()):
            await self._landed()

    async def _landed(self) -> None:
        done, _ = await asyncio.wait(self._flying, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            del self._flying[task]
            task.result()

    async def _post(self, lines: list[Line], part: Part | None) -> None:
        body = b"[" + b",".join(line.body for line in lines) + b"]"
        key = secrets.token_hex(16) if self.journal is None else self.journal.key_of(lines[0].number, body)
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        answer = await self.client.send("POST", "/v1/records", body, headers, {"partial": "true"})
        receipts = receipts_of(answer, len(lines))
        counts = Counter(self._take(line, receipt) for line, receipt in zip(lines, receipts, strict=True))
        self.progress(len(lines))
        self._note(part, {"sent": len(lines), **counts})

    def _take(self, line: Line, receipt: Mapping[str, Any]) -> str:
        """Count a row by what the front door says of it; under which name."""
        if self.keep_receipts:
            self.summary.receipts[line.number] = dict(receipt)
        if "event_id" not in receipt:
            self._reject(line.number, line.record, receipt.get("errors", []))
            return "rejected"
        if receipt.get("duplicate"):
            self.summary.again += 1
            return "again"
        self.summary.accepted += 1
        return "accepted"

    def _refuse(self, row: Row, fault: str) -> None:
        """A row that is not sent at all; it is done when the array before or around it is."""
        self._reject(row.line, row.values, [{"pointer": "", "detail": fault}])
        self._refused.append(row.line)
        self.summary.sent += 1
        self.progress(1)

    def _begin(self, line: int) -> Part | None:
        """An array up to a line is on its way, with the rows that were refused since the one before."""
        refused, self._refused = self._refused, []
        if self.journal is None:
            return None
        part = self.journal.begin(max([line, *refused]))
        part.counts["sent"] = part.counts["rejected"] = len(refused)
        return part

    def _reject(self, number: int, row: Mapping[str, Any], errors: Any) -> None:
        if self._rejects is None:
            self._rejects = self.rejects_path.open("ab")
        self._rejects.write(msgspec.json.encode({"line": number, "errors": errors, "row": row}) + b"\n")
        self.summary.rejected += 1

    def _note(self, part: Part | None, counts: Mapping[str, int]) -> None:
        """Write down how far it is, after the rejected rows of it are on disk."""
        if self.journal is None or part is None:
            return
        if self._rejects is not None:
            self._rejects.flush()
        for name, count in counts.items():
            part.counts[name] += count
        self.journal.landed(part)


def line_of(row: Row, mapping: Mapping[str, str | None], source: str, import_id: str | None = None) -> Line:
    """One row, ready to be sent; an import id of its own holds."""
    record = record_of(row.values, mapping, source)
    if import_id is not None:
        record.setdefault("import_id", import_id)
    return Line(row.line, record, msgspec.json.encode(record))


def arrays_of(rows: Iterable[Line], rows_max: int = ROWS_MAX) -> Iterator[list[Line]]:
    """Rows in their order as arrays of one request each: at most so many, and BYTES_MAX unless one alone has more."""
    lines: list[Line] = []
    size = 0
    for line in rows:
        if lines and (len(lines) == rows_max or size + len(line.body) > BYTES_MAX):
            yield lines
            lines, size = [], 0
        lines.append(line)
        size += len(line.body)
    if lines:
        yield lines


def ids_of(lines: list[Line]) -> frozenset[str]:
    """The records that an array is about, as far as the source names them."""
    return frozenset(str(line.record["source_record_id"]) for line in lines if "source_record_id" in line.record)


def receipts_of(answer: Answer, rows: int) -> list[dict[str, Any]]:
    """One receipt or error for each row of an array. Raises Failed when the answer speaks of the array as a whole."""
    receipts = answer.body.get("receipts") if isinstance(answer.body, dict) else None
    if answer.status in ACCEPTED and answer.status not in AWAY and isinstance(receipts, list) and len(receipts) == rows:
        return receipts
    raise Failed(f"the front door {problem_of(answer)}")


def mapping_for(file: File, map_path: Path | None) -> dict[str, str | None]:
    """What each column becomes; `map_path` holds a JSON object of column and target (null: not sent)."""
    said: Any = {}
    if map_path is not None:
        try:
            said = msgspec.json.decode(map_path.read_bytes(), type=dict[str, str | None])
        except FileNotFoundError:
            raise Failed(f"{map_path} is not there") from None
        except (OSError, msgspec.DecodeError) as error:
            raise Failed(f"{map_path} is no JSON object of columns and fields ({type(error).__name__})") from None
    try:
        return mapping_of(file.columns or tuple(said), said)
    except ValueError as error:
        raise Failed(str(error)) from None


def first_records(file: File, mapping: Mapping[str, str | None], source: str, rows: int) -> list[dict[str, Any]]:
    """What the mapping makes of the first rows, for `--dry-run`; a row that is none says why."""
    found: list[dict[str, Any]] = []
    for row in file.rows():
        if len(found) == rows:
            break
        found.append({"line": row.line, "fault": row.fault} if row.fault else record_of(row.values, mapping, source))
    return found
