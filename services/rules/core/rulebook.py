"""The rulebook: all rules, checked, and what holds of them for one contact."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from services.rules.core.activity import Activity
from services.rules.core.conditions import Condition, Refused, Why, compiled, given
from services.rules.core.schema import Change
from services.rules.core.viewing import plain, viewer
from shared.domain.configuration import Rule
from shared.domain.contact import Contact

RULES_MAX: Final = 1_000
"""Each condition costs some microseconds a contact; a thousand of them are as dear as the rest of the chain."""

SCORE_MAX: Final = 100
"""Points of one rule, either way: the priority goes from 0 to 100 points."""

NAME_LENGTH_MAX: Final = 100
"""Names of categories and segments stand in URLs, events and lists."""


class InvalidRules(ValueError):
    """Rules that cannot be used; the text has one line for each fault, by file, rule and place."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A rule and its condition, ready to be asked."""

    rule: Rule
    condition: Condition


@dataclass(frozen=True, slots=True)
class Holding:
    """What follows for one contact: categories, segments (with the rule that says so), points, and rules that stick.

    `unanswered` counts by rule and reason the conditions that met an absent value or the like.
    """

    categories: tuple[str, ...] = ()
    segments: Mapping[str, str] = field(default_factory=dict[str, str])
    points: tuple[tuple[str, int], ...] = ()
    stuck: frozenset[str] = frozenset()
    unanswered: Mapping[tuple[str, Why], int] = field(default_factory=dict[tuple[str, Why], int])


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules in their order. Ask `holding` what they mean for a contact."""

    rules: tuple[Checked, ...]
    view: Callable[[Contact], dict[str, Any]]
    reads_timeline: bool

    @property
    def sticks(self) -> bool:
        """True when any rule's effect outlasts its condition."""
        return any(checked.rule.sticky for checked in self.rules)

    def holding(
        self, contact: Contact, change: Change, activity: Activity, today: str, stuck: frozenset[str]
    ) -> Holding:
        """What holds for this contact. `stuck` names the sticky rules that held before: theirs goes on holding."""
        if not self.rules:
            return Holding()
        asked = given(self.view(contact), plain(change), activity.view(today) if self.reads_timeline else {}, today)
        unanswered: Counter[tuple[str, Why]] = Counter()
        holds: list[Rule] = []
        sticking: set[str] = set()
        for checked in self.rules:
            rule = checked.rule
            verdict = checked.condition.verdict(asked)
            if verdict.why_not is not None:
                unanswered[rule.name, verdict.why_not] += 1
            if rule.sticky and (verdict.holds or rule.name in stuck):
                sticking.add(rule.name)
            if verdict.holds or rule.name in sticking:
                holds.append(rule)
        return _following(holds, frozenset(sticking), unanswered)


def _following(holds: Sequence[Rule], stuck: frozenset[str], unanswered: Mapping[tuple[str, Why], int]) -> Holding:
    segments: dict[str, str] = {}
    for rule in holds:
        if rule.then.segment is not None:
            segments.setdefault(rule.then.segment, rule.name)
    return Holding(
        categories=tuple(dict.fromkeys(rule.then.category for rule in holds if rule.then.category is not None)),
        segments=segments,
        points=tuple((rule.name, rule.then.score) for rule in holds if rule.then.score),
        stuck=stuck,
        unanswered=unanswered,
    )


def rulebook(rules: Sequence[Rule]) -> Rulebook:
    """The rules, checked. Raises InvalidRules that names everything wrong at once."""
    wrong: list[str] = []
    if len(rules) > RULES_MAX:
        wrong.append(f"rules.yaml: {len(rules)} rules, more than {RULES_MAX}")
    checked: list[Checked] = []
    for rule in rules[:RULES_MAX]:
        wrong += [f"rules.yaml: rules.{rule.name}.{fault}" for fault in _faults(rule)]
        try:
            checked.append(Checked(rule, compiled(rule.when)))
        except Refused as error:
            wrong.append(f"rules.yaml: rules.{rule.name}.when: {error}")
    if wrong:
        raise InvalidRules("\n".join(wrong))
    fields = [one.condition.fields for one in checked]
    return Rulebook(
        rules=tuple(checked),
        view=viewer(None if None in fields else frozenset().union(*(one for one in fields if one is not None))),
        reads_timeline=any(one.condition.reads_timeline for one in checked),
    )


def _faults(rule: Rule) -> list[str]:
    """What is wrong besides the condition."""
    found: list[str] = []
    then = rule.then
    if then.category is None and then.segment is None and then.score == 0:
        found.append("then: says nothing; give it a category, a segment or a score")
    if abs(then.score) > SCORE_MAX:
        found.append(f"then.score: is from -{SCORE_MAX} to {SCORE_MAX}")
    for key, name in (("category", then.category), ("segment", then.segment)):
        if name is not None and (not name.strip() or len(name) > NAME_LENGTH_MAX or not name.isprintable()):
            found.append(f"then.{key}: a name has 1 to {NAME_LENGTH_MAX} printable characters")
    return found
