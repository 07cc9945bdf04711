"""The bundled feeds: the same seed makes the same bytes, and they hold what the demo promises to show."""

import base64
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from shared.commands.columns import record_of
from shared.commands.reading import recognise
from shared.commands.send import mapping_for
from tests.support.make_feeds import FEEDS, FOLDER, feeds, write

FILES = {"webform": "webform.ndjson", "newsletter": "newsletter.csv", "registration": "registration.csv"}
TRUTH = json.loads((FOLDER / "truth.json").read_text())


def _records(feed: str) -> list[dict[str, object]]:
    file = recognise(FOLDER / FILES[feed])
    mapping = mapping_for(file, None)
    return [record_of(row.values, mapping, feed) for row in file.rows()]


def test_the_committed_feeds_are_what_the_seed_makes(tmp_path: Path) -> None:
    write(tmp_path, feeds())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in FOLDER.iterdir()
    }


def test_there_are_enough_deliveries_and_each_has_its_truth() -> None:
    assert {feed: len(_records(feed)) for feed in FEEDS} == {feed: len(TRUTH[feed]) for feed in FEEDS}
    assert sum(map(len, TRUTH.values())) >= 640
    assert 480 <= len({person for feed in TRUTH.values() for person in feed if person}) <= 500


def test_the_three_files_are_of_three_kinds() -> None:
    kinds = {feed: recognise(FOLDER / name).described() for feed, name in FILES.items()}
    assert kinds == {
        "webform": "NDJSON, UTF-8",
        "newsletter": "CSV, delimiter comma, UTF-8",
        "registration": "CSV, delimiter semicolon, Windows-1252",
    }


def test_people_come_in_several_feeds_and_some_deliveries_twice() -> None:
    feeds_of = Counter(person for feed in FEEDS for person in set(TRUTH[feed]))
    assert sum(times == 2 for times in feeds_of.values()) >= 90
    assert sum(times == 3 for times in feeds_of.values()) >= 20
    for feed in FEEDS:
        rows = [json.dumps(record) for record in _records(feed)]
        assert len(rows) - len(set(rows)) >= 3


def test_a_dozen_bodies_of_hooks_are_rubbish() -> None:
    hooks = [json.loads(line) for line in (FOLDER / "hooks.ndjson").read_text().splitlines()]
    rubbish = [hook for hook, person in zip(hooks, TRUTH["hooks"], strict=True) if person is None]
    assert len(rubbish) == 12
    assert all(base64.b64decode(hook["body"]) is not None for hook in rubbish)


def test_no_number_could_ring_at_somebodys() -> None:
    """Bundesnetzagentur and Ofcom keep these blocks free for films and examples."""
    allowed = re.compile(
        r"(49|0049|0|\+49)?0?(17604069\d{3}|171392\d{4}|30231\d{5}|4066969\d{3})$|(44|0044)2079460\d{3}$"
    )
    records: list[Any] = [record for feed in FEEDS for record in _records(feed)]
    said = [record.get("phone") for record in records]
    said += [one["value"] for record in records for one in record.get("phones", ())]
    digits = [re.sub(r"\D", "", str(number)) for number in said if number and re.search(r"\d", str(number))]
    assert [number for number in digits if not allowed.fullmatch(number.replace("490", "49", 1))] == []
