"""The population: how common names are and which addresses are shared; frozen, so that order cannot matter."""

from collections import Counter
from functools import cache
from math import log2
from typing import Final

import msgspec

from shared.domain.normalise import Traits
from shared.domain.tables import rows

PER_MILLION: Final = 1_000_000

GIVEN_RAREST: Final = 12_000
"""Millibits that the rarest given name is worth: one in four thousand. Rarer ones are often typing errors."""

FAMILY_RAREST: Final = 15_000
"""Millibits that the rarest family name is worth: one in thirty thousand. Rarer ones are families, not chance."""

COMPANY_USUAL: Final = 9_000
"""Millibits that a company is worth that nothing is known of: one in five hundred of an address book."""


BEARERS_MIN: Final = 3
"""Different people who bear a name before a snapshot says anything about it: with fewer, chance decides whether it
looks rare, and a snapshot would tell that a single person is in the data."""

SHIPPED_PEOPLE: Final = 2_000
"""People that the shipped frequencies are worth beside those counted: a small installation is judged by the country it
is in, one of 20,000 by itself."""

USERS_MIN: Final = 4
"""People with different initials who use one address before it is shared: three are a family, whose members share a
surname's initial and seldom that of the given name; four are a desk."""

PEOPLE_MAX: Final = 300_000
"""Records that are counted: frequencies are exact enough by then, and the counters take about 100 MB."""

INITIALS: Final = 32
"""Bits in which the users of an address are noted: enough to tell four from three."""


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


class Census:
    """Counts records; what comes out is the same for every order in which they came.

    A name counts once for each other name it is borne with: records of one person are one, however often they came.
    """

    def __init__(self) -> None:
        self.records = 0
        self._people: set[tuple[str, str]] = set()
        self._staff: set[tuple[str, str, str]] = set()
        self._given: Counter[str] = Counter()
        self._family: Counter[str] = Counter()
        self._company: Counter[str] = Counter()
        self._users: dict[str, int] = {}

    def add(self, traits: Traits) -> None:
        """Count this record, unless enough were counted."""
        if self.records >= PEOPLE_MAX or traits.kind != "person":
            return
        self.records += 1
        given = traits.given[0] if traits.given and len(traits.given[0]) > 1 else ""
        family = "".join(traits.family)
        if given and family and (given, family) not in self._people:
            self._people.add((given, family))
            self._given[given] += 1
            self._family.update({family, *traits.family})
        if traits.company and family and (traits.company, given, family) not in self._staff:
            self._staff.add((traits.company, given, family))
            self._company[traits.company] += 1
        if given and family:
            who = 1 << (ord(given[0]) * 7 + ord(family[0])) % INITIALS
            for address in (*traits.mails, *traits.phones):
                self._users[address] = self._users.get(address, 0) | who

    def population(self, epoch: int) -> Population:
        """The snapshot. Names that are rarer than it may say stay out of it: they are worth the most either way."""
        people, staff, shipped = len(self._people), len(self._staff), _shipped()
        return Population(
            epoch=epoch,
            given=_blended(self._given, people, shipped.given, GIVEN_RAREST),
            family=_blended(self._family, people, shipped.family, FAMILY_RAREST),
            company={
                company: worth
                for company, number in sorted(self._company.items())
                if number >= BEARERS_MIN and (worth := _share(number / staff, COMPANY_USUAL)) < COMPANY_USUAL
            },
            shared=frozenset(one for one, users in self._users.items() if users.bit_count() >= USERS_MIN),
        )


def _blended(counted: Counter[str], people: int, shipped: dict[str, int], rarest: int) -> dict[str, int]:
    """Counted and shipped frequencies, each by the people they stand for."""
    found: dict[str, int] = {}
    for name in sorted(shipped.keys() | counted.keys()):
        number = counted[name] if counted[name] >= BEARERS_MIN else 0
        expected = SHIPPED_PEOPLE * 2 ** (-shipped[name] / 1000) if name in shipped else 0.0
        if number + expected:
            found[name] = _share((number + expected) / (people + SHIPPED_PEOPLE), rarest)
    return {name: worth for name, worth in found.items() if worth < rarest}


@cache
def _shipped() -> Population:
    given = {row[0]: _millibits(float(row[2]), GIVEN_RAREST) for row in rows("given_names")}
    family = {row[0]: _millibits(float(row[1]), FAMILY_RAREST) for row in rows("family_names")}
    return Population(given=given, family=family)


def _millibits(per_million: float, most: int) -> int:
    return _share(per_million / PER_MILLION, most)


def _share(share: float, most: int) -> int:
    return min(most, round(-1000 * log2(share)))
