"""Schema: every path a condition names must exist, and every code it compares with must be one; else it says which.

A condition on `contact.company.indutsry` would be false for ever and nobody would know why. Paths are those of the
clean contact (contract section 4).
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import inspect

from services.rules.core.syntax import Call, Comprehension, Constant, Ident, Node, Parsed, Select, parts_of
from shared.domain.contact import Contact


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What `change` offers to conditions: why this version was made, and what it changes."""

    kind: str
    source: str | None = None
    by: str | None = None
    created: bool = False
    paths: tuple[str, ...] = ()


class TimelineView(msgspec.Struct, frozen=True, kw_only=True):
    """What `timeline` offers besides `timeline.count(type, days)`: the day of the last interaction."""

    last: str | None = None


VARIABLES: Final[Mapping[str, Any]] = {
    "contact": inspect.type_info(Contact),
    "change": inspect.type_info(Change),
    "timeline": inspect.type_info(TimelineView),
    "today": inspect.type_info(str),
}
"""What conditions may name."""

CLOSE: Final = 0.6
"""How alike (0 to 1, difflib) a name must be to be offered as the one that was meant."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a path, and the id of the node where."""

    node: int
    text: str


@dataclass(frozen=True, slots=True)
class _Typed:
    """The type a node has, None where nothing is known, and its path as the author wrote it."""

    type: Any
    path: str


_UNKNOWN: Final = _Typed(None, "")


def faults(tree: Parsed) -> list[Fault]:
    """Everything wrong with the paths and codes of an expression, in the order of its text."""
    found: list[Fault] = []
    _resolve(tree.root, VARIABLES_TYPED, found)
    return sorted(found, key=lambda fault: tree.offsets.get(fault.node, 0))


def fields_used(root: Node) -> frozenset[str] | None:
    """The fields of `contact` an expression reads (top level); None when it takes the contact as a whole."""
    used: set[str] = set()
    whole = _collect(root, used)
    return None if whole else frozenset(used)


def _collect(node: Node, used: set[str]) -> bool:
    match node:
        case Select(operand=Ident(name="contact"), field=field):
            used.add(field)
            return False
        case Call(function="_[_]", arguments=(Ident(name="contact"), Constant(value=str(field)))):
            used.add(field)
            return False
        case Ident(name="contact"):
            return True
        case _:
            whole = [_collect(part, used) for part in parts_of(node)]  # all of them: each adds its fields
            return any(whole)


def _resolve(node: Node, scope: Mapping[str, _Typed], found: list[Fault]) -> _Typed:
    match node:
        case Ident(name=name):
            return scope.get(name, _UNKNOWN)
        case Select(operand=operand, field=name):
            return _field(node.id, _resolve(operand, scope, found), name, found)
        case Call(function="_[_]", arguments=(operand, Constant(value=str(name)))):
            return _field(node.id, _resolve(operand, scope, found), name, found)
        case Call(function="_[_]", arguments=(operand, index)):
            _resolve(index, scope, found)
            listed = _resolve(operand, scope, found)
            return _Typed(element_of(listed.type), f"{listed.path}[]")
        case Call(function="_==_" | "_!=_", arguments=(left, right)):
            _codes(node.id, _resolve(left, scope, found), right, found)
            _codes(node.id, _resolve(right, scope, found), left, found)
            return _UNKNOWN
        case Call(function="@in", arguments=(left, right)):
            known = _resolve(left, scope, found)
            _resolve(right, scope, found)
            for one in parts_of(right):
                _codes(node.id, known, one, found)
            return _UNKNOWN
        case Comprehension():
            return _over(node, scope, found)
        case _:
            for part in parts_of(node):
                _resolve(part, scope, found)
            return _UNKNOWN


def _over(node: Comprehension, scope: Mapping[str, _Typed], found: list[Fault]) -> _Typed:
    """`exists` and its kin: the variable has the type of the list's items (of a map's keys)."""
    ranged = _resolve(node.range_, scope, found)
    within = dict(scope)
    within[node.variable] = _Typed(element_of(ranged.type), f"{ranged.path}[]")
    within[node.accumulator] = _UNKNOWN
    if node.second_variable:
        within[node.second_variable] = _UNKNOWN
    for part in node.body:
        _resolve(part, within, found)
    return _UNKNOWN


def _field(node: int, operand: _Typed, name: str, found: list[Fault]) -> _Typed:
    path = f"{operand.path}.{name}"
    match plain_type(operand.type):
        case inspect.StructType(fields=fields):
            for field in fields:
                if field.encode_name == name:
                    return _Typed(field.type, path)
            known = [field.encode_name for field in fields]
            found.append(Fault(node, f"unknown field {path}{meant(name, known)}"))
        case inspect.VarTupleType() | inspect.ListType():
            found.append(
                Fault(node, f"{operand.path} is a list, not one thing: use {operand.path}.exists(e, e.{name} == …)")
            )
        case inspect.DictType(value_type=value_type):
            return _Typed(value_type, path)
        case None | inspect.AnyType() | inspect.UnionType():
            return _Typed(None, path)
        case _:
            found.append(Fault(node, f"{operand.path} is a single value, it has no field {name}"))
    return _UNKNOWN


def _codes(node: int, typed: _Typed, other: Node, found: list[Fault]) -> None:
    """A code compared with a text that is none of its values is never equal."""
    plain = plain_type(typed.type)
    if not isinstance(plain, inspect.LiteralType) or not isinstance(other, Constant):
        return
    known = [str(value) for value in plain.values]
    if isinstance(other.value, str) and other.value not in known:
        found.append(Fault(node, f'{typed.path} is never "{other.value}"{meant(other.value, known)}'))


def plain_type(type_: Any) -> Any:
    """A type (msgspec.inspect) without its None; a union of several stays what it is."""
    if isinstance(type_, inspect.UnionType):
        kept = [one for one in type_.types if not isinstance(one, inspect.NoneType)]
        return kept[0] if len(kept) == 1 else type_
    return type_


def element_of(type_: Any) -> Any:
    """The type of a list's items or of a map's keys; None where there are none."""
    match plain_type(type_):
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return item
        case inspect.DictType(key_type=key):
            return key
        case _:
            return None


def meant(word: str, known: Sequence[str]) -> str:
    """`, did you mean …?`, or what is known where nothing is alike."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=CLOSE)
    return f", did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"


VARIABLES_TYPED: Final = {name: _Typed(type_, name) for name, type_ in VARIABLES.items()}
