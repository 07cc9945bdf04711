"""Quick: the plain part of a condition answered in Python, where it certainly gives what the engine would give.

An evaluation by the engine costs some 15 µs, most of it for crossing over with the contact; the conditions that people
write are mostly comparisons of texts. What is not plain here, or not sure (values of different types, a null, a list by
number), is left to the engine: `Unsure`. Tests hold both against each other.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from services.rules.core.activity import DAYS_MAX, Activity
from services.rules.core.syntax import Call, Comprehension, Constant, Ident, Node, Select, Several
from shared.domain.contact import Contact


class Absent(Exception):
    """A value that is needed is not there: as in the engine, unless the other side of `||` or `&&` decides."""


class Unsure(Exception):
    """Not ours to answer: ask the engine."""


class Facts(NamedTuple):
    """What a condition is asked about. `change` is not here: conditions on it are left to the engine."""

    contact: Contact
    activity: Activity
    today: str
    day: int
    """Ordinal of today."""


Values = list[Any]
Ask = Callable[[Facts, Values], Any]
"""Answers for what is asked about, and the values of the variables of `exists` and `all` around it."""


def quick(root: Node) -> Callable[[Facts], bool] | None:
    """The condition as a function, None where it is not plain. The function raises Absent and Unsure."""
    ask = _built(root, ())
    if ask is None:
        return None

    def answer(facts: Facts) -> bool:
        value = ask(facts, [])
        if value is True or value is False:
            return bool(value)
        raise Unsure

    return answer


def _built(node: Node, variables: tuple[str, ...]) -> Ask | None:
    match node:
        case Constant(value=value):
            return None if value is None else lambda _, __: value
        case Ident(name=name):
            return _name(name, variables)
        case Select(operand=operand, field=field, tests_only=tests_only):
            return _select(_built(operand, variables), field, tests_only=tests_only)
        case Call(function="_[_]", arguments=(operand, Constant(value=str(key)))):
            return _select(_built(operand, variables), key, tests_only=False)
        case Call(function="count", arguments=(Ident(name="timeline"), *window)):
            return _count(window)
        case Call(function="@in", arguments=(one, Several(parts=parts))):
            texts = [part.value for part in parts if isinstance(part, Constant) and isinstance(part.value, str)]
            asked = _built(one, variables)
            return None if asked is None or len(texts) != len(parts) else _among(asked, frozenset(texts))
        case Call(function=function, arguments=arguments):
            build = _CALLS.get(function)
            asks = [ask for argument in arguments if (ask := _built(argument, variables)) is not None]
            return None if build is None or len(asks) != len(arguments) else build(asks)
        case Comprehension():
            return _over(node, variables)
        case _:
            return None


def _name(name: str, variables: tuple[str, ...]) -> Ask | None:
    if name in variables:
        place = len(variables) - 1 - variables[::-1].index(name)
        return lambda _, values: values[place]
    match name:
        case "contact":
            return lambda facts, _: facts.contact
        case "today":
            return lambda facts, _: facts.today
        case _:
            return None


def _select(operand: Ask | None, field: str, *, tests_only: bool) -> Ask | None:
    if operand is None:
        return None

    def value(facts: Facts, values: Values) -> Any:
        found = _part(operand(facts, values), field)
        if found is _MISSING:
            raise Absent
        if found is None:
            raise Unsure
        return found

    def is_there(facts: Facts, values: Values) -> bool:
        return _part(operand(facts, values), field) is not _MISSING

    return is_there if tests_only else value


def _part(whole: Any, field: str) -> Any:
    """A field of a struct (None is missing, as in what the engine sees) or an entry of a map (None is null)."""
    if isinstance(whole, msgspec.Struct):
        found = getattr(whole, field, _RENAMED)
        if found is _RENAMED:
            raise Unsure
        return _MISSING if found is None else found
    if isinstance(whole, dict):
        return whole.get(field, _MISSING)
    raise Unsure


_MISSING: Final = object()
_RENAMED: Final = object()
"""A field that the struct has under another name: left to the engine."""


def _count(window: Sequence[Node]) -> Ask | None:
    """`timeline.count(type)` and `timeline.count(type, days)`; without interactions, as with most, there is no loop."""
    match window:
        case [Constant(value=str(type_))]:
            days = DAYS_MAX
        case [Constant(value=str(type_)), Constant(value=int(days))]:
            days = min(days, DAYS_MAX)
        case _:
            return None
    below = f"{type_}."

    def times(facts: Facts, _: Values) -> int:
        since = facts.day - days
        return sum(
            tally.times
            for tally in facts.activity.tallies
            if tally.day > since and (tally.type == type_ or tally.type.startswith(below))
        )

    return times


def _among(one: Ask, texts: frozenset[str]) -> Ask:
    def is_among(facts: Facts, values: Values) -> bool:
        value = one(facts, values)
        if type(value) is not str:
            raise Unsure
        return value in texts

    return is_among


def _over(node: Comprehension, variables: tuple[str, ...]) -> Ask | None:
    """`exists` and `all` over a list: as `accumulator || condition` from false, as `&&` from true."""
    match node.body:
        case (
            Constant(value=bool(start)),
            _,
            Call(function="_||_" | "_&&_" as joins, arguments=(Ident(name=accumulator), condition)),
            Ident(name=result),
        ) if accumulator == result == node.accumulator and start is (joins == "_&&_") and not node.second_variable:
            over, asked = _built(node.range_, variables), _built(condition, (*variables, node.variable))
            return None if over is None or asked is None else _quantified(over, asked, decides=not start)
        case _:
            return None


def _quantified(over: Ask, asked: Ask, *, decides: bool) -> Ask:
    """True or False as soon as one item says what decides; else an absent value anywhere is one of the whole."""

    def whether(facts: Facts, values: Values) -> bool:
        items = over(facts, values)
        if not isinstance(items, tuple | list):
            raise Unsure
        absent = False
        for item in items:
            try:
                value = asked(facts, [*values, item])
            except Absent:
                absent = True
                continue
            if value is decides:
                return bool(value)
            if not isinstance(value, bool):
                raise Unsure
        if absent:
            raise Absent
        return not decides

    return whether


def _joined(asks: Sequence[Ask], *, decides: bool) -> Ask:
    """`||` (decided by true) and `&&` (by false): whichever side decides, the other may be absent."""

    def whether(facts: Facts, values: Values) -> bool:
        absent = False
        for ask in asks:
            try:
                value = ask(facts, values)
            except Absent:
                absent = True
                continue
            if value is decides:
                return bool(value)
            if not isinstance(value, bool):
                raise Unsure
        if absent:
            raise Absent
        return not decides

    return whether


def _not(asks: Sequence[Ask]) -> Ask:
    (ask,) = asks

    def is_not(facts: Facts, values: Values) -> bool:
        value = ask(facts, values)
        if not isinstance(value, bool):
            raise Unsure
        return not value

    return is_not


def _alike(compare: Callable[[Any, Any], bool]) -> Callable[[Sequence[Ask]], Ask]:
    """A comparison of two texts or of two whole numbers."""

    def build(asks: Sequence[Ask]) -> Ask:
        left, right = asks

        def whether(facts: Facts, values: Values) -> bool:
            one, other = left(facts, values), right(facts, values)
            if type(one) is not type(other) or type(one) not in (str, int):
                raise Unsure
            return compare(one, other)

        return whether

    return build


def _of_text(function: Callable[..., Any]) -> Callable[[Sequence[Ask]], Ask]:
    """A function of texts."""

    def build(asks: Sequence[Ask]) -> Ask:
        def value(facts: Facts, values: Values) -> Any:
            texts = [ask(facts, values) for ask in asks]
            if not all(type(text) is str for text in texts):
                raise Unsure
            return function(*texts)

        return value

    return build


_LOWER: Final = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})


def _lower_ascii(text: str) -> str:
    return text.translate(_LOWER)


_CALLS: Final[dict[str, Callable[[Sequence[Ask]], Ask]]] = {
    "_||_": lambda asks: _joined(asks, decides=True),
    "_&&_": lambda asks: _joined(asks, decides=False),
    "!_": _not,
    "_==_": _alike(lambda one, other: bool(one == other)),
    "_!=_": _alike(lambda one, other: bool(one != other)),
    "_<_": _alike(lambda one, other: bool(one < other)),
    "_<=_": _alike(lambda one, other: bool(one <= other)),
    "_>_": _alike(lambda one, other: bool(one > other)),
    "_>=_": _alike(lambda one, other: bool(one >= other)),
    "startsWith": _of_text(str.startswith),
    "endsWith": _of_text(str.endswith),
    "contains": _of_text(str.__contains__),
    "lowerAscii": _of_text(_lower_ascii),
}
"""The functions and operators that are plain."""
