"""The configuration files as values: what sources there are, what is required, how long values stay fresh, which rules.

Loaded, checked and activated by `shared/runtime/configuration.py`; unknown keys are refused there with a suggestion.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One source: how its deliveries are read and how much its word counts (trust 0 to 100)."""

    connector: Literal["generic"] = "generic"
    trust: int = 50
    country: str | None = None
    language: str | None = None
    secrets: tuple[str, ...] = ()
    map: Mapping[str, str] = {}
    empty: Literal["keep", "clear"] = "keep"

    def __repr__(self) -> str:
        return f"Source(connector={self.connector}, trust={self.trust})"


class Fields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which fields each purpose needs, how long values stay fresh, and which value of a field lives on."""

    required: Mapping[str, tuple[str, ...]] = {}
    half_life: Mapping[str, str] = {}
    survivorship: Mapping[str, tuple[str, ...]] = {}


class Then(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a rule does while it holds."""

    category: str | None = None
    segment: str | None = None
    score: int = 0


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule: a condition in CEL and what follows from it."""

    name: str
    when: str
    then: Then
    sticky: bool = False
    tests: tuple[Mapping[str, Any], ...] = ()


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """Everything configured, as one value with the digest of the files it was read from."""

    digest: str
    sources: Mapping[str, Source]
    fields: Fields
    rules: tuple[Rule, ...]
