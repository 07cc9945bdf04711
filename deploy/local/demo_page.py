"""What the demo shows: steps, then one page of at most 80 columns and 45 lines. Every figure is counted."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from deploy.local.demo_count import Count, Delivery

COLUMNS: Final = 80
"""What every terminal has."""
BAR: Final = 30
"""Leaves room for the step before it and the figures behind it."""

ROUNDED_TO_ONE: Final = 0.9995
"""From here on a probability would be shown as 100.0 %, which nothing is."""

WORDS: Final = {
    "unreadable": "body unreadable",
    "not-utf8": "text is not UTF-8",
    "nothing-to-go-by": "nobody is named in it",
    "invalid": "no such event",
}
"""Reasons of dead letters, as people say them."""


class Screen:
    """Writes steps; a bar moves only where somebody can watch it."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty()
        self._done: dict[str, int] = {}

    def line(self, text: str) -> None:
        """A line as it is."""
        if self._live:
            self._out.write("\r\x1b[K")
        self._out.write(f"{text[:COLUMNS]}\n")
        self._out.flush()

    def step(self, name: str, text: str, seconds: float) -> None:
        """A step that is done."""
        self.line(f"  {name:<14} {text:<54} {seconds:6.1f} s")

    def bar(self, name: str, done: int, total: int) -> None:
        """A step under way."""
        self._done[name] = done
        if self._live:
            self._out.write(f"\r\x1b[K  {name:<14} {_bar(done, total)}  {done} of {total}")
            self._out.flush()

    def done(self, name: str, done: int, total: int, seconds: float, text: str | None = None) -> None:
        """The step of a bar is done."""
        self._done[name] = done
        self.step(name, f"{_bar(done, total)}  {text or f'{done} of {total}'}", seconds)

    def count(self, name: str) -> int:
        """How far a bar is."""
        return self._done.get(name, 0)


@dataclass(frozen=True, slots=True)
class Result:
    """Everything the page is made of."""

    books: Mapping[str, Any]
    count: Count
    contacts: Mapping[str, Mapping[str, Any]]
    reviews: Sequence[Mapping[str, Any]]
    letters: Sequence[Mapping[str, Any]]
    deliveries: Sequence[Delivery]
    hero: Mapping[str, Any]
    explanation: Mapping[str, Any]
    comparison: Mapping[str, Any] | None
    phones: frozenset[str]
    questions: Mapping[str, int]
    folder: Path

    @property
    def balanced(self) -> bool:
        """True when the books add up, and the receipts say the same as the books."""
        parts = ("in_contacts", "deleted", "erased", "dropped", "dead_letters", "waiting")
        accepted = sum(feed.accepted for feed in self.count.feeds.values())
        return sum(_sum(self.books[one]) for one in parts) == accepted == _sum(self.books["accepted"])

    @property
    def good(self) -> bool:
        """True when nothing is wrong."""
        return self.balanced and self.count.good and self.books["waiting"] == 0


def summary(result: Result) -> dict[str, int]:
    """The figures of `summary.json`: those of the contract, then those that were counted against the truth."""
    books, counted = result.books, result.count
    return {
        "accepted": books["accepted"],
        "in_contacts": books["in_contacts"],
        "dropped": _sum(books["dropped"]),
        "dead_letters": _sum(books["dead_letters"]),
        "waiting": books["waiting"],
        "contacts": counted.contacts,
        "merged_records": counted.records - counted.contacts,
        "open_reviews": len(result.reviews),
        "persons": counted.persons,
        "lost": len(counted.lost),
        "twice": len(counted.twice),
        "twins": len(counted.twins),
        "strangers_joined": len(counted.strangers),
    }


def page(result: Result, seconds: float) -> Iterator[str]:
    """The page, line by line."""
    yield ""
    yield from _came_in(result)
    yield ""
    yield from _became(result)
    yield ""
    yield from _one_person(result)
    yield ""
    yield from _set_aside(result.letters)
    yield ""
    done = "Demo done" if result.good else "DEMO FAILED: the figures above do not add up"
    yield f"{done} in {seconds:.1f} s. Everything is stopped; the data lies in {_short(result.folder)}."
    yield "  make up                              the same, kept running"
    yield "  ./kontaktwerk send list.csv --source crm --dry-run    what yours would become"


def _came_in(result: Result) -> Iterator[str]:
    books, counted = result.books, result.count
    yield "WHAT CAME IN      sent   again  accepted │ in contacts  dropped  set aside"
    for name, feed in counted.feeds.items():
        ends = feed.ends
        figures = f"{ends['in_contacts']:>11}  {ends['dropped']:>7}  {ends['dead_letters']:>9}"
        yield f"  {name:<13}  {feed.sent:>5}   {feed.again:>5}  {feed.accepted:>8} │ {figures}"
    yield (
        f"  accepted {books['accepted']} = in contacts {books['in_contacts']} + dropped {_sum(books['dropped'])}"
        f" + set aside {_sum(books['dead_letters'])} + waiting {books['waiting']}  {'✓' if result.balanced else '✗'}"
    )
    yield (
        f"  {counted.records} records are {counted.contacts} contacts · lost {len(counted.lost)}"
        f" · twice {len(counted.twice)} · twins {len(counted.twins)}"
    )
    yield (
        f"  the truth: {counted.persons} people; {len(counted.strangers)} joined with a stranger,"
        f" {len(counted.apart)} not yet joined"
    )


