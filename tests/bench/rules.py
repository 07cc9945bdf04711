"""What rules and backup cost: µs of wall and CPU time a contact, new and updated, on a real Postgres without the log.

Run `python -m tests.bench.rules [CONTACTS]` with DATABASE_URL, or the variables of tests/support/stack.py, set.
CPU is that of this process and, where Postgres is on this machine, that of its backends (without background writers).
"""

import asyncio
import os
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from services.backup.stage import Backup
from services.backup.store import Store as BackupStore
from services.rules.core.activity import NO_ACTIVITY
from services.rules.core.changes import changed_paths
from services.rules.core.decide import Around, decide
from services.rules.core.loading import rulebook
from services.rules.core.rulebook import Rulebook
from services.rules.core.schema import Change
from services.rules.core.searching import search_keys
from services.rules.stage import Rules
from services.rules.store import Store
from shared.domain.configuration import Rule, Then
from shared.domain.contact import (
    Address,
    Cause,
    Company,
    ConsentState,
    Contact,
    Email,
    Finding,
    Member,
    Name,
    Origin,
    Phone,
    Quality,
)  # fmt: skip
from shared.domain.events import Event, Snapshot
from shared.domain.ids import derived_id
from shared.domain.outcome import Outgoing
from shared.runtime import codec
from shared.runtime.broker import Message
from shared.runtime.clock import SystemClock
from shared.runtime.database import Database
from shared.runtime.migrations import migrate
from shared.runtime.stage import Taken, said
from shared.topology import CLEAN, ENRICHED, Type
from tests.support.stack import create_database, drop_database, running_stack

CONTACTS = 4_000
"""Enough for a second or two of each step."""
BATCH = 200
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
RULES = (
    Rule(name="business", when="has(contact.company.name)", then=Then(category="b2b", score=5)),
    Rule(
        name="newsletter",
        when='contact.consents.exists(c, c.purpose == "newsletter" && c.status == "granted")',
        then=Then(segment="newsletter"),
    ),
    Rule(name="customer", when='timeline.count("purchase", 365) > 0', then=Then(category="customer", score=15)),
    Rule(
        name="to-clean-up",
        when='contact.quality.findings.exists(f, f.severity == "error")',
        then=Then(segment="to-clean-up"),
    ),
)


def person(number: int, version: int, prefix: str) -> Contact:
    """A contact of ordinary size: two mails, a number, an address, a company, two records."""
    who = f"{prefix}-{number}"
    family = f"Müller{number % 997}"
    records = tuple(
        Member(source=source, source_record_id=f"{who}-{source}", record_id=derived_id(who, source))
        for source in ("webform", "crm")
    )
    paths = ("/name/given", "/name/family", "/emails/0", "/emails/1", "/phones/0", "/addresses/0", "/birthday",
             "/company/name", "/company/domain", "/job_title", "/language")  # fmt: skip
    return Contact(
        contact_id=derived_id(who),
        version=version,
        created_at=NOW,
        updated_at=NOW,
        cause=Cause(kind="record", id=derived_id(who, str(version)), source="webform"),
        name=Name(given="Jörg", family=family, full=f"Jörg {family}"),
        emails=(
            Email(value=f"joerg{number}@firma{number % 499}.de", status="valid", preferred=True),
            Email(value=f"j.{number}@example.org"),
        ),
        phones=(Phone(value=f"+49171{number:07}", kind="mobile", status="valid", preferred=True),),
        addresses=(Address(street="Hauptstr.", house_number="5a", postcode="10115", city="Berlin", country="DE"),),
        birthday="1980-02-29",
        company=Company(name=f"Firma {number % 499} GmbH", domain=f"firma{number % 499}.de"),
        job_title=f"Leiter {version}",
        language="de",
        timezone="Europe/Berlin",
        consents=(ConsentState(purpose="newsletter", channel="email", status="granted", since=NOW),),
        attributes={"contract_end": "2027-01-31"},
        provenance={
            path: Origin(source="crm", record_id=records[0].record_id, observed_at=NOW - timedelta(days=number % 900))
            for path in paths
        },
        quality=Quality(
            score=0.9,
            completeness=0.83,
            findings=(Finding(path="/emails/1", code="email.role", severity="info", message="A shared mailbox."),),
        ),
        records=records,
        records_total=2,
    )


def taken(event: Event, topic: str) -> Taken:
    """An event as the loop hands it over, decoded as the loop does."""
    value, headers = codec.encode(event)
    key = event.subject.encode()
    message = Message(topic=topic, partition=0, offset=0, timestamp_ms=0, key=key, value=value, headers=headers)
    return Taken(message, event)


