"""The one table at the end."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from rich.table import Table

from tests.chaos.running import Report


def table(report: Report) -> Table:
    """Everything, ready to be copied into a page."""
    wish, sender, seen, verdict = report.wish, report.sender, report.seen, report.verdict
    shown = Table(
        title=f"EVENTS={wish.events} KILLS={wish.kills} SEED={wish.seed}: {report.seconds:.0f} s", show_header=False
    )
    shown.add_column()
    shown.add_column(justify="right")
    ends = Counter(seen.receipts.get(event_id, ("none", None)) for event_id in sender.accepted)
    dropped = {reason: count for (state, reason), count in ends.items() if state == "dropped"}
    rows: list[tuple[str, object]] = [
        ("events sent", sender.sent),
        ("accepted (202)", len(sender.accepted)),
        ("requests refused and sent again", sender.refused),
        ("connections broken and sent again", sender.broken),
        *sorted(sender.unexpected.items()),
        ("clean", sum(count for (state, _), count in ends.items() if state == "clean")),
        *((f"dropped, {reason}", count) for reason, count in sorted(dropped.items(), key=str)),
        ("poison put on topics", report.poison),
        *(
            (f"letters of {stage}, {reason}", count)
            for (stage, reason), count in sorted(_letters(seen.letters).items())
        ),
        ("waiting", seen.books.get("waiting", "not known")),
        ("contacts", verdict.contacts),
        ("persons of the oracle", verdict.persons),
        ("contacts of two persons (told, not judged)", verdict.joined_wrongly),
    ]
    for name, value in rows:
        shown.add_row(name, f"{value:,}" if isinstance(value, int) else str(value))
    shown.add_section()
    for name, value in verdict.five.items():
        shown.add_row(name, f"{value:,}", style="bold" if not value else "bold red")
        for what, count in sorted(_details(report, name).items()):
            shown.add_row(f"  {what}", f"{count:,}")
    shown.add_section()
    for name, took in sorted(report.recovery.items()):
        shown.add_row(f"recovery, {name} ({len(took)})", _seconds(took))
    for engine in sorted({name for name, _ in report.away}):
        away = [seconds for name, seconds in report.away if name == engine]
        shown.add_row(f"  {engine} itself away ({len(away)})", _seconds(away))
    return shown


def _seconds(took: Sequence[float]) -> str:
    return f"p50 {median(took):.1f} s, max {max(took):.1f} s"


def _letters(letters: Counter[tuple[str, str, int, int, str]]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for (stage, _, _, _, reason), count in letters.items():
        found[stage, reason] += count
    return found


def _details(report: Report, name: str) -> Mapping[str, int]:
    verdict = report.verdict
    of: dict[str, Counter[str]] = {
        "lost": verdict.lost,
        "done twice": verdict.twice,
        "contacts where topic and table differ": verdict.different,
        "orphans": verdict.orphans,
    }
    return +of.get(name, Counter[str]())