def _became(result: Result) -> Iterator[str]:
    contacts = result.contacts.values()
    codes = Counter(finding["code"] for one in contacts for finding in one["quality"]["findings"])
    numbers = {phone["value"] for one in contacts for phone in one["phones"] if phone["value"].startswith("+")}
    mended = len(numbers - {number.replace(" ", "") for number in result.phones})
    filled = _filled(contacts, "enrich")
    late = sum(one["cause"]["kind"] == "fact" for one in contacts)
    cells = [
        ("merged alone", result.count.records - result.count.contacts, "records"),
        ("mistyped mail domains found", codes["email.typo"], ""),
        ("offered to you", len(result.reviews), "pairs or groups"),
        ("phone numbers put right", mended, ""),
        ("gaps filled", filled, "values"),
        ("other findings", sum(codes.values()) - codes["email.typo"], ""),
    ]
    yield "WHAT BECAME OF IT"
    for left, right in zip(cells[::2], cells[1::2], strict=True):
        yield f"  {left[0]:<15} {left[1]:>5} {left[2]:<16} {right[0]:<28} {right[1]:>5}"
    asked = sum(result.questions.values())
    once = "each once" if asked == len(result.questions) else f"of {len(result.questions)} kinds"
    gained = f"contacts said again, with {_filled(contacts, 'provider:')} values they lacked"
    yield f"  {'asked outside':<15} {asked:>5} questions, {once}, to a provider made up here"
    yield f"  {'answered late':<15} {late:>5} {gained}"


def _filled(contacts: Iterable[Mapping[str, Any]], by: str) -> int:
    return sum(origin["source"].startswith(by) for one in contacts for origin in one["provenance"].values())


def _one_person(result: Result) -> Iterator[str]:
    yield "ONE PERSON, THREE FEEDS"
    for one in result.deliveries:
        said = one.said
        phone = said.get("phone") or next((item["value"] for item in said.get("phones", ())), "")
        name = f"{said.get('given_name', '')} {said.get('family_name', '')}"
        yield f"  {one.feed:<13} {name:<28} {said.get('email') or '':<17} {phone}"
    hero = result.hero
    name = f"{hero['name']['given']} {hero['name']['family']}"
    yield f"  {'─► clean':<13} {name:<28} {_best(hero['emails']):<17} {_best(hero['phones'])}"
    yield from _why(result)
    yield "     take back    POST /v1/splits, DELETE /v1/judgements/…  (exact, any time)"


def _why(result: Result) -> Iterator[str]:
    sources = {one["record_id"]: one["source"] for one in result.explanation["records"]}
    pair = max(result.explanation["pairs"], key=lambda one: one["bits"])
    names = " + ".join(sources[record] for record in pair["record_ids"])
    surely = f"{100 * pair['probability']:.1f}" if pair["probability"] < ROUNDED_TO_ONE else "over 99.9"
    yield f"     why one      {names}: {pair['text']}, {surely} % sure"
    yield f"                  {_strongest(pair)} = {pair['bits']:.1f} bits"
    if result.comparison is not None:
        other = result.comparison["pairs"][0]
        why = min(other["parts"], key=lambda part: 0 if part["field"] == "start" else part["bits"])
        yield f"     why not      his namesake in Kiel: {why['text']} {why['bits']:+.1f} → apart"


def _strongest(pair: Mapping[str, Any]) -> str:
    parts = sorted(pair["parts"], key=lambda part: -part["bits"])[:2] + pair["parts"][:1]
    return ", ".join(f"{part['field']} {part['bits']:+.1f}" for part in parts) + " …"


def _set_aside(letters: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "SET ASIDE, NOT LOST  (./kontaktwerk dead-letters list)"
    counts = Counter((one["stage"], one["reason"]) for one in letters)
    told = [f"{many}  {stage}  {WORDS.get(reason, reason)}" for (stage, reason), many in counts.most_common()]
    for left, right in zip(told[::2], [*told[1::2], ""], strict=False):
        yield f"  {left:<38} {right}".rstrip()


def _best(items: Sequence[Mapping[str, Any]]) -> str:
    best = next((item for item in items if item["preferred"]), None)
    return "" if best is None else f"{best['value']}{' ✓' if best['status'] == 'valid' else ''}"


def _bar(done: int, total: int) -> str:
    full = BAR * done // total if total else BAR
    return "█" * full + "░" * (BAR - full)


def _sum(figure: Any) -> int:
    return sum(figure.values()) if isinstance(figure, dict) else int(figure)


def _short(folder: Path) -> str:
    return "/".join(folder.parts[-2:])