def snapshot(contact: Contact) -> Taken:
    """A snapshot from the stage before."""
    data = Snapshot(contact=contact)
    id_ = derived_id(contact.contact_id, str(contact.version))
    event = Event(id=id_, type=Type.CONTACT_ENRICHED, source="/bench", time=NOW, subject=contact.contact_id, data=data)
    return taken(event, ENRICHED.name)


async def measured(
    step: Callable[[list[Taken]], Awaitable[Any]], batches: Sequence[list[Taken]], contacts: int, database: Database
) -> tuple[float, float, float]:
    """Wall, CPU here and CPU of Postgres' backends, in microseconds a contact."""
    server = await server_s(database)
    wall, cpu = time.perf_counter(), time.process_time()
    for batch in batches:
        await step(batch)
    ended = time.perf_counter(), time.process_time(), await server_s(database)
    spent = [(end - start) / contacts * 1e6 for start, end in zip((wall, cpu, server), ended, strict=True)]
    return spent[0], spent[1], spent[2]


async def server_s(database: Database) -> float:
    """CPU seconds of this database's backends so far, 0 where they run elsewhere (proc(5): stat, fields 14 and 15)."""
    rows = await database.fetch("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    return sum(ticks(row["pid"]) for row in rows) / os.sysconf("SC_CLK_TCK")


def ticks(pid: int) -> int:
    """CPU ticks of a process of this machine."""
    stat = Path(f"/proc/{pid}/stat")
    return sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13])) if stat.exists() else 0


def pure(contact: Contact, rules: Rulebook) -> dict[str, float]:
    """CPU microseconds of the pure parts."""
    before = person(1, 1, "pure")
    around = Around(NOW)
    steps: dict[str, Callable[[], object]] = {
        "decide (new)": lambda: decide(contact, None, around, rules, awaited=True),
        "  changed paths": lambda: changed_paths(before, contact),
        "  rules": lambda: rules.holding(contact, Change(kind="record"), NO_ACTIVITY, NOW, frozenset()),
        "search keys": lambda: search_keys(contact),
    }
    found: dict[str, float] = {}
    for name, step in steps.items():
        start = time.process_time()
        for _ in range(2_000):
            step()
        found[name] = (time.process_time() - start) / 2_000 * 1e6
    return found


async def on(url: str, contacts: int) -> list[tuple[str, float, float, float]]:
    """The figures of one database."""
    await migrate(url)
    database = Database(url)
    rules = Rules(Store(database), rulebook(RULES), SystemClock(), BATCH)
    backup = Backup(BackupStore(database), BATCH)
    prefix = secrets.token_hex(4)
    figures: list[tuple[str, float, float, float]] = []
    for version, name in ((1, "new"), (2, "updated"), (3, "updated again"), (3, "redelivered")):
        batches = [
            [snapshot(person(number, version, prefix)) for number in range(start, start + BATCH)]
            for start in range(0, contacts, BATCH)
        ]
        says: list[list[Outgoing]] = []

        async def settle(batch: list[Taken], into: list[list[Outgoing]] = says) -> None:
            settled = await rules.settle(batch)
            await rules.acknowledged(batch, settled)
            into.append(said(settled))

        figures.append((f"rules: {name}", *await measured(settle, batches, contacts, database)))
        clean = [[taken(one.event, CLEAN.name) for one in some] for some in says]
        figures.append((f"backup: {name}", *await measured(backup.settle, clean, contacts, database)))
        figures.append((f"rules: its own topic, {name}", *await measured(rules.settle, clean, contacts, database)))
        await database.execute("TRUNCATE runtime.outbox")
    await database.close()
    return figures


async def main(contacts: int) -> None:
    """Print the table."""
    console = Console()
    table = Table(
        "step", "wall µs", "CPU µs here", "CPU µs Postgres", title=f"{contacts} contacts in batches of {BATCH}"
    )
    if url := os.environ.get("DATABASE_URL"):
        figures = await on(url, contacts)
    else:
        with running_stack() as stack:
            name = f"bench_{secrets.token_hex(4)}"
            figures = await on(await create_database(stack.database_url, name), contacts)
            await drop_database(stack.database_url, name)
    for name, *micros in figures:
        table.add_row(name, *(f"{value:.0f}" for value in micros))
    console.print(table)
    inner = Table("pure part", "CPU µs")
    for name, spent in pure(person(1, 2, "pure"), rulebook(RULES)).items():
        inner.add_row(name, f"{spent:.1f}")
    console.print(inner)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else CONTACTS))
