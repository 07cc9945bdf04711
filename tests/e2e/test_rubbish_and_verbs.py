"""Goal: rubbish gets the answers of the contract and stalls nothing, and every verb works on a running system.

Method: one system; rubbish of every kind goes to its front door, then a file of an ordinary customer, and then the
verbs are called as a user calls them, in processes of their own.
"""

import asyncio
import json
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shared.topology import SERVICES
from tests.support import doors, monitoring
from tests.support.system import System, running

ROOT = Path(__file__).parents[2]
LIST = "Nummer;Vorname;Nachname;E-Mail;Schuhgröße\n1;Jörg;Müller;joerg@exmaple.de;44\n2;Käthe;Groß;n/a;\n3;;;;\n"
MEGABYTE = 1024 * 1024

RUBBISH: list[tuple[str, bytes, dict[str, str], int]] = [
    ("unreadable JSON", b'{"source": "crm", ', {}, 422),
    ("no bytes", b"", {}, 422),
    ("wrong types", b'{"source": "crm", "email": 7, "phones": "x"}', {}, 422),
    ("a NUL", b'{"source": "crm", "email": "a\\u0000b@example.org"}', {}, 422),
    ("ten megabytes", b"[" + b" " * (10 * MEGABYTE) + b"]", {}, 413),
    ("a record of 40 KiB", json.dumps({"source": "crm", "attributes": {"x": "y" * 40_000}}).encode(), {}, 413),
    ("nothing to go by", b'{"source": "crm", "city": "Kiel"}', {}, 422),
    ("an unknown source", b'{"source": "nowhere", "email": "a@example.org"}', {}, 422),
    ("200,000 brackets", b"[" * 200_000 + b"]" * 200_000, {}, 422),
    ("invalid UTF-8", '{"source": "crm", "given_name": "Jörg"}'.encode("latin-1"), {}, 422),
    ("a wrong token", b'{"source": "crm", "email": "a@example.org"}', {"Authorization": "Bearer nobody"}, 401),
    ("another media type", b"source=crm", {"Content-Type": "text/plain"}, 415),
]


async def test_rubbish_stalls_nothing_and_every_verb_works(system_folder: Path) -> None:
    async with running(system_folder) as system:
        await _rubbish(system)
        assert await doors.wrongs(system) == []

        async def verb(*words: str, code: int = 0) -> str:
            return await asyncio.to_thread(_verb, system.data, words, code)

        await _sends(verb, system_folder)
        books = await system.settled(2)
        assert (books["accepted"], books["in_contacts"]) == (2, 2)
        await _tells(verb)
        assert monitoring.missing(monitoring.told(await _metrics(system))) == []
        await asyncio.to_thread(_watches, system.data)


async def _metrics(system: System) -> list[str]:
    """What /metrics of every process of ours says."""
    ports = json.loads((system.data / "run" / "ports.json").read_text())
    told: list[str] = []
    for name in SERVICES:
        async with system.session.get(f"http://127.0.0.1:{ports[f'{name}-1']}/metrics") as answer:
            assert answer.status == 200, name
            told.append(await answer.text())
    return told


async def _rubbish(system: System) -> None:
    address, token = system.endpoints()["http"], system.endpoints()["tokens"]["sender"]
    usual = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    for name, body, headers, expected in RUBBISH:
        async with system.session.post(f"{address}/v1/records", data=body, headers=usual | headers) as answer:
            problem = await answer.json(content_type=None)
            assert (name, answer.status) == (name, expected)
            assert answer.headers["Content-Type"].startswith("application/problem+json"), name
            assert problem["status"] == expected, name
            assert "example.org" not in json.dumps(problem), name
    for path in ("/v1/nothing", "/nothing"):
        assert (await system.call("GET", path))[0] == 404
    assert (await system.call("PUT", "/v1/records"))[0] == 405


Verb = Callable[..., Any]


