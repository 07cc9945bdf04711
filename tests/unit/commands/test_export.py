"""Goal: every contact is in the file, once, and a file that is not whole is not there.

Method: a small server of the contract's shape with pages; it may break off.
"""

import csv
import gzip
import json
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from shared.commands import http
from shared.commands.export import COLUMNS, harmless, row_of, run
from shared.commands.running import Failed, Running, WrongUsage

PAGES = 3
PER_PAGE = 4

CONTACT: dict[str, Any] = {
    "contact_id": "c-1",
    "version": 3,
    "kind": "person",
    "name": {"prefix": "Dr.", "given": "Jörg", "family": "Müller", "full": "Dr. Jörg Müller"},
    "emails": [
        {"value": "second@example.de", "status": "valid", "preferred": False},
        {"value": "first@example.de", "status": "valid", "preferred": True},
    ],
    "phones": [],
    "addresses": [
        {"street": "Hauptstr.", "house_number": "5a", "postcode": "01067", "city": "Dresden", "country": "DE"}
    ],
    "company": {"name": '=HYPERLINK("x")'},
    "categories": ["b2b", "vip"],
    "priority": {"score": 0.5},
}


class Owner:
    """Answers pages of contacts; `breaks_at` a page with 500."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.breaks_at: int | None = None
        self.url = ""

    async def page(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        number = int(request.query.get("cursor", "0"))
        if number == self.breaks_at:
            return web.json_response({"title": "broken"}, status=500)
        items = [{**CONTACT, "contact_id": f"c-{number}-{n}"} for n in range(PER_PAGE)]
        return web.json_response({"items": items, "next": str(number + 1) if number + 1 < PAGES else None})

    def running(self) -> Running:
        return Running(None, {"KONTAKTWERK_URL": self.url, "KONTAKTWERK_TOKEN": "t"})


@pytest.fixture
async def owner(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Owner]:
    monkeypatch.setattr(http, "PATIENCE_S", 0.05)
    made, app = Owner(), web.Application()
    app.router.add_get("/v1/contacts", made.page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


async def test_every_contact_of_every_page_is_one_line(owner: Owner, tmp_path: Path) -> None:
    path = tmp_path / "all.ndjson"
    assert await run(owner.running(), path, {}) == PAGES * PER_PAGE
    contacts = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [one["contact_id"] for one in contacts] == [f"c-{p}-{n}" for p in range(PAGES) for n in range(PER_PAGE)]
    assert contacts[0] == {**CONTACT, "contact_id": "c-0-0"}


async def test_only_its_owner_may_read_the_file(owner: Owner, tmp_path: Path) -> None:
    path = tmp_path / "all.ndjson"
    await run(owner.running(), path, {})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_table_has_a_row_for_each_contact_and_may_be_packed(owner: Owner, tmp_path: Path) -> None:
    path = tmp_path / "all.csv.gz"
    await run(owner.running(), path, {})
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == PAGES * PER_PAGE
    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["email"] == "first@example.de"
    assert rows[0]["street"] == "Hauptstr. 5a"
    assert rows[0]["postcode"] == "01067"
    assert rows[0]["categories"] == "b2b vip"


async def test_a_selection_goes_with_every_page(owner: Owner, tmp_path: Path) -> None:
    await run(owner.running(), tmp_path / "some.csv", {"segment": "vips"})
    assert [one["segment"] for one in owner.asked] == ["vips"] * PAGES


async def test_what_breaks_off_leaves_no_file_and_the_old_one_untouched(owner: Owner, tmp_path: Path) -> None:
    path = tmp_path / "all.ndjson"
    path.write_text("the last export")
    owner.breaks_at = 1
    with pytest.raises(Failed):
        await run(owner.running(), path, {})
    assert path.read_text() == "the last export"
    assert sorted(os.listdir(tmp_path)) == ["all.ndjson"]  # noqa: PTH208 (nothing else runs here)


@pytest.mark.parametrize("name", ["contacts", "contacts.xlsx", "contacts.gz"])
async def test_a_format_that_is_none_is_wrong_usage(name: str, owner: Owner, tmp_path: Path) -> None:
    with pytest.raises(WrongUsage):
        await run(owner.running(), tmp_path / name, {})
    assert owner.asked == []


async def test_a_folder_that_is_not_there_is_one_clear_failure(owner: Owner, tmp_path: Path) -> None:
    with pytest.raises(Failed, match="cannot be written"):
        await run(owner.running(), tmp_path / "none" / "all.csv", {})


def test_a_contact_that_has_nothing_is_a_row_of_nothing() -> None:
    assert [value for value in row_of({"contact_id": "c-1"}) if value] == ["c-1"]


def test_no_cell_is_a_formula_but_numbers_can_be_called() -> None:
    assert harmless('=HYPERLINK("x")') == '\'=HYPERLINK("x")'
    assert harmless("@cmd") == "'@cmd"
    assert harmless("+491711234567") == "+491711234567"
    assert harmless("-5") == "'-5"
    assert harmless(0.5) == 0.5
