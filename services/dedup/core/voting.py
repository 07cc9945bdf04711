"""Voting: a contradiction between two records, where the other records of both contacts agree in that very field."""

from collections.abc import Collection, Mapping
from itertools import product
from typing import Final

from services.dedup.core.comparison import MISTYPED, veto_between
from services.dedup.core.grading import birthday_grade
from services.dedup.core.namesakes import SUPPORTING, name_grades
from shared.domain.normalise import Traits

VOICES_MAX: Final = 400
"""Pairs across two groups that are asked, those of two groups of twenty: beyond, a contradiction holds as it stands, so
that a mailbox of hundreds costs no more than a family's."""


class Votes:
    """What the records at hand say about contradictions among them; each pair is asked once, however often its groups
    meet: in a mailbox of hundreds the same pairs stand against each other at every try to join.
    """

    def __init__(self, traits: Mapping[str, Traits], vetoes: Collection[str]) -> None:
        self._traits = traits
        self._vetoes = vetoes
        self._said: dict[tuple[str, str, str], int] = {}

    def outvote(self, veto: str, here: Collection[str], there: Collection[str]) -> bool:
        """True when more pairs across two groups agree in the very field than contradict each other in it: one record
        has it wrong, and the whole may be one person. Enough to offer the two, never to merge them alone.
        """
        if veto not in MISTYPED or len(here) * len(there) > VOICES_MAX:
            return False
        return sum(self._asked(veto, one, other) for one, other in product(here, there)) > 0

    def _asked(self, veto: str, one: str, other: str) -> int:
        pair = (veto, one, other) if one < other else (veto, other, one)
        said = self._said.get(pair)
        if said is None:
            said = self._said[pair] = _voice(veto, self._traits[one], self._traits[other], self._vetoes)
        return said


def _voice(veto: str, a: Traits, b: Traits, vetoes: Collection[str]) -> int:
    if veto_between(a, b, vetoes) == veto:
        return -1
    if veto == "birthday":
        return birthday_grade(a.birthday, b.birthday) in ("equal", "close")
    return name_grades(a, b)[0] in SUPPORTING
