"""The rulebook: all rules, checked, and what holds of them for one contact, now."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from services.rules.core.activity import Activity
from services.rules.core.conditions import YES, Condition, Given, Why, given
from services.rules.core.confirming import askable
from services.rules.core.dates import ALWAYS, Around, Dated, Window, fires, holds, turns
from services.rules.core.days import zone_of
from services.rules.core.delivering import mailable
from services.rules.core.quick import Facts
from services.rules.core.schema import Change
from services.rules.core.templates import Template
from services.rules.core.viewing import plain
from shared.domain.configuration import Channel, Rule, Source
from shared.domain.contact import Contact


@dataclass(frozen=True, slots=True)
class Checked:
    """A rule with its condition and its date, ready to be asked. `labels`: it gives a category or a segment."""

    rule: Rule
    condition: Condition | None
    dated: Dated | None
    parts: tuple[str, ...]
    labels: bool


class Open(NamedTuple):
    """An occasion at which a rule requests something: `part` is notify or mail."""

    rule: Rule
    part: str
    window: Window


@dataclass(frozen=True, slots=True)
class Holding:
    """What follows for one contact: categories, segments (with the rule that says so), points, and rules that stick.

    `open` are the occasions at which something is requested, unless it was before; `next_at` is when all of this may be
    different although the contact is the same. `unanswered` counts by rule and reason the conditions that met an absent
    value or the like.
    """

    categories: tuple[str, ...] = ()
    segments: Mapping[str, str] = field(default_factory=dict[str, str])
    points: tuple[tuple[str, int], ...] = ()
    stuck: frozenset[str] = frozenset()
    open: tuple[Open, ...] = ()
    next_at: datetime | None = None
    unanswered: Mapping[tuple[str, Why], int] = field(default_factory=dict[tuple[str, Why], int])


@dataclass(slots=True)
class _Found:
    """What is gathered rule by rule."""

    holds: list[Rule] = field(default_factory=list[Rule])
    sticking: set[str] = field(default_factory=set[str])
    open: list[Open] = field(default_factory=list[Open])
    turns: list[datetime] = field(default_factory=list[datetime])
    unanswered: Counter[tuple[str, Why]] = field(default_factory=Counter[tuple[str, Why]])


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules in their order. Ask `holding` what they mean for a contact."""

    rules: tuple[Checked, ...]
    view: Callable[[Contact], dict[str, Any]]
    reads_timeline: bool
    channels: Mapping[str, Channel] = field(default_factory=dict[str, Channel])
    templates: Mapping[str, Template] = field(default_factory=dict[str, Template])
    sources: Mapping[str, Source] = field(default_factory=dict[str, Source])
    countries: Mapping[str, str | None] = field(default_factory=dict[str, "str | None"])

    @property
    def sticks(self) -> bool:
        """True when any rule's effect outlasts its condition."""
        return any(checked.rule.sticky for checked in self.rules)

    def sticking(self, contact: Contact) -> frozenset[str]:
        """The sticky rules whose category or segment this contact bears: it comes from a backup with them."""
        bears = {("category", one) for one in contact.categories} | {("segment", one) for one in contact.segments}
        given = [checked.rule for checked in self.rules if checked.rule.sticky]
        return frozenset(
            rule.name
            for rule in given
            if not bears.isdisjoint({("category", rule.then.category), ("segment", rule.then.segment)})
        )

    @property
    def plans(self) -> bool:
        """True when any rule looks ahead or requests something: then contacts have timers."""
        return any(checked.dated is not None or checked.parts for checked in self.rules)

    def rule(self, name: str) -> Rule | None:
        """The rule of this name."""
        return next((checked.rule for checked in self.rules if checked.rule.name == name), None)

    def holding(
        self, contact: Contact, change: Change, activity: Activity, now: datetime, stuck: frozenset[str]
    ) -> Holding:
        """What holds for this contact. `stuck` names the sticky rules that held before: theirs goes on holding."""
        if not self.rules:
            return Holding()
        zone = zone_of(contact, self.countries)
        day = now.astimezone(zone).date()
        today = day.isoformat()

        def prepare() -> Any:
            timeline = activity.view(today) if self.reads_timeline else {}
            return given(self.view(contact), plain(change), timeline, today)

        asked = Given(Facts(contact, activity, today, day.toordinal()), prepare)
        around = Around(contact, activity, now, zone)
        found = _Found()
        for checked in self.rules:
            _ask(checked, asked, around, stuck, found)
        return _following(found)


def _ask(checked: Checked, asked: Given, around: Around, stuck: frozenset[str], found: _Found) -> None:
    """Add what one rule means for one contact."""
    rule = checked.rule
    if checked.dated is None and not checked.parts and checked.condition is not None:
        verdict = checked.condition.verdict(asked)
        holding = verdict.holds
        if verdict.why_not is not None:
            found.unanswered[rule.name, verdict.why_not] += 1
    else:
        holding = _ask_dated(checked, asked, around, found)
    if rule.sticky and (holding or rule.name in stuck):
        found.sticking.add(rule.name)
    if holding or rule.name in found.sticking:
        found.holds.append(rule)


def _ask_dated(checked: Checked, asked: Given, around: Around, found: _Found) -> bool:
    """The same for a rule that has a date or requests something."""
    rule, now = checked.rule, around.now
    windows: Sequence[Window] = (ALWAYS,)
    if checked.dated is not None:
        windows = checked.dated.windows(around)
        if checked.labels or checked.parts:
            found.turns += [turn for window in windows for turn in turns(window, now)]
    holding = any(holds(window, now) for window in windows)
    firing = [window for window in windows if fires(window, now)] if checked.parts else []
    if not holding and not firing:
        return False
    verdict = YES if checked.condition is None else checked.condition.verdict(asked)
    if verdict.why_not is not None:
        found.unanswered[rule.name, verdict.why_not] += 1
    if verdict.holds:
        found.open += [
            Open(rule, part, window)
            for window in firing
            for part in checked.parts
            if part == "notify" or _may_mail(rule, around.contact, window)
        ]
    return holding and verdict.holds


def _may_mail(rule: Rule, contact: Contact, window: Window) -> bool:
    mail = rule.then.mail
    if mail is not None and mail.confirms:
        return askable(contact, mail.purpose, window.occasion) is not None
    return mail is not None and mailable(contact, mail.purpose) is not None


def _following(found: _Found) -> Holding:
    segments: dict[str, str] = {}
    for rule in found.holds:
        if rule.then.segment is not None:
            segments.setdefault(rule.then.segment, rule.name)
    return Holding(
        categories=tuple(dict.fromkeys(rule.then.category for rule in found.holds if rule.then.category is not None)),
        segments=segments,
        points=tuple((rule.name, rule.then.score) for rule in found.holds if rule.then.score),
        stuck=frozenset(found.sticking),
        open=tuple(found.open),
        next_at=min(found.turns, default=None),
        unanswered=found.unanswered,
    )
