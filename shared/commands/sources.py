"""`status --sources`: what each source has sent, what became of it, and what is found wrong with it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from shared.commands.http import Client, client
from shared.commands.running import Running

LATELY: Final = timedelta(days=7)
"""Findings are shared out over contacts said since then: a source that was mended last month is not blamed today."""

PAGE: Final = 500
"""As many contacts as one answer holds at most."""

PAGES_MAX: Final = 4
"""With 2,000 contacts a share of a tenth is known to 1.3 points (two sigma); more would cost time only."""

CODES_SHOWN: Final = 3
"""The most frequent ones; all are in --json."""


async def fetch(running: Running) -> dict[str, Any]:
    """The sources with their counts, and `findings`: of how many contacts, how many have one, and which.

    Contacts are the first 2,000 that were said in the last seven days. Raises Failed where one cannot be asked.
    """
    since = datetime.now(UTC) - LATELY
    async with client(running, "reader", "operator") as asks:
        sources = (await asks.get("/v1/sources"))["items"]
        contacts = await _lately(asks, since)
    found = findings_by_source(contacts)
    none = {"contacts": 0, "with_findings": 0, "codes": {}}
    items = [{**one, "findings": found.get(one["source"], none)} for one in sources]
    return {"sources": items, "contacts": len(contacts), "since": since.isoformat(timespec="seconds")}


async def _lately(asks: Client, since: datetime) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    asked = {"updated_since": since.isoformat(timespec="seconds"), "limit": str(PAGE)}
    for _ in range(PAGES_MAX):
        page = await asks.get("/v1/contacts", asked)
        found += page["items"]
        if page.get("next_cursor") is None:
            break
        asked = {**asked, "cursor": page["next_cursor"]}
    return found


def findings_by_source(contacts: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """For each source: the contacts it says something of, those where its own values have findings, and the codes.

    A finding counts for the source that its value came from (`provenance`), once a contact; one about what is missing,
    or about the whole, counts for every source of the contact.
    """
    said, wrong, codes = Counter[str](), Counter[str](), dict[str, Counter[str]]()
    for contact in contacts:
        members = {one["source"] for one in contact.get("records", ())}
        said.update(members)
        of_source: dict[str, set[str]] = {}
        for finding in (contact.get("quality") or {}).get("findings", ()):
            for source in _behind(finding["path"], contact.get("provenance") or {}) or members:
                of_source.setdefault(source, set()).add(finding["code"])
        wrong.update(of_source.keys())
        for source, named in of_source.items():
            codes.setdefault(source, Counter()).update(named)
    return {
        source: {
            "contacts": max(said[source], wrong[source]),
            "with_findings": wrong[source],
            "codes": dict(codes.get(source, Counter[str]()).most_common()),
        }
        for source in sorted({*said, *wrong})
    }


def _behind(path: str, provenance: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Who said the value at this path, the whole it is part of, or the parts it has."""
    return {
        origin["source"]
        for place, origin in provenance.items()
        if origin.get("source") and (path == place or path.startswith(f"{place}/") or place.startswith(f"{path}/"))
    }


def show(found: Mapping[str, Any], console: Console) -> None:
    """The same for people: a line for each source that has sent, shares of it, and below what is found most."""
    heard = [one for one in found["sources"] if one["accepted"] or one["duplicates"]]
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("source")
    for name in ("accepted", "new", "updated", "duplicates", "dropped", "aside", "findings"):
        table.add_column(name, justify="right")
    for one in heard:
        counts = (f"{one[name]:,}" for name in ("accepted", "new", "updated", "duplicates"))
        shares = (share(one[name], one["accepted"]) for name in ("dropped", "dead_letters"))
        of = one["findings"]
        table.add_row(one["source"], *counts, *shares, share(of["with_findings"], of["contacts"]))
    silent = ", ".join(one["source"] for one in found["sources"] if one not in heard)
    of = f"{found['contacts']:,} contacts said since {found['since'][:16]}"
    lines = [
        *(_about(one) for one in heard),
        *([f"nothing yet from {silent}"] if silent else ()),
        f"findings: share of {of} whose value from this source has one",
    ]
    console.print(table)
    console.print("\n".join(("", *lines)), highlight=False, soft_wrap=True)


def _about(one: Mapping[str, Any]) -> str:
    """When a source was heard last, what of it waits, and what is wrong most often."""
    of = one["findings"]
    most = [f"{code} {share(count, of['contacts'])}" for code, count in _first(of["codes"])]
    waiting = [f"{one['waiting']:,} waiting"] if one["waiting"] else []
    last = (one["last_received_at"] or "-")[:16]
    return f"{one['source']}: {', '.join((f'last {last}', *waiting, *most))}"


def _first(codes: Mapping[str, int]) -> Sequence[tuple[str, int]]:
    return Counter(codes).most_common(CODES_SHOWN)


def share(part: int, whole: int) -> str:
    """A share in percent; a dash where there is nothing to have a share of."""
    return f"{100 * part / whole:.1f} %" if whole else "-"
