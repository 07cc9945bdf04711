"""Viewing: a contact as conditions see it, plain values with what is absent left out, prepared in two calls of C.

A mirror of each struct is made in which every field that may be None is left out when it is, and tuples are lists (the
rule engine knows no others). Walking a contact in Python cost as much as evaluating the rules.
"""

import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Union, get_args, get_origin

import msgspec

from shared.domain.contact import Contact


def viewer(fields: frozenset[str] | None) -> Callable[[Contact], dict[str, Any]]:
    """What makes the view of a contact; only these fields, all where None."""
    names = [name for name in Contact.__struct_fields__ if fields is None or name in fields]
    mirror = _mirror(Contact, tuple(names))

    def view(contact: Contact) -> dict[str, Any]:
        return _plain(msgspec.convert(contact, mirror, from_attributes=True))

    return view if names else _nothing


def plain(value: msgspec.Struct) -> dict[str, Any]:
    """A struct as plain values, absent ones left out."""
    kind = type(value)
    return _plain(msgspec.convert(value, _mirror(kind, kind.__struct_fields__), from_attributes=True))


def _nothing(_: Contact) -> dict[str, Any]:
    return {}


def _plain(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(value)
    return found


@cache
def _mirror(kind: type[msgspec.Struct], names: tuple[str, ...]) -> Any:
    """The mirror of a struct with these fields. Fields that may be None come last: they have a default."""
    fields = [field for field in msgspec.structs.fields(kind) if field.name in names]
    needed = [(field.name, _mirrored(field.type)) for field in fields if not _may_be_none(field.type)]
    optional = [(field.name, _mirrored(field.type), None) for field in fields if _may_be_none(field.type)]
    renamed: Mapping[str, str] = {field.name: field.encode_name for field in fields}
    return msgspec.defstruct(kind.__name__, [*needed, *optional], omit_defaults=True, rename=dict(renamed))


def _mirrored(type_: Any) -> Any:
    """The type of a field in the mirror."""
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        return _mirror(type_, type_.__struct_fields__)
    origin, arguments = get_origin(type_), get_args(type_)
    if origin is tuple:
        return list[_mirrored(arguments[0])]  # type: ignore[misc]
    if origin is dict:
        return dict[arguments[0], _mirrored(arguments[1])]  # type: ignore[valid-type,misc]
    if origin in (Union, types.UnionType):
        return Union[tuple(_mirrored(one) for one in arguments)]  # noqa: UP007 (built, not written)
    return type_


def _may_be_none(type_: Any) -> bool:
    return type(None) in get_args(type_)
