"""`send`: a file through the front door, in arrays, in the order of the file for each record."""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import msgspec

from shared.commands.columns import mapping_of, record_of
from shared.commands.http import AWAY, Answer, Client, problem_of
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
    """One file being sent. `progress` is told how many rows are done; `rejects` is opened when the first one comes."""

    file: File
    source: str
    mapping: Mapping[str, str | None]
    client: Client
    rate: float | None = None
    keep_receipts: bool = False
    progress: Callable[[int], None] = lambda _: None
    summary: Summary = field(default_factory=Summary)
    _rejects: IO[bytes] | None = None
    _flying: dict[asyncio.Task[None], frozenset[str]] = field(default_factory=dict[asyncio.Task[None], frozenset[str]])

    @property
    def rejects_path(self) -> Path:
        """Where rejected rows are written, with line and reason."""
        return self.file.path.with_name(self.file.path.name + ".rejected.ndjson")

    async def run(self) -> Summary:
        """Send all of it. Raises Failed when the system stays away; sending again then does no harm."""
        started = asyncio.get_running_loop().time()
        try:
            for lines in self._arrays():
                await self._keep_pace(started)
                await self._room_for(ids_of(lines))
                self.summary.sent += len(lines)
                self._flying[asyncio.create_task(self._post(lines))] = ids_of(lines)
            while self._flying:
                await self._landed()
        finally:
            for task in self._flying:
                task.cancel()
            await asyncio.gather(*self._flying, return_exceptions=True)
            if self._rejects is not None:
                self._rejects.close()
        return self.summary

    def _arrays(self) -> Iterator[list[Line]]:
        """The rows as arrays of one request each; rows that can be no record are rejected at once."""
        lines: list[Line] = []
        size = 0
        rows_max = ROWS_MAX if self.rate is None else max(1, min(ROWS_MAX, int(self.rate * SLICE_S)))
        for row in self.file.rows():
            if row.fault is not None:
                self._reject(row.line, row.values, [{"pointer": "", "detail": row.fault}])
                continue
            line = line_of(row, self.mapping, self.source)
            if lines and (len(lines) == rows_max or size + len(line.body) > BYTES_MAX):
                yield lines
                lines, size = [], 0
            lines.append(line)
            size += len(line.body)
        if lines:
            yield lines

    async def _keep_pace(self, started: float) -> None:
        if self.rate is not None:
            due = started + self.summary.sent / self.rate
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

    async def _post(self, lines: list[Line]) -> None:
        body = b"[" + b",".join(line.body for line in lines) + b"]"
        headers = {"Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(16)}
        answer = await self.client.send("POST", "/v1/records", body, headers, {"partial": "true"})
        receipts = receipts_of(answer, len(lines))
        for line, receipt in zip(lines, receipts, strict=True):
            self._take(line, receipt)
        self.progress(len(lines))

    def _take(self, line: Line, receipt: Mapping[str, Any]) -> None:
        if self.keep_receipts:
            self.summary.receipts[line.number] = dict(receipt)
        if "event_id" not in receipt:
            self._reject(line.number, line.record, receipt.get("errors", []), counted=True)
        elif receipt.get("duplicate"):
            self.summary.again += 1
        else:
            self.summary.accepted += 1

    def _reject(self, number: int, row: Mapping[str, Any], errors: Any, *, counted: bool = False) -> None:
        if self._rejects is None:
            self._rejects = self.rejects_path.open("wb")
        self._rejects.write(msgspec.json.encode({"line": number, "errors": errors, "row": row}) + b"\n")
        self.summary.rejected += 1
        if not counted:
            self.summary.sent += 1
            self.progress(1)


def line_of(row: Row, mapping: Mapping[str, str | None], source: str) -> Line:
    """One row, ready to be sent."""
    record = record_of(row.values, mapping, source)
    return Line(row.line, record, msgspec.json.encode(record))


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
