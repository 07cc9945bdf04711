"""Makes the feeds that `make demo` sends, from one seed, and the truth about them that only counting may read.

    python -m tests.support.make_feeds            writes deploy/local/feeds again; the same seed, the same bytes

Every telephone number lies in a block reserved for fiction (Bundesnetzagentur: 030 23125…, 0176 04069…; Ofcom: 020 7946
0…), most mail hosts are reserved example domains, and free-mail addresses carry a number nobody chooses.
"""

import base64
import csv
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.support import feed_words as words
from tests.support.feed_people import Maker, Person, Row
from tests.support.feed_special import HOOKS, SPECIAL, rubbish

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "local" / "feeds"
SEED: Final = 20_261_122
PERSONS: Final = 440
"""Ordinary persons; the special ones of feed_special.py come on top."""
IN_TWO: Final = 100
IN_THREE: Final = 22
"""Ordinary persons in two and in three feeds: duplicates are what the product is for."""
FEEDS: Final = ("webform", "newsletter", "registration")

MOVED: Final = {
    "street": "Neue Straße 12", "postcode": "34117", "city": "Kassel", "observed_at": "2026-11-02T10:00:00+01:00",
}  # fmt: skip
"""What a later delivery of a record says anew."""

SOURCES: Final = """\
# The sources of the demo: those of deploy/config, and two of them let a web hook in.
sources:
  webform:
    {connector: generic, trust: 50, country: DE, language: de, secrets: ["env:KONTAKTWERK_DEMO_SECRET"],
     map: {source_record_id: answers.id, given_name: answers.vorname, family_name: answers.nachname,
           email: answers.mail, phone: answers.tel}}
  newsletter: {connector: generic, trust: 40, country: DE, language: de}
  registration: {connector: generic, trust: 60, country: DE, language: de, secrets: ["env:KONTAKTWERK_DEMO_SECRET"]}
  crm: {connector: generic, trust: 80, country: DE, language: de}
"""

NEVER_CAME: Final = ("RE-0007", "RE-0008", "RE-0009", "RE-0010", "RE-0011", "RE-0012")
"""Registrations that are taken back and never came: dropped, and counted as such."""


@dataclass
class Feeds:
    """The deliveries by feed, in the order in which they are sent, with who is behind each."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: {feed: [] for feed in FEEDS})
    truth: dict[str, list[str | None]] = field(default_factory=lambda: {feed: [] for feed in FEEDS})

    def add(self, feed: str, person: str | None, row: Row) -> None:
        """One more delivery. Its number in the feed is its id, unless it has one already."""
        numbered = {"source_record_id": f"{feed[:2].upper()}-{1001 + len(self.rows[feed])}", **row}
        self.rows[feed].append(numbered)
        self.truth[feed].append(person)


def feeds(seed: int = SEED) -> Feeds:
    """All deliveries of the three feeds."""
    maker, made = Maker(seed), Feeds()
    persons = [maker.person() for _ in range(PERSONS)]
    drawn: list[tuple[str, Person]] = []
    for index, person in enumerate(persons):
        times = 3 if index < IN_THREE else 2 if index < IN_THREE + IN_TWO else 1
        chosen = maker.dice.sample(FEEDS, times)
        moved = times > 1 and maker.dice.random() < 0.12
        drawn += [(feed, _moved(person, maker) if moved and feed == chosen[-1] else person) for feed in chosen]
    maker.dice.shuffle(drawn)
    for feed, person in drawn:
        made.add(feed, person.key, getattr(maker, feed)(person))
    for feed, key, row in SPECIAL:
        made.add(feed, key, row)
    _said_again(made, maker.dice)
    return made


def _moved(person: Person, maker: Maker) -> Person:
    postcode, city = maker.dice.choice(words.TOWNS)
    street = maker.dice.choice(words.STREETS)
    return replace(person, street=street, number="7", postcode=postcode, city=city, country="DE")


def _said_again(made: Feeds, dice: Random) -> None:
    """Deliveries that come twice, as retries do, and a few that bring news of a record that was there."""
    for feed, times in (("webform", 5), ("newsletter", 4), ("registration", 3)):
        for index in dice.sample(range(100), times):
            made.add(feed, made.truth[feed][index], made.rows[feed][index])
    for index in dice.sample(range(20, 80), 6):
        old = made.rows["webform"][index]
        made.add("webform", made.truth["webform"][index], {**old, **MOVED})


def write(folder: Path, made: Feeds) -> None:
    """The files of the demo: NDJSON, a comma CSV in UTF-8, a semicolon CSV in Windows-1252, hooks, and the truth."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "webform.ndjson").write_text("".join(_line(row) for row in made.rows["webform"]), encoding="utf-8")
    newsletter = [{"subscriber": row["source_record_id"], **_without_id(row)} for row in made.rows["newsletter"]]
    (folder / "newsletter.csv").write_bytes(_csv(newsletter, ",").encode("utf-8"))
    registration = [{"Nummer": row["source_record_id"], **_without_id(row)} for row in made.rows["registration"]]
    (folder / "registration.csv").write_bytes(_csv(registration, ";").encode("cp1252"))
    taken_back = {"source": "registration", "source_record_ids": NEVER_CAME}
    (folder / "cancelled.json").write_text(json.dumps(taken_back) + "\n")
    attended = [_attended(made.rows["registration"][index]["source_record_id"]) for index in range(30, 45)]
    (folder / "attended.ndjson").write_text("".join(map(_line, attended)))
    hooks = [*({"source": source, "body": base64.b64encode(body).decode()} for _, source, body in HOOKS), *rubbish()]
    (folder / "hooks.ndjson").write_text("".join(map(_line, hooks)))
    (folder / "sources.yaml").write_text(SOURCES, encoding="utf-8")
    truth: Mapping[str, Sequence[str | None]] = made.truth | {
        "hooks": [*(key for key, _, _ in HOOKS), *(None for _ in rubbish())]
    }
    (folder / "truth.json").write_text(json.dumps(truth, indent=None, separators=(",", ":")) + "\n")


def _attended(source_record_id: str) -> Row:
    return {
        "source": "registration",
        "interaction_id": f"seat-{source_record_id}",
        "type": "event.attended",
        "at": "2026-10-30T18:00:00+01:00",
        "contact": {"record": {"source": "registration", "source_record_id": source_record_id}},
        "subject": "Open house",
    }


def _without_id(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "source_record_id"}


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def _csv(rows: Iterable[Row], delimiter: str) -> str:
    listed = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(listed[0]), delimiter=delimiter, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(listed)
    return text.getvalue()


if __name__ == "__main__":
    write(FOLDER, feeds())
    sys.exit(0)
