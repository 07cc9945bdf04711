"""Goal: a send that was killed goes on where it stopped: no row is missing, none is sent as another request.

Method: the door of test_send; a kill is a door that stops answering in the middle, then the file is sent again.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from shared.commands import http, send
from shared.commands.http import client
from shared.commands.journal import Journal, journal_of
from shared.commands.reading import recognise
from shared.commands.running import Failed, Running
from shared.commands.send import Sending, Summary, mapping_for
from tests.unit.commands.test_send import Door
from tests.unit.commands.test_send import door as door  # noqa: PLC0414 (a fixture)

ROWS = 400
BROKEN = range(7, ROWS, 50)


def _file(folder: Path) -> Path:
    """Semicolons and Windows-1252, as Excel writes it; some rows are broken, some refused by the door."""
    rows = [f'{n};a{n}@example.org;"Müller; {n}"' + (";zu;viel" if n in BROKEN else "") for n in range(ROWS)]
    rows[33] = "33;bad;Straße"
    path = folder / "list.csv"
    path.write_bytes("\r\n".join(["Kundennummer;E-Mail;Nachname", *rows, ""]).encode("cp1252"))
    return path


def _journal(path: Path) -> Journal:
    return journal_of(path, "crm", mapping_for(recognise(path), None), "crm-1")


async def _send(door: Door, path: Path) -> Summary:
    file = recognise(path)
    running = Running(None, {"KONTAKTWERK_URL": door.url, "KONTAKTWERK_TOKEN": "t"})
    async with client(running, "sender") as asks:
        return await Sending(file, "crm", mapping_for(file, None), asks, journal=_journal(path)).run()


def _rejected(path: Path) -> list[int]:
    found = path.with_name("list.csv.rejected.ndjson").read_text("utf-8").splitlines()
    return sorted(json.loads(line)["line"] for line in found)


@pytest.mark.parametrize("arrays", [0, 1, 4, 9])
async def test_what_was_killed_goes_on_and_no_row_is_missing_or_twice(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrays: int
) -> None:
    monkeypatch.setattr(send, "ROWS_MAX", 20)
    monkeypatch.setattr(http, "PATIENCE_S", 0.0)
    path = _file(tmp_path)
    take, taken = door.take, 0

    async def dies(request: web.Request) -> web.Response:
        nonlocal taken
        taken += 1
        return await take(request) if taken <= arrays else web.Response(status=503)

    with pytest.raises(Failed):
        await _dying(door, path, dies)
    before = list(door.keys)
    summary = await _send(door, path)
    broken = len(BROKEN) + 1
    assert (summary.sent, summary.rejected) == (ROWS, broken)
    assert summary.accepted + summary.again == ROWS - broken
    sent = {row["source_record_id"]: row for row in door.rows}
    assert set(sent) == {str(n) for n in range(ROWS) if n not in BROKEN}
    assert {row["import_id"] for row in door.rows} == {"crm-1"}
    assert _rejected(path) == sorted([35, *(n + 2 for n in BROKEN)]), "each refused row stands there once"
    again = [key for key in door.keys[len(before) :] if key in before]
    rows_twice = sum(len(array) for array in door.arrays) - len(sent)
    assert rows_twice <= 20 * len(again), "what is sent again is the same request"
    assert not _left(tmp_path)


def _left(folder: Path) -> list[Path]:
    return list(folder.glob("*.sending.json*"))


async def _dying(door: Door, path: Path, dies: Any) -> Summary:
    app = web.Application()
    app.router.add_post("/v1/records", dies)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url, door.url = door.url, f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        return await _send(door, path)
    finally:
        door.url = url
        await runner.cleanup()


async def test_a_file_that_changed_meanwhile_is_sent_from_its_beginning(door: Door, tmp_path: Path) -> None:
    path = _file(tmp_path)
    journal = _journal(path)
    journal.landed(journal.begin(100))
    assert _journal(path).line == 100
    path.write_bytes(path.read_bytes() + b"999;neu@example.org;Neu\r\n")
    assert _journal(path).line == 0
    assert (await _send(door, path)).sent == ROWS + 1


def test_a_journal_moves_only_over_what_is_known_without_a_gap(tmp_path: Path) -> None:
    path = _file(tmp_path)
    journal = _journal(path)
    first, second, third = (journal.begin(line) for line in (10, 20, 30))
    journal.landed(second)
    assert _journal(path).line == 0
    journal.landed(first)
    assert _journal(path).line == 20
    journal.landed(third)
    assert (_journal(path).line, journal.line) == (30, 30)


def test_a_journal_of_another_source_or_one_that_is_broken_is_none(tmp_path: Path) -> None:
    path = _file(tmp_path)
    journal = _journal(path)
    journal.landed(journal.begin(10))
    assert journal_of(path, "webform", mapping_for(recognise(path), None), "x").line == 0
    journal.path.write_text("{")
    assert _journal(path).line == 0
