"""What a file would bring, asked of the front door without leaving anything there (`send --dry-run`)."""

from collections import Counter
from collections.abc import Callable, Mapping

from shared.commands.http import Client
from shared.commands.reading import File
from shared.commands.send import Line, arrays_of, line_of, receipts_of

WOULD = ("new", "updated", "same", "refused")
"""What a row would be; every row is one of these."""


async def foreseen(
    file: File, source: str, mapping: Mapping[str, str | None], asks: Client, progress: Callable[[int], None]
) -> Counter[str]:
    """How many rows would be what. Raises Failed when the system does not answer, or lets nobody in."""
    counts: Counter[str] = Counter(dict.fromkeys(WOULD, 0))
    counts["refused"] = sum(1 for row in file.rows() if row.fault is not None)
    had: set[str] = set()
    readable = (line_of(row, mapping, source) for row in file.rows() if row.fault is None)
    for lines in arrays_of(readable):
        body = b"[" + b",".join(line.body for line in lines) + b"]"
        params = {"partial": "true", "dry_run": "true"}
        answer = await asks.send("POST", "/v1/records", body, {"Content-Type": "application/json"}, params, retry=False)
        for line, said in zip(lines, receipts_of(answer, len(lines)), strict=True):
            counts[_word(line, str(said.get("would", "refused")), had)] += 1
        progress(len(lines))
    return counts


def _word(line: Line, word: str, had: set[str]) -> str:
    """What a row would be after the rows before it, of which the front door has kept none."""
    own_id = line.record.get("source_record_id")
    if own_id is None or word == "refused":
        return word
    again = str(own_id) in had
    had.add(str(own_id))
    return "updated" if again and word == "new" else word
