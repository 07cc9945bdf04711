"""Syntax: a checked CEL expression as a tree, so that every path in it can be looked up before a rule is used.

cel-expr-python shows no tree, but `Expression.serialize()` is the public message `cel.expr.CheckedExpr`
(github.com/google/cel-spec, proto/cel/expr/syntax.proto and checked.proto), read here from its wire format.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Node:
    """A piece of an expression; `id` finds its place in the text."""

    id: int


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """A literal. Only texts, whole numbers, true and false keep their value; nothing else is looked at."""

    value: str | int | bool | None = None


@dataclass(frozen=True, slots=True)
class Ident(Node):
    """A name."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class Select(Node):
    """`operand.field`, or `has(operand.field)`."""

    operand: Node
    field: str
    tests_only: bool = False


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function or operator; the receiver of a member function is the first argument."""

    function: str
    arguments: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Several(Node):
    """A list, map or struct literal: only its parts matter here."""

    parts: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Comprehension(Node):
    """What `exists`, `all`, `filter`, `map` and their kin become: `variable` runs over `range_` within `body`."""

    variable: str
    second_variable: str
    accumulator: str
    range_: Node
    body: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Parsed:
    """An expression's tree, and where in the text each node stands (offset in characters by node id)."""

    root: Node
    offsets: Mapping[int, int] = field(default_factory=dict)


Value = int | bytes
_NOTHING: Final = Node(0)


def parsed(serialized: bytes) -> Parsed:
    """The tree of a serialized expression. Raises ValueError for bytes that are none."""
    checked = _message(_message(serialized)[2][-1])
    source = _message(checked.get(5, [b""])[-1])
    offsets = {_number(entry, 1): _number(entry, 2) for entry in map(_message, source.get(4, []))}
    return Parsed(_node(checked[4][-1]), offsets)


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    yield node
    for part in parts_of(node):
        yield from walk(part)


def parts_of(node: Node) -> tuple[Node, ...]:
    """The nodes directly below."""
    match node:
        case Select():
            return (node.operand,)
        case Call():
            return node.arguments
        case Several():
            return node.parts
        case Comprehension():
            return (node.range_, *node.body)
        case _:
            return ()


def _node(data: Value) -> Node:
    message = _message(data)
    number = _number(message, 2)
    for tag, build in _BUILD.items():
        if tag in message:
            return build(number, _message(message[tag][-1]))
    return Node(number)


def _constant(number: int, message: dict[int, list[Value]]) -> Node:
    """string_value is field 6, int64_value field 3 (two's complement), bool_value field 2."""
    if 6 in message:
        text = message[6][-1]
        assert isinstance(text, bytes)
        return Constant(number, text.decode())
    if 2 in message:
        return Constant(number, bool(_number(message, 2)))
    if 3 not in message:
        return Constant(number)
    whole = _number(message, 3)
    return Constant(number, whole - (1 << 64) if whole >= 1 << 63 else whole)


def _ident(number: int, message: dict[int, list[Value]]) -> Node:
    return Ident(number, _text(message, 1))


def _select(number: int, message: dict[int, list[Value]]) -> Node:
    return Select(number, _node(message[1][-1]), _text(message, 2), bool(_number(message, 3)))


def _call(number: int, message: dict[int, list[Value]]) -> Node:
    receiver = [_node(part) for part in message.get(1, [])]
    return Call(number, _text(message, 2), (*receiver, *(_node(part) for part in message.get(3, []))))


def _list(number: int, message: dict[int, list[Value]]) -> Node:
    return Several(number, tuple(_node(part) for part in message.get(1, [])))


def _struct(number: int, message: dict[int, list[Value]]) -> Node:
    """Entries hold a map key (field 3) and a value (field 4)."""
    entries = [_message(entry) for entry in message.get(2, [])]
    return Several(number, tuple(_node(part) for entry in entries for tag in (3, 4) for part in entry.get(tag, [])))


def _comprehension(number: int, message: dict[int, list[Value]]) -> Node:
    return Comprehension(
        number,
        variable=_text(message, 1),
        second_variable=_text(message, 8),
        accumulator=_text(message, 3),
        range_=_node(message[2][-1]) if 2 in message else _NOTHING,
        body=tuple(_node(message[tag][-1]) for tag in (4, 5, 6, 7) if tag in message),
    )


_BUILD: Final = {3: _constant, 4: _ident, 5: _select, 6: _call, 7: _list, 8: _struct, 9: _comprehension}
"""The fields of `cel.expr.Expr`, one of which is set."""


def _number(message: dict[int, list[Value]], tag: int) -> int:
    value = message.get(tag, [0])[-1]
    return value if isinstance(value, int) else 0


def _text(message: dict[int, list[Value]], tag: int) -> str:
    value = message.get(tag, [b""])[-1]
    return value.decode() if isinstance(value, bytes) else ""


def _message(data: Value) -> dict[int, list[Value]]:
    """The fields of one protobuf message by number (protobuf.dev/programming-guides/encoding)."""
    if isinstance(data, int):
        raise ValueError("a number where a message should be")  # noqa: TRY004 (of the bytes, not of our caller)
    fields: dict[int, list[Value]] = {}
    place = 0
    for _ in data:  # at most one field a byte
        if place == len(data):
            break
        key, place = _varint(data, place)
        value: Value
        match key & 7:
            case 0:
                value, place = _varint(data, place)
            case 1:
                value, place = data[place : place + 8], place + 8
            case 2:
                length, place = _varint(data, place)
                value, place = data[place : place + length], place + length
            case 5:
                value, place = data[place : place + 4], place + 4
            case other:
                raise ValueError(f"wire type {other}")
        fields.setdefault(key >> 3, []).append(value)
    return fields


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """The number that begins here, and the place after it; seven bits a byte, the lowest first, at most ten bytes."""
    number = 0
    for index, byte in enumerate(data[place : place + 10]):
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return number, place + index + 1
    raise ValueError("the message ends within a number")
