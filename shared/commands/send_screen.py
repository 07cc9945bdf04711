"""What `send` shows: the mapping and the first rows before, a bar while it goes, the sum at the end."""

import asyncio
import secrets
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from shared.commands.foreseeing import foreseen
from shared.commands.http import client
from shared.commands.journal import journal_of
from shared.commands.reading import File, Told, recognise
from shared.commands.running import Failed, Running, print_json
from shared.commands.send import Sending, Summary, first_records, mapping_for

PREVIEW_ROWS: Final = 3
"""Enough to see a shifted column or a wrong encoding, few enough for one screen."""


async def preview(
    running: Running, path: Path, source: str, map_path: Path | None, said: Told, *, as_json: bool
) -> None:
    """Show what the file was recognised as, what each column becomes, the first records, and, where the system runs,
    how many would be new, updated, the same or refused; nothing is taken.
    """
    file = await asyncio.to_thread(recognise, path, said)
    mapping = mapping_for(file, map_path)
    records = first_records(file, mapping, source, PREVIEW_ROWS)
    recognised = {"kind": file.kind, "delimiter": file.delimiter, "encoding": file.encoding}
    faults = Counter(row.fault is not None for row in file.rows())
    counts = {"rows": faults.total(), "unreadable": faults[True]}
    would, why = await _asked(running, file, source, mapping, faults.total())
    if as_json:
        print_json({"file": recognised, **counts, "would": would, "columns": mapping, "records": records})
        return
    unreadable = f", {faults[True]:,} of them cannot be read" if faults[True] else ""
    print(f"{path}: {file.described()}, {faults.total():,} rows{unreadable}")
    for column, target in mapping.items():
        print(f"  {column:<24} {'(not sent)' if target is None else target}")
    for record in records:
        print_json(record)
    if would is None:
        print(f"How many are new was not asked: {why}.")
    else:
        print("would be: " + ", ".join(f"{count:,} {word}" for word, count in would.items()))
    print("Nothing was taken (--dry-run).")


async def _asked(
    running: Running, file: File, source: str, mapping: Mapping[str, str | None], rows: int
) -> tuple[dict[str, int] | None, str]:
    """How many rows would be what; or why nobody could say."""
    try:
        async with client(running, "sender", "operator") as asks:
            with bar(Console(stderr=True)) as progress:
                task = progress.add_task(f"{source} (dry run)", total=rows)
                return dict(await foreseen(file, source, mapping, asks, lambda done: progress.advance(task, done))), ""
    except Failed as error:
        return None, str(error).partition("\n")[0].rstrip(".")


async def run(
    running: Running, path: Path, source: str, map_path: Path | None, said: Told, rate: float | None, *, as_json: bool
) -> None:
    """Send the file and say what became of it. Raises Failed when nothing of it was accepted."""
    file = await asyncio.to_thread(recognise, path, said)
    mapping = mapping_for(file, map_path)
    rows = await asyncio.to_thread(lambda: sum(1 for _ in file.rows()))
    console = Console(stderr=True)
    console.print(f"{path}: {file.described()}, {rows:,} rows", highlight=False, soft_wrap=True)
    journal = journal_of(path, source, mapping, f"{source}-{secrets.token_hex(6)}")
    if journal.line:
        console.print(f"goes on behind line {journal.line:,}, where it stopped", highlight=False, soft_wrap=True)
    started = asyncio.get_running_loop().time()
    async with client(running, "sender", "operator") as asks:
        with bar(console) as progress:
            task = progress.add_task(source, total=rows)
            sending = Sending(
                file, source, mapping, asks, rate, progress=lambda done: progress.advance(task, done), journal=journal
            )
            summary = await sending.run()
    seconds = asyncio.get_running_loop().time() - started
    _tell(summary, sending, file, seconds, as_json=as_json)


def bar(console: Console) -> Progress:
    """The progress bar of `send`; without a terminal nothing is drawn."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def _tell(summary: Summary, sending: Sending, file: File, seconds: float, *, as_json: bool) -> None:
    rejects = str(sending.rejects_path) if summary.rejected else None
    import_id = None if sending.journal is None else sending.journal.import_id
    figures: dict[str, Any] = {
        "import_id": import_id,
        "sent": summary.sent,
        "accepted": summary.accepted,
        "again": summary.again,
        "rejected": summary.rejected,
        "rejected_file": rejects,
        "seconds": round(seconds, 3),
    }
    if as_json:
        print_json(figures)
    else:
        rate = summary.sent / seconds if seconds else 0.0
        print(
            f"{summary.sent:,} sent: {summary.accepted:,} accepted, {summary.again:,} known before, "
            f"{summary.rejected:,} rejected; {seconds:.1f} s, {rate:,.0f} a second"
        )
    if rejects:
        print(f"rejected rows, each with line and reason: {rejects}", file=sys.stderr)
    if summary.accepted + summary.again == 0:
        raise Failed(f"nothing of {file.path} was accepted")
