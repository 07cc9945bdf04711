"""Trials: the `tests` that stand beside a rule in its file, run whenever the rules are loaded.

    tests: [{given: {timeline: {last: 2026-01-01}}, day: 2026-11-22, expect: {category: inactive}}]

`given.contact` holds what a clean contact would (what is not said is empty), `given.timeline` the day of the last
interaction and numbers by type (`{last: …, counts: {purchase: 4}}`, all of that day); the rule alone is asked at the
end of `day`, in the contact's zone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any, Final

import msgspec

from services.rules.core.activity import Activity, Tally
from services.rules.core.days import moment, zone_of
from services.rules.core.rulebook import Checked, Rulebook
from services.rules.core.schema import Change, meant
from shared.domain.configuration import Then
from shared.domain.contact import Contact

NIGHT: Final = time(23, 59, 59)
"""Everything a day brings has happened by then."""

EXPECTED: Final = ("category", "segment", "score", "notify", "mail")
"""What a trial may expect: a name or points, null for nothing; for the last two true or false."""


class Timeline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happened, as a trial says it."""

    last: str | None = None
    counts: Mapping[str, int] = {}


class Situation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a trial starts from."""

    contact: Mapping[str, Any] = {}
    timeline: Timeline = Timeline()


class Trial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One test of a rule."""

    given: Situation = Situation()
    day: str
    expect: Mapping[str, Any]


def failures(book: Rulebook) -> Iterator[str]:
    """What every test of every rule says that is not so: `name.tests[0]: …`."""
    for checked in book.rules:
        for place, said in enumerate(checked.rule.tests):
            try:
                found = _failures(book, checked, msgspec.convert(dict(said), Trial))
            except ValueError as error:
                found = [str(error)]
            yield from (f"{checked.rule.name}.tests[{place}]: {failure}" for failure in found)


def _failures(book: Rulebook, checked: Checked, trial: Trial) -> list[str]:
    """Raises ValueError for a test that cannot be run."""
    for key in trial.expect:
        if key not in EXPECTED:
            raise ValueError(f"expect: unknown key {key}{meant(key, EXPECTED)}")
    contact = _contact(trial.given.contact)
    now = moment(date.fromisoformat(trial.day), NIGHT, zone_of(contact, book.countries))
    alone = replace(book, rules=(checked,))
    holding = alone.holding(contact, Change(kind="record"), _activity(trial, now), now, frozenset())
    then = checked.rule.then
    parts = {one.part for one in holding.open}
    is_so = {
        "category": next(iter(holding.categories), None),
        "segment": next(iter(holding.segments), None),
        "score": sum(points for _, points in holding.points),
        "notify": "notify" in parts,
        "mail": "mail" in parts,
    }
    usual = msgspec.to_builtins(Then())
    return [
        f"expected {key} {_shown(value)}, got {_shown(is_so[key])} (the rule gives {_shown(_given(then, key))})"
        for key, value in trial.expect.items()
        if (usual["score"] if key == "score" and value is None else value) != is_so[key]
    ]


def _contact(said: Mapping[str, Any]) -> Contact:
    """A contact of which nothing is known but this."""
    long_ago = datetime(2000, 1, 1, tzinfo=UTC).isoformat()
    values = {
        "contact_id": "trial",
        "version": 1,
        "created_at": long_ago,
        "updated_at": long_ago,
        "cause": {"kind": "record", "id": "trial"},
        **said,
    }
    for key in said:
        if key not in Contact.__struct_fields__:
            raise ValueError(f"given.contact: unknown field {key}{meant(key, Contact.__struct_fields__)}")
    try:
        return msgspec.convert(values, Contact)
    except msgspec.ValidationError as error:
        raise ValueError(f"given.contact: {error}") from None


def _activity(trial: Trial, now: datetime) -> Activity:
    said = trial.given.timeline
    if said.last is None and not said.counts:
        return Activity()
    last = now if said.last is None else datetime.combine(date.fromisoformat(said.last), time(12), UTC)
    tallies = tuple(Tally(type_, last.toordinal(), times) for type_, times in said.counts.items())
    return Activity(tallies, last)


def _given(then: Then, key: str) -> object:
    value = getattr(then, key)
    return value if key in ("category", "segment", "score") else value is not None


def _shown(value: object) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