async def _sends(verb: Verb, folder: Path) -> None:
    file = folder / "list.csv"
    file.write_bytes(LIST.encode("cp1252"))
    preview = await verb("send", str(file), "--source", "crm", "--dry-run")
    assert "semicolon, Windows-1252" in preview
    assert "attributes.Schuhgröße" in preview
    assert "would be: 2 new, 0 updated, 0 same, 1 refused" in preview
    sent = json.loads(await verb("send", str(file), "--source", "crm", "--json"))
    assert (sent["sent"], sent["accepted"], sent["rejected"]) == (3, 2, 1)
    [rejected] = (folder / "list.csv.rejected.ndjson").read_text().splitlines()
    assert json.loads(rejected)["line"] == 4
    again = json.loads(await verb("send", str(file), "--source", "crm", "--json"))
    assert (again["accepted"], again["again"]) == (0, 2)
    await verb("send", str(folder / "nowhere.csv"), "--source", "crm", code=1)


async def _tells(verb: Verb) -> None:
    status = json.loads(await verb("status", "--json"))
    assert set(status) == {"stages", "books", "jobs", "configuration", "reconciles"}
    assert set(status["stages"]) == {"ingest", "dedup", "validate", "enrich", "rules", "backup"}
    assert all(
        set(one) == {"lag", "rate", "oldest_s", "dead_letters", "last_error"} for one in status["stages"].values()
    )
    [crm] = [
        one for one in json.loads(await verb("status", "--sources", "--json"))["sources"] if one["source"] == "crm"
    ]
    assert (crm["accepted"], crm["findings"]["contacts"]) == (2, 2)
    assert crm["findings"]["codes"]["email.typo"] == 1
    assert "email.typo 50.0 %" in await verb("status", "--sources")
    event = json.loads((await verb("tail", "clean", "--from-start", "--limit", "1", "--json")).splitlines()[0])
    assert "@" not in json.dumps(event["value"])
    contact = event["key"]
    assert "source" in await verb("why", contact, "--json")
    assert "/name/family" in await verb("why", contact)
    assert "from crm" in await verb("why", contact, "/name/family")
    assert "record.received" in await verb("trace", contact)
    assert await verb("refresh", contact) == "contacts that will be said again: 1\n"
    assert await verb("refresh", "--all") == "contacts that will be said again: 2\n"
    assert json.loads(await verb("dead-letters", "list", "--json"))["items"] == []
    assert "no open letters" in await verb("dead-letters", "list")
    assert "no source is pulled" in await verb("sync", "list")
    await verb("status", "--watch", "--json", code=2)
    await verb("status", "--watch", "--sources", code=2)
    await verb("dead-letters", "show", "nonsense", code=1)
    await verb("why", "nonsense", code=1)
    token = json.loads(await verb("tokens", "create", "--role", "reader", "--json"))["token"]
    assert token not in await verb("tokens", "list")
    assert "contacts.clean" in await verb("topics")
    assert "revision" in await verb("migrate")


def _watches(data: Path) -> None:
    """`status --watch` stays on a terminal until it is interrupted, and shows the books meanwhile."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "services", "status", "--watch", "--data", str(data)]
    watching = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=its,
        stderr=its,
        preexec_fn=_heeds_interrupts,  # noqa: PLW1509 (no other thread works)
    )
    try:
        shown = b""
        while b"in contacts" not in shown and select.select([ours], [], [], 60)[0]:
            shown += os.read(ours, 4096)
        assert b"in contacts" in shown, shown
        watching.send_signal(signal.SIGINT)
        while select.select([ours], [], [], 1)[0]:
            os.read(ours, 4096)  # what nobody reads would hold it
        assert watching.wait(60) == 0
    finally:
        watching.kill()
        watching.wait()
        os.close(ours)
        os.close(its)


def _heeds_interrupts() -> None:
    """As in a terminal; what a shell started in the background ignores them, and so does all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _verb(data: Path, words: tuple[str, ...], code: int) -> str:
    command = [sys.executable, "-m", "services", *words]
    ended = subprocess.run(
        [*command, "--data", str(data)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == code, (words, ended.stdout, ended.stderr)
    if code:
        assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    return ended.stdout
