"""Conditions: CEL over contact, change, timeline and today, checked when loaded, never an exception when used.

A thin adapter around cel-expr-python (0.1.x), so that another engine can take its place. A condition that meets an
absent value is false, with a reason that is counted; `has(contact.company.industry)` asks without that.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from cel_expr_python import cel
from cel_expr_python.ext import ext_strings

from services.rules.core import schema
from services.rules.core.activity import DAYS_MAX
from services.rules.core.quick import Absent, Facts, Unsure, quick
from services.rules.core.syntax import Ident, parsed, walk

EXPRESSION_LENGTH_MAX: Final = 4_096
"""A condition is read by people; what is longer was generated and belongs into several rules."""


class Why(StrEnum):
    """Why a condition did not answer yes or no, and so counts as no."""

    ABSENT = "absent"
    """A value it needs is not there."""
    TYPE = "type"
    """It compares values of different types, or its result is no yes or no."""
    FAILED = "failed"
    """Anything else: a text that is no time, a list too short, too much work."""


class Refused(ValueError):
    """A condition that cannot be used; the text names the place and what was probably meant."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a condition holds, and why it could not be answered."""

    holds: bool
    why_not: Why | None = None


YES: Final = Verdict(holds=True)
NO: Final = Verdict(holds=False)
_ABSENT: Final = Verdict(holds=False, why_not=Why.ABSENT)


@dataclass(slots=True)
class Given:
    """What conditions are asked about: `facts` for the plain ones; for the engine it is prepared when first needed."""

    facts: Facts | None
    prepare: Callable[[], Any]
    _prepared: Any = None

    @property
    def activation(self) -> Any:
        """What the engine is given."""
        if self._prepared is None:
            self._prepared = self.prepare()
        return self._prepared


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked condition. `fields` are those of the contact it reads (None: all), so that only they are prepared.

    `plain` answers what needs no engine.
    """

    text: str
    program: Any
    fields: frozenset[str] | None
    reads_timeline: bool
    plain: Callable[[Facts], bool] | None = None

    def verdict(self, given: Given) -> Verdict:
        """Whether it holds for what is given. Never raises."""
        if self.plain is not None and given.facts is not None:
            try:
                return YES if self.plain(given.facts) else NO
            except Absent:
                return _ABSENT
            except Unsure:
                pass  # the engine knows
        return self.by_engine(given)

    def by_engine(self, given: Given) -> Verdict:
        """The same, by the engine."""
        value = self.program.eval(given.activation)
        answer = value.value()
        if isinstance(answer, bool):
            return YES if answer else NO
        if value.type() != cel.Type.ERROR:
            return Verdict(holds=False, why_not=Why.TYPE)
        return Verdict(holds=False, why_not=_why(str(answer)))


def given(contact: Mapping[str, Any], change: Mapping[str, Any], timeline: Mapping[str, Any], today: str) -> Any:
    """Plain JSON values (no None, no tuples: what is absent is left out) as the engine takes them."""
    return _ENVIRONMENT.Activation({"contact": contact, "change": change, "timeline": timeline, "today": today})


def compiled(text: str) -> Condition:
    """The condition in this text. Raises Refused, with line and column, for what could never work."""
    if len(text) > EXPRESSION_LENGTH_MAX:
        raise Refused(f"the condition has {len(text)} characters, more than {EXPRESSION_LENGTH_MAX}")
    try:
        program = _ENVIRONMENT.compile(text)
    except (RuntimeError, ValueError) as error:
        raise Refused(_explained(str(error))) from None
    if program.return_type() not in (cel.Type.BOOL, cel.Type.DYN):
        raise Refused(f"the condition gives {program.return_type().name().lower()}, not yes or no")
    tree = parsed(program.serialize())
    if wrong := schema.faults(tree):
        raise Refused("; ".join(f"{_place(text, tree.offsets.get(one.node, 0))}: {one.text}" for one in wrong))
    names = {node.name for node in walk(tree.root) if isinstance(node, Ident)}
    fields = schema.fields_used(tree.root)
    return Condition(text, program, fields, reads_timeline="timeline" in names, plain=quick(tree.root))


def counted(timeline: Mapping[str, Any], type_: str, days: int) -> int:
    """How many interactions of a type (or of all that begin with it and a dot) lie within the last so many days.

    `timeline` is what `Rulebook` prepares: `{"day": ordinal of today, "counts": [[type, ordinal, count], …]}`.
    """
    since = int(timeline.get("day", 0)) - min(days, DAYS_MAX)
    below = f"{type_}."
    return sum(
        int(count)
        for kind, day, count in timeline.get("counts", ())
        if int(day) > since and (kind == type_ or kind.startswith(below))
    )


def _ever(timeline: Mapping[str, Any], type_: str) -> int:
    return counted(timeline, type_, DAYS_MAX)


def _environment() -> Any:
    anything = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    within = cel.Overload(
        "timeline_count_days", cel.Type.INT, [anything, cel.Type.STRING, cel.Type.INT], is_member=True, impl=counted
    )
    ever = cel.Overload("timeline_count", cel.Type.INT, [anything, cel.Type.STRING], is_member=True, impl=_ever)
    return cel.NewEnv(
        variables={"contact": anything, "change": anything, "timeline": anything, "today": cel.Type.STRING},
        extensions=[
            cel.CelExtension("kontaktwerk", [cel.FunctionDecl("count", [within, ever])]),
            ext_strings.ExtStrings(),
        ],
    )


_ENVIRONMENT: Final = _environment()
"""Holds declarations only: no state, no connection."""

_PLACE: Final = re.compile(r"<input>:(\d+):(\d+): (.*)")
_UNDECLARED: Final = re.compile(r"undeclared reference to '([^']*)'.*")
_FUNCTIONS: Final[Sequence[str]] = (
    "count", "exists", "all", "filter", "size", "has", "contains", "startsWith", "endsWith", "matches", "lowerAscii",
    "upperAscii", "split", "timestamp", "duration",
)  # fmt: skip


def _why(text: str) -> Why:
    """The engine's error as a code. Its text may quote values and goes nowhere."""
    if text.startswith("NOT_FOUND"):
        return Why.ABSENT
    return Why.TYPE if "No matching overloads" in text else Why.FAILED


def _explained(text: str) -> str:
    """The engine's words, one line a fault: `line 1, column 5: …`."""
    lines = [match.groups() for match in map(_PLACE.search, text.splitlines()) if match]
    if not lines:
        return text.splitlines()[0] if text else "not a condition"
    return "; ".join(f"line {line}, column {column}: {_reworded(what)}" for line, column, what in lines)


def _reworded(what: str) -> str:
    undeclared = _UNDECLARED.match(what)
    if undeclared is None:
        return what.removesuffix("[INVALID_ARGUMENT]").strip()
    name = undeclared.group(1)
    return f"unknown name {name}{schema.meant(name, [*schema.VARIABLES, *_FUNCTIONS])}"


def _place(text: str, offset: int) -> str:
    before = text[:offset]
    return f"line {before.count(chr(10)) + 1}, column {offset - before.rfind(chr(10))}"
