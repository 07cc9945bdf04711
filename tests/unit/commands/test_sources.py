"""`status --sources`: whose values are wrong, told from contacts that several sources feed."""

import io
from typing import Any

from rich.console import Console

from shared.commands.sources import findings_by_source, share, show


def contact(findings: dict[str, str], provenance: dict[str, str], *sources: str) -> dict[str, Any]:
    return {
        "records": [{"source": source, "record_id": source} for source in sources],
        "provenance": {path: {"source": source} for path, source in provenance.items()},
        "quality": {"findings": [{"path": path, "code": code} for path, code in findings.items()]},
    }


def test_a_finding_counts_for_the_source_that_said_the_value() -> None:
    both = contact({"/emails/0/value": "email.typo"}, {"/emails/0": "shop", "/phones/0": "crm"}, "shop", "crm")
    fine = contact({}, {"/emails/0": "crm"}, "crm")
    found = findings_by_source([both, fine])
    assert found["shop"] == {"contacts": 1, "with_findings": 1, "codes": {"email.typo": 1}}
    assert found["crm"] == {"contacts": 2, "with_findings": 0, "codes": {}}


def test_one_contact_counts_once_however_much_is_wrong_with_it() -> None:
    twice = contact(
        {"/phones/0": "phone.invalid", "/phones/1": "phone.invalid"}, {"/phones/0": "crm", "/phones/1": "crm"}, "crm"
    )
    assert findings_by_source([twice])["crm"]["codes"] == {"phone.invalid": 1}


def test_what_is_said_of_the_whole_counts_for_whoever_said_a_part_and_what_nobody_said_for_all() -> None:
    parts = contact({"/name": "name.company"}, {"/name/family": "crm", "/name/given": "crm"}, "crm", "shop")
    missing = contact({"/birthday": "birthday.missing"}, {"/name/family": "crm"}, "crm", "shop")
    neighbour = contact({"/phones/1": "phone.invalid"}, {"/phones/10": "shop", "/phones/1": "crm"}, "crm", "shop")
    found = findings_by_source([parts, missing, neighbour])
    assert found["crm"]["codes"] == {"name.company": 1, "birthday.missing": 1, "phone.invalid": 1}
    assert found["shop"]["codes"] == {"birthday.missing": 1}


def test_sources_are_a_table_with_shares_and_silent_ones_are_named() -> None:
    counts = dict.fromkeys(("new", "updated", "duplicates", "waiting", "dead_letters"), 0)
    found = {
        "contacts": 8, "since": "2026-11-16T00:00:00+00:00",
        "sources": [
            {"source": "crm", "accepted": 1_000, "dropped": 25, **counts, "last_received_at": "2026-11-23T08:48:15Z",
             "findings": {"contacts": 8, "with_findings": 2, "codes": {"phone.invalid": 1, "email.typo": 2}}},
            {"source": "shop", "accepted": 0, "dropped": 0, **counts, "last_received_at": None,
             "findings": {"contacts": 0, "with_findings": 0, "codes": {}}},
        ],
    }  # fmt: skip
    console = Console(file=io.StringIO(), width=80)
    show(found, console)
    assert isinstance(console.file, io.StringIO)
    _, crm, _, about, silent, says = console.file.getvalue().splitlines()
    assert crm.split() == ["crm", "1,000", "0", "0", "0", "2.5", "%", "0.0", "%", "25.0", "%"]
    assert about == "crm: last 2026-11-23T08:48, email.typo 25.0 %, phone.invalid 12.5 %"
    assert silent == "nothing yet from shop"
    assert says.startswith("findings: share of 8 contacts")
    assert share(1, 0) == "-"
