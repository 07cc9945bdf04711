"""Goal: every row of a file is accepted, known before or rejected, in the order of its record, whatever the door says.

Method: a small server of the contract's shape that answers as told, and keeps what it was sent.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from shared.commands import http
from shared.commands.foreseeing import foreseen
from shared.commands.http import client
from shared.commands.reading import Told, recognise
from shared.commands.running import Failed, Running
from shared.commands.send import Sending, Summary, mapping_for
from shared.commands.send_screen import preview


class Door:
    """Answers 202 with a receipt for each row; `answers` are given first. A row with email "bad" gets an error."""

    def __init__(self) -> None:
        self.arrays: list[list[dict[str, Any]]] = []
        self.asked: list[list[dict[str, Any]]] = []
        self.keys: list[str] = []
        self.answers: list[web.Response] = []
        self.url = ""
        self.requests = 0

    async def take(self, request: web.Request) -> web.Response:
        if self.answers:
            return self.answers.pop(0)
        rows = await request.json()
        if request.query.get("dry_run") == "true":
            self.asked.append(rows)
            return web.json_response({"receipts": [_would(row) for row in rows]})
        self.requests += 1
        await asyncio.sleep(0.1 / self.requests)  # the first is the slowest: what may overtake it does
        known = {row.get("source_record_id") for array in self.arrays for row in array}
        self.arrays.append(rows)
        self.keys.append(request.headers["Idempotency-Key"])
        return web.json_response({"receipts": [_receipt(row, known) for row in rows]}, status=202)

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [row for array in self.arrays for row in array]


def _receipt(row: dict[str, Any], known: set[Any]) -> dict[str, Any]:
    if row.get("email") == "bad":
        return {"errors": [{"pointer": "/0/email", "detail": "is bad"}]}
    return {"event_id": "e", "record_id": "r", "duplicate": row.get("source_record_id") in known}


def _would(row: dict[str, Any]) -> dict[str, Any]:
    if row.get("email") == "bad":
        return {"errors": [{"pointer": "/0/email", "detail": "is bad"}]}
    return {"would": "same" if row.get("source_record_id") == "0" else "new"}


@pytest.fixture
async def door(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    monkeypatch.setattr(http, "PAUSE_S", 0.01)
    made, app = Door(), web.Application()
    app.router.add_post("/v1/records", made.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


async def _send(door: Door, path: Path, **options: Any) -> Summary:
    file = recognise(path)
    running = Running(None, {"KONTAKTWERK_URL": door.url, "KONTAKTWERK_TOKEN": "t"})
    async with client(running, "sender") as asks:
        return await Sending(file, "crm", mapping_for(file, None), asks, **options).run()


def _csv(folder: Path, rows: list[str]) -> Path:
    path = folder / "list.csv"
    path.write_text("\n".join(["id,email", *rows]) + "\n")
    return path


async def test_every_row_arrives_once_and_in_order(door: Door, tmp_path: Path) -> None:
    summary = await _send(door, _csv(tmp_path, [f"{n},a{n}@example.org" for n in range(1_203)]))
    assert (summary.sent, summary.accepted, summary.again, summary.rejected) == (1_203, 1_203, 0, 0)
    assert sorted(int(row["source_record_id"]) for row in door.rows) == list(range(1_203))
    assert sorted(len(array) for array in door.arrays) == [203, 500, 500]


async def test_updates_of_one_record_are_never_in_flight_together(door: Door, tmp_path: Path) -> None:
    rows = [f"{n % 300},v{n}@example.org" for n in range(2_000)]
    await _send(door, _csv(tmp_path, rows))
    of_seven = [row["email"] for row in door.rows if row["source_record_id"] == "7"]
    assert of_seven == [f"v{n}@example.org" for n in range(2_000) if n % 300 == 7]


async def test_rejected_rows_are_written_with_line_and_reason(door: Door, tmp_path: Path) -> None:
    path = _csv(tmp_path, ["1,a@example.org", "2,bad", "3,b@example.org,too,many", "4,c@example.org"])
    summary = await _send(door, path)
    assert (summary.sent, summary.accepted, summary.rejected) == (4, 2, 2)
    rejects = [json.loads(line) for line in (tmp_path / "list.csv.rejected.ndjson").read_text().splitlines()]
    assert sorted((one["line"], one["errors"][0]["detail"]) for one in rejects) == [
        (3, "is bad"),
        (4, "has 4 cells, the first line has 2"),
    ]


async def test_a_system_that_is_away_is_waited_for(door: Door, tmp_path: Path) -> None:
    door.answers = [
        web.Response(status=503, headers={"Retry-After": "0"}),
        web.Response(status=429),
        web.Response(status=502),
    ]
    summary = await _send(door, _csv(tmp_path, ["1,a@example.org"]))
    assert (summary.accepted, len(door.arrays)) == (1, 1)


async def test_a_system_that_stays_away_is_one_clear_failure(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "PATIENCE_S", 0.05)
    door.answers = [web.Response(status=503) for _ in range(100)]
    with pytest.raises(Failed, match="answers 503"):
        await _send(door, _csv(tmp_path, ["1,a@example.org"]))


@pytest.mark.parametrize(
    ("status", "told"), [(401, "does not know this token"), (403, "may not"), (413, "413"), (500, "500")]
)
async def test_a_refusal_is_not_tried_again(door: Door, tmp_path: Path, status: int, told: str) -> None:
    door.answers = [web.Response(status=status)]
    with pytest.raises(Failed, match=told):
        await _send(door, _csv(tmp_path, ["1,a@example.org"]))
    assert door.arrays == []


async def test_every_array_has_a_key_of_its_own_so_that_a_retry_is_known(door: Door, tmp_path: Path) -> None:
    await _send(door, _csv(tmp_path, [f"{n},a@example.org" for n in range(1_100)]))
    assert len(set(door.keys)) == len(door.arrays) == 3


async def test_a_rate_is_kept(door: Door, tmp_path: Path) -> None:
    started = asyncio.get_running_loop().time()
    await _send(door, _csv(tmp_path, [f"{n},a@example.org" for n in range(60)]), rate=100.0)
    assert asyncio.get_running_loop().time() - started > 0.45
    assert max(len(array) for array in door.arrays) == 25


async def test_receipts_are_kept_by_line_for_who_asks(door: Door, tmp_path: Path) -> None:
    summary = await _send(door, _csv(tmp_path, ["1,a@example.org", "1,a@example.org"]), keep_receipts=True)
    assert sorted(summary.receipts) == [2, 3]


async def test_a_dry_run_counts_what_every_row_would_be_and_sends_nothing(door: Door, tmp_path: Path) -> None:
    rows = [f"{n % 600},a{n}@example.org" for n in range(1_199)] + ["7,bad"]
    file = recognise(_csv(tmp_path, rows))
    running = Running(None, {"KONTAKTWERK_URL": door.url, "KONTAKTWERK_TOKEN": "t"})
    async with client(running, "sender") as asks:
        counts = await foreseen(file, "crm", mapping_for(file, None), asks, lambda _: None)
    assert counts == {"new": 599, "updated": 598, "same": 2, "refused": 1}
    assert door.rows == []
    assert max(len(array) for array in door.asked) == 500


async def test_a_dry_run_without_the_system_shows_the_file_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running = Running(None, {"KONTAKTWERK_URL": "http://127.0.0.1:9", "KONTAKTWERK_TOKEN": "t"})
    await preview(running, _csv(tmp_path, ["1,a@example.org"]), "crm", None, Told(), as_json=False)
    said = capsys.readouterr().out
    assert "source_record_id" in said
    assert "was not asked: http://127.0.0.1:9 does not answer" in said
