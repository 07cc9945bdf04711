"""Judging: what a person's decision means for records, whatever contacts they are in by then."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations, pairwise
from typing import Literal

from services.dedup.core.clustering import Judgement


class Refused(Exception):
    """A decision that cannot be carried out as things stand; the text says why, naming ids only."""


@dataclass(frozen=True, slots=True)
class Merge:
    """These contacts are one person."""

    contact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """These records of the contact are somebody else."""

    contact_id: str
    record_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judge:
    """These groups of records are all the same person, or all different ones; those `apart` are somebody else than the
    groups, whoever they are.
    """

    same: bool
    groups: tuple[tuple[str, ...], ...]
    apart: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Withdraw:
    """What was said before holds no more."""

    judgement: Judgement


Wish = Merge | Split | Judge | Withdraw


@dataclass(frozen=True, slots=True)
class Verdict:
    """What somebody decided, who, and why. `settles` is the review that is answered by it."""

    wish: Wish
    by: str
    at: datetime
    reason: str | None = None
    settles: str | None = None

    @property
    def contact_ids(self) -> tuple[str, ...]:
        """The contacts it names."""
        match self.wish:
            case Merge(contact_ids):
                return contact_ids
            case Split(contact_id, _):
                return (contact_id,)
            case Judge() | Withdraw():
                return ()

    @property
    def record_ids(self) -> tuple[str, ...]:
        """The records it names."""
        match self.wish:
            case Merge():
                return ()
            case Split(_, record_ids):
                return record_ids
            case Judge(_, groups, apart):
                return tuple(record_id for group in (*groups, *apart) for record_id in group)
            case Withdraw(judgement):
                return (*judgement.left, *judgement.right)


def judged(
    verdict: Verdict, groups: Mapping[str, frozenset[str]], led: Mapping[str, str], new_id: Callable[[], str]
) -> list[Judgement]:
    """The judgements that a verdict gives. `groups` are the records of the living contacts, `led` says where the
    contacts that it names are now. Raises Refused where it makes no sense as things stand.
    """
    match verdict.wish:
        case Merge(contact_ids):
            homes = list(dict.fromkeys(led[one] for one in contact_ids if one in led))
            if len(homes) < max(2, len(set(contact_ids))):
                raise Refused("these are one contact already, or one of them is no contact")
            sides = [tuple(sorted(groups[home])) for home in homes]
            return [_judgement(verdict, new_id(), same=True, sides=pair) for pair in pairwise(sides)]
        case Split(contact_id, record_ids):
            whole = groups[led[contact_id]] if contact_id in led else frozenset[str]()
            named = frozenset(record_ids)
            if not named or not named < whole:
                raise Refused("name some of the contact's records, not all: the others stay")
            halves = (tuple(sorted(named)), tuple(sorted(whole - named)))
            return [_judgement(verdict, new_id(), same=False, sides=halves)]
        case Judge(same, asked, apart):
            here = frozenset[str]().union(*groups.values())
            sides = [side for group in asked if (side := tuple(sorted(here.intersection(group))))]
            if len(sides) < 2:
                raise Refused("the records of this review are gone")
            pairs = pairwise(sides) if same else combinations(sides, 2)
            given = [_judgement(verdict, new_id(), same=same, sides=pair) for pair in pairs]
            one = tuple(sorted(record_id for side in sides for record_id in side))
            others = [side for group in apart if (side := tuple(sorted(here.intersection(group))))]
            return given + [_judgement(verdict, new_id(), same=False, sides=(one, other)) for other in others]
        case Withdraw():
            return []


def _judgement(verdict: Verdict, judgement_id: str, *, same: bool, sides: Sequence[tuple[str, ...]]) -> Judgement:
    left, right = sides
    return Judgement(judgement_id, same, left, right, verdict.at)


Kind = Literal["same", "different", "later"]
