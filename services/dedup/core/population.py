"""The population: how common names are and which addresses are shared; frozen, so that order cannot matter."""

from functools import cache
from math import log2
from typing import Final

import msgspec

from shared.domain.tables import rows

PER_MILLION: Final = 1_000_000

GIVEN_RAREST: Final = 12_000
"""Millibits that the rarest given name is worth: one in four thousand. Rarer ones are often typing errors."""

FAMILY_RAREST: Final = 15_000
"""Millibits that the rarest family name is worth: one in thirty thousand. Rarer ones are families, not chance."""

COMPANY_USUAL: Final = 9_000
"""Millibits that a company is worth that nothing is known of: one in five hundred of an address book."""


class Population(msgspec.Struct, frozen=True):
    """Frequencies as evidence in millibits (−1000·log2 of the share), and mail addresses and numbers of several people.

    A snapshot per epoch of the model: everything scored within an epoch is scored with the same one.
    """

    epoch: int = 0
    given: dict[str, int] = {}
    family: dict[str, int] = {}
    company: dict[str, int] = {}
    shared: frozenset[str] = frozenset()

    @staticmethod
    def default() -> "Population":
        """The population that is shipped: Germany with one English name in seven, no addresses known to be shared."""
        return _shipped()

    def given_millibits(self, name: str) -> int:
        """How much it says, in millibits, that two records both bear this given name (folded)."""
        return self.given.get(name, GIVEN_RAREST)

    def family_millibits(self, name: str) -> int:
        """How much it says, in millibits, that two records both bear this family name (folded)."""
        return self.family.get(name, FAMILY_RAREST)

    def company_millibits(self, company: str) -> int:
        """How much it says, in millibits, that two records both name this company (its key)."""
        return self.company.get(company, COMPANY_USUAL)


@cache
def _shipped() -> Population:
    given = {row[0]: _millibits(float(row[2]), GIVEN_RAREST) for row in rows("given_names")}
    family = {row[0]: _millibits(float(row[1]), FAMILY_RAREST) for row in rows("family_names")}
    return Population(given=given, family=family)


def _millibits(per_million: float, most: int) -> int:
    return min(most, round(-1000 * log2(per_million / PER_MILLION)))
